#!/usr/bin/env bash
# What `spindle inspect` says, in words and as JSON, of an image whose content is known; whole and damaged.
set -u

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
image=$work/volume.img
failures=0

fail() {
  echo "FAILED: $*"
  failures=$((failures + 1))
}

# says SUBJECT... -- REGEX: a line of the text matches.
says() {
  local subject=()
  while [ "$1" != -- ]; do subject+=("$1"); shift; done
  local text
  text=$(spindle inspect "$image" "${subject[@]}") || fail "${subject[*]}: exit status $?"
  grep -Eq -- "$2" <<<"$text" || fail "${subject[*]}: no line matches '$2' in:"$'\n'"$text"
}

# json SUBJECT... -- EXPRESSION: the expression is true for the answer `a`; `source` is the directory that was copied
# in.
json() {
  local subject=()
  while [ "$1" != -- ]; do subject+=("$1"); shift; done
  spindle inspect "$image" "${subject[@]}" --json | python3 -c '
import json, sys
a = json.load(sys.stdin)
assert eval(sys.argv[1]), a' "$2" || fail "${subject[*]} --json: not $2"
}

# refuses REGEX SUBJECT...: exit status 1, nothing on the standard output, one sentence that matches.
refuses() {
  local regex=$1
  shift
  local out status
  out=$(spindle inspect "$image" "$@" 2>"$work/error")
  status=$?
  [ $status -eq 1 ] && [ -z "$out" ] || fail "$*: exit status $status, output '$out'"
  [ "$(wc -l <"$work/error")" -eq 1 ] && grep -Eq -- "$regex" "$work/error" ||
    fail "$*: not '$regex' but: $(cat "$work/error")"
}

field() {  # field KEY SUBJECT...: a number of the JSON answer
  local key=$1
  shift
  spindle inspect "$image" "$@" --json | python3 -c 'import json, sys; print(eval("json.load(sys.stdin)" + sys.argv[1]))' "$key"
}

mkdir -p "$work/source/folder"
echo hello >"$work/source/hello"
chmod 640 "$work/source/hello"
ln "$work/source/hello" "$work/source/folder/again"
ln -s ../hello "$work/source/folder/link"
seq 100000 >"$work/source/folder/numbers"
size=$(stat -c %s "$work/source/folder/numbers")
blocks=$(((size + 4095) / 4096))
printf 'x' >"$work/source/bad"$'\xff\n'name

for strategy in contiguous linked fat indexed extent; do
  rm -f "$image"
  mkfs.spindle -q -b 4K -a $strategy -L known -U 01234567-89ab-cdef-0123-456789abcdef -d "$work/source" "$image" 16M ||
    fail "mkfs.spindle -a $strategy"
  says -- '^label +known$'
  says -- '^state +clean$'
  json -- "a['uuid'] == '01234567-89ab-cdef-0123-456789abcdef' and a['files'] == 3 and a['directories'] == 3"
  json -- "a['strategy'] == '$strategy' and a['strategies'][0]['strategy'] == '$strategy'"
  json superblock -- "a['block_size'] == 4096 and a['block_count'] == 4096 and all(c['good'] for c in a['copies'])"
  says /hello -- '^mode +0640$'
  json /hello -- "a['type'] == 'file' and a['links'] == 2 and a['size'] == 6 and a['strategy'] == '$strategy'"
  number=$(field "['inode']" /hello)
  json inode "$number" -- "a['path'] in ('/hello', '/folder/again')"
  json /folder/../folder/link -- "a['type'] == 'symbolic link' and a['target'] == '../hello'"
  json directory / -- "sorted(e['name'] for e in a['entries']) == ['bad\\\\xff\\\\x0aname', 'folder', 'hello', 'lost+found']"
  json map /folder/numbers -- "a['size'] == $size and sum(e['length'] for e in a['extents']) == a['mapped_blocks']"
  json map /folder/numbers -- "$blocks <= a['mapped_blocks'] and (a['mapped_blocks'] == $blocks or '$strategy' in ('contiguous', 'linked', 'extent'))"
  block=$(field "['extents'][0]['block']" map /folder/numbers)
  says block "$block" -- '^owner_path +/folder/numbers$'
  json block "$block" -- "a['is'] == 'data' and a['in_use'] and a['file_block'] == 0 and not a['notes']"
  root=$(field "['extents'][0]['block']" map /)
  json block "$root" -- "a['is'] == 'directory' and a['checksum_right'] and a['owner'] == 1"
  json block 4094 -- "a['is'] == 'free' and not a['in_use']"
  json free -- "a['free_blocks'] == a['free_blocks_by_descriptors'] == sum(h['blocks'] for h in a['histogram'])"
  json groups -- "a['groups'] == 1 and a['table'][0]['directories'] == 3"
  json journal -- "a['entries'] == 0 and [h['good'] for h in a['headers']] == [True, True]"
done

json block 0 -- "a['is'] == 'superblock' and a['checksum_right']"
json block 1 -- "a['is'] == 'state' and a['checksum_right'] and a['kind'] == 'state'"
says block 2 -- '^is +group table$'
refuses 'outside of the volume' block 4096
refuses 'no inode with this number' inode 0
refuses 'no such name' /missing
refuses 'is not a subject' nonsense
refuses 'begins with' map hello
refuses 'is not the number' inode 1x
refuses 'not a directory' directory /hello

# Damage: the answer says what cannot be read, and shows the rest.
overwrite() { dd if=/dev/urandom of="$image" bs=4096 seek="$1" count=1 conv=notrunc status=none; }
overwrite 0
says -- 'superblock in its place is damaged'
json superblock -- "[c['good'] for c in a['copies']] == [False, True, True]"
overwrite "$root"
json block "$root" -- "not a['checksum_right'] and a['notes']"
says directory / -- 'damaged'
refuses 'no such name' /hello
overwrite 2
says groups -- 'descriptor of group 0 cannot be read'
json inode "$number" -- "a['size'] == 6"
for start in 3 4; do overwrite $start; done
says journal -- 'cannot be read'

[ $failures -eq 0 ] && echo "inspect: all as expected"
exit $((failures != 0))
