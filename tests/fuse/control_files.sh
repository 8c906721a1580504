#!/bin/bash
# The control directory: every file can be read, what is meant for programs is JSON, settings take good values and refuse
# bad ones with a reason, and the counters add up after a random workload.
. "$(dirname "$0")/library.sh"
new_volume 64M -L "a label"
mount_volume
control=$mnt/.spindle

work_at_random() {
  python3 - "$mnt" "$1" <<'PYTHON'
import os, random, sys
mount, chance = sys.argv[1], random.Random(int(sys.argv[2]))
for i in range(300):
    path = f"{mount}/file-{chance.randrange(60)}"
    if chance.random() < 0.2 and os.path.exists(path):
        os.unlink(path)
    elif chance.random() < 0.6:
        with open(path, "ab") as file:
            file.write(os.urandom(chance.randrange(1, 60000)))
            if chance.random() < 0.2:
                os.fsync(file.fileno())
    elif os.path.exists(path):
        open(path, "rb").read()
PYTHON
}

read_all() {
  step "every file can be read"
  local file count=0
  while read -r file; do
    if [ -r "$file" ] && [ "$(stat -c %A "$file" | cut -c2)" = r ]; then
      cat "$file" >content || fail "$file cannot be read"
      case $file in
        *.json) python3 -m json.tool content >/dev/null || fail "$file is not JSON" ;;
        */last_error | */trace | */machine/last_message | */machine/log) ;;
        *) [ -s content ] || fail "$file is empty" ;;
      esac
      count=$((count + 1))
    fi
  done < <(find "$control" -path "$control/proc" -prune -o -type f -not -name "*pipe*" \
    -not -path "$control/machine/terminal" -print)
  [ "$count" -gt 60 ] || fail "only $count files can be read"
  expect "a label" "$(fact volume label)" "label"
  expect "$image" "$(fact volume image)" "image"
  refuses "" touch "$control/new"
  refuses "" rm "$control/version"
  refuses "" mkdir "$control/folder"
  # It can be opened by name, and is not listed.
  ! ls -A "$mnt" | grep -q spindle || fail ".spindle is listed"
}

# Sets each file that offers a choice to each of its values.
set_choices() {
  step "choices"
  local file name before
  for file in volume/fit cache/policy disk/scheduler disk/model threads/policy; do
    before=$(grep -o '\[[^]]*\]' "$control/$file" | tr -d '[]')
    for name in $(tr -d '[]' <"$control/$file"); do
      echo "$name" >"$control/$file"
      grep -qF "[$name]" "$control/$file" || fail "$file does not show that it was set to $name"
      head -c 20000 /dev/urandom >"$mnt/at-$name"
      sync "$mnt/at-$name"
    done
    echo "$before" >"$control/$file"
    for name in nonsense "" / "$before-" $'\x01' "$(head -c 3000 /dev/zero | tr '\0' x)"; do refused "$file" "$name"; done
    grep -qF "[$before]" "$control/$file" || fail "$file was changed by a value that it refused"
  done
  echo 0.5 >"$control/disk/pace"
  expect 0.5 "$(fact disk pace)" "pace"
  echo 0 >"$control/disk/pace"
  for name in -1 fast nan 1e99 "1 2"; do refused disk/pace "$name"; done
  for file in cache/drop journal/commit journal/checkpoint; do echo 1 >"$control/$file"; done
}

# EINVAL at write, and last_error names the file and says why.
refused() {
  python3 - "$control/$1" "$2" <<'PYTHON' || fail "'$2' to $1 is not refused with EINVAL"
import errno, os, sys
descriptor = os.open(sys.argv[1], os.O_WRONLY)
try:
    os.write(descriptor, sys.argv[2].encode() + b"\n")
except OSError as error:
    sys.exit(0 if error.errno == errno.EINVAL else f"{error}")
sys.exit("it was taken")
PYTHON
  grep -qF "$1: " "$control/last_error" || fail "last_error does not name $1: $(cat "$control/last_error")"
}

