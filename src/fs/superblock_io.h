// Writing the superblock of a mounted volume; `read_superblock` is in spindle/fs/file_system.h.
//
// A device may have blocks of any size; the superblock stands at a byte offset that is the same for
// all. It is written whole, with the blocks around it, so that a power cut leaves the old one, the
// new one, or one with a wrong checksum: then fsck takes a copy.
#pragma once

#include "spindle/device/block_device.h"
#include "spindle/format/layout.h"

namespace spindle {

/// Seals and writes it. It is durable after the next flush.
Result<> write_superblock(BlockDevice& device, const format::Layout& layout,
                          const format::Superblock& superblock);

}  // namespace spindle
