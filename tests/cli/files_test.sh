#!/usr/bin/env bash
# What `spindle files` says: textbook answers, all forms of output, wrong input.
set -u

tests=$(dirname "$(realpath "$0")")
. "$tests/faces.sh"

# Blocks added, removed and read, by how the file is stored.
changes="add:first add:middle add:end remove:first remove:middle remove:end"
sums() { json "[r + w for r, w in zip(a['answer']['reads'], a['answer']['writes'])] == $1" files -p "$2" $changes; }
sums '[201, 101, 1, 198, 98, 0]' contiguous
sums '[1, 52, 3, 1, 52, 100]' linked
sums '[1, 1, 1, 0, 0, 0]' indexed
json "[x['id'] for x in a] == ['fat', 'indexed', 'linked', 'contiguous']" files --all $changes
says 'in the middle: the chain is followed through 50 blocks, .*: 50 reads \+ 2 writes = 52[.]$' files -p linked -e $changes
says 'the 49 blocks after block 50 are read and written to move one place to the front' files -e $changes
says 'no room on either side: all 100 blocks' files --room-after no -e add:end
says '^Block 1 is removed: the 1 block before block 1 is read and written' files --move-start yes -e remove:1
says '^Block 4 is read: the chain is followed through 4 blocks' files -p linked --count-from 1 -e read:4
says 'the table is in memory; .*; the changed block of the table is written: 0 reads' files -p fat --write-index yes -e add:3
says '^With --tail-known no: disk accesses 102 instead of 3 and reads 100 instead of 1[.]$' files -p linked add:end
draws "{'add first', 'reads', '201'} & set(words) == {'add first', 'reads'}" files $changes

# Inodes.
json "a['answer']['bytes'] == 70403120791552" files -p inode --block-size 8192
says '^largest file +17247250432 bytes \(16.1 GiB\)$' files -p inode --block-size 1024 --direct 10
says '^10 \+ 256 \+ 65536 \+ 16777216 = 16843018 blocks' files -p inode --block-size 1024 --direct 10 -e
says '^Byte 300000 is in block 292, .*: 292 - 266 = 26, .*: entries 0, then 26 there[.] 3 reads: the double indirect block' \
  files -p inode --block-size 1024 --direct 10 -e 300000
says '^With --address-limit yes: largest file \(bytes\) 35184372088832 instead' files -p inode --block-size 8192
says 'tells no more than 2\^32 = 4294967296 apart' files -p inode --block-size 8192 --address-limit yes -e
says '^ +300000 +293 +3 +296$' files -p inode-size --block-size 1024 --direct 10 300000
says 'to 27, through 1 \+ 1 blocks of pointers[.]$' files -p inode-size --block-size 1024 --direct 10 -e 300000
draws "'double indirect' in words" files -p inode 300000

# Paths.
says '^disk reads +10$' files -p path --root-in-memory yes /usr/ast/courses/os/handout.t
says '^/foo/bar: inode of /, directory /, inode of /foo, directory /foo, inode of /foo/bar, content of /foo/bar: 6 reads' \
  files -p path -e /foo/bar:1
says '^/a/c: inode of /a/c: 1 read[.]' files -p path --keep yes -e /a/b /a/c
says '^/a/b: all is in memory: 0 reads[.]$' files -p path --keep yes -e /a/b /a/b
draws "{'directory /foo', 'inode of /', 'blocks read'} <= set(words)" files -p path /foo/bar

# The chains of a file allocation table.
json "a['answer']['chains'] == {'A': [4, 7, 2, 10, 12], 'B': [6, 3, 11, 14]}" files -p fat-chain A:4 B:6
says '^A begins with block 4; .* through 4, 7, 2, 10, 12, which is the end[.] Byte 3500 / 1024, .*: block number 3 of it, counted from 0, is block 10: 3 links' \
  files -p fat-chain -e A:4:3500
says '^B begins with block 5; .* through 5, 2, 3: block 2 is in the chain of A[.]$' files -p fat-chain --table 1+2,2+3,3+-,5+2 -e A:1 B:5
says '^wrong with A +it comes back to block 1$' files -p fat-chain --table 1+2,2+1 A:1
says '^A +1 +1, 2 +5000 +beyond the end$' files -p fat-chain --table 1+2,2+- A:1:5000
draws "{'end', 'A', 'B', '14'} <= set(words)" files -p fat-chain A:4 B:6

# Free blocks, and the sizes of what says which they are.
says '^ +4 +C is made, with 8 blocks +1 to 6 and 12 to 13 +1111 1111 1111 1100$' files -p bitmap A+6 B+5 A- C+8 B-
says '^B is deleted: 7 to 11 are free again[.] The bitmap is then 1111 1110 0000 1100[.]$' files -p bitmap -e A+6 B+5 A- C+8 B-
says '^A is deleted: .*[.] The free runs are then 6 at 1, 4 at 12[.]$' files -p counting -e A+6 B+5 A-
says '^A is deleted: 1 is free again, at the back of the list[.] The list is then 2, 3, 1[.]$' \
  files -p free-list --freed back --blocks 4 -e A+1 A-
