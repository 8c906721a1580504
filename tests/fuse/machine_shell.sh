#!/bin/bash
# The shell of the simulated machine: programs of the volume, their output, statuses, jobs, pipes and files.
here=$(realpath "$(dirname "$0")")
. "$here/library.sh"
export HOME=$work

mkdir -p tree/bin
cat >tree/bin/say.lua <<'LUA'
print(table.concat(arg, " "))
LUA
cat >tree/bin/cat.lua <<'LUA'
while true do
  local part = read(0, 4096)
  if #part == 0 then break end
  write(1, part)
end
LUA
echo 'exit(tonumber(arg[1]))' >tree/bin/leave.lua
echo 'kill(getpid(), "KILL")' >tree/bin/die.lua
echo 'print(' >tree/bin/wrong.lua
echo 'while true do sleep(1000) end' >tree/bin/sleeper.lua
echo 'print(nice(0), env.COLOUR, (ulimit("n")))' >tree/bin/settings.lua
echo 'write(2, "error\n") print("output") exit(tonumber(arg[1] or 0))' >tree/bin/both.lua
echo 'local fd = open("here", "w") write(fd, "made") close(fd)' >tree/bin/make.lua
mkdir tree/folder
new_volume 64M -d tree
mount_volume

shell() { timeout 60 spindle shell "$mnt" "$@"; }
run() { shell -c "$1"; }
# What the line prints, and then its status.
gives() {
  local said status=0
  said=$(run "$2" 2>&1) || status=$?
  expect "$1" "$said|$status" "$2"
}

step "programs, their output and statuses"
gives "hello two  words|0" "say hello 'two  words'"
gives "|3" "leave 3"
gives "|137" "die"
gives "3|0" 'leave 3; echo $?'
gives "yes|0" "leave 0 && say yes || say no"
gives "no|0" "leave 1 && say yes || say no"
gives "a \$x b|0" "x=b; say a '\$x' \"\$x\""
gives "spindle shell: none: there is no such program on the volume|127" "none"
gives "spindle shell: wrong: /bin/wrong.lua:2: unexpected symbol near <eof>|126" "wrong"
gives "spindle shell: a word is missing behind < or >|2" "say before; say x >"
gives "spindle shell: a quotation has no end|2" "say before; say 'x"
gives "/folder|0" "cd folder; pwd; make"
expect made "$(cat "$mnt/folder/here")" "a file made in the shell's folder"
gives $'1024\nunlimited\n32\n5000000000|0' "ulimit -n; ulimit; ulimit -n 32; ulimit -n; ulimit -v 5000000000; ulimit -v"
gives $'0\tnil\t-1|0' "ulimit -n 32; ulimit -n unlimited; settings"
gives "spindle shell: ulimit: a limit is a number, or unlimited|2" "ulimit -n -5"
gives $'5\tblue\t32|0' "export COLOUR=blue; ulimit -n 32; nice -n 5 settings | cat"

step "files and pipes"
gives "|0" "say one >list; say two >>list; cat <list | cat | cat >copy"
expect $'one\ntwo' "$(cat "$mnt/copy")" "what went through the pipes"
gives "|0" "echo three >>list"
expect three "$(tail -1 "$mnt/list")" "what a command of the shell's own wrote"
gives "|4" "say x | leave 4"
refuses "Is a directory" run "cat <folder"

step "errors apart from output"
gives $'error\noutput|3' "both 3"
expect $'output\n|3' "$(run 'both 3' 2>/dev/null || echo "|$?")" "output alone"
expect "error" "$(run 'both' 2>&1 >/dev/null)" "errors alone"
gives "output|0" "both 2>/dev/null"
gives "error|0" "both >/dev/null"
gives $'<error>\n<output>|0' 'both 2>&1 | while read word; do echo "<$word>"; done'
gives $'error\noutput|0' 'both >one 2>&1; cat <one'
gives "error|0" 'both 2>two >/dev/null; cat <two'
gives "message|0" 'echo message >&2'

