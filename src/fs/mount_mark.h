// The superblock on the device, and the mark in it that says who has the volume mounted.
//
// The mark is the boot id of the machine, the process's id and its start time. It outlives a crash,
// and is then known to be stale: another boot, or no process with this id that began then. A mark
// of the calling process itself does not count: the lock on the image keeps a second mount off, and
// a process that has survived the power cut of a simulated disk mounts it again.
#pragma once

#include "spindle/device/block_device.h"
#include "spindle/format/layout.h"

namespace spindle {

/// Writes it, sealed, and flushes.
Result<> write_superblock(BlockDevice& device, const format::Layout& layout,
                          const format::Superblock& superblock);

/// EBUSY if a living process other than this one has the volume mounted.
Result<> check_not_mounted(const format::Superblock& superblock);
/// Puts this process's mark.
void mark_mounted(format::Superblock& superblock);
void clear_mark(format::Superblock& superblock);

}  // namespace spindle
