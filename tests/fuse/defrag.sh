#!/bin/bash
# `spindle age` and `spindle defrag`: the same seed is the same volume; what is moved stays what it is, whoever writes, and whenever
# the daemon is killed.
. "$(dirname "$0")/library.sh"

sums() { (cd "$1" && find . -path ./.spindle -prune -o -type f -print0 | sort -z | xargs -0 sha256sum); }
# One number of one row of the table "layout" of an answer in JSON: layout FILE ROW COLUMN
layout() { python3 -c 'import json, sys; print(json.load(open(sys.argv[1]))["layout"][int(sys.argv[2])][sys.argv[3]])' "$@"; }

step "the same seed, the same volume; what was there stays"
new_volume 40M
mount_volume
mkdir "$mnt/mine"
head -c 3M /dev/urandom >"$mnt/mine/file"
sync -f "$mnt"
spindle map --runs "$mnt/mine/file" >map.before
sums "$mnt" >sums.before
refuses "it is mounted: unmount it first" spindle age "$image"
unmount_volume
cp "$image" other
cp "$image" third
spindle age "$image" --seed 5 --days 25 --fill 88 --churn 8 --strategy mix --json >aged.json
check_volume
cp "$image" again
spindle age other --seed 5 --days 25 --fill 88 --churn 8 --strategy mix >/dev/null
spindle age third --seed 6 --days 25 --fill 88 --churn 8 --strategy mix >/dev/null
fsck.spindle -f other >/dev/null # as check_volume did with the first
cmp "$image" other || fail "the same seed gives another volume"
! cmp -s "$image" third || fail "another seed gives the same volume"
python3 - <<'PYTHON'
import json
answer = json.load(open("aged.json"))
before, after = answer["layout"]
assert answer["days"] == 25 and answer["directory"] == "/aged" and answer["created"] > 50 and answer["deleted"] > 20, answer
assert before["files"] == 1 and before["fragmented_files"] == 0
assert after["files"] == 1 + answer["created"] - answer["deleted"], answer
assert after["fragmented_files"] > 10 and after["layout_score"] < before["layout_score"] and after["runs"] > after["files"]
assert 70 < after["used_percent"] < 95, after
assert sum(row["after"] for row in answer["free_runs"]) == after["free_runs"] > before["free_runs"]
PYTHON
rm other third

step "wrong input"
refuses "no such file" spindle age "$work/none"
head -c 1M /dev/zero >zeros
refuses "not a Spindle volume" spindle age zeros
refuses "is not one of" spindle age "$image" --strategy raid
refuses "--days" spindle age "$image" --days 0
refuses "neither on a mounted Spindle volume nor the image" spindle defrag zeros
refuses "neither on a mounted Spindle volume nor the image" spindle defrag "$work"
refuses "no such file" spindle defrag "$work/none"
refuses "PATH" spindle defrag

step "an image"
sums_of_image() { mount_volume; sums "$mnt" >"$1"; unmount_volume; }
sums_of_image sums.aged
spindle defrag -n --json "$image" >plan.json
spindle defrag --json --files "$image" >offline.json
check_volume
sums_of_image sums.after
cmp sums.aged sums.after || fail "another content"
[ "$(layout offline.json 1 runs)" -lt "$(layout offline.json 0 runs)" ] || fail "in no fewer runs"
expect "$(layout plan.json 0 runs)" "$(layout offline.json 0 runs)" "runs in the plan"
python3 - <<'PYTHON'
import json
moved = json.load(open("offline.json"))["moved"]
assert len(moved) > 10 and all(row["runs_after"] <= row["runs_before"] for row in moved), moved
PYTHON

step "a mount, with files that are open, mapped and written"
cp again "$image"
mount_volume allow_other,fit=first
cmp <(spindle map --runs "$mnt/mine/file") map.before || fail "the file that was there has moved"
[ "$(tr -d '\n' <"$mnt/.spindle/volume/defrag" | wc -w)" -ge 10 ] || fail "the control file has no titles"
python3 - "$mnt" <<'PYTHON' &
import mmap, os, random, sys
random.seed(3)
directory = sys.argv[1]
# These files are scattered, since another one grows beside each.
wanted = {}
for i in range(6):
    name = f"{directory}/written{i}"
    wanted[name] = bytearray()
    for _ in range(20):
        part = random.randbytes(5000)
        wanted[name] += part
        for path in (name, name + ".beside"):
            with open(path, "ab", buffering=0) as file:
                file.write(part)
                os.fsync(file.fileno())
open("scattered", "w").close()
mapped = open(f"{directory}/written0", "r+b")
view = mmap.mmap(mapped.fileno(), 0)
while not os.path.exists("defragmented"):
    name = random.choice(list(wanted))
    part = random.randbytes(random.randrange(1, 9000))
    at = random.randrange(len(wanted[name]) - len(part))
    wanted[name][at:at + len(part)] = part
    if name.endswith("0"):
        view[at:at + len(part)] = part
        view.flush()
    else:
        with open(name, "r+b", buffering=0) as file:
            file.seek(at)
            file.write(part)
    assert open(name, "rb").read() == wanted[name], name
