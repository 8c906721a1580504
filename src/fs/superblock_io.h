// Writing the superblock of a mounted volume; `read_superblock` is in spindle/fs/file_system.h.
//
// A device may have blocks of any size; the superblock stands at a byte offset that is the same for
// all. It is written and flushed whole, with the blocks around it, so that a cut leaves the old one
// or the new one, or one whose checksum says that it is neither: fsck then takes a copy.
#pragma once

#include "spindle/device/block_device.h"
#include "spindle/format/layout.h"

namespace spindle {

/// Writes it, sealed, and flushes.
Result<> write_superblock(BlockDevice& device, const format::Layout& layout,
                          const format::Superblock& superblock);

}  // namespace spindle
