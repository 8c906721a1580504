#!/bin/bash
# `spindle picture` of a mount, of a recording and of a block trace: each picture is well formed, nothing overlaps, and
# it shows what the control files say; as PNG, too; with much, little and nothing to draw.
svg=$(realpath "$(dirname "$0")/../cli/svg.py")
. "$(dirname "$0")/library.sh"
new_volume 64M
mount_volume noatime,disk=textbook,arm=sstf,cache=1M
seed=${SEED:-$RANDOM}
echo "seed $seed"

step "nothing has happened yet"
echo 1 >"$mnt/.spindle/reset"
spindle picture "$mnt" --all none >said 2>&1 || fail "$(cat said)"
for name in seeks responses arm hits; do [ -s "none/$name.png" ] || fail "$name is not drawn: $(cat said)"; done
python3 "$svg" none/seeks.svg "'Nothing has been counted.' in words"
python3 "$svg" none/arm.svg "'The arm has not moved.' in words"
python3 "$svg" none/hits.svg "'Nothing has been read.' in words"

step "many files, read by eight programs"
printf "%.0s$seed" $(seq 20000) >random
mkdir "$mnt/files"
for i in $(seq 40); do head -c 60000 /dev/zero >"$mnt/files/$i"; done
sync -f "$mnt"
echo 1 >"$mnt/.spindle/journal/commit"
echo 1 >"$mnt/.spindle/reset"
for round in 1 2; do
  find "$mnt/files" -type f | shuf --random-source=random |
    xargs -P 8 -I{} dd if={} of=/dev/null bs=4096 iflag=direct status=none
done

# Any write or read between them would make pictures and counters differ.
copy_counters() {
  mkdir -p "$1"
  for name in disk/statistics disk/whatif cache/statistics; do
    cp "$mnt/.spindle/$name.json" "$1/$(dirname "$name")-$(basename "$name").json"
  done
}
for attempt in $(seq 100); do
  copy_counters before
  spindle picture "$mnt" --all all >said 2>&1 || fail "$(cat said)"
  copy_counters after
  ! diff -r before after >/dev/null || break
done
mv after/disk-statistics.json disk.json
mv after/disk-whatif.json whatif.json
mv after/cache-statistics.json cache.json
[ "$(ls all | wc -l)" = 30 ] || fail "not ten pictures in three forms: $(ls all)"

# counts of a histogram stand in its tooltips: "to 20: 7"
python3 "$svg" all/seeks.svg \
  "sum(int(t.split(': ')[1]) for t in tips) == j['services'] == sum(r['services'] for r in j['seek_distances']) > 0
   and j['arm_movement_cylinders'] == disk['arm_movement_cylinders']
   and {'seek distance (cylinders, up to)', 'services'} <= set(words)" j=all/seeks.json disk=disk.json
python3 "$svg" all/responses.svg \
  "sum(int(t.split(': ')[1]) for t in tips) == sum(r['requests'] for r in j['response_times']) == disk['requests'] > 0
   and j['percentiles_ns']['p90'] == disk['p90_response_ns'] and any(w.startswith('90 % are done') for w in words)" \
  j=all/responses.json disk=disk.json
python3 "$svg" all/arm.svg \
  "sum(r['cylinders'] for r in j['history']) == disk['arm_movement_cylinders'] and j['cylinders'] == 200
   and len(of('circle')) >= min(len(j['moves']), 150) > 100
   and any('arm sstf' in w and 'textbook' in w for w in words)" j=all/arm.json disk=disk.json
python3 "$svg" all/hits.svg \
  "j['reads'] == cache['reads'] and j['hits'] == cache['hits'] and 'hits (% of reads)' in words and len(of('polyline')) == 2" \
  j=all/hits.json cache=cache.json
python3 "$svg" all/policies.svg \
  "[p['policy'] for p in j['policies']] == [p['policy'] for p in whatif] and 'sstf (in use)' in words
   and len(of('polyline')) == len(whatif) == len({m['policy'] for m in j['moves']})
   and [p['arm_movement_cylinders'] for p in j['policies'] if p['in_use']] == [disk['arm_movement_cylinders']]" \
  j=all/policies.json whatif=whatif.json disk=disk.json