step "the words and commands of sh"
gives "a b c|0" 'for i in a b c; do echo $i; done | cat | { read x; read y; read z; echo $x $y $z; }'
gives $'1\n3|0' 'i=0; while [ $i -lt 3 ]; do i=$((i+1)); if test $i = 2; then continue; fi; echo $i; done'
gives "4|0" 'i=1; until [ $i -gt 3 ]; do i=$((i + 1)); done; echo $i'
gives "c|0" 'case notes.c in *.h) echo h;; *.d|*.c) echo c;; *) echo other;; esac'
gives "other|0" "case 'a b' in a*c) echo no;; (*) echo other;; esac"
gives "f x 2 4 y|3" 'f() { local x=$1; echo f $x $# $(leave 4; echo $?) $2; return 3; }; f x y'
gives "3|0" 'f() { return 3; echo no; }; f; echo $?'
gives "out x y|0" 'f() { local v=in; }; v=out; f; set -- x y; echo $v "$@"'
gives "y z 2|0" 'set -- x y z; shift; echo "$*" $#'
gives "y|0" 'set -- x y; [ "${00}" = "$0" ] && echo ${02}'
gives $'[a  b]\n[c]|0' 'for x in "a  b" c; do say "[$x]"; done'
gives $'[a]\n[b]|0' 'v="a  b"; for x in $v; do say "[$x]"; done'
gives "/bin/say.lua /bin/settings.lua /bin/sleeper.lua|0" 'echo /bin/s*.lua'
gives "*.nothing /bin/s* cat.lua|0" 'cd bin; echo *.nothing "/bin/s*" c??.lua'
gives "default set 4 file.txt /a/b/file txt|0" 'v=/a/b/file.txt; echo ${none:-default} ${other:=set} ${#PATH}${none:+no} ${v##*/} ${v%.*} ${v##*.}'
gives "14 1 0 -3 6|0" 'a=4; echo $((2 + 3 * a)) $((a > 3 && a != 5)) $((0 && 1 / 0)) $((-7 / 2)) $((a += 2))'
gives "nested: in quotes 7|0" 'echo "nested: $(echo "in $(echo "quotes") $((3+4))")"'
gives $'line 1 4\n$x `y`\nlast|0' $'cat <<END\nline $(echo 1) $((2*2))\nEND\ncat <<"END"\n$x `y`\nEND\ncat <<-END | cat\n\tlast\n\tEND'
gives "/bin /|0" 'a=$(cd bin; pwd); echo $a $PWD'
gives "1 0|0" '! true; a=$?; ! false; echo $a $?'
gives "one two|0" 'eval "x=one; echo \$x two"'
gives "sourced 9|0" 'echo "v=9; echo sourced" >lib; . /lib | { read w; . /lib >/dev/null; echo $w $v; }'
gives "|1" 'set -e; true; if false; then :; fi; false || true; false; say not reached'
gives $'+ say \x27a b\x27\na b|0' 'set -x; say "a b"'
gives "spindle shell: echo \$none: a variable is not set (set -u)|2" 'set -u; echo $none; echo no'
gives "kept|0" '{ say kept; say to >/dev/null; } >group; cat <group'
gives "x y|0" $'read a b <<END\nx y\nEND\necho $a $b'
gives "a b c|b c|0" 'echo "a b c" >words; while read -r first rest; do echo "$first $rest|$rest"; done <words'
gives "y|0" 'while :; do echo y; done | { read one; echo $one; }'
gives "5 0|0" '(exit 5); a=$?; (true); echo $a $?'
gives "two lines|0" $'say $(say \x27two\nlines\x27)'
gives $'two\nlines|0' $'say \x27two\nlines\x27'
gives "x=1 default|0" 'x=1; (x=2; y=3); echo x=$x ${y-default}'
gives "spindle shell: readonly: x=2: the variable is read-only|0" 'readonly x=1; readonly x=2; :'
for wrong in '[[ -f x ]]' 'say <(cat)' 'function f { :; }' 'say &>x' 'cat <<<x' '((1+1))' 'select x in y' 'time say'; do
  refuses "is not known here" run "echo x >made; $wrong"
done
for wrong in 'declare x=y' 'let 1' 'hash'; do
  refuses "this shell has no such command" run "$wrong"
done
[ ! -e "$mnt/made" ] || fail "something of a wrong text was run"
gives "spindle shell: if lacks its fi|2" 'say before; if true; then say x'
gives $'before\nspindle shell: line 2: a command is missing before an operator|2' $'say before\n| cat'
gives "spindle shell: for lacks the name of a variable|2" 'for 1 in a; do :; done'
gives "spindle shell: say \$((1/0)): something is divided by zero|2" 'say $((1/0))'

step "symbolic links lead within the volume"
mkdir -p "$mnt/deep/er" "$work/outside"
ln -s /deep/er "$mnt/way"
ln -s "$work/outside/made" "$mnt/out"
gives "inside|0" 'cd way; echo inside >file; cat <file; cd /'
expect "inside" "$(cat "$mnt/deep/er/file")" "what was written through a link"
refuses "No such file" run 'echo escaped >out'
refuses "No such file" run 'say escaped >out'
[ ! -e "$work/outside/made" ] || fail "a link led out of the volume"
gives "0 0 1|0" '[ -L way ]; a=$?; [ -d way ]; b=$?; [ -L deep ]; echo $a $b $?'
ln -s say.lua "$mnt/bin/speak"
gives "through a link|0" "speak through a link"

