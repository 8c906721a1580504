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

# Questions, and what --json writes, which is a case again.
for form in contiguous linked fat indexed inode inode-size; do
  says '^The answer: spindle' files -p $form --quiz 5
  says . files -p $form --quiz 5 --answer
  says , files -p $form --quiz 5 --answer --csv
  spindle files -p $form --quiz 6 --answer --json >"$work/case.json"
  spindle files -f "$work/case.json" --json | cmp - "$work/case.json" || fail "files -p $form: --json cannot be read again"
done

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

[ $failures -eq 0 ] && echo "files: all as expected"
exit $((failures != 0))
