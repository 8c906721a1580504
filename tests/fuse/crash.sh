#!/usr/bin/env bash
# `spindle crash`: runs recorded on real mounts, the power cut at their writes, and what is left.
. "$(dirname "$0")/library.sh"

export TMPDIR=$work

# field FILE EXPRESSION: of the JSON in the file, as `j`.
field() { python3 -c 'import json, sys; j = json.load(open(sys.argv[1])); print(eval(sys.argv[2]))' "$1" "$2"; }

# What is promised, then something that is not; large enough that the log's entry has many sectors.
workload='echo promised >kept; sync kept; mkdir folder
  for i in 1 2 3 4 5 6; do echo hoped >folder/$i; done; mv folder/6 folder/seven; rm folder/5
  echo again >kept2; sync kept2 folder; echo last >folder/8'

for strategy in contiguous linked fat indexed extent; do
  step "$strategy: record and explore"
  new_volume 4M -a $strategy
  run=$strategy.crash
  spindle crash record "$image" "$run" -- sh -c "$workload" 2>said || fail "record: $(cat said)"
  grep -q "writes and .* flushes" said || fail "record says: $(cat said)"
  ! is_mounted "$work/mnt" || fail "something is still mounted"
  check_volume
  spindle crash "$run" --explore --samples 8 --exhaustive 32 --json >explored || fail "$strategy is not sound: $(tail -40 explored)"
  expect "0 0" "$(field explored '"%d %d" % (j["damaged"], j["promises_broken"])')" "damage and broken promises"
  expect True "$(field explored 'j["states"] > 30 and len(j["cuts"]) == j["events"] + 1')" "states"
  expect True "$(field explored 'all(f["promised"] > 0 and f["kept"] == f["promised"] and f["absent"] > 0
                                     for f in j["files"] if f["path"] in ("/kept", "/kept2", "/folder"))')" "promises"
  expect 3 "$(field explored 'sum(f["promised"] > 0 for f in j["files"])')" "files that were promised"
  expect True "$(field explored 'any(len(c["last_transactions"]) > 1 for c in j["cuts"])')" "a transaction in the balance"
done

step "the same disk, if its flushes did nothing, does not hold what was promised"
status=0
spindle crash extent.crash --explore --lying-disk --samples 8 --exhaustive 32 --json >lying || status=$?
expect 4 "$status" "exit status of a disk that lies"
expect True "$(field lying 'j["promises_broken"] > 0')" "broken promises of a disk that lies"

step "the same states with the same seed, whatever the jobs"
spindle crash extent.crash --explore --samples 8 --exhaustive 32 --seed 7 -j 1 --json >one
spindle crash extent.crash --explore --samples 8 --exhaustive 32 --seed 7 -j 3 --json >three
cmp one three || fail "the report depends on the jobs"

step "one transaction, one cut"
spindle crash extent.crash --json >listed
transaction=$(field listed 'max(r["transaction"] for r in j["rows"] if "transaction" in r)')
entry=$(field listed "[r['event'] for r in j['rows'] if r.get('transaction') == $transaction][0]")
spindle crash extent.crash --explore --transaction "$transaction" --json >explored
expect True "$(field explored "j['first_cut'] < $entry <= j['last_cut'] and len(j['cuts']) < j['events']")" "its span"
expect "[$((transaction - 1)), $transaction]" \
  "$(field explored 'sorted({t for c in j["cuts"] for t in c["last_transactions"]})')" "transactions in it"
expect True "$(field explored 'all(c["all_subsets"] == (2 ** c["undecided_writes"] <= 16384) for c in j["cuts"])')" "all states of it"
spindle crash extent.crash --explore --transaction "$transaction" --exhaustive 1 --samples 3 >drawn
grep -Eq "drawn of 2.[0-9]" drawn || fail "it does not say of how many: $(cat drawn)"
grep -q fsync <(spindle crash extent.crash) || fail "the list has no word of the fsync"
spindle crash extent.crash --last 0.000001 >short
[ "$(wc -l <short)" -lt 8 ] || fail "--last shows too much"

step "cut, mount, and look"
promised=$(field listed '[i for i, r in enumerate(j["rows"]) if "fsync /kept:" in r["contents"]][0]')
at=$(field listed "max(r['event'] for r in j['rows'][:$promised] if 'event' in r)")
spindle crash extent.crash --at "$at" --output cut.img >said
cp cut.img before.img
refuses "--force replaces it" spindle crash extent.crash --at "$at" --output cut.img
fsck.spindle -n -f cut.img >said || fail "the cut image is damaged: $(cat said)"
spindle mount cut.img "$mnt"
expect promised "$(cat "$mnt/kept")" "what was promised"
[ ! -e "$mnt/kept2" ] || fail "what came later is there"
spindle umount "$mnt"

