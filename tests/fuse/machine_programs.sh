#!/bin/bash
# The programs of examples/machine/bin, in the simulated machine's shell on a mount.
examples=$(realpath "$(dirname "$0")/../../examples/machine")
. "$(dirname "$0")/library.sh"
export HOME=$work
new_volume 64M -d "$examples"
mount_volume

run() { timeout 60 spindle shell "$mnt" -c "$1"; }
# gives WANTED TEXT: what the text prints, errors included, and then its status.
gives() {
  local said status=0
  said=$(run "$2" 2>&1) || status=$?
  expect "$1" "$said|$status" "$2"
}

step "text"
printf 'pear 3\napple 10\nfig 2\napple 10\n' >"$mnt/fruit"
seq 12 >"$mnt/numbers"
gives $'pear 3\napple 10|0' "cat fruit | head -n 2"
gives $'     1\tpear 3\n     2\tapple 10|0' "head -n 2 fruit | cat -n"
gives $'11\n12\n1|0' "tail -2 numbers; head -n1 numbers"
gives $'==> fruit <==\npear 3\n==> numbers <==\n1|0' "head -n 1 fruit numbers"
gives "10|0" "head numbers | wc -l"
gives $'      4       8      31 fruit\n     12      12      27 numbers\n     16      20      58 total|0' "wc fruit numbers"
expect "$(wc -c <"$mnt/lib/text.lua")" "$(run "wc -c </lib/text.lua")" "bytes of a longer file"
expect "$(wc -w <"$mnt/lib/text.lua")" "$(run "cat /lib/text.lua | wc -w")" "words of a longer file"
gives $'apple 10\nfig 2\npear 3|0' "sort -u fruit"
gives $'fig 2\npear 3\napple 10|0' "sort -n -k 2 fruit | uniq"
gives $'      2 apple 10\n      1 fig 2\n      1 pear 3|0' "sort fruit | uniq -c"
gives $'apple 10|0' "sort fruit | uniq -d"
gives $'3\n10\n2\n10|0' "cut -d ' ' -f 2 fruit"
gives $'per|0' "head -n 1 fruit | cut -c 1,3-4 | tr a e"
gives $'PEAR 3|0' "head -n 1 fruit | tr a-z A-Z"
gives $'pear3|0' "head -n 1 fruit | tr -d ' '"
gives $'abc|0' "echo aabbcc | tr -s a-c"
gives $'1 2 3 |0' "seq 3 | tr '\n' ' '"
gives $'2:apple 10\n4:apple 10|0' "grep -n '^app' fruit"
gives $'2|0' "grep -vc app fruit"
gives $'|1' "grep -q none fruit"
gives $'fruit|0' "grep -il PEAR fruit numbers"
gives $'a.c|0' "printf 'a.c\nabc\n' | grep -F a.c"
gives $'grep: [: it is not a valid pattern|2' "grep '[' fruit"
gives $'grep: nothing: there is no such file|1' "grep x nothing"
gives $'both\nboth|0' "echo both | tee one | tee -a two; cat one; rm one two"
long=$(printf 'word%.0s ' {1..40})
gives $'40|0' "mkdir -p a/folder/whose/path/is/longer/than/forty/characters; echo $long >a/long; wc -w <a/long"
gives $'9\n7\n5|0' "seq 9 -2 5"
gives $'a= 7 b=x|0' "printf 'a=%2d b=%s\n' 7 x"
gives $'1.\n2.\n3.|0' "printf '%d.\n' 1 2 3"
gives $'a longer format than that, with 5 % of x|0' "printf 'a longer format than that, with %d %% of %s\n' 5 x"
gives $'y\ny|0' "yes | head -n 2"
gives "usage: head [-n N] [FILE...]|0" "head --help"
gives "head: -z is not an option; usage: head [-n N] [FILE...]|2" "head -z fruit"

