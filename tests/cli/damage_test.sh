#!/usr/bin/env bash
# `spindle damage`, `fsck.spindle --explain` and `--undo`, and `spindle undo`, as a person uses them.
set -u

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cd "$work" || exit 1
failures=0
export LC_ALL=C.UTF-8

fail() {
  echo "FAILED: $*"
  failures=$((failures + 1))
}

# refuses WORD COMMAND...: the command fails, and says the word in one or two lines.
refuses() {
  local word=$1 said
  shift
  if said=$("$@" 2>&1); then fail "'$*' was not refused"; fi
  grep -qiF -- "$word" <<<"$said" || fail "'$*' was refused without a word of '$word': $said"
  [ "$(wc -l <<<"$said")" -le 2 ] || fail "'$*' says too much: $said"
}

mkdir -p tree/folder/inner
for i in 1 2 3 4; do head -c ${i}0000 /dev/urandom >tree/folder/file$i; done
ln tree/folder/file1 tree/second-name
mkfs.spindle -q -d tree volume.img 16M
before=$(sha256sum <volume.img)

for kind in cross-link bad-link-count orphan loop superblock; do
  spindle damage volume.img --kind $kind --seed 3 -o copy.img --force >said || fail "damage $kind: $(cat said)"
  [ "$(python3 -c 'import json; print(json.load(open("copy.img.answer"))["kind"])')" = $kind ] || fail "the answer of $kind"
  cp copy.img damaged.img
  fsck.spindle -n --explain copy.img >said
  [ $? = 4 ] || fail "fsck -n finds nothing wrong with $kind: $(cat said)"
  grep -qF 'Run `fsck.spindle -y -f copy.img`' said || fail "no word of the repair of $kind: $(cat said)"
  for word in "What it means:" "Repair:"; do grep -qF "$word" said || fail "no '$word' in $kind: $(cat said)"; done
  cmp -s copy.img damaged.img || fail "fsck -n wrote"
  rm -f undo
  fsck.spindle -y -f --undo undo copy.img >said
  [ $? = 1 ] || fail "fsck -y does not repair $kind: $(cat said)"
  fsck.spindle -n -f copy.img >said || fail "after the repair of $kind: $(cat said)"
  spindle undo undo copy.img >said || fail "undo of $kind: $(cat said)"
  cmp -s copy.img damaged.img || fail "what was repaired of $kind is not as before"
done
[ "$before" = "$(sha256sum <volume.img)" ] || fail "the image itself was damaged"

# Between two file systems the host's copy_file_range does not work.
if [ -w /dev/shm ] && [ "$(stat -c %d /dev/shm)" != "$(stat -c %d .)" ]; then
  elsewhere=$(mktemp -d -p /dev/shm)
  trap 'rm -rf "$work" "$elsewhere"' EXIT
  spindle damage volume.img --kind loop --seed 3 -o "$elsewhere/copy.img" >said || fail "to another file system: $(cat said)"
  spindle damage volume.img --kind loop --seed 3 -o copy.img --force >said
  cmp -s copy.img "$elsewhere/copy.img" || fail "the copy on another file system is another"
fi

# The explanation names the file that the answer names.
spindle damage volume.img --kind bad-size --seed 2 --answer -o copy.img --force >said
path=$(python3 -c 'import json; print(json.load(open("copy.img.answer"))["path"])')
grep -qF "$path" said || fail "--answer does not name $path: $(cat said)"
fsck.spindle -n -f --explain copy.img | grep -F "Names:" | grep -qF "$path" || fail "--explain does not name $path"

fsck.spindle -n -f --explain --json copy.img >found.json
python3 - "$path" <<'PYTHON' || fail "--explain --json does not name $path"
import json, sys
findings = json.load(open("found.json"))["findings"]
assert all(f["explanation"][0].startswith("What it means: ") for f in findings)
assert any(line.startswith("Names: ") and sys.argv[1] in line for f in findings for line in f["explanation"])
PYTHON

# Both files that share a block are named.
spindle damage volume.img --kind cross-link --seed 3 -o copy.img --force >said
fsck.spindle -n --explain copy.img >said
grep -q 'Shared: [0-9-]* with /' said || fail "the other file is not named: $(cat said)"

refuses "kind" spindle damage volume.img
refuses "'nonsense' is not one of bad-bitmap, bad-link-count, " spindle damage volume.img --kind nonsense
refuses "No such file" spindle damage nowhere --kind loop
refuses "volume.img to nowhere/copy: the copy cannot be made" spindle damage volume.img --kind loop -o nowhere/copy
echo earlier >kept
refuses "neither a file nor a block device" spindle damage tree --kind loop -o kept --force
mkfifo pipe
refuses "neither a file nor a block device" timeout 20 spindle damage pipe --kind loop -o kept --force
refuses "cannot be read" timeout 20 spindle undo pipe volume.img
[ "$(cat kept)" = earlier ] || fail "what was refused emptied an earlier copy"
refuses "the image itself" spindle damage volume.img --kind loop -o volume.img --force
refuses "--force replaces it" spindle damage volume.img --kind loop -o copy.img
refuses "damaged already" spindle damage copy.img --kind loop -o other.img
[ ! -e other.img ] || fail "a copy was left behind"
refuses "No such file" spindle undo nowhere copy.img
refuses "not an undo file" spindle undo volume.img copy.img
mkfs.spindle -q other.img 32M
for kind in bad-link-count cross-link dangling-name loop; do
  refuses "no $kind: the volume has no" spindle damage other.img --kind $kind -o nothing.img
  [ ! -e nothing.img ] || fail "a copy was left behind"
done
refuses "another size" spindle undo undo other.img
echo precious >kept
refuses "name another" fsck.spindle -y -f --undo kept copy.img
refuses "'' is not a file name" fsck.spindle -y -f --undo "" copy.img
[ "$(cat kept)" = precious ] || fail "an old undo file was overwritten"
fsck.spindle -y --undo unused volume.img >said || fail "a sound volume: $(cat said)"
[ ! -e unused ] || fail "an empty undo file was left behind"

# Changed since the repair: nothing is written without --force.
rm -f undo
fsck.spindle -y -f --undo undo copy.img >said
fsck.spindle -y -f copy.img >said
printf x | dd of=copy.img bs=1 seek=1100 conv=notrunc status=none
refuses "changed since" spindle undo undo copy.img
spindle undo --force undo copy.img >said || fail "--force: $(cat said)"

[ $failures = 0 ] && echo "all as it should be"
exit $((failures != 0))
