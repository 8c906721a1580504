#include "fsck/problems.h"

#include <array>

namespace spindle::fsck {
namespace {

constexpr std::array<ProblemRow, static_cast<std::size_t>(Problem::kCount)> kProblemRows = {{
    {"superblock", "the superblock is damaged", "Restore it from a copy",
     "The superblock says how large the volume is and where everything is; without it nothing "
     "can be found. Its checksum or its numbers are wrong.",
     "One of the two copies is written in its place. No file is touched."},
    {"superblock-copy", "a copy of the superblock is damaged or differs", "Rewrite it",
     "Two copies of the superblock are kept for the day when the first is lost. This one would not "
     "help then.",
     "The superblock is copied over it. No file is touched."},
    {"journal", "the journal is damaged", "Make an empty one, without what was in it",
     "The journal holds changes that were promised but not yet carried out in their places. It "
     "cannot be read, so these changes are not known.",
     "An empty journal is made. Changes of the last moments before the crash may be lost, and what "
     "they left half done is put in order by the checks that follow."},
    {"replay-mismatch", "a block did not come out of the journal as it was sealed",
     "Accept it as it is",
     "The journal stores the differences of a block, and the checksum that the whole must have "
     "after them. Here the block in its place was not the one that the differences were made for.",
     "The block is kept as the journal made it; the checks that follow judge what is in it."},
    {"state", "the state block is damaged", "Rewrite it",
     "The state block has the head of the list of orphans, the files that were deleted while they "
     "were open, and the last generation of an inode.",
     "An empty list is written. The orphans show up as files without a name."},
    {"orphan-list", "the list of orphans is damaged", "End it before the damage",
     "Files that were deleted while a program had them open are chained from inode to inode, so "
     "that the next mount can free them. The chain leads to an inode that is not such a file.",
     "The chain ends at its last good link. Those behind it show up as files without a name."},
    {"group-table", "a block of the group table is damaged", "Rewrite it",
     "The table says of each group how much of its inode table, bitmap and FAT was ever written, "
     "and how much is free.",
     "The blocks of the group themselves tell by their checksums which were written; the counts "
     "are computed again at the end."},
    {"inode-table-block", "a block of an inode table is damaged",
     "Keep the inodes in it that make sense",
     "The checksum of a block full of inodes is wrong: at least one byte of it is not what was "
     "written.",
     "The block gets a new checksum, and each inode in it is checked by itself: most are intact, "
     "and those that make no sense are cleared."},
    {"inode-garbage", "the inode makes no sense", "Clear it",
     "The file type in the inode does not exist, so its other fields mean nothing.",
     "The inode is freed, and with it the blocks that it seemed to have. What it was is lost; "
     "names that lead to it are removed."},
    {"inode-time", "a time has more than 999,999,999 nanoseconds", "Set them to 0",
     "A time is stored in seconds and nanoseconds, and a second has only 1,000,000,000 of them.",
     "The nanoseconds become 0; the second stays."},
    {"inode-reserved", "a field that must be zero is not", "Set it to 0",
     "Fields that have no meaning for this inode must be zero, so that a later version can give "
     "them one. Here one of them is not zero.",
     "The field becomes 0. Nothing of the file changes."},
    {"map-kind", "the allocation strategy does not fit the file type", "Clear the inode",
     "The inode says by which strategy its blocks are found, and this is one that a file of its "
     "type cannot have. So no block of it can be found.",
     "The inode is freed. What it held is lost; names that lead to it are removed."},
    {"map-damaged", "the map of its blocks is damaged", "Keep what can be read",
     "The map leads from the parts of a file to blocks of the disk. This one leads to "
     "an impossible block, to the same block again, or to bytes that are not a map.",
     "The file gets a new map of all pieces that can still be reached. What was behind the "
     "damage reads as zeros, or the file ends there."},
    {"map-shared", "it shares blocks with another file or with metadata",
     "Give it copies of its own",
     "Each block belongs to one file. Here two claim the same (they are cross-linked): writing to "
     "one would change the other.",
     "This one gets copies of the shared blocks; the other keeps them. One of the two has content "
     "that is not its own: look at both."},
    {"block-count", "the block count is wrong", "Correct it",
     "The inode says how many blocks the file takes, which `du` shows. Counting them gave another "
     "number.",
     "The counted number is written. No data changes."},
    {"size", "the size does not fit the blocks", "Correct it",
     "The file says that it is longer, or shorter, than a file with its blocks can be.",
     "The size is set so that the file ends with its last block."},
    {"xattrs", "the extended attributes are damaged", "Drop them",
     "The block that holds the file's extended attributes (access control lists are such) cannot "
     "be read as attributes.",
     "The attributes are removed, and their blocks freed. The content of the file stays."},
    {"root-missing", "there is no root directory", "Make an empty one",
     "Inode 1 is the root directory, where every path begins. It is free or not a directory.",
     "An empty root is made. What was in it appears in /lost+found."},
    {"directory-tree", "the directory's tree is damaged",
     "Rebuild it from the names that can be read",
     "The names of a directory are in a tree that is ordered by their hashes. The tree is not as "
     "the format says: a node is damaged, out of order, or cannot be reached.",
     "All nodes that are whole are read, and a new tree is made of their names. Files whose names "
     "are lost appear in /lost+found."},
    {"directory-size", "the directory's size is wrong", "Correct it",
     "The size of a directory is the number of its blocks that the tree uses.",
     "The tree is rewritten, with the right size. No name is lost."},
    {"name-invalid", "a name is impossible", "Remove it",
     "A name is empty, has a '/' in it, is there twice, is not where its hash puts it, or is "
     "`.spindle` in the root, where a mount has its control files: so nobody could ever open it.",
     "The name is removed. If the file has no other one, it appears in /lost+found."},
    {"name-of-free-inode", "a name belongs to no inode in use", "Remove it",
     "The name leads to an inode that is free or does not exist: the file was deleted or lost, "
     "and its name is left over.",
     "The name is removed. No data is lost by this."},
    {"name-type", "a name has the wrong file type", "Correct it",
     "A directory repeats the file type beside the name, for `ls` and `find`. It differs from what "
     "the inode says.",
     "The inode is believed."},
    {"name-of-second-parent", "a directory has a second name", "Remove the second one",
     "A directory has one name in one directory; a second would make a loop possible, in which "
     "`find` never ends.",
     "The name that was found second is removed. The directory keeps the first."},
    {"lost-found-missing", "there is no /lost+found", "Make one",
     "What a repair finds without a name is put into /lost+found. The directory is not there.",
     "The directory is made."},
    {"directory-unreachable", "the directory cannot be reached from the root",
     "Connect it to /lost+found",
     "The directory is in use, but no way leads from the root to it: the name was lost, or it "
     "is in a loop of directories that contain one another.",
     "It gets the name #inode in /lost+found, with all that is in it."},
    {"inode-unreachable", "the file has no name", "Connect it to /lost+found",
     "The inode is in use, but no directory names it. Either its name was lost, or its deletion "
     "was never finished.",
     "It gets the name #inode in /lost+found. Its content is whole: look what it is, and move or "
     "delete it."},
    {"no-room-to-connect", "it has no room for the files that must be connected",
     "Free the smallest of the files that have no name",
     "The volume is full: there is no block for more names, neither in /lost+found nor in the "
     "root.",
     "The smallest file without a name is deleted, so that the others can be saved."},
    {"parent", "the parent (..) is wrong", "Correct it",
     "A directory stores which directory it is in, for `cd ..`. Its name is in another one.",
     "The directory that has its name becomes its parent."},
    {"link-count", "the link count is wrong", "Correct it",
     "An inode counts its names, and is freed when the count comes to 0. A walk through all "
     "directories found another number: too high, and its blocks would never be freed; too low, "
     "and they would be freed while a name is left.",
     "The number that was found is written. No data changes."},
    {"block-bitmap", "the block bitmap is wrong", "Correct it",
     "The bitmap has a bit for each block. A block in use that it calls free would be given to a "
     "second file; a free one that it calls in use is lost space.",
     "The bits are set as the walk through all files found them. No file is touched."},
    {"inode-bitmap", "the inode bitmap is wrong", "Correct it",
     "The bitmap has a bit for each inode: whether it is in use. It differs from the inodes "
     "themselves.",
     "The bits are set as the inodes say. No file is touched."},
    {"group-counts", "the counts of the group are wrong", "Correct them",
     "Each group counts its free blocks and inodes, so that `df` need not count them. The counts "
     "differ from the bitmaps.",
     "The counted numbers are written. No file is touched."},
    {"fat-entry", "the FAT links a block that is in no chain", "Clear the link",
     "In the FAT each block of a file names the next one. This entry belongs to a block that no "
     "file's chain comes to.",
     "The entry becomes 0. No file is touched."},
}};

}  // namespace

const ProblemRow& row_of(Problem problem) {
  return kProblemRows[static_cast<std::size_t>(problem)];
}

}  // namespace spindle::fsck
