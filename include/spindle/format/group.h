// Group descriptors, 32 bytes each, in the blocks of the group table.
//
// A fresh volume writes no more than it must: a group's bitmaps, inode-table blocks and FAT blocks
// are valid on the disk only once its descriptor says so. Until then a bitmap is taken to be that
// of a new group (metadata blocks in use, all others free), and inodes and FAT entries to be free.
//
// With K bitmap blocks a group, 64 bits have to do for K bitmap blocks and 64 * K FAT blocks. So a
// bit of `bitmap_blocks_written` stands for ceil(K / 64) bitmap blocks in a row, and one of
// `fat_blocks_written` for K FAT blocks in a row: Layout::bitmap_unit and fat_unit. An inode bitmap
// block is valid once an inode is whose bit stands in it.
#pragma once

#include "spindle/format/block.h"

namespace spindle::format {

struct GroupDescriptor {
  le32 free_blocks;
  le32 free_inodes;
  le32 directories;            ///< inodes of the group that are directories
  le32 inode_blocks_written;   ///< the first so many blocks of the inode table are valid
  le64 bitmap_blocks_written;  ///< bit i: the i-th unit of the block bitmap is valid
  le64 fat_blocks_written;     ///< bit i: the i-th unit of the FAT is valid
};
static_assert(sizeof(GroupDescriptor) == 32);

}  // namespace spindle::format