python3 "$svg" all/journal.svg \
  "j['statistics']['head_block'] == j['head_block'] and j['tail_block'] == j['statistics']['tail_block']
   and sum(e['blocks'] for e in j['entries'] if e['state'] == 'needed') == (j['head_block'] - j['tail_block']) % j['blocks'] > 0
   and len(tips) == len(j['entries']) and {'tail', 'head'} <= set(words)" j=all/journal.json
python3 "$svg" all/blocks-by-pieces.svg "len(of('rect')) > 1000 and any('files in one piece' == w for w in words)"
python3 - all <<'PYTHON'
import glob, math, struct, sys, xml.etree.ElementTree as tree, zlib
for path in glob.glob(sys.argv[1] + "/*.svg"):
    root = tree.parse(path).getroot()
    data = open(path[:-3] + "png", "rb").read()
    assert data[:8] == b"\x89PNG\r\n\x1a\n", path
    size = struct.unpack(">II", data[16:24])
    assert size == tuple(math.ceil(2 * float(root.get(side))) for side in ("width", "height")), (path, size)
    pixels, at = b"", 8
    while at < len(data):
        length, kind = struct.unpack(">I4s", data[at:at + 8])
        pixels += data[at + 8:at + 8 + length] if kind == b"IDAT" else b""
        at += 12 + length
    raw = zlib.decompress(pixels)
    assert len(set(raw[::97])) > 3, f"{path} is empty"
PYTHON

step "the journal, checkpointed"
is_checkpointed() {
  echo 1 >"$mnt/.spindle/journal/checkpoint"
  spindle picture "$mnt" --kind journal --svg ring.svg
  spindle picture "$mnt" --kind journal --json >ring.json
  python3 -c 'import json, sys; assert {e["state"] for e in json.load(sys.stdin)["entries"]} == {"checkpointed"}' <ring.json &&
    python3 "$svg" ring.svg "'head and tail' in words"
}
# Earlier writes may be committed between the two.
for try in $(seq 100); do is_checkpointed 2>said && break; done
is_checkpointed || fail "the journal's ring does not come to rest: $(cat ring.json)"

step "as text"
for kind in blocks arm seeks responses hits journal policies; do
  spindle picture "$mnt" --kind $kind >text || fail "$kind is not shown"
  [ "$(wc -l <text)" -gt 4 ] || fail "$kind shows nothing: $(cat text)"
  ! LC_ALL=C spindle picture "$mnt" --kind $kind | LC_ALL=C grep -q '[^ -~]' || fail "$kind is not plain where it has to be"
done

step "a recording, and a block trace"
spindle record "$mnt" work.rec -- sh -c "for i in \$(seq 30); do head -c 50000 /dev/zero >$mnt/new\$i; done; sync -f $mnt" 2>/dev/null
echo none >"$mnt/.spindle/disk/model"
refuses "takes no time" spindle picture "$mnt" --kind arm
spindle picture "$mnt" --kind hits >/dev/null || fail "a disk without time has a cache all the same"
unmount_volume
for kind in arm hits policies; do
  spindle picture work.rec --kind $kind --arm fcfs --disk 15000rpm --json >first.json
  spindle picture work.rec --kind $kind --arm fcfs --disk 15000rpm --json >second.json
  sed 's/"end_ms": [0-9.]*/"end_ms": 0/' first.json >first
  sed 's/"end_ms": [0-9.]*/"end_ms": 0/' second.json | cmp -s first - || fail "$kind of a recording differs from time to time"
done
spindle picture work.rec --svg recorded.svg
python3 "$svg" recorded.svg "any('Played again' in w for w in words)"
python3 - "$seed" >stream.trace <<'PYTHON'
import random, sys
random.seed(int(sys.argv[1]))
for i in range(3000):
    print(f"{i * 0.5:.3f} 0 {random.randrange(1 << 24) // 8 * 8} {random.choice((8, 16, 64))} {random.randrange(2)}")
