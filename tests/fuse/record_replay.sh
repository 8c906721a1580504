#!/bin/bash
# A run is recorded and played again: every operation ends as it did, the same file gives the same table whatever the
# number of jobs, the policies differ as they must, and files that are not recordings are refused.
. "$(dirname "$0")/library.sh"
new_volume 64M
mount_volume disk=textbook,cache=4M
mkdir -p "$mnt/was there/deep"
head -c 300K /dev/zero >"$mnt/was there/deep/large"
ln -s 'some where' "$mnt/was there/link"
ln "$mnt/was there/deep/large" "$mnt/was there/again"
truncate -s 1M "$mnt/was there/hole"

cat >work.sh <<'WORK'
set -e
cd "$1"
mkdir new
for i in $(seq 40); do head -c $((i * 900)) /dev/zero >new/"file $i"; done
sync new
cat "was there/deep/large" "was there/again" >/dev/null
for i in $(seq 1 2 40); do rm new/"file $i"; done
head -c 400K /dev/zero >new/large
mv new/large "was there/moved"
ln -s x new/link
ln new/"file 2" new/twin
setfattr -n user.colour -v blue new/twin
truncate -s 5000 new/twin
fallocate -l 100K new/twin
rm "was there/deep/large" "was there/again"
ls -R . >/dev/null
seq 8 | xargs -P 4 -I{} sh -c 'head -c 100K /dev/zero >new/side-{}; sync new/side-{}'
rmdir new/none 2>/dev/null || true
WORK

record_it() {
  step "recording"
  echo 1 >"$mnt/.spindle/cache/drop"
  spindle record "$mnt" run.rec -- sh work.sh "$mnt" 2>said
  grep -q 'operations' said || fail "nothing is said: $(cat said)"
  grep -q '^op write .* - - -$' run.rec || fail "contents are stored, and nobody asked for them"
  grep -q '^op create .* file%201\|^op create .*file%201' run.rec || fail "a name is missing"
  spindle record --contents "$mnt" contents.rec -- sh -c "printf AbC >$mnt/known" 2>/dev/null
  grep -q '^op write .* 416243$' contents.rec || fail "the contents are missing"
  expect 400 "$(stat -c %a "$mnt/.spindle/record_pipe_contents")" "who may read what others write"
  local status=0
  spindle record "$mnt" other.rec -- sh -c 'exit 5' 2>/dev/null || status=$?
  expect 5 "$status" "the command's own status"
  cp other.rec first.rec
  spindle record "$mnt" other.rec -- true 2>/dev/null
  cmp first.rec other.rec.old || fail "the recording that was there is not kept"
  grep -q '^command true$' other.rec || fail "the new one is not there"
}

play_it() {
  step "replaying"
  spindle replay run.rec --strategy all --arm fcfs,look,c-scan --json >one.json
  spindle replay run.rec --strategy all --arm fcfs,look,c-scan --json -j 1 >two.json
  cmp one.json two.json || fail "one file, two tables"
  spindle replay run.rec --cache 256K,8M --cache-policy lru,arc --json >cache.json
  python3 - <<'PYTHON'
import json
found = json.load(open("one.json"))
rows = found["rows"]
assert len(rows) == 15 and found["operations"] > 200, (len(rows), found["operations"])
assert all(row["differing_operations"] == 0 for row in rows), [r["differing_operations"] for r in rows]
times = [row["disk_time_ns"] for row in rows]
assert times == sorted(times) and times[0] > 0
by = {(row["strategy"], row["arm"]): row for row in rows}
assert len(by) == 15
for strategy in "contiguous", "linked", "fat", "indexed", "extent":
    arms = {arm: by[strategy, arm] for arm in ("fcfs", "look", "c-scan")}
    assert arms["c-scan"]["arm_movement_cylinders"] > arms["look"]["arm_movement_cylinders"]
    assert len({row["runs"] for row in arms.values()}) == 1  # where blocks are is no matter of the arm
    assert arms["look"]["hits"] <= arms["look"]["reads"]
for row in rows:
    assert row["disk_time_ns"] == row["seek_time_ns"] + row["rotation_time_ns"] + row["transfer_time_ns"]
assert by["contiguous", "look"]["mean_run_blocks"] > by["linked", "look"]["mean_run_blocks"] - 1
assert by["indexed", "look"]["map_blocks"] > by["fat", "look"]["map_blocks"]
cache = {(row["cache_policy"], row["cache_bytes"]): row for row in json.load(open("cache.json"))["rows"]}
assert len(cache) == 4
assert cache["lru", 8 << 20]["hit_ratio"] > cache["lru", 256 << 10]["hit_ratio"], cache
PYTHON
  spindle replay --top 1 --arm fcfs,c-scan run.rec >table
  grep -q 'the one that mattered most first' table || fail "what made the difference is not said: $(cat table)"
  grep -q 'and 1 more' table || fail "--top shows all"
}

wrong_input() {
  step "wrong input"
  refuses "not a recording" spindle replay work.sh
  head -c 3000 run.rec >cut.rec
  refuses "" spindle replay cut.rec
  sed '$d' run.rec >cut.rec
  refuses "cut off" spindle replay cut.rec
  refuses "cannot be opened" spindle replay nothing.rec
  refuses "Is a directory" spindle replay "$work"
  refuses "is not one of" spindle replay run.rec --arm nonsense
  refuses "not a size" spindle replay run.rec --cache huge
  refuses "no Spindle volume" spindle record "$work" x.rec -- true
  refuses "could not be run" spindle record "$mnt" x.rec -- /nonexistent
  [ ! -e x.rec ] || fail "a recording of a command that did not run"
  cp run.rec y.rec
  refuses "could not be run" spindle record "$mnt" y.rec -- /nonexistent
  cmp run.rec y.rec || fail "a command that did not run took the place of a recording"
  refuses "COMMAND" spindle record "$mnt" x.rec
  refuses "is not a recording" spindle record "$mnt" work.sh -- touch "$mnt/ran"
  grep -q '^rmdir' work.sh || fail "what is no recording was overwritten"
  refuses "is on the volume" spindle record "$mnt" "$mnt/own.rec" -- touch "$mnt/ran"
  refuses "No such file or directory" spindle record "$mnt" nowhere/x.rec -- touch "$mnt/ran"
  [ ! -e "$mnt/ran" ] || fail "the command ran although there was nowhere to store it"
}

record_it
play_it
wrong_input
unmount_volume
check_volume
step "done"
