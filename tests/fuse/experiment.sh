#!/bin/bash
# `spindle experiment`: reset, run, report; what it says is what the counters say, the shadows of the policies in use agree
# with them, and the pictures show the figures.
. "$(dirname "$0")/library.sh"
new_volume 64M
# The cache is so small that the shadows look at every block.
mount_volume disk=textbook,cache=1M,arm=sstf,cache-policy=arc
mkdir "$mnt/files"
for i in $(seq 60); do head -c 20000 /dev/zero >"$mnt/files/$i"; done
unmount_volume
# Afterwards no block is dirty or held by the journal, which a shadow would not know.
mount_volume noatime,disk=textbook,cache=1M,arm=sstf,cache-policy=arc

figures() {
  step "the figures"
  # Reads past the kernel's cache, so that every run asks the volume.
  spindle experiment "$mnt" --json -- sh -c "for i in 1 2 3; do
    ls $mnt/files/* | xargs -P 4 -I{} dd if={} of=/dev/null bs=4096 iflag=direct status=none; done" >figures.json
  python3 - figures.json <<'PYTHON'
import json, sys
found = json.load(open(sys.argv[1]))
assert found["status"] == 0 and found["elapsed_ns"] > 0 and found["command"][0] == "sh"
assert found["settings"] == {"disk": "textbook", "arm": "sstf", "cache_policy": "arc", "fit": "near"}, found["settings"]
disk, cache = found["disk"], found["cache"]
arms = {row["policy"]: row for row in found["arms"]}
assert [name for name, row in arms.items() if row["in_use"]] == ["sstf"]
assert disk["read_requests"] > 0 and cache["reads"] > 900, (disk, cache)
for field in "requests", "arm_movement_cylinders", "arm_moves":
    assert arms["sstf"][field] == disk[field], (field, arms["sstf"], disk)
assert arms["fcfs"]["arm_movement_cylinders"] >= 0 and len(arms) >= 11
replacements = {row["policy"]: row for row in found["replacements"]}
assert [name for name, row in replacements.items() if row["in_use"]] == ["arc"]
arc = replacements["arc"]
assert arc["sampled_one_in"] == 1 and arc["basis"] == "counted", (arc, cache)
for row in replacements.values():
    assert row["reads"] == cache["reads"] and row["error"] == 0 and row["basis"] == ("counted" if row is arc else "simulated"), row
assert arc["hit_ratio"] == cache["hit_ratio"], (arc, cache)
# They agree exactly, unless one of the four had to wait until any block could be evicted.
assert abs(arc["shadow_hit_ratio"] - cache["hit_ratio"]) <= 4 / cache["reads"], (arc, cache)
curve = found["lru_curve"]
assert [p["capacity_blocks"] for p in curve] == sorted(p["capacity_blocks"] for p in curve)
assert [p["hit_ratio"] for p in curve] == sorted(p["hit_ratio"] for p in curve)
def lru_at(blocks):
    return max([p["hit_ratio"] for p in curve if p["capacity_blocks"] <= blocks], default=0)
lru, size = replacements["lru"], cache["capacity_blocks"]
for blocks, column in (size // 2, "at_half_size"), (size, "hit_ratio"), (2 * size, "at_double_size"):
    assert abs(lru_at(blocks) - lru[column]) < 0.02, (blocks, lru, curve)
PYTHON
}

pictures() {
  step "the reports"
  spindle experiment "$mnt" --cold --svg page.svg --html page.html -- sh -c "cat $mnt/files/*" >text 2>said
  grep -q '(in use)' text || fail "the policy in use is not marked: $(cat text)"
  grep -qE 'disk time than|would have been faster|nothing to do' text || fail "there is no conclusion: $(cat text)"
  python3 - page.svg page.html <<'PYTHON'
import sys, xml.etree.ElementTree as tree
from html.parser import HTMLParser
root = tree.parse(sys.argv[1]).getroot()
texts = ["".join(e.itertext()) for e in root.iter("{http://www.w3.org/2000/svg}text")]
assert "sstf (in use)" in texts and "arc (in use)" in texts and "disk time (ms)" in texts, texts
pictures = [e for e in root if e.tag.endswith("svg")]
bottom = 0
for picture in pictures:  # nothing overlaps, nothing is cut off
    assert float(picture.get("y")) >= bottom
    bottom = float(picture.get("y")) + float(picture.get("height"))
    assert float(picture.get("width")) <= float(root.get("width"))
assert len(pictures) >= 2 and bottom <= float(root.get("height"))
class Counter(HTMLParser):
    tags = {}
    def handle_starttag(self, tag, attributes):
        self.tags[tag] = self.tags.get(tag, 0) + 1
        assert not any(name in ("src", "href") for name, _ in attributes), "it needs something from elsewhere"
counter = Counter()
counter.feed(open(sys.argv[2]).read())
assert counter.tags["table"] >= 3 and counter.tags["svg"] >= 8, counter.tags
PYTHON
}

# There was no fsync and no commit: what the command left in memory must have reached the disk all the same.
just_written() {
  step "what was just written counts"
  spindle experiment "$mnt" --json -- true $'odd\xff' | python3 -m json.tool >/dev/null || fail "a word of any bytes"
  spindle experiment "$mnt" --json -- sh -c "head -c 200000 /dev/urandom >$mnt/fresh
    printf again | dd of=$mnt/files/1 conv=notrunc status=none" >fresh.json
  expect 0 "$(fact cache dirty_blocks)" "dirty blocks"
  expect 0 "$(fact journal blocks_to_checkpoint)" "blocks that are not home"
  python3 -c 'import json; assert json.load(open("fresh.json"))["disk"]["written_blocks"] > 50' || fail "the figures are without it"
  local before after
  before=$(free_in_picture)
  head -c 400000 /dev/urandom >"$mnt/fresher"
  after=$(free_in_picture)
  [ $((before - after)) -ge 98 ] || fail "the picture is without it: $before free blocks, then $after"
}
free_in_picture() {
  spindle picture "$mnt" --json |
    python3 -c 'import json, sys; print(sum(k["blocks"] for k in json.load(sys.stdin)["kinds"] if k["name"] == "free"))'
}

# No line is broken at the terminal's edge: a table that is too wide is printed in parts.
narrow_terminal() {
  step "a narrow terminal"
  python3 - "$mnt" <<'PYTHON'
import fcntl, os, pty, struct, sys, termios
mount = sys.argv[1]
process, terminal = pty.fork()
if process == 0:
    fcntl.ioctl(1, termios.TIOCSWINSZ, struct.pack("HHHH", 24, 60, 0, 0))
    os.execvp("spindle", ["spindle", "experiment", mount, "--cold", "--", "md5sum", f"{mount}/files/1"])
text = b""
try:
    while part := os.read(terminal, 65536):
        text += part
except OSError:  # the other end is closed
    pass
assert os.waitstatus_to_exitcode(os.waitpid(process, 0)[1]) == 0, text
lines = text[text.index(b"took "):].decode().splitlines()
assert max(map(len, lines)) <= 60, [line for line in lines if len(line) > 60]
assert sum(line.startswith("arm policy") for line in lines) > 1, lines
PYTHON
}

wrong_input() {
  step "wrong input, and switched off"
  unmount_volume
  mount_volume disk=textbook,cache=1M
  local status=0
  spindle experiment "$mnt" -- sh -c 'exit 3' >/dev/null || status=$?
  expect 3 "$status" "the command's own status"
  spindle experiment "$mnt" --svg idle.svg -- true >text
  grep -q "The disk had nothing to do" idle.svg || fail "a page without pictures does not say why: $(cat idle.svg)"
  grep -q "^The cache: 0 reads; 0 evictions" text || fail "a share of no reads: $(cat text)"
  spindle experiment "$mnt" -- touch "$mnt/files/1" >text
  grep -q "^The journal: 1 transaction in 1 group commit, " text || fail "one of them is no several: $(cat text)"
  refuses "no Spindle volume" spindle experiment "$work" -- true
  refuses "COMMAND" spindle experiment "$mnt"
  refuses "could not be run" spindle experiment "$mnt" -- /nonexistent
  refuses "cannot be written" spindle experiment "$mnt" --svg /nonexistent/file -- true
  echo off >"$mnt/.spindle/disk/watch"
  echo off >"$mnt/.spindle/cache/watch"
  spindle experiment "$mnt" --json -- md5sum "$mnt/files/1" >off.json 2>/dev/null
  python3 -c 'import json; off = json.load(open("off.json")); assert not off["arms"] + off["replacements"] + off["lru_curve"]' ||
    fail "shadows that are switched off say something"
  spindle experiment "$mnt" --svg page.svg --html page.html -- cat "$mnt/files/2" >text 2>/dev/null
  grep -q "disk/watch is off.*cache/watch is off" text || fail "nothing is said of it: $(cat text)"
  echo on >"$mnt/.spindle/cache/watch"
  unmount_volume

  step "nothing was read yet"
  mount_volume noatime,disk=textbook
  echo 1 >"$mnt/.spindle/reset"
  grep -q '"hit_ratio": null' "$mnt/.spindle/cache/whatif.json" || fail "a ratio of nothing: $(fact cache whatif)"
  awk '$1 == "lru" { exit $3 != "-" }' "$mnt/.spindle/cache/whatif" || fail "a ratio of nothing: $(fact cache whatif)"

  step "a small experiment in a large cache looks at every block"
  spindle experiment "$mnt" --cold --json -- sh -c "cat $mnt/files/*; cp -r $mnt/files $mnt/more; rm -r $mnt/more" >small.json 2>said
  python3 - small.json <<'PYTHON'
import json, sys
found = json.load(open(sys.argv[1]))
cache, rows = found["cache"], found["replacements"]
assert cache["reads"] > 500 and cache["evictions"] == 0, cache
for row in rows:  # where nothing has to go all policies are one
    assert row["sampled_one_in"] == 1 and row["error"] == 0 and row["reads"] == cache["reads"], (row, cache)
    assert row["hit_ratio"] == row["shadow_hit_ratio"] == cache["hit_ratio"], (row, cache)
PYTHON
}

figures
pictures
narrow_terminal
just_written
wrong_input
unmount_volume
check_volume
step "done"
