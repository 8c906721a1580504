#!/usr/bin/env bash
# What mkfs.spindle takes from its command line, and what it refuses; no mount is needed.
set -u

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cd "$work" || exit 1
failures=0

fail() {
  echo "FAILED: $*"
  failures=$((failures + 1))
}

# refuses WORDS OPTION...: exit status 1, one sentence with the words, and no image.
refuses() {
  local words=$1 said status
  shift
  said=$(mkfs.spindle "$@" 2>&1)
  status=$?
  [ $status -eq 1 ] && [ "$(wc -l <<<"$said")" -eq 1 ] && grep -qF -- "$words" <<<"$said" ||
    fail "mkfs.spindle $*: exit status $status, not '$words' but: $said"
  [ ! -e image ] || { fail "mkfs.spindle $*: there is an image"; rm -f image; }
}

# json EXPRESSION OPTION...: the expression is true for the plan `a`.
json() {
  local expression=$1
  shift
  mkfs.spindle -n --json "$@" | python3 -c '
import json, sys
a = json.load(sys.stdin)
assert eval(sys.argv[1]), a' "$expression" || fail "mkfs.spindle -n --json $*: not $expression"
}

# An empty value counts as given, and a number is neither wrapped nor truncated to fit.
refuses "IMAGE: ''" "" 4M
for size in "" x -1 4Q 0; do
  refuses "SIZE: '$size'" image "$size"
  refuses "-J: '$size'" -J "$size" image 4M
  refuses "-g: '$size'" -g "$size" image 4M
done
refuses "-b: ''" -b "" image 4M
refuses "-U: ''" -U "" image 4M
for number in "" - +3 x 1.5 12x -3x; do refuses "--inodes: '$number' is not a whole number" -N "$number" image 4M; done
refuses "--inodes: -3 is below 0" -N -3 image 4M
refuses "18446744073709551616 is too large" -N 18446744073709551616 image 4M
for number in 18446744073709551615 0xffffffffffffffff 100000; do
  refuses "that many inodes do not fit the volume" -N "$number" image 4M
done
refuses "at least one inode" -N 0 image 4M
json "32 <= a['inodes'] < 64" -N 32 image 4M

# What could not be made is not promised either.
refuses "absent/image: the image cannot be created (No such file or directory)" -n absent/image 4M
refuses "absent/image: the image cannot be created (No such file or directory)" absent/image
refuses "image cannot be created (Not a directory)" -n "$0/image" 4M

# What was made in vain is removed, also behind a link.
ln -s made link
mkdir many
touch many/{1..100}
mkfs.spindle -N 40 -d many link 4M >said 2>&1 && fail "100 files where there are 40 inodes: $(cat said)"
[ -L link ] && [ ! -e made ] || fail "a link to an image that was not made: $(ls)"
rm -r link many

# Of two that make the same new image at once, one does, and its volume stays.
for ((i = 0; i < 20; ++i)); do
  mkfs.spindle -q raced 4M 2>said & first=$!
  mkfs.spindle -q raced 4M 2>said_too
  statuses=$?
  wait $first
  statuses="$? $statuses"
  [ "$statuses" = "0 1" ] || [ "$statuses" = "1 0" ] ||
    fail "two mkfs.spindle at once: exit statuses $statuses: $(cat said said_too)"
  fsck.spindle -f -n raced >said 2>&1 || fail "after two mkfs.spindle at once: $(cat said)"
  rm -f raced
done

# Names of any bytes: JSON stays valid, and no control characters reach the terminal.
odd=$'odd\xff\n\e[31m'
mkdir "$odd"
: >"$odd/file"
json "a['label'].startswith('odd') and a['copy_of'].startswith('odd')" -L "$odd" -d "$odd" image 4M
mkfs.spindle -L "$odd" -d "$odd" image 4M >said || fail "mkfs.spindle with odd names: exit status $?"
! grep -q $'\e' said || fail "a name is not printable"
[ "$(grep -cF 'odd\xff\x0a\x1b[31m' said)" -eq 3 ] || fail "not thrice the odd name in: $(cat said)"
mv image "$odd.image"
{ # Nor those of a name on the command line.
  mkfs.spindle "$odd.image"
  mkfs.spindle -n --force "$odd.image"
  mkfs.spindle -b "$odd" image 4M
  mkfs.spindle -N "$odd" image 4M
  fsck.spindle -f "$odd.image"
  fsck.spindle "$odd"
  spindle inspect "$odd.image" "$odd"
  spindle map "$odd"
  spindle "$odd"
} >said 2>&1 </dev/null
! grep -q $'\e' said || fail "a name of the command line is not printable: $(cat -v said)"
[ "$(grep -cF 'odd\xff\x0a\x1b[31m' said)" -eq 9 ] || fail "not 9 times the odd name in: $(cat -v said)"

# One name is reserved in the root, and only there.
rm -f image
mkdir -p taken/below/.spindle
mkfs.spindle -q -d taken below 4M || fail "mkfs.spindle with a .spindle below the root: exit status $?"
mkdir taken/.spindle
refuses "taken: there is a .spindle in it" -d taken image 4M
refuses "taken: there is a .spindle in it" -n -d taken image 4M

# The image is not copied into itself, under any name.
mkdir -p around/below
echo text >around/text
: >around/self.img
ln around/self.img around/below/link
mkfs.spindle -d around around/self.img 4M >said 2>complaint || fail "mkfs.spindle of the folder it is in: exit status $?"
grep -qF "1 files, 1 directories" said || fail "not one file of: $(cat said)"
[ "$(sort complaint)" = "mkfs.spindle: around/below/link: left out, it is the image itself
mkfs.spindle: around/self.img: left out, it is the image itself" ] || fail "it says: $(cat complaint)"

# Marks of other file systems: of several at once, too, and none is left.
marks() {
  rm -f marked
  truncate -s 1M marked
  printf '_BHRfS_M' | dd of=marked bs=1 seek=65600 conv=notrunc 2>nothing
  [ $# -eq 0 ] || printf '\x53\xef' | dd of=marked bs=1 seek=1080 conv=notrunc 2>nothing
}
marks
mkfs.spindle -q marked 2>said && fail "mkfs.spindle overwrites another file system"
grep -qF "already holds a file system of type btrfs" said || fail "it says: $(cat said)"
marks both
mkfs.spindle -q marked 2>said && fail "mkfs.spindle overwrites what holds the marks of two"
mkfs.spindle -q --force marked || fail "mkfs.spindle --force over other file systems"
mkfs.spindle -q marked 2>said && fail "mkfs.spindle overwrites a volume"
grep -qF "already holds a Spindle volume" said || fail "after --force it says: $(cat said)"

# Files in /sys are shorter than they say.
folder=/sys/devices/system/cpu/cpu0/topology
if [ -r $folder/core_id ]; then
  timeout 20 mkfs.spindle -q --force -d $folder image 4M || fail "mkfs.spindle of files shorter than they say: exit status $?"
fi

[ $failures -eq 0 ] && echo "mkfs.spindle: all as expected"
exit $((failures != 0))
