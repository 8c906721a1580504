// Finding the superblock: in its place, or, if that is damaged, one of its copies.
#pragma once

#include "spindle/device/block_device.h"
#include "spindle/format/layout.h"

namespace spindle::fsck {

struct FoundSuperblock {
  format::Superblock superblock;
  bool is_copy = false;  ///< it is a copy: the superblock itself is damaged
};

/// A superblock is damaged if its checksum is wrong or its numbers contradict one another.
/// `device` has blocks of 1 KiB; `size_bytes` is its size. EUCLEAN if neither the superblock nor a
/// copy can be found; EOPNOTSUPP if its version or one of its features is unknown.
Result<FoundSuperblock> find_superblock(BlockDevice& device, std::uint64_t size_bytes);

/// The good superblock at byte `offset` of the block `stands_in`, if there is one; for a device
/// with the volume's block size.
Result<format::Superblock> read_superblock_at(BlockDevice& device, BlockNo stands_in,
                                              std::size_t offset);

}  // namespace spindle::fsck
