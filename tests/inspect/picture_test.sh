#!/bin/bash
# `spindle picture`: every block of a volume is counted once, as what it is; as letters, JSON and SVG; and what it says of
# damage, of volumes of many groups, and of wrong input.
set -Eeuo pipefail

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
trap 'echo "FAILED: line $LINENO: $BASH_COMMAND" >&2' ERR
cd "$work"

# census BY: the picture's JSON, checked for what always holds, is in picture.json.
census() {
  spindle picture disk.img --by "$1" --json >picture.json
  python3 - <<'PYTHON'
import json, subprocess
picture = json.load(open("picture.json"))
blocks = json.loads(subprocess.check_output(["spindle", "inspect", "disk.img", "superblock", "--json"]))["block_count"]
free = json.loads(subprocess.check_output(["spindle", "inspect", "disk.img", "free", "--json"]))["free_blocks"]
kinds = {kind["name"]: kind["blocks"] for kind in picture["kinds"]}
assert sum(kinds.values()) == blocks, (kinds, blocks)
assert kinds["free"] == free and kinds["unknown"] == 0, (kinds, free)
assert sum(cell["blocks_in_use"] for cell in picture["cells"]) == blocks - free
assert [cell["block"] for cell in picture["cells"]] == list(range(0, blocks, picture["blocks_per_cell"]))
assert 0 < len(picture["cells"]) <= 2048
PYTHON
}
# holds EXPRESSION: the expression is true for the kinds `k` and the cells `c` of picture.json.
holds() {
  python3 -c '
import json, sys
a = json.load(open("picture.json"))
k, c = {kind["name"]: kind["blocks"] for kind in a["kinds"]}, a["cells"]
assert eval(sys.argv[1]), k' "$1"
}
refuses() {
  local word=$1 status=0
  shift
  "$@" >out 2>said || status=$?
  [ "$status" = 1 ] && [ ! -s out ] && grep -qF -- "$word" said
}

mkdir -p source/folder
head -c 3000000 /dev/zero >source/large
head -c 100000 /dev/zero >source/folder/small
for strategy in contiguous linked fat indexed extent; do
  rm -f disk.img
  mkfs.spindle -q -b 1K -a $strategy -d source disk.img 16M
  census kind
  holds "k['data of files'] >= 3100000 // 1024 and k['journal'] > 0 and (k['maps, attributes'] > 0) >= ('$strategy' == 'indexed')"
  census strategy
  holds "k['$strategy'] >= 3100000 // 1024 and sum(k[s] for s in ('contiguous', 'linked', 'fat', 'indexed', 'extent')) == k['$strategy']"
  census file
  holds "k['/large'] >= 3000000 // 1024 and 97 <= k['/folder/small'] < 120 and k['the volume\'s own'] > 0"
done

# One letter per cell; the same picture as SVG, in which nothing lies outside.
spindle picture disk.img >text
letters=$(grep -E '^ *[0-9]+  [^ ]+$' text | awk '{ printf "%s", $2 }')
[ "$(LC_ALL=C.UTF-8; echo ${#letters})" = "$(python3 -c 'import json; print(len(json.load(open("picture.json"))["cells"]))')" ]
[[ $letters == S*J*D* ]]
COLUMNS=40 LC_ALL=C spindle picture disk.img | awk 'length > 42 && /^ *[0-9]+  [^ ]+$/ { exit 1 }'
! LC_ALL=C spindle picture disk.img | LC_ALL=C grep -q '[^ -~]'
spindle picture disk.img --by file --svg picture.svg
python3 - <<'PYTHON'
import xml.etree.ElementTree as tree
root = tree.parse("picture.svg").getroot()
width, height = float(root.get("width")), float(root.get("height"))
boxes = [[float(box.get(name)) for name in ("x", "y", "width", "height")] for box in root.iter() if box.tag.endswith("rect") and box.get("x")]
assert len(boxes) > 1000 and all(x >= 0 and y >= 0 and x + w <= width and y + h <= height for x, y, w, h in boxes)
text = " ".join("".join(node.itertext()) for node in root.iter() if node.tag.endswith("text"))
assert "/large" in text and "MiB" in text, text
PYTHON

# A sparse volume of many groups; damage; wrong input.
rm disk.img
mkfs.spindle -q -d source disk.img 8G
census kind
holds "len(c) > 1000 and sum(cell['kind'] == 'free' for cell in c) > len(c) // 2"
rm disk.img
mkfs.spindle -q -d source disk.img 16M
bitmap=$(spindle inspect disk.img groups --json | python3 -c 'import json, sys; print(json.load(sys.stdin)["table"][0]["start"])')
head -c 4096 /dev/urandom | dd of=disk.img bs=4096 seek="$bitmap" conv=notrunc status=none
spindle picture disk.img >text
grep -q 'A bitmap cannot be read' text
spindle picture disk.img --json >picture.json
holds "k['unknown'] > 1000 and k['data of files'] >= 3100000 // 4096"
head -c 100000 /dev/zero >no-volume
refuses "no-volume" spindle picture no-volume
refuses "no Spindle volume is mounted there" spindle picture source
refuses "absent" spindle picture absent
mkfifo pipe
refuses "neither a file nor a block device" timeout 20 spindle picture pipe
refuses "--by" spindle picture disk.img --by colour
refuses "only for a recording or a block trace" spindle picture disk.img --arm nonsense
refuses "cannot be written" spindle picture disk.img --svg /nonexistent/file