# Takes one snapshot of each file, in which the sums must hold whatever else goes on.
counters_add_up() {
  python3 - "$control" <<'PYTHON'
import json, sys
def load(name):
    with open(f"{sys.argv[1]}/{name}.json") as file:
        return json.load(file)
cache, disk, volume = load("cache/statistics"), load("disk/statistics"), load("volume/statistics")
assert cache["reads"] == cache["hits"] + cache["misses"] > 0, cache
assert cache["used_blocks"] <= cache["capacity_blocks"], cache
assert cache["dirty_blocks"] <= cache["used_blocks"], cache
assert cache["read_ahead_used_blocks"] <= cache["read_ahead_blocks"], cache
assert disk["requests"] == disk["read_requests"] + disk["write_requests"] > 0, disk
assert disk["written_blocks"] >= disk["write_requests"], disk
assert disk["read_blocks"] >= disk["read_requests"], disk
assert disk["busy_time_ns"] >= disk["seek_time_ns"] + disk["rotation_time_ns"] + disk["transfer_time_ns"], disk
assert disk["arm_movement_cylinders"] >= disk["arm_moves"], disk
assert sum(row["requests"] for row in load("disk/response_times")) == disk["requests"], disk
assert disk["p50_response_ns"] <= disk["p90_response_ns"] <= disk["p99_response_ns"], disk
assert 0 <= volume["free_blocks"] <= volume["data_blocks"] <= volume["blocks"], volume
used = sum(row["blocks"] for row in load("volume/usage"))
assert used <= volume["data_blocks"] - volume["free_blocks"], (used, volume)
rows = load("requests/latency")
assert all(row["p50_us"] <= row["p90_us"] <= row["p99_us"] for row in rows), rows
assert {"lookup", "write"} <= {row["operation"].lower() for row in rows}, rows
PYTHON
}

check_counters() {
  step "counters"
  local seed=${SEED:-$RANDOM} round
  echo "seed $seed"
  echo 7200rpm >"$control/disk/model"
  for round in 1 2 3; do
    work_at_random $((seed + round))
    echo 1 >"$control/cache/drop"
    echo 3 >/proc/sys/vm/drop_caches 2>/dev/null || true
    counters_add_up
  done
  sync -f "$mnt"
  echo 1 >"$control/journal/checkpoint"  # nothing is left that would be written by itself
  # After a reset counting begins anew, and a read of one file is counted.
  echo 1 >"$control/cache/reset"
  echo 1 >"$control/disk/reset"
  expect 0 "$(fact disk arm_movement_cylinders)" "arm movement after a reset"
  expect 0 "$(fact cache misses)" "misses after a reset"
}

