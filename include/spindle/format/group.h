// Group descriptors, 32 bytes each, in the blocks of the group table.
//
// What a fresh volume need not write, it does not: a group's bitmaps, inode-table blocks and FAT
// blocks are valid on the disk only once its descriptor says so. Until then a bitmap is what a new
// group's would be (metadata blocks in use, all else free), and inodes and FAT entries are free.
#pragma once

#include "spindle/format/block.h"

namespace spindle::format {

enum GroupFlags : std::uint32_t {
  kBlockBitmapWritten = 1u << 0,
  kInodeBitmapWritten = 1u << 1,
};

struct GroupDescriptor {
  le32 free_blocks;
  le32 free_inodes;
  le32 inode_blocks_written;  ///< the first so many blocks of the inode table are valid
  le32 flags;                 ///< GroupFlags
  le64 fat_blocks_written;    ///< bit i: FAT block i of the group is valid
  le32 directories;           ///< inodes of the group that are directories
  le32 reserved;
};
static_assert(sizeof(GroupDescriptor) == 32);

}  // namespace spindle::format