view.close()
for name, content in wanted.items():
    assert open(name, "rb").read() == content, name
PYTHON
writer=$!
until [ -e scattered ] || ! is_alive $writer; do sleep 0.05; done
sums "$mnt/aged" >sums.aged
times() { find "$mnt/aged" -type f -printf '%P %C@ %T@ %b\n' | sort; }
times >times.before
spindle defrag --json --files "$mnt" >online.json
touch defragmented
wait $writer || fail "what was written meanwhile is not what it should be"
sums "$mnt/aged" | cmp - sums.aged || fail "another content"
times | cut -d ' ' -f 1-3 | cmp - <(cut -d ' ' -f 1-3 times.before) || fail "other times"
[ "$(layout online.json 1 runs)" -lt "$(layout online.json 0 runs)" ] || fail "in no fewer runs"
[ "$(layout online.json 1 longest_free_run_blocks)" -gt "$(layout online.json 0 longest_free_run_blocks)" ] ||
  fail "the free blocks have not come together"
expect "$(spindle map -r --json "$mnt/aged" | python3 -c 'import json, sys; print(sum(r["runs"] > 1 for r in json.load(sys.stdin)["layout"] if "/d" in r["path"] and r["path"].rsplit("/", 1)[1][0] == "f"))')" \
  "$(spindle defrag -n --json "$mnt/aged" | python3 -c 'import json, sys; print(json.load(sys.stdin)["layout"][0]["fragmented_files"])')" \
  "fragmented files in the words of map and of defrag"
[ "$(layout online.json 1 blocks)" = "$(layout online.json 0 blocks)" ] || fail "other blocks than before"
unmount_volume
check_volume

step "a mount that cannot be written"
spindle mount "$image" "$mnt" -o ro
refuses "Read-only file system" spindle defrag "$mnt"
spindle umount "$mnt"

step "an owner, and somebody else"
mount_volume allow_other,fit=first
if [ "$(id -u)" = 0 ]; then
  chmod 755 "$work"
  ordinary() { setpriv --reuid=65534 --regid=65534 --clear-groups "$@"; }
  mkdir -m 777 "$mnt/theirs"
  for i in $(seq 12); do
    for name in a b; do head -c 9000 /dev/urandom | ordinary tee -a "$mnt/theirs/$name" >/dev/null; sync "$mnt/theirs/$name"; done
  done
  ordinary chmod 444 "$mnt/theirs/a"
  ordinary "$(command -v spindle)" defrag "$mnt/theirs/a" >/dev/null || fail "an owner may not move his file"
  expect 1 "$(spindle map "$mnt/theirs/a" | awk '$1 == "runs" { print $2 }')" "runs of it"
  refuses "belongs to another user" ordinary "$(command -v spindle)" defrag "$mnt/mine/file"
fi
refuses "Invalid argument" bash -c "echo nonsense >$mnt/.spindle/volume/defrag"
refuses "not on the volume mounted at" spindle defrag "$mnt/mine" "$work"
unmount_volume

step "the daemon is killed in the midst of it"
runs_of() { spindle map -r --json "$mnt/aged" "$mnt/mine" | python3 -c 'import json, sys; print(json.dumps({r["path"]: r["runs"] for r in json.load(sys.stdin)["layout"]}))'; }
for wait in 0.1 0.3; do
  cp again "$image"
  mount_volume
  sums "$mnt" >sums.aged
  runs_of >runs.aged
  spindle defrag "$mnt" >/dev/null 2>&1 &
  defrag=$!
  sleep $wait
  kill -9 "$daemon"
  wait $defrag || true
  umount -l "$mnt" 2>/dev/null || fusermount3 -u -z "$mnt"
  mount_volume
  sums "$mnt" | cmp - sums.aged || fail "another content after $wait s"
  runs_of >runs.left
  python3 -c 'import json; was, left = (json.load(open(f"runs.{name}")) for name in ("aged", "left"))
assert was.keys() == left.keys() and sum(was.values()) > len(was)
worse = {path: (was[path], left[path]) for path in was if left[path] > was[path]}
assert not worse, worse' || fail "in more pieces after $wait s"
  unmount_volume
  check_volume
done
cp again "$image"
spindle defrag "$image" >/dev/null 2>&1 &
defrag=$!
sleep 0.2
kill -9 $defrag
wait $defrag || true
mount_volume
sums "$mnt" | cmp - sums.aged || fail "another content of the image"
step "paths too long for the kernel"
python3 - "$mnt" <<'PYTHON'
import os, subprocess, sys
def refused(folder):
    said = subprocess.run(["spindle", "defrag", folder], capture_output=True, text=True)
    assert said.returncode == 1 and "File name too long" in said.stderr, said
os.chdir(sys.argv[1])
for _ in range(20):
    os.mkdir("d" * 250)
    os.chdir("d" * 250)
open("file", "w").close()
refused(".")
refused(sys.argv[1])
PYTHON
unmount_volume
check_volume
step "done"
