#!/usr/bin/env bash
# The programs on the golden images: exit statuses, repairs, and what inspect says about broken ones.
#   programs_test.sh FOLDER_OF_IMAGES
set -euo pipefail

images=$1
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
failed=0

fail() { echo "FAILED: $*" >&2; failed=1; }

# status EXPECTED COMMAND...
status() {
  local expected=$1 actual=0
  shift
  "$@" >"$folder/out" 2>&1 </dev/null || actual=$?
  if [ "$actual" != "$expected" ]; then
    fail "$* exited with $actual, not $expected: $(tail -n 2 "$folder/out")"
  fi
}

is_whole() { case $1 in contiguous | linked | fat | indexed | extent | mixed | log | orphans) true ;; *) false ;; esac; }

for packed in "$images"/*.img.xz; do
  name=$(basename "$packed" .img.xz)
  image=$folder/$name.img
  xz -dc "$packed" >"$image"
  before=$(sha256sum <"$image")
  for subject in "" superblock journal free groups "block 100"; do
    # shellcheck disable=SC2086
    status 0 spindle inspect "$image" $subject
  done
  # What is damaged may be said to be free, or not to be readable: in a sentence.
  for subject in "inode 1" "inode 5" "directory /" "map /"; do
    # shellcheck disable=SC2086
    spindle inspect "$image" $subject >"$folder/out" 2>&1 || grep -q '^spindle inspect: ' "$folder/out" ||
      fail "inspect $name $subject: $(tail -n 2 "$folder/out")"
  done
  if is_whole "$name"; then
    status 0 fsck.spindle -n -f "$image"
  else
    status 4 fsck.spindle -n -f "$image"
  fi
  [ "$(sha256sum <"$image")" = "$before" ] || fail "looking at $name changed it"
  if is_whole "$name"; then
    status 0 fsck.spindle -y -f "$image"
  else
    status 1 fsck.spindle -p -f "$image"
  fi
  status 0 fsck.spindle -y -f --json "$image"
  grep -q '"found": 0,' "$folder/out" ||
    fail "a second run finds something in $name"
  status 0 fsck.spindle "$image"
done

head -c 1M /dev/zero >"$folder/zero.img"
status 8 fsck.spindle -n "$folder/zero.img"
status 8 fsck.spindle -n "$folder/no such image"
status 16 fsck.spindle -n -y "$folder/mixed.img"
status 16 fsck.spindle
exit "$failed"
