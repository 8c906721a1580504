#!/bin/bash
# `spindle map`: it counts what the attribute of each file says, for all who may read the file.
. "$(dirname "$0")/library.sh"
new_volume 32M
mount_volume fit=first,allow_other

step "files in one piece, and in many"
mkdir -p "$mnt/folder/deep"
head -c 400000 /dev/zero >"$mnt/folder/whole"
for i in $(seq 12); do
  for name in a b; do
    head -c 9000 /dev/zero >>"$mnt/folder/deep/$name"
    sync "$mnt/folder/deep/$name"
  done
done
fallocate -l 80000 "$mnt/unwritten"
ln -s folder/deep/a "$mnt/link"
: >"$mnt/empty"
chmod 600 "$mnt/empty"
sync -f "$mnt"

spindle map -r --runs --json "$mnt" >map.json
python3 - "$mnt" <<'PYTHON'
import json, os, sys
answer = json.load(open("map.json"))
wanted = {}
for folder, _, names in os.walk(sys.argv[1]):
    for path in [folder] + [os.path.join(folder, name) for name in names]:
        if os.path.islink(path):
            continue
        lines = [line.split() for line in os.getxattr(path, "user.spindle.map").decode().splitlines()[1:]]
        blocks = [(int(b) + i, kind) for _, b, length, kind in lines for i in range(int(length))]
        read = [block for block, kind in blocks if kind == "data"]
        jumps = [abs(after[0] - before[0] - 1) for before, after in zip(blocks, blocks[1:]) if after[0] != before[0] + 1]
        wanted[path] = {"path": path, "strategy": os.getxattr(path, "user.spindle.alloc").decode(), "blocks": len(blocks),
                        "runs": len(jumps) + bool(blocks), "gaps": len(jumps), "gap_blocks": sum(jumps),
                        "seeks": bool(read) + sum(after != before + 1 for before, after in zip(read, read[1:]))}
found = {row["path"]: row for row in answer["layout"]}
assert found.keys() == wanted.keys(), (found.keys(), wanted.keys())
for path, row in found.items():
    mean = row.pop("mean_run_blocks")
    assert row == wanted[path], (row, wanted[path])
    assert abs(mean * row["runs"] - row["blocks"]) < 1
assert answer["files"] == len(wanted) == 9
for sum_of in ("blocks", "runs", "seeks"):
    assert answer[sum_of] == sum(row[sum_of] for row in wanted.values())
assert sum(run["length"] for run in answer["extents"]) == answer["blocks"]
of = lambda name: found[sys.argv[1] + name]
assert of("/folder/whole")["seeks"] == 1 and of("/folder/deep/a")["seeks"] > 3, found
assert of("/unwritten")["runs"] >= 1 and of("/unwritten")["seeks"] == 0
PYTHON
expect 1 "$(spindle map "$mnt" | awk '$1 == "files" { print $2 }')" "a directory without -r"
spindle map "$mnt/link" | grep -q '^files *1$' || fail "a link that is named is not followed"

step "the picture of the mounted volume has what has reached the disk"
head -c 1000000 /dev/zero >"$mnt/largest"
sync "$mnt/largest"
spindle picture "$mnt" --by file --json >picture.json
python3 -c '
import json
kinds = {kind["name"]: kind["blocks"] for kind in json.load(open("picture.json"))["kinds"]}
assert kinds["/largest"] >= 1000000 // 4096 and kinds["unknown"] == 0, kinds'

step "any user, and wrong input"
if [ "$(id -u)" = 0 ]; then
  chmod 755 "$work"
  ordinary() { setpriv --reuid=65534 --regid=65534 --clear-groups "$@"; }
  ordinary "$(command -v spindle)" map "$mnt/folder/whole" >/dev/null || fail "an ordinary user sees no map"
  refuses "Permission denied" ordinary "$(command -v spindle)" map "$mnt/empty"
fi
refuses "not on a mounted Spindle volume" spindle map "$work"
refuses "No such file" spindle map "$mnt/none"
mkfifo "$mnt/fifo"
refuses "only files and directories" spindle map "$mnt/fifo"
refuses "PATH" spindle map
spindle map "$mnt/none" "$mnt/empty" >shown 2>said && fail "one of two is missing, and all is well"
expect 1 "$(wc -l <said)" "sentences"
grep -q '/empty' shown || fail "the other one is not shown"
unmount_volume
step "done"
