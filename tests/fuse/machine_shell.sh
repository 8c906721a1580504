#!/bin/bash
# The shell of the simulated machine: programs of the volume, their output, statuses, jobs, pipes and files.
. "$(dirname "$0")/library.sh"
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
echo 'while true do sleep(1000) end' >tree/bin/sleeper.lua
echo 'print(nice(0), env.COLOUR, (ulimit("n")))' >tree/bin/settings.lua
echo 'local fd = open("here", "w") write(fd, "made") close(fd)' >tree/bin/make.lua
mkdir tree/folder
new_volume 64M -d tree
mount_volume

shell() { timeout 60 spindle shell "$mnt" "$@"; }
run() { shell -c "$1"; }
# What the line prints, and its status behind.
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
gives "spindle shell: a word is missing after an operator|2" "say before; say x >"
gives "spindle shell: a quotation has no end|2" "say before; say 'x"
gives "/folder|0" "cd folder; pwd; make"
expect made "$(cat "$mnt/folder/here")" "a file made in the shell's folder"
gives $'5\tblue\t32|0' "COLOUR=blue; ulimit -n 32; nice -n 5 settings | cat"

step "files and pipes"
gives "|0" "say one >list; say two >>list; cat <list | cat | cat >copy"
expect $'one\ntwo' "$(cat "$mnt/copy")" "what went through the pipes"
gives "|0" "echo three >>list"
expect three "$(tail -1 "$mnt/list")" "what a command of the shell's own wrote"
gives "|4" "say x | leave 4"
refuses "Is a directory" run "cat <folder"

step "scripts and standard input"
printf '# A script.\nsay script $1 $#\ncat\nleave 7\n' >script
expect $'script x 2\ntyped\n|7' "$(printf 'typed\n' | shell script x y || echo "|$?")" "a script"
expect $'from input\n|6' "$(printf 'say from input\ncat\nleave 6\n' | shell || echo "|$?")" "commands from standard input"
expect $'kept\n|9' "$(printf 'say kept\nexit 9\nsay not' | shell || echo "|$?")" "exit"
refuses "no Spindle volume" spindle shell "$work" -c true

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
SCRIPT
shell script >said 2>errors || true
for wanted in "[1] running  sleeper " "[2] running  sleeper > log" "[1] stopped  sleeper"; do
  grep -qF "$wanted" said || fail "no '$wanted' in: $(cat said)"
done
expect "143 143 5" "$(grep -E '^[0-9]+$' said | xargs)" "what wait says of jobs"
grep -q "kill: %1: there is no such job" errors || fail "kill of no job: $(cat errors)"
expect "" "$(cat "$mnt"/.spindle/proc/[0-9]*/comm | grep -c sleeper | grep -v '^0$' || true)" "sleepers that are left"

unmount_volume
check_volume
