#!/bin/bash
# `spindle watch`: on terminals of several sizes and kinds, with its keys; its output for programs; and how it ends.
. "$(dirname "$0")/library.sh"
# The interpreter that the packages of scripts/packages are for.
/usr/bin/python3 -c 'import pyte' 2>/dev/null || skip "python3-pyte is not there"
new_volume 64M -L watched
mount_volume disk=textbook,arm=look
control=$mnt/.spindle

step "what programs read"
mkdir "$mnt/d"
: >lines
spindle watch "$mnt" --json -i 0.2 >>lines &
watcher=$!
# Waits until it has written that many more lines.
wait_for_lines() {
  local wanted=$(($(wc -l <lines) + $1)) i
  for i in $(seq 1200); do [ "$(wc -l <lines)" -ge "$wanted" ] && return; sleep 0.05; done
  fail "the watcher writes no more lines: $(wc -l <lines)"
}
wait_for_lines 1
for i in $(seq 12); do head -c 200K /dev/urandom >"$mnt/d/busy" && sync "$mnt/d/busy"; done
wait_for_lines 2
kill $watcher
wait $watcher || true
sed -i '/}$/!d' lines  # the last one may be a part
spindle watch "$mnt" --once --json >once
python3 - lines once "$control" <<'PYTHON'
import json, sys
lines = [json.loads(line) for line in open(sys.argv[1])]
[once] = [json.loads(line) for line in open(sys.argv[2])]
assert len(lines) >= 3 and all(line["seconds"] > 0 for line in lines), lines
assert once["seconds"] is None
def total(key, *path):
    return sum(value[key] for value in (lines_at(line, path) for line in lines))
def lines_at(line, path):
    for name in path:
        line = line[name]
    return line
written = total("written_blocks", "disk")
assert 12 * 50 <= written <= once["disk"]["written_blocks"], (written, once["disk"])
for line in lines + [once]:
    assert line["volume"]["label"] == "watched" and line["arm"]["disk"] == "textbook", line
    cells = line["map"]["touched"]
    assert sum(cell["written_blocks"] for cell in cells) == line["disk"]["written_blocks"], line
    assert sum(cell["read_blocks"] for cell in cells) == line["disk"]["read_blocks"], line
    cache = line["cache"]
    assert cache["reads"] == cache["hits"] + cache["misses"], cache
    assert cache["reads"] == 0 or cache["hit_ratio"] == cache["hits"] / cache["reads"], cache
    for one in line["operations"]:
        assert 0 < one["p50_us"] <= one["p90_us"] <= one["p99_us"] <= one["longest_us"], one
    for move in line["arm"]["last_moves"]:
        assert all(0 <= move[name] < line["arm"]["cylinders"] for name in ("from", "to", "end")), move
busy = [file for line in lines for file in line["files"] if file["path"] == "/d/busy"]
assert busy and max(line["files"][0]["path"] == "/d/busy" for line in lines if line["files"]), lines
assert sum(file["written_bytes"] for file in busy) == 12 * 200 * 1024, busy
assert {"write", "fsync"} <= {one["operation"] for one in once["operations"]}, once["operations"]
# The kernel's requests to the volume, except the watcher's.
latency = json.load(open(sys.argv[3] + "/requests/latency.json"))
assert {one["operation"]: one["count"] for one in once["operations"]} == {one["operation"]: one["count"] for one in latency}
PYTHON

step "nobody is seen who only watches"
sync -f "$mnt"
before=$(cat "$control/requests/latency")
expect 5 "$(spindle watch "$mnt" --json -i 0.1 -n 5 | wc -l)" "the lines that were asked for"
expect "$before" "$(cat "$control/requests/latency")" "the requests after somebody has watched"

step "one snapshot"
# The arm goes far, so that its cylinder is a long number.
head -c 30M /dev/zero >"$mnt/d/far" && sync -f "$mnt"
echo 1 >"$control/cache/drop"
dd if="$mnt/d/far" iflag=direct bs=4K skip=7600 count=1 of=/dev/null status=none
COLUMNS=100 LC_ALL=C spindle watch "$mnt" --once >shown
! LC_ALL=C grep -q '[^ -~]' shown || fail "no ASCII where that is asked for"
for word in "Arm: look" "to a letter (" "Cache: lru" "Busiest files" "Latency of requests" /d/busy fsync; do
  grep -qF -- "$word" shown || fail "the snapshot has no '$word': $(cat shown)"
done
expect "" "$(awk 'length > 100' shown)" "lines that are too long"
expect "$(tail -n 1 "$control/disk/moves" | awk '{ print $8 }')" "$(awk '/^last to/ { print $3 }' shown)" "where the arm went last"

step "at a terminal"
/usr/bin/python3 "$(dirname "$0")/watch_terminal.py" "$image" "$mnt"

step "wrong input"
is_mounted "$mnt" && fail "the terminal's test should have unmounted"
refuses "no Spindle volume" spindle watch "$mnt"
refuses "no Spindle volume" spindle watch "$work" --json
mount_volume
refuses "not a terminal" spindle watch "$mnt"
refuses "interval" spindle watch "$mnt" -i 0
refuses "requires" spindle watch "$mnt" -n 3
refuses "cannot be written" bash -c "spindle watch $mnt --json -i 0.1 -n 2 >/dev/full"
rm -f lines # of the step before, which would be taken for what the watcher says now
spindle watch "$mnt" --json -i 0.1 >lines 2>said &
watcher=$!
for i in $(seq 1200); do [ -s lines ] && break; sleep 0.05; done
unmount_volume
! wait $watcher || fail "the mount is gone, and the watcher says that all is well"
grep -q "no longer mounted" said || fail "it does not say that the mount is gone: $(cat said)"
check_volume

step "a mount that may not be looked at, and one without a daemon"
if [ "$(id -u)" = 0 ]; then
  chmod 755 "$work"
  mount_volume
  refuses "allow_other" setpriv --reuid=65534 --regid=65534 --clear-groups spindle watch "$mnt" --once
  unmount_volume
fi
mount_volume
kill -9 "$daemon"
for i in $(seq 1200); do is_alive "$daemon" || break; sleep 0.05; done
refuses "its daemon is gone" spindle watch "$mnt" --once
refuses "its daemon is gone" spindle trace "$mnt"
spindle umount "$mnt"
step "done"