PYTHON
spindle picture stream.trace --kind policies --arm look --depth 16 --json >policies.json
spindle picture stream.trace --svg traced.svg
python3 "$svg" traced.svg "'all 3000 services' in words"
# The same requests at the same depth give the same path.
spindle disk --trace stream.trace --all --disk 7200rpm --depth 16 --json >replayed.json
python3 - <<'PYTHON'
import json
drawn = {row["policy"]: row for row in json.load(open("policies.json"))["policies"]}
for row in json.load(open("replayed.json"))["policies"]:
    mine = drawn[row["policy"]]
    assert mine["arm_movement_cylinders"] == row["movement"], (mine, row)
    assert abs(mine["seek_ms"] - row["seek_ns"] / 1e6) < 0.001, (mine, row)
PYTHON

step "an arm that is not watched"
new_volume 32M
mount_volume
echo off >"$mnt/.spindle/disk/watch"
head -c 1M /dev/zero >"$mnt/file"
sync "$mnt/file"
refuses "echo on > MOUNT/.spindle/disk/watch" spindle picture "$mnt" --kind arm
refuses "not watched" spindle picture "$mnt" --kind policies
spindle picture "$mnt" --kind seeks >text
unmount_volume

step "a part of a volume"
spindle picture "$image" --json >whole.json
spindle picture "$image" --blocks 300-4395 --json >part.json
spindle picture "$image" --blocks 300-4395 --svg part.svg
python3 "$svg" part.svg "'300' in words and '428' in words"
python3 - <<'PYTHON'
import json
whole, part = (json.load(open(name)) for name in ("whole.json", "part.json"))
assert whole["blocks_per_cell"] == 4 and part["blocks_per_cell"] == 2, (whole["blocks_per_cell"], part["blocks_per_cell"])
def in_use(picture):
    return sum(c["blocks_in_use"] for c in picture["cells"] if 300 <= c["block"] < 4396)
assert part["cells"][0]["block"] == 300 and part["cells"][-1]["block"] == 4394
assert in_use(part) == in_use(whole) > 256, (in_use(part), in_use(whole))
PYTHON
grep -q 'A .*/file *256 *blocks' <(spindle picture "$image" --blocks 300-4395 --by file) || fail "a file in the part has no name"
! grep -q '/file' <(spindle picture "$image" --blocks 4096-8191 --by file) || fail "a file elsewhere has a name"
for wrong in 5 5- -5 9-5 0-8192 x-y; do refuses "not FIRST-LAST within 0-8191" spindle picture "$image" --blocks=$wrong; done

step "a log of which hardly anything is in use"
truncate -s 64G large
mkfs.spindle -q large
image=$work/large mount_volume
echo 1 >"$mnt/file"
echo 1 >"$mnt/.spindle/journal/commit"
spindle picture "$mnt" --kind journal --svg ring.svg
python3 "$svg" ring.svg "any('tail' in word for word in words)"
mv large moved
mkfs.spindle -q large 1M
refuses "not the volume that is mounted" spindle picture "$mnt" --kind blocks
mv moved large
unmount_volume
rm large

step "an image, and wrong input"
spindle picture "$image" --kind journal >text
grep -q 'head and tail' text || fail "an unmounted volume has something in its log: $(cat text)"
spindle picture "$image" --all of_image >said
expect 15 "$(ls of_image | wc -l)" "pictures of an image"
refuses "has moved" spindle picture "$image" --kind arm
refuses "has no blocks" spindle picture work.rec --kind blocks
refuses "has no cache" spindle picture stream.trace --kind hits
refuses "only for --kind blocks" spindle picture "$image" --kind journal --by file
refuses "only for --kind blocks" spindle picture "$image" --kind journal --blocks 0-9
refuses "--kind" spindle picture "$image" --kind art
refuses "--arm" spindle picture stream.trace --arm nobody
refuses "--depth is only for a block trace" spindle picture "$image" --depth 3
refuses "cannot be written" spindle picture "$image" --png /nonexistent/file
refuses "standard output cannot be written (No space left on device)" bash -c "spindle picture $image --json >/dev/full"
refuses "standard output cannot be written (No space left on device)" bash -c "spindle map --help >/dev/full"
step "done"