step "files"
gives $'inner\nouter|0' "mkdir -p d/e; echo inner >d/e/f; echo outer >d/g; cat d/e/f d/g"
gives $'e\ng|0' "ls d"
gives $'d:\ne\ng\n\nd/e:\nf|0' "ls d d/e"
gives $'d/e/f\nd/g|0' "find d -type f"
gives $'/lib/text.lua|0' "find / -name 't*t.lua'"
gives $'inner|0' "cp -r d copy; cat copy/e/f; rm -r d"
gives $'ls: d: there is no such file|1' "ls d"
gives $'g\nh|0' "mv copy/g copy/h; cp copy/h copy/g; ls copy | tail -n 2"
gives $'f\ng\nh|0' "mv copy/g copy/h copy/e; ls copy/e"
gives $'rmdir: copy/e: the directory is not empty|1' "rmdir copy/e"
gives $'rm: copy: it is a directory (-r removes it)|1' "rm copy"
gives $'|0' "rm -r copy; rm -f copy; mkdir x; rmdir x; touch x"
expect "0" "$(stat -c %s "$mnt/x")" "a file that was touched"
chmod 640 "$mnt/fruit"
touch -d '2001-02-03 04:05 UTC' "$mnt/fruit"
gives "-rw-r-----   1 $(stat -c '%5u %5g' "$mnt/fruit") 31 2001-02-03 04:05 fruit|0" "ls -l fruit"
gives $'/lib\n/|0' "cd lib; pwd | cat; cd /; pwd | cat"

run "seq 12 >first; ln first other; ln -f first other2; echo 13 >>other"
expect "3 13" "$(stat -c %h "$mnt/first") $(tail -1 "$mnt/other2")" "a file with three names"
gives $'ln: newlib: a directory cannot have a second name|1' "ln /lib newlib"
step "symbolic links"
gives $'numbers\n/numbers|0' "ln -s numbers link; readlink link; readlink -f link"
gives $'12|0' "tail -n 1 link"
gives $'1|0' "ls -l | grep -c '^l.* link .> numbers$'"
gives $'1|0' "ls -l link | grep -c '^l.* 7 .* link .> numbers$'"
expect "numbers" "$(readlink "$mnt/link")" "the link as others see it"
gives $'link|0' "find / -type l | cut -c 2-"
gives $'13|0' "echo 13 >>link; tail -n 1 numbers"
gives $'ln: link: the file exists already|1' "ln -s fruit link"
gives $'pear 3|0' "ln -sf fruit link; head -n 1 link"
gives $'e\nkept|0' "mkdir -p t/e; echo kept >t/e/f; ln -s /t way; ls way; rm -r way; cat t/e/f"
gives $'f\n../f|0' "ln -s ../f t/e/up; cp -r t u; ls u/e | head -n 1; readlink u/e/up"
gives $'cat: loop: too many symbolic links|1' "ln -s loop loop; cat loop"
gives $'readlink: fruit: it is not a symbolic link|1' "readlink fruit"
gives $'made|0' "ln -s later ahead; printf 'made\n' | cat >ahead; cat later"
expect "made" "$(cat "$mnt/later")" "a file that was made through a link that led nowhere"
gives $'3|0' "rm -r t u; rm link loop ahead later; ln -s /bin/seq.lua /bin/count.lua; count 3 | tail -n 1"
gives $'/bin/seq.lua|0' "readlink -f /bin/../bin/count.lua"
run "head -n 12 numbers >n; mv n numbers"
cat "$mnt/first" "$mnt/other" >/dev/null
run "echo shorter >first"
expect "shorter shorter shorter" "$(cat "$mnt/first" "$mnt/other" "$mnt/other2" | xargs)" "a file under all of its names"

run "chmod 751 numbers; chmod u-x,go=r,a+w other" 2>/dev/null
expect "751 666" "$(stat -c %a "$mnt/numbers" "$mnt/other" | xargs)" "permissions after chmod"
gives $'chmod: u*x is not a mode|2' "chmod u*x numbers"
run "touch -d 1000000 x; touch -r x y; touch -c none"
expect "1000000 1000000" "$(stat -c %Y "$mnt/x" "$mnt/y" | xargs)" "times after touch"
[ ! -e "$mnt/none" ] || fail "touch -c made a file"
run "touch x"
[ "$(stat -c %Y "$mnt/x")" -gt 1700000000 ] || fail "touch does not give the present time"

