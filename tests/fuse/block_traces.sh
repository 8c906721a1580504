#!/bin/bash
# What the disk has served, as block traces: blkparse, btt and iowatcher of blktrace read them, and so do we.
. "$(dirname "$0")/library.sh"
for program in blkparse btt iowatcher; do command -v $program >/dev/null || skip "there is no $program"; done
new_volume 64M
mount_volume disk=7200rpm
for i in $(seq 50); do head -c 50000 /dev/zero >"$mnt/$i"; done
sync -f "$mnt"
echo 1 >"$mnt/.spindle/cache/drop"
spindle trace "$mnt" --blktrace run --fio run.fio --disksim run.disksim --json -- \
  sh -c "ls $mnt/* | xargs -P 4 -I{} dd if={} of=/dev/null bs=50000 iflag=direct status=none; touch $mnt/new; sync $mnt/new" >events
grep -c '"event":"serve"' events >served
step "$(cat served) requests"
[ "$(cat served)" -gt 40 ] || fail "too little was served"

blkparse -i run -d run.bin >run.txt 2>&1
expect "$(cat served)" "$(grep -cE '^ *8,0 +0 .* Q +[RW]' run.txt)" "requests queued, as blkparse says"
expect "$(cat served)" "$(grep -cE '^ *8,0 +0 .* C +[RW]' run.txt)" "requests completed, as blkparse says"
btt -i run.bin >run.btt 2>&1
awk '$1 == "D2C" && $3 > 0 && $4 > 0 { found = 1 } END { exit !found }' run.btt || fail "btt knows no service time: $(cat run.btt)"
python3 - events run.btt <<'PYTHON'
import json, sys
serves = [e for e in map(json.loads, open(sys.argv[1])) if e["event"] == "serve"]
mean = sum(e["seek_ns"] + e["rotation_ns"] + e["transfer_ns"] for e in serves) / len(serves) / 1e9
told = next(line.split() for line in open(sys.argv[2]) if line.startswith("D2C"))
assert abs(float(told[2]) - mean) < 1e-6 and int(told[4]) == len(serves), (told, mean, len(serves))
PYTHON
iowatcher -t run -o run.svg >iowatcher.txt 2>&1 || fail "iowatcher: $(cat iowatcher.txt)"
grep -q '<svg' run.svg || fail "iowatcher draws nothing"

if command -v fio >/dev/null; then
  truncate -s 64M scratch
  fio --name=again --read_iolog=run.fio --replay_redirect="$work/scratch" --replay_no_stall=1 --ioengine=psync \
    --output-format=json --output=run.fio.out >/dev/null 2>&1 || fail "fio does not play its log: $(cat run.fio.out)"
  python3 - <<'PYTHON'
import json
text = open("run.fio.out").read()
job = json.loads(text[text.index("{"):])["jobs"][0]
assert job["read"]["total_ios"] + job["write"]["total_ios"] == int(open("served").read()), job["read"]["total_ios"]
PYTHON
fi

step "and back"
for file in run.blktrace.0 run.fio run.disksim; do
  spindle disk --trace "$file" --policy fcfs,look --disk 7200rpm --json >"$file.json"
done
python3 - <<'PYTHON'
import json
served = int(open("served").read())
found = [json.load(open(f"run.{name}.json")) for name in ("blktrace.0", "fio", "disksim")]
assert [one["format"] for one in found] == ["blktrace", "fio", "disksim"], found
for one in found:
    rows = {row["policy"]: row for row in one["policies"]}
    assert rows["look"]["requests"] == rows["fcfs"]["requests"] == served, (one, served)
    assert rows["look"]["movement"] <= rows["fcfs"]["movement"], rows
moves = [{row["policy"]: row["movement"] for row in one["policies"]} for one in found]
assert moves[0] == moves[1] == moves[2], moves  # one stream, whatever the format
PYTHON
refuses "served nothing" sh -c "echo none >$mnt/.spindle/disk/model; spindle trace $mnt --fio x -- touch $mnt/more"
unmount_volume
check_volume
step "done"