step "descriptors, traps, aliases, options, the mask"
gives $'one\ntwo|0' 'exec 3>log; echo one >&3; say two >&3; exec 3>&-; cat <log'
gives "a b|c d|0" $'{ echo "a b"; echo "c d"; } >l; exec 4<l; read x <&4; read -u 4 y; echo "$x|$y"'
gives "error|0" 'both 3>&1 >/dev/null 2>&3'
gives "spindle shell: 7: Bad file descriptor|1" 'echo x >&7'
gives $'kept\nend 3|3' "trap 'echo end \$?' EXIT; (trap - EXIT; say kept); exit 3"
gives $'inner\nouter|0' "trap 'echo outer' EXIT; (trap 'echo inner' EXIT)"
gives $'trap -- \x27x y\x27 TERM|0' "trap 'x y' TERM; trap"
gives "spindle shell: trap: KILL: there is no such signal to catch|2" 'trap : KILL'
gives $'a::2\nb:val:3\nb:x y:4\nrest z|0' 'f() { while getopts ab: o; do echo "$o:$OPTARG:$OPTIND"; done; shift $((OPTIND - 1)); echo "rest $*"; }; f -a -bval "-bx y" z'
gives $'spindle shell: getopts: there is no option -z\n?|0' 'set -- -z; getopts ab: o; echo "$o"'
gives ":b|0" 'set -- -b; getopts :ab: o; echo $o$OPTARG'
gives "abc|de|0" 'echo abcdef >l; read -n 3 x <l; read -d f y <l; echo "$x|${y#abc}"'
gives 'a\tb|x y z|0' $'echo \x27a\\tb\x27 >l; read -r x <l; echo "x:y:z" >l; IFS=: read p q r <l; echo "$x|$p $q $r"'
gives "say two words|0" $'alias tell="say two"\neval "tell words" | { read x; echo "say $x"; }'
gives $'two words\nthree\nlater|0' $'alias tell="say two"\ntell words; alias tell=say\ntell three\nf() { alias tell="echo later"\n}; f\ntell'
gives $'in|0' $'alias when=if\nwhen true; then\n say in\nfi'
gives $'spindle shell: tell: there is no such program on the volume|127' 'alias tell=say; tell words'
gives $'tell is an alias for say\necho is the shell\x27s own\nsay is /bin/say.lua|0' 'alias tell=say; type tell echo say'
gives "0022 0077|0" 'a=$(umask); umask 77; echo $a $(umask); make; echo x >shells'
expect "600 600" "$(stat -c %a "$mnt/here" "$mnt/shells" | xargs)" "what the mask leaves of permissions"
cat >script <<'SCRIPT'
trap 'echo caught; kill $p' TERM
sleeper & p=$!
echo ready
wait $p
echo "wait $?"
wait $p
echo "ended $?"
SCRIPT
timeout --foreground 60 spindle shell "$mnt" script >said & script=$!
for try in $(seq 1200); do ! grep -q ready said || break; sleep 0.05; done
kill -TERM $script  # timeout passes it on: in the foreground only once
wait $script || true
expect "ready caught wait 143 ended 143" "$(xargs <said)" "a trap ends wait, and its commands run"

step "scripts and standard input"
printf '# A script.\nsay script $1 $#\ncat\nleave 7\n' >script
expect $'script x 2\ntyped\n|7' "$(printf 'typed\n' | shell script x y || echo "|$?")" "a script"
expect $'from input\n|6' "$(printf 'say from input\ncat\nleave 6\n' | shell || echo "|$?")" "commands from standard input"
expect $'1\n2' "$(printf 'for i in 1 2\ndo\nsay $i\ndone\n' | shell)" "a command of several lines"
expect $'kept\n|9' "$(printf 'say kept\nexit 9\nsay not' | shell || echo "|$?")" "exit"
refuses "no Spindle volume" spindle shell "$work" -c true
refuses "Is a directory" spindle shell "$mnt" "$work"

step "at a terminal"
python3 "$here/shell_terminal.py" "$mnt"

step "jobs"
cat >script <<'SCRIPT'
sleeper &
sleeper >log &
jobs
say both
kill -STOP %1
say stopped
jobs
bg %1
kill %1 %2
wait %1
echo $?
wait %2
echo $?
leave 5 &
wait $!
echo $?
kill %1
(sleeper; say not reached) &
for i in 1 2; do sleeper; done | cat &
jobs
kill %1 %2
wait %1
echo $?
SCRIPT
shell script >said 2>errors || true
for wanted in "[1] running  sleeper " "[2] running  sleeper >log" "[1] stopped  sleeper"; do
  grep -qF "$wanted" said || fail "no '$wanted' in: $(cat said)"
done
expect "143 143 5 143" "$(grep -E '^[0-9]+$' said | xargs)" "what wait says of jobs"
grep -q "kill: %1: there is no such job" errors || fail "kill of no job: $(cat errors)"
expect "" "$(cat "$mnt"/.spindle/proc/[0-9]*/comm | grep -c sleeper | grep -v '^0$' || true)" "sleepers that are left"

unmount_volume
check_volume