step "processes"
gives $'|1' "/bin/false"
gives $'|0' "/bin/true"
gives $'1|0' "hog & ps >p; kill \$!; wait; grep -c hog p"
gives $'1|0' "nice -n 5 ps | grep -c 'R   5 .* ps\$'"
gives $'143|0' "sleep 100 & env | grep PATH >/dev/null; /bin/kill \$!; wait \$!; echo \$?"
gives $'kill: FROB is not a signal|2' "/bin/kill -FROB 1"
gives $'1|0' "/bin/nice -n 7 ps | grep -c 'R   7 .* ps\$'"
gives $'|0' "nice -n 3 hog 20"
gives $'BLUE=1|0' "export BLUE=1; env | grep BLUE"
run date | grep -qE '^0 days [0-9:.]+$' || fail "date says $(run date)"
run "ps -e" | grep -q " init$" || fail "ps -e shows no init: $(run "ps -e")"
echo max >"$mnt/.spindle/machine/rate"
gives "done|0" "sleep 3600; echo done"

step "those that show the machine at work"
gives "the odd numbers up to 200 make 10000|0" pipeline
gives "served 40 requests with 2 threads|0" "server 2 | tail -n 1"
run "philosophers ordered" >/dev/null
run "producer_consumer 5; readers_writers; fork_tree 3; load_balancer; job_scheduler; interactive 3" >said
[ "$(wc -l <said)" -gt 5 ] || fail "the programs say too little: $(cat said)"
run "disk_scan /numbers" | grep -q 12 || fail "disk_scan: $(run "disk_scan /numbers")"
run "memory_walker 64 2; hog 10" | grep -q '^16 pages: the first round took' || fail "memory_walker says nothing"

step "parts of programs"
echo 'return {twice = function(n) return 2 * n end, name = ...}' >"$mnt/lib/part.lua"
echo 'local part = dofile("/lib/part.lua") sleep(1) print(part.twice(21), part.name, pcall(dofile, "/none"))' >"$mnt/bin/whole.lua"
gives $'42\tnil\tfalse\t/none: there is no such file|0' whole
echo 'dofile("/bin/endless.lua")' >"$mnt/bin/endless.lua"
refuses "not enough memory" run endless
echo 'dofile("/bin/wrong.lua.part")' >"$mnt/bin/wrong.lua"
echo 'this is no Lua' >"$mnt/bin/wrong.lua.part"
refuses "wrong.lua.part:1:" run wrong

step "cron and at"
printf 'at 5 /bin/echo.lua at five\n* * * * * /bin/echo.lua each minute\nnonsense here\n' >"$mnt/etc/crontab"
echo 1 >"$mnt/.spindle/machine/restart"
echo 60 >"$mnt/.spindle/machine/rate"
for try in $(seq 1200); do
  [ "$(grep -c 'each minute$' "$mnt/.spindle/machine/log" || true)" -lt 2 ] || break
  sleep 0.05
done
cat "$mnt/.spindle/machine/log" >log
[ "$(grep -c 'each minute$' log)" -ge 2 ] || fail "cron did not start a program each minute: $(cat log)"
expect 1 "$(grep -c '^\[ *5\..*at five$' log)" "what was to start once, after five seconds: $(cat log)"
grep -q "crontab.*3\|line 3" log || fail "a wrong line is not complained of: $(cat log)"
echo '* * * * * /bin/echo.lua changed' >"$mnt/etc/crontab"
for try in $(seq 1200); do
  ! grep -q 'changed$' "$mnt/.spindle/machine/log" || break
  sleep 0.05
done
grep -q 'changed$' "$mnt/.spindle/machine/log" || fail "a crontab that was changed is not read again"

unmount_volume
check_volume
