#!/usr/bin/env bash
# What `spindle raid` says: textbook answers, all forms of output, wrong input.
set -u

tests=$(dirname "$(realpath "$0")")
. "$tests/faces.sh"

# Reads and writes.
json "a['answer']['reads'] == [2, 1] and a['answer']['writes'] == [2, 9]" raid --disks 5 w:0 w:0:7
says '^Write of block 0: row 0: 1 of 4 blocks is written: what it was before, and the parity, are read.*: 2 reads \+ 2 writes = 4[.]$' \
  raid --disks 5 -e w:0
says '^Write of blocks 0 to 6: row 0: all 4 blocks .*; row 1: 3 of 4 blocks are written: the other 1 is read, .*: 1 read \+ 9 writes = 10[.]$' \
  raid --disks 5 -e w:0:7
says '^With --parity-update additive: disk accesses 5 instead of 4, reads 3 instead of 2 and of the busiest disk 1 instead of 2[.]$' raid --disks 5 w:0
says '^Read of block 0: .* the lost one is the exclusive or of all other .*: 4 reads \+ 0 writes = 4[.]$' raid --disks 5 --failed-disk 0 -e r:0
says 'the parity is lost: 0 reads \+ 1 write = 1[.]$' raid --disks 5 -p raid-4 --failed-disk 4 -e w:0
says 'each written on 2 disks: 0 reads \+ 2 writes' raid -p raid-1 --disks 4 -e w:3
says '^capacity +300 of 500 blocks$' raid --disks 5 -p raid-6
json "a['answer']['layout'][1] == [5, 6, 7, 'P', 4]" raid --disks 5
json "[x['id'] for x in a] == ['raid-0', 'raid-1', 'raid-5', 'raid-4', 'raid-6']" raid --all w:0
draws "{'disk 3', 'P', '7', 'written'} <= set(words)" raid --disks 5 w:0:7
draws "'disk 2 failed' in words" raid --disks 5 --failed-disk 2 r:2

# Parity.
says '^the lost block +0000$' raid -p parity 0011 '?' 0101 0110
says '^A bit of the lost block .*: 0011 xor 0101 xor 0110 = 0000[.]$' raid -p parity -e 0011 '?' 0101 0110
says '^parity after the write +10$' raid -p parity --write 0+01 00 10 11 10
says 'block 0 from 00 to 01: 11 xor 00 xor 01 = 10' raid -p parity --write 0+01 -e 00 10 11 10
draws "'parity' in words and 'block 0, lost' in words" raid -p parity '?' 0101 0110

# Formulas.
json "a['answer']['data_loss_hours'] == 500000000" raid -p raid-life
says '100000\^2 / \(2 x 1 x 10\) = 500000000 hours, 57077.6' raid -p raid-life -e
says '^Random writes: 1 / 2 x 1 = 0.5 MB/s; each write reads the parity disk and writes it[.]$' raid -p raid-rate --level 4 -e
says '^With --mirror-reads all: sequential reads 200 instead of 100[.]$' raid -p raid-rate --level 1

# Questions, with the command that answers them; and what --json writes, which is a case again.
says '^The answer: spindle raid -p raid-6 --disks 5 --quiz 5 --answer$' raid -p raid-6 --quiz 5 --disks 5
for form in raid-0 raid-1 raid-4 raid-5 raid-6 parity raid-rate raid-life; do
  says "^The answer: spindle raid -p $form --quiz 5 --answer$" raid -p $form --quiz 5
  says . raid -p $form --quiz 5 --answer
  says , raid -p $form --quiz 5 --answer --csv
  spindle raid -p $form --quiz 6 --answer --json >"$work/case.json"
  spindle raid -f "$work/case.json" --json 2>&1 | cmp - "$work/case.json" || fail "raid -p $form: --json cannot be read again"
done

# Wrong input.
refuses '^spindle raid: --disks: too few for this level$' raid --disks 2
refuses '^spindle raid: --disks: not a multiple of the copies$' raid -p raid-1 --disks 5
refuses '^spindle raid: --failed-disk: 5 is not from -1 to 3$' raid --failed-disk 5
refuses 'requests: 300 is not from 0 to 299' raid r:300
refuses 'requests: 3 is not from 1 to 2' raid r:298:3
refuses 'requests: "x" is not one of r, w' raid x:4
refuses "requests: 'r' is not r:BLOCK" raid r
refuses 'requests: a block of it is on the failed disk, and nowhere else' raid -p raid-0 --failed-disk 1 r:1
refuses 'blocks: only one block can be found again' raid -p parity 01 '?' '?'
refuses 'blocks: not as long as the others' raid -p parity 01 011
refuses "write: '5' is not BLOCK.BITS" raid -p parity --write 5 01 01
refuses '^spindle raid: --disks: an odd number cannot form pairs$' raid -p raid-rate --level 1 --disks 5

[ $failures -eq 0 ] && echo "raid: all as expected"
exit $((failures != 0))
