#!/bin/bash
# The event trace: each request with all that happened for it, through the files and the command; in each form,
# filtered, and live; and nothing while it is off.
. "$(dirname "$0")/library.sh"
new_volume 64M
mount_volume disk=7200rpm
control=$mnt/.spindle

# A request from the call to the arm, and its answer.
follow_one_write() {
  step "a write and its fsync"
  : >"$mnt/first"
  sync "$mnt/first"                                 # flushes the mark of the mount, too
  spindle trace "$mnt" --json -- sh -c "mkdir $mnt/d && head -c 20000 /dev/zero >$mnt/d/file && sync $mnt/d/file" >events
  python3 - events <<'PYTHON'
import json, sys
events = [json.loads(line) for line in open(sys.argv[1])]
by_request = {}
for event in events:
    by_request.setdefault(event["request"], []).append(event)
assert [e["number"] for e in events] == sorted(e["number"] for e in events)
def the(operation, path):
    found = [r for r in by_request.values() if r[0].get("operation") == operation and r[0].get("path") == path]
    assert len(found) == 1, (operation, path, found)
    return found[0]
for request in by_request.values():
    assert request[0]["event"] in ("request", "task"), request
    assert [e["at_ns"] for e in request] == sorted(e["at_ns"] for e in request)
create = the("create", "/d/file")
write = the("write", "/d/file")
assert (write[0]["offset"], write[0]["size_bytes"]) == (0, 20000), write
kinds = [event["event"] for event in write]
assert kinds.index("begin") < kinds.index("map") < kinds.index("allocate") < kinds.index("commit") < kinds.index("reply"), kinds
allocated = next(event for event in write if event["event"] == "allocate")
assert (allocated["strategy"], allocated["file_block"], allocated["blocks"]) == ("extent", 0, 5), allocated
assert next(e for e in write if e["event"] == "blank")["block"] == allocated["block"], write
fsync = the("fsync", "/d/file")
assert write[0]["inode"] == fsync[0]["inode"] == allocated["inode"]
epoch = next(event for event in fsync if event["event"] == "wait_epoch")["epoch"]
commit = next(r for r in by_request.values() if r[0].get("what") == "commit" and r[0]["epoch"] == epoch)
kinds = [event["event"] for event in commit]
assert kinds.index("log") < kinds.index("queue") < kinds.index("serve") < kinds.index("flush") < kinds.index("durable"), kinds
serve = next(event for event in commit if event["event"] == "serve")
assert serve["cylinders"] >= abs(serve["to"] - serve["from"]) and serve["transfer_ns"] > 0, serve
durable = next(event for event in commit if event["event"] == "durable")
assert fsync[0]["at_ns"] < commit[0]["at_ns"] < durable["at_ns"] < fsync[-1]["at_ns"]
assert all(event["error"] == 0 for event in (create[-1], write[-1], fsync[-1]))
PYTHON
  expect off "$(grep -o '\[[^]]*\]' "$control/trace_on" | tr -d '[]')" "the trace after the command"
}

filter_them() {
  step "filters and forms"
  expect "/d/file" "$(spindle trace "$mnt" --json --op write | python3 -c '
import json, sys
events = [json.loads(line) for line in sys.stdin]
print(*{e["path"] for e in events if e["event"] == "request" and e["operation"] == "write"})')" "the paths written"
  spindle trace "$mnt" --op fsync --path '/d/*' >tree
  grep -q 'fsync /d/file, inode [0-9]*, by process [0-9]' tree || fail "the tree has no fsync: $(cat tree)"
  grep -q 'commit of epoch' tree || fail "the commit does not stand below who waits for it"
  grep -qE 'arm (moves|stays).*seek .*rotation .*transfer' tree || fail "the arm is missing: $(cat tree)"
  ! grep -q 'mkdir' tree || fail "the filter lets others pass"
  LC_ALL=C spindle trace "$mnt" --op fsync | LC_ALL=C grep -q '[^ -~]' && fail "no ASCII where that is asked for"
  expect "" "$(spindle trace "$mnt" --pid 999999999 2>said)" "requests of nobody"
  grep -q "No request" said || fail "nothing is said where nothing matches"
  spindle trace "$mnt" --chrome chrome.json
  python3 - chrome.json <<'PYTHON'
import json, sys
events = json.load(open(sys.argv[1]))["traceEvents"]
spans = [e for e in events if e["ph"] == "X"]
assert any(e["name"] == "fsync /d/file" for e in spans) and any(e["name"] == "rotation" for e in spans)
assert all(e["dur"] >= 0 for e in spans)
rows = {}
for e in sorted(spans, key=lambda e: e["ts"]):
    key = e["pid"], e["tid"]
    assert e["ts"] + 0.002 >= rows.get(key, 0), ("spans overlap", e)
    rows[key] = e["ts"] + e["dur"]
PYTHON
}