# The shadow of the policy in use does what the live one does, to the last cylinder, whichever policy it is; the arm's
# distance is the sum of its moves; and the shadows can be switched off.
shadows_agree() {
  step "what if"
  echo textbook >"$control/disk/model"
  local policy first
  for policy in fcfs sstf c-look; do
    echo "$policy" >"$control/disk/scheduler"
    first=$(awk 'END { print $1 + 0 }' "$control/disk/moves")
    echo 1 >"$control/reset"
    work_at_random "${SEED:-$RANDOM}"
    sync -f "$mnt"
    python3 - "$control" "$policy" "$first" <<'PYTHON'
import json, sys
control, policy, first = sys.argv[1], sys.argv[2], int(sys.argv[3])
def load(name):
    with open(f"{control}/{name}.json") as file:
        return json.load(file)
for attempt in range(20):  # something may be written between one file and the next
    disk, rows, moves = load("disk/statistics"), load("disk/whatif"), load("disk/moves")
    history, distances, hits = load("disk/history"), load("disk/seek_distances"), load("cache/history")
    cache = load("cache/statistics")
    if disk == load("disk/statistics"): break
mine = [row for row in rows if row["in_use"]]
assert [row["policy"] for row in mine] == [policy], rows
mine = mine[0]
assert mine["requests"] == disk["requests"] > 0, (mine, disk)
assert mine["arm_movement_cylinders"] == disk["arm_movement_cylinders"], (mine, disk)
assert mine["arm_moves"] == disk["arm_moves"], (mine, disk)
for time in "seek", "rotation", "transfer":
    assert abs(mine[f"{time}_ms"] - disk[f"{time}_time_ns"] / 1e6) < 0.001, (mine, disk)
assert [row["total_ms"] for row in rows] == sorted(row["total_ms"] for row in rows), rows
assert len({row["requests"] for row in rows}) == 1, rows
assert sum(row["cylinders"] for row in history) == disk["arm_movement_cylinders"], (history, disk)
assert sum(row["services"] for row in history) == sum(row["services"] for row in distances) > 0, (history, distances)
assert sum(row["reads"] for row in hits) == cache["reads"] and sum(row["hits"] for row in hits) == cache["hits"], (hits, cache)
assert [row["end_ms"] for row in hits] == sorted(row["end_ms"] for row in hits), hits
new = [move for move in moves if move["number"] > first]
if len(new) < 1000:
    assert sum(move["cylinders"] for move in new) == disk["arm_movement_cylinders"], disk
for before, after in zip(new, new[1:]):
    assert after["from"] == before["end"], (before, after)
PYTHON
  done
  for policy in lru arc sieve; do
    echo "$policy" >"$control/cache/policy"
    awk -v policy="$policy" 'NR > 1 && $2 == "yes" { found = $1 == policy } END { exit !found }' \
      "$control/cache/whatif" || fail "cache/whatif does not mark $policy"
  done
  awk 'NR > 1 && $3 != "-" && ($3 < 0 || $3 > 1 || $4 > 1 || $5 > 1) { exit 1 }' "$control/cache/whatif" || fail "a ratio of hits over 1"
  echo off >"$control/disk/watch"
  echo off >"$control/cache/watch"
  cp "$control/disk/moves" moves
  work_at_random 7
  sync -f "$mnt"
  cmp moves "$control/disk/moves" || fail "a disk that is not watched is watched"
  echo on >"$control/disk/watch"
  echo on >"$control/cache/watch"
  refused disk/watch maybe
  refused cache/watch 2
}

# The figures for the whole volume are those of the files together.
usage_is_true() {
  step "usage"
  find "$mnt" -maxdepth 1 -type f -delete
  local strategy
  for strategy in contiguous linked fat indexed extent; do
    : >"$mnt/$strategy"
    setfattr -n user.spindle.alloc -v "$strategy" "$mnt/$strategy"
    head -c 50000 /dev/urandom >"$mnt/$strategy"
  done
  sync -f "$mnt"
  python3 - "$control/volume/usage.json" <<'PYTHON'
import json, sys
for row in json.load(open(sys.argv[1])):
    assert (row["files"], row["bytes"]) == (1, 50000), row
    assert row["data_blocks"] == 13 and row["blocks"] == 13 + row["map_blocks"], row
PYTHON
}

# The daemon's own threads: the one that reads this file runs, and others wait for something that has a name.
threads_are_shown() {
  step "threads"
  python3 - "$control/threads/list.json" "$control/threads/statistics.json" <<'PYTHON'
import json, sys
threads = json.load(open(sys.argv[1]))
facts = json.load(open(sys.argv[2]))
running = [one for one in threads if one["state"] == "running"]
waiting = [one for one in threads if one["state"] == "waiting"]
assert len(running) == 1 and waiting, threads
assert all(one["waits_for"] and one["name"] for one in waiting), threads
assert all(0 < one["stack_used_bytes"] <= one["stack_bytes"] for one in running + waiting), threads
assert sum(one["cpu_us"] for one in threads) > 0, threads
assert facts["live"] >= 2 and facts["workers"] == 1 and facts["deadlocks"] == 0, facts
assert facts["switches"] > 1000, facts
PYTHON
  grep -q '^thread .* running' "$control/threads/backtraces" || fail "no thread is said to run"
  grep -q '^    spindle' "$control/threads/backtraces" || fail "there are no backtraces"
}