says '^A is made, with 4 blocks: 2 to 3, 1 and 5 are first in the groups[.] The groups are then 4 [(]6, 7[)][.]$' \
  files -p grouping --group 3 --blocks 8 -e A+4
says '^B is made, with 12 blocks: fewer blocks are free; it gets none' files -p bitmap -e A+6 B+12
says '^ +2 +B is made, with 12 blocks +no room' files -p bitmap A+6 B+12 B-
json "[x['id'] for x in a] == ['bitmap', 'counting', 'free-list', 'grouping'] and a[1]['answer']['bits'] == 64" files -p bitmap --all A+6 B+5 A- C+8 B-
draws "{'C', 'free', 'used before'} <= set(words)" files -p bitmap A+6 B+5 A- C+8 B-
says '^The first 2 words are all 0: none of their blocks is free' files -p first-free -e 00000000 00000000 00001000
says '^8 x 2 \+ 4 = 20[.]$' files -p first-free -e 00000000 00000000 00001000
says '^first free block +12$' files -p first-free --one used 1111 1111 1111 0111
says '^first free block +none$' files -p first-free 0000
draws "'00001000' in words" files -p first-free 00000000 00001000
says '1 / 16 = 6.25 % free the list is shorter' files -p space-size --address-bits 16 -e
json "a['answer']['list_blocks'] == 4210753" files -p space-size --block-size 1024
says '^table +398404 bytes$' files -p fat-size --disk-bytes 100000000 --block-size 1000 --entry-bits 32 --number-bits 28 --table-on-disk yes
says '100000000 x 8 / 8032, rounded down' files -p fat-size --disk-bytes 100000000 --block-size 1000 --entry-bits 32 --table-on-disk yes -e
draws "'bytes of a block' in words" files -p fat-size

# Questions, and what --json writes, which is a case again.
for form in contiguous linked fat indexed inode inode-size path fat-chain bitmap counting free-list grouping first-free space-size fat-size; do
  says '^The answer: spindle' files -p $form --quiz 5
  says . files -p $form --quiz 5 --answer
  says , files -p $form --quiz 5 --answer --csv
  spindle files -p $form --quiz 6 --answer --json >"$work/case.json"
  spindle files -f "$work/case.json" --json | cmp - "$work/case.json" || fail "files -p $form: --json cannot be read again"
done

# Numbers as text, and names as people write them.
echo '{"domain": "file-blocks", "algorithm": "linked list", "parameters": {"blocks": "10"}, "input": {"ops": [["Add", "3"]]}}' >"$work/case.json"
says '^A block is added as block 3: the chain is followed through 3 blocks' files -e -f "$work/case.json"
echo '{"domain": "page-state", "algorithm": "LRU", "input": {"pages": [["3", "1", "2", "0", "1"], [4, 5, 6, 1, 1]]}}' >"$work/case.json"
says '^Page 3 goes: it was not used for longest, since 2[.]$' memory -e -f "$work/case.json"

# Wrong input.
refuses '^spindle files: operations: none given; type add:PLACE' files
refuses "place: 'x' is not a number" files add:x
refuses 'ops: 101 is not from 0 to 100' files add:101
refuses 'ops: 100 is not from 0 to 99' files remove:100
refuses 'ops: "grow" is not one of add, remove, read' files grow:3
refuses "ops: 'add' is not add:PLACE" files add
refuses '^spindle files: --tail-known: contiguous has no such parameter$' files --tail-known no add:end
refuses 'offsets: 35840 lies beyond the largest file' \
  files -p inode --block-size 128 --pointer-bytes 8 --direct 8 --triple 0 35840
refuses 'sizes: none given; type BYTES' files -p inode-size
refuses '^spindle files: --pointer-bytes: longer than a block' files -p inode --block-size 3
refuses '^spindle files: --block-size: the largest file would have more than 2.60 bytes' \
  files -p inode --block-size 1000000 --pointer-bytes 1
refuses "ops: 'A' is neither NAME.BLOCKS nor NAME-" files -p bitmap A
refuses 'ops: there is a file A already' files -p bitmap A+3 A+2
refuses 'ops: there is no file A' files -p bitmap A-
refuses "^spindle files: --blocks: 0 is not from 1 to 4096$" files -p bitmap --blocks 0 A+1
refuses 'bits: not a row of 0 and 1' files -p first-free 002
refuses '^spindle files: --number-bits: more than an entry has$' files -p fat-size --entry-bits 12
refuses '^spindle files: --block-size: too small for two numbers$' files -p space-size --block-size 4
refuses 'paths: "usr/ast" is not a path from the root' files -p path usr/ast
refuses 'paths: a path with "." or ".." is not followed here' files -p path /usr/../ast
refuses "blocks: 'x' is not a number" files -p path /usr:x
refuses "table: '5' is not BLOCK.NEXT" files -p fat-chain --table 5 A:5
refuses "table: '1.3' is about a block that has an entry" files -p fat-chain --table 1+2,1+3 A:1
refuses 'files: the name A is used twice' files -p fat-chain A:4 A:6

[ $failures -eq 0 ] && echo "files: all as expected"
exit $((failures != 0))