# The reader sees requests as they end; a slow or killed one harms nobody.
follow_live() {
  step "live"
  spindle trace "$mnt" --follow --op create >live &
  local reader=$! i
  for i in $(seq 1200); do grep -qF '[on]' "$control/trace_on" && break; sleep 0.05; done
  touch "$mnt/seen-live"
  for i in $(seq 1200); do grep -q 'create /seen-live' live && break; sleep 0.05; done
  grep -q 'create /seen-live' live || fail "the live trace does not show what happens"
  kill -INT $reader
  wait $reader || fail "an interrupted reader fails"
  grep -qF '[off]' "$control/trace_on" || fail "the trace stays on"
  echo 1 >"$control/trace_on"
  cat "$control/trace_pipe" >pipe &
  reader=$!
  for i in $(seq 1200); do
    touch "$mnt/piped-$i"
    grep -q 'fuse request create /piped-' pipe && break
    sleep 0.05
  done
  kill $reader
  wait $reader || true
  grep -q 'fuse request create /piped-' pipe || fail "trace_pipe shows nothing"
  echo 0 >"$control/trace_on"
}

# Requests about two names show both, and are found by each.
tell_both_names() {
  step "renames, links and copies"
  spindle trace "$mnt" --json -- sh -c "
    head -c 9000 /dev/zero >$mnt/one; mv $mnt/one $mnt/d/two; ln -s d/two $mnt/four
    python3 -c 'import os; os.copy_file_range(os.open(\"$mnt/d/two\", 0), os.open(\"$mnt/five\", 65), 9000)'
    ln $mnt/d/two $mnt/three" >events
  spindle trace "$mnt" --path '/d/two' >tree
  local line
  for line in "rename2\{0,1\} /one to /d/two, in inode 1," "link /three to /d/two, in inode 1," \
    "copy_file_range /d/two to /five, inode [0-9]*, 9000 bytes at 0,"; do
    grep -q "$line" tree || fail "the tree has no '$line': $(cat tree)"
  done
  expect 1 "$(spindle trace "$mnt" --op rename | grep -c '/one to /d/two')" "renames, by whatever name"
  spindle trace "$mnt" --op symlink >tree
  grep -q "symlink /four to d/two, in inode 1," tree || fail "the symbolic link's target: $(cat tree)"
  expect "" "$(spindle trace "$mnt" --op symlink --path '/one' 2>/dev/null)" "links that lead elsewhere"
  spindle trace "$mnt" --op symlink -- ln -s $'a\nb' "$mnt/"$'c\td' >tree
  grep -qF 'symlink /c\x09d to a\x0ab, in inode 1' tree || fail "names with control characters: $(cat tree)"
  expect 2 "$(grep -cE 'fuse (request symlink /c\\x09d|target a\\x0ab) inode=' "$control/trace")" "lines of the trace with them"
}

# A reader that is too late is told how much is gone.
lose_events() {
  step "a ring that is too small"
  echo 20 >"$control/trace_size"
  echo 1 >"$control/trace_on"
  local pipe lines first
  for pipe in trace_pipe trace_pipe.jsonl; do
    exec {lines}<"$control/$pipe"
    for _ in $(seq 20); do touch "$mnt/late"; done
    read -r first <&"$lines"
    exec {lines}<&-
    case $first in
    *' trace lost events='* | *'"event":"lost","events":'*) ;;
    *) fail "$pipe hides that events are lost: $first" ;;
    esac
  done
  echo 0 >"$control/trace_on"
}

bound_it() {
  step "size, and wrong input"
  spindle trace "$mnt" --op create --json -- sh -c "touch $mnt/by-option" >events
  grep -q '/by-option' events || fail "a command behind a list of operations is not traced"
  spindle trace "$mnt" --size 10 --json -- find "$mnt" >events 2>said
  grep -q "older events are lost" said || fail "nobody says that events are lost: $(cat said)"
  python3 - "$control/trace.json" <<'PYTHON' || fail "what is kept, and what is lost"
import json, sys
lost, *kept = json.load(open(sys.argv[1]))
assert lost["event"] == "lost" and lost["events"] > 0 and len(kept) == 10, (lost, len(kept))
assert lost["number"] + 1 == kept[0]["number"], (lost, kept[0])
PYTHON
  grep -q ' trace lost events=' "$control/trace" || fail "the text does not say that events are lost"
  touch "$mnt/not-seen"
  ! grep -q not-seen "$control/trace" || fail "it is traced while it is off"
  refuses "no Spindle volume" spindle trace "$work"
  refuses "nothing is traced" sh -c "echo 1 >$control/reset; spindle trace $mnt"
  refuses "could not be run" spindle trace "$mnt" -- /nonexistent
  refuses "" spindle trace "$mnt" --size 0
  refuses "--op: 'nonsense'" spindle trace "$mnt" --op nonsense
  refuses "excludes" spindle trace "$mnt" --follow -- true
  refuses "excludes" spindle trace "$mnt" --follow --chrome file
  for value in 0 -1 many 99999999; do refuses "Invalid argument" bash -c "echo $value >$control/trace_size"; done
  local status=0
  spindle trace "$mnt" -- sh -c 'exit 7' >/dev/null 2>&1 || status=$?
  expect 7 "$status" "the command's own status"
}

follow_one_write
filter_them
tell_both_names
follow_live
lose_events
bound_it
unmount_volume
check_volume
step "done"
