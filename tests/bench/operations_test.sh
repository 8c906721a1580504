#!/usr/bin/env bash
# bench_volume does each operation to an ordinary directory: what it counts is what is there afterwards.
#   operations_test.sh BENCH_VOLUME
set -euo pipefail
program=$1
place=$(mktemp -d)
trap 'rm -rf "$place" "$place.answer"' EXIT

fail() { echo "FAILED: $*" >&2; exit 1; }
expect() { [ "$1" = "$2" ] || fail "$3: expected $1, got $2"; }
counted() { grep -o "\"$1\": [0-9]*" "$place.answer" | tr -dc 0-9; }
operate() {
  "$program" "$1" "$place/tree" --files 90 --directories 3 --small-size 700 "${@:2}" >"$place.answer" || fail "$*"
}
transfer() { "$program" "$1" "$place/tree" --file-size 1M "${@:2}" >"$place.answer" || fail "$*"; }
refuses() {
  ! "$program" "$@" >/dev/null 2>"$place.answer" || fail "not refused: $*"
  [ -s "$place.answer" ] || fail "no reason given: $*"
}
mkdir "$place/tree"
files() { find "$place/tree" -name "$1" -type f | wc -l; }

operate create --jobs 4 --sync each
expect 90 "$(counted operations)" "files created"
expect 63000 "$(counted bytes)" "bytes created"
expect 90 "$(find "$place/tree" -name 'f*' -size 700c | wc -l)" "files of the size"
refuses create "$place/tree" --files 90 --directories 3     # they are there already
operate stat
expect 90 "$(counted operations)" "files asked for"
operate stat --sample 17 --jobs 2
expect 17 "$(counted operations)" "a sample"
operate list
expect 96 "$(counted operations)" "entries, . and .. among them"
operate list-attributes --jobs 3
expect 96 "$(counted operations)" "entries with attributes"
operate read-files
expect 63000 "$(counted bytes)" "bytes read"
operate link
expect 90 "$(files 'l*')" "second names"
operate unlink
expect 0 "$(files 'l*')" "second names left"
operate rename
expect 180 "$(counted operations)" "renamed, there and back"
expect 90 "$(files 'f*')" "names as before"
printf x >>"$place/tree/d000/f000000"
refuses stat "$place/tree" --files 90 --directories 3 --small-size 700
refuses read-files "$place/tree" --files 90 --directories 3 --small-size 700
operate remove
expect 0 "$(files '*')" "files left"
refuses stat "$place/tree" --files 90 --directories 3

transfer write --jobs 2 --sync end
expect 2097152 "$(counted bytes)" "bytes written"
expect 2 "$(find "$place/tree" -name 'data-*' -size 1048576c | wc -l)" "files of data"
transfer read --jobs 2
expect 2097152 "$(counted bytes)" "bytes read"
transfer read --random --requests 50 --request-size 4K
expect 50 "$(counted operations)" "requests at random"
before=$(sha256sum <"$place/tree/data-0")
transfer write --random --requests 50 --request-size 4K --sync each --seed 9
[ "$before" != "$(sha256sum <"$place/tree/data-0")" ] || fail "a write at random changed nothing"
expect 1048576 "$(stat -c %s "$place/tree/data-0")" "size after writing at random"
refuses write "$place/tree" --file-size 4K --request-size 64K
refuses read "$place/tree" --file-size 64M
refuses read "$place/nowhere"
refuses dance "$place/tree"
echo "all operations do what they say"
