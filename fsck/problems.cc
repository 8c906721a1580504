#include "fsck/problems.h"

#include <array>

namespace spindle::fsck {
namespace {

constexpr std::array<ProblemRow, static_cast<std::size_t>(Problem::kCount)> kRows = {{
    {"superblock", "the superblock is damaged", "Restore it from a copy"},
    {"superblock-copy", "a copy of the superblock is damaged or differs", "Write it anew"},
    {"journal", "the journal is damaged", "Make an empty one, without what was in it"},
    {"replay-mismatch", "a block did not come out of the journal as it was sealed",
     "Accept it as it is"},
    {"state", "the state block is damaged", "Write it anew"},
    {"orphan-list", "the list of orphans is damaged", "End it before the damage"},
    {"group-table", "a block of the group table is damaged", "Write it anew"},
    {"inode-table-block", "a block of an inode table is damaged",
     "Keep the inodes in it that make sense"},
    {"inode-garbage", "the inode makes no sense", "Clear it"},
    {"inode-time", "a time has more than 999,999,999 nanoseconds", "Set them to 0"},
    {"inode-reserved", "a field that must be zero is not", "Set it to 0"},
    {"map-kind", "the allocation strategy does not fit the file type", "Clear the inode"},
    {"map-damaged", "the map of its blocks is damaged", "Keep what can be read"},
    {"map-shared", "it shares blocks with another file or with metadata",
     "Give it copies of its own"},
    {"block-count", "the block count is wrong", "Correct it"},
    {"size", "the size does not fit the blocks", "Correct it"},
    {"xattrs", "the extended attributes are damaged", "Drop them"},
    {"root-missing", "there is no root directory", "Make an empty one"},
    {"directory-tree", "the directory's tree is damaged",
     "Build it anew from the names that can be read"},
    {"directory-size", "the directory's size is wrong", "Correct it"},
    {"name-invalid", "a name is impossible", "Remove it"},
    {"name-of-free-inode", "a name belongs to no inode in use", "Remove it"},
    {"name-type", "a name has the wrong file type", "Correct it"},
    {"name-of-second-parent", "a directory has a second name", "Remove the second one"},
    {"lost-found-missing", "there is no /lost+found", "Make one"},
    {"directory-unreachable", "the directory cannot be reached from the root",
     "Connect it to /lost+found"},
    {"inode-unreachable", "the file has no name", "Connect it to /lost+found"},
    {"no-room-to-connect", "it has no room for what is to be connected",
     "Free the smallest of the files that have no name"},
    {"parent", "the parent (..) is wrong", "Correct it"},
    {"link-count", "the link count is wrong", "Correct it"},
    {"block-bitmap", "the block bitmap is wrong", "Correct it"},
    {"inode-bitmap", "the inode bitmap is wrong", "Correct it"},
    {"group-counts", "the counts of the group are wrong", "Correct them"},
    {"fat-entry", "the FAT links a block that is in no chain", "Clear the link"},
}};

}  // namespace

const ProblemRow& row_of(Problem problem) {
  return kRows[static_cast<std::size_t>(problem)];
}

}  // namespace spindle::fsck
