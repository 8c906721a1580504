#!/usr/bin/env bash
# compare.py makes, mounts, fills, unmounts and checks a volume, and writes its samples.
#   compare_test.sh BENCH_VOLUME SPINDLE_BIN
set -euo pipefail
[ "$(id -u)" -eq 0 ] || { echo "skipped: mounting needs root"; exit 77; }
compare=$(dirname "$0")/../../bench/volume/compare.py
place=$(mktemp -d)
trap 'rm -rf "$place"' EXIT
fail() { echo "FAILED: $*" >&2; exit 1; }

run() {
  python3 -B "$compare" --quick --against '' --program "$1" --spindle-bin "$2" --work "$place" --json "$place/samples.json" \
    --rows 'volume/*' >"$place/table"
}
run "$1" "$2" || fail "the rows of whole volumes cannot be measured"
python3 - "$place/samples.json" <<'PYTHON'
import json, sys
rows = json.load(open(sys.argv[1]))["rows"]
names = [row["name"] for row in rows]
assert names == ["mkfs", "umount-written", "fsck", "mount", "umount", "memory", "memory-peak"], names
for row in rows:
    assert not row["cannot"], row
    assert len(row["samples"]["spindle"]) == 1 and row["samples"]["spindle"][0]["seconds"] > 0, row
PYTHON
grep -q '^volume/fsck' "$place/table" || fail "the table has no row for fsck"
[ -z "$(find "$place" -name '*.img')" ] || fail "images are left behind"

# An operation that Spindle cannot do is reported, also by the exit status.
if run /bin/false "$2" 2>"$place/progress"; then fail "a driver that fails is not noticed"; fi
grep -q 'false has failed' "$place/progress" || fail "the reason is not told"
echo "compare.py measures, and tells what cannot be measured"