names_are_private() {
  [ "$(id -u)" = 0 ] || return 0
  step "names of files that others may not read"
  local file
  ordinary() { setpriv --reuid=65534 --regid=65534 --clear-groups "$@"; }
  chmod 755 "$work"
  mount_volume allow_other
  mkdir -m 700 "$mnt/private"
  echo on >"$control/trace_on"
  echo x >"$mnt/private/secret"
  sync "$mnt/private/secret"
  for file in trace trace.json trace_pipe trace_pipe.jsonl record_pipe record_pipe_contents; do
    refuses "Permission denied" ordinary head -c 1 "$control/$file"
  done
  grep -q ' /private/secret' "$control/trace" || fail "its owner is not told: $(cat "$control/trace")"
  grep -q '"/private/secret"' "$control/activity.json" || fail "its owner is not told: $(cat "$control/activity.json")"
  ordinary cat "$control/activity.json" >theirs
  ! grep -qE 'private|secret' theirs || fail "others are told: $(cat theirs)"
  COLUMNS=100 ordinary "$(command -v spindle)" watch --once "$mnt" >theirs
  grep -q "inode $(stat -c %i "$mnt/private/secret")" theirs || fail "others are shown no number: $(cat theirs)"
  refuses "root and the user who has mounted" ordinary "$(command -v spindle)" trace "$mnt"
  unmount_volume
}

# A volume may come with the name in its root, from a damaged image for one. Which must not be found as the control files.
hides_what_has_its_name() {
  local xxhash
  xxhash=$(ldconfig -p | awk '/libxxhash.so.0 .*x86-64|libxxhash.so.0 / { if (!found++) print $NF }')
  [ -n "$xxhash" ] || { step "no libxxhash here"; return 0; }
  step "something else of the name"
  mkdir -p source/xspindle/inside
  echo text >source/kept
  new_volume 8M -d source
  python3 - "$image" "$xxhash" <<'PYTHON'
import ctypes, sys
BLOCK, UUID = 4096, 1024 + 24
xxh3 = ctypes.CDLL(sys.argv[2]).XXH3_64bits_withSeed
xxh3.restype, xxh3.argtypes = ctypes.c_uint64, [ctypes.c_char_p, ctypes.c_size_t, ctypes.c_uint64]
image = open(sys.argv[1], "rb").read()
seed = xxh3(image[UUID : UUID + 16], 16, 0)
with open(sys.argv[1], "r+b") as file:
    for at in range(0, len(image), BLOCK):
        block = image[at : at + BLOCK]
        if block[8:12] == b"SPIN" and b"xspindle" in block:
            content = block[8:].replace(b"xspindle", b".spindle")
            checksum = xxh3(content, len(content), (seed + at // BLOCK * 0x9E3779B97F4A7C15) % 2**64)
            file.seek(at)
            file.write(checksum.to_bytes(8, "little") + content)
PYTHON
  mount_volume
  expect "kept lost+found" "$(ls -A "$mnt" | xargs)" "what is listed"
  expect "kept lost+found" "$(ls -lA "$mnt" | awk 'NR > 1 { print $NF }' | xargs)" "what is listed with attributes"
  expect "" "$(find "$mnt" -name inside)" "what is found below"
  [ -r "$mnt/.spindle/threads/list" ] || fail "the control files are not under their name"
  ! ls -A "$mnt" | grep -q spindle || fail "it is listed once the kernel knows the name"
  unmount_volume
}

read_all
threads_are_shown
set_choices
check_counters
shadows_agree
usage_is_true
refuses "Invalid argument" setfattr -n user.spindle.alloc -v nonsense "$mnt/fat"
grep -q "no allocation strategy" "$control/last_error" || fail "last_error after a refused strategy: $(fact . last_error)"
refuses "Operation not permitted" setfattr -n user.spindle.map -v x "$mnt/fat"
grep -q "can only be read" "$control/last_error" || fail "last_error after setting a map: $(fact . last_error)"
refuses "Operation not permitted" setfattr -x user.spindle.alloc "$mnt/fat"
grep -q "always exists" "$control/last_error" || fail "last_error after removing a strategy: $(fact . last_error)"
unmount_volume
names_are_private
check_volume
hides_what_has_its_name
step "done"