step "the log's entry arrived, or half of it"
# Where lines are broken depends on how long the numbers are.
spindle crash --replay-steps --at "$entry" --keep "$entry" extent.crash | tr -s '\n ' ' ' >said
grep -q "entry of transaction $transaction, .* Its checksum fits" said || fail "the whole entry: $(cat said)"
grep -q "written home" said || fail "nothing goes home: $(cat said)"
spindle crash extent.crash --at "$entry" --torn "$entry:1" --output torn.img --force >said
refuses "it is a recording: --at N" spindle crash --replay-steps extent.crash
spindle crash --replay-steps torn.img | tr -s '\n ' ' ' >said
grep -q "transaction $transaction begins there, but its checksum does not fit" said || fail "the torn entry: $(cat said)"
fsck.spindle -n -f torn.img >/dev/null || fail "the torn image is damaged"
spindle crash torn.img --replay-steps --json >steps
expect True "$(field steps 'len(j["steps"]) > 2')" "steps as JSON"

step "a daemon that is killed"
new_volume 4M
spindle crash record -o arm=sstf "$image" killed.crash -- sh -c 'echo promised >kept; sync kept; echo hoped >lost
  kill -9 $(cat .spindle/process_id)' >said 2>&1 || :
spindle crash killed.crash >list
grep -q "cut off" list || fail "the recording does not say that it was cut off: $(cat said)"
spindle crash killed.crash --explore --samples 8 --exhaustive 32 --json >explored || fail "not sound: $(tail -30 explored)"
expect True "$(field explored 'all(f["kept"] == f["promised"] > 0 for f in j["files"] if f["path"] == "/kept")')" "the promise"

step "a long list is shown whole"
new_volume 4M
spindle crash record "$image" long.crash -- sh -c 'for i in $(seq 250); do echo $i >$i; done; mv 1 one; ln one two' 2>said
expect "$(field <(spindle crash long.crash --json) 'len(j["rows"])')" \
  "$(spindle crash long.crash | grep -cE ' (write|flush|discard|program)( |$)')" "lines of the list"

spindle crash long.crash >list
grep -q "program .* rename /1 to /one$" list || fail "the rename is not told"
grep -q "program .* link /one to /two$" list || fail "the link is not told: $(grep link list)"

step "wrong input"
refuses "not a recording of writes" spindle crash before.img
refuses "No such file" spindle crash nowhere
mkfifo pipe
refuses "cannot be read" timeout 20 spindle crash pipe
refuses "events" spindle crash extent.crash --at 100000
refuses "not a whole number" spindle crash extent.crash --at x
refuses "--last: 'x' is not a number" spindle crash extent.crash --last x
refuses "not in flight" spindle crash extent.crash --at "$entry" --keep 1 --output other.img
refuses "those are" spindle crash extent.crash --explore --transaction 999
refuses "need --at" spindle crash extent.crash --keep 3
refuses "needs --at" spindle crash extent.crash --output other.img
refuses "FILE is missing" spindle crash
refuses "is not a file" spindle crash record "$image" pipe --force -- true
[ -p pipe ]
refuses "could not be run" spindle crash record "$image" none.crash -- /nonexistent
[ ! -e none.crash ] || fail "a recording of a command that did not run"
refuses "already exists" spindle crash record "$image" extent.crash -- true
ln "$image" same.img
refuses "it is the image itself" spindle crash record "$image" same.img --force -- true
rm same.img
cp extent.crash older.crash
refuses "No such file" spindle crash record nowhere older.crash --force -- true
refuses "could not be run" spindle crash record "$image" older.crash --force -- /nonexistent
cmp extent.crash older.crash
rm older.crash
refuses "it is the recording itself" spindle crash extent.crash --at "$at" --output ./extent.crash --force
refuses "contradict" spindle mount "$image" "$mnt" -o ro,write-log=other.crash
refuses "changed after the recording" spindle crash fat.crash --at 3 --output other.img
head -c 12000 extent.crash >short.crash
spindle crash short.crash | grep -q "cut off" || fail "a recording that is too short"
refuses "changed after" spindle crash short.crash --explore
cp extent.crash bad.crash
printf xxxx | dd of=bad.crash bs=1 seek=$((64 + ${#image} + 8)) conv=notrunc status=none
refuses "damaged" spindle crash bad.crash
[ ! -e other.img ] || fail "an image was left behind"
! ls -d "$TMPDIR"/spindle-crash.* 2>/dev/null || fail "a folder was left behind"
