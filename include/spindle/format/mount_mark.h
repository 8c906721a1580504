// The mark in the superblock that says who has the volume mounted.
//
// It is the boot id of the machine, the process's id and its start time. It outlives a crash, and
// is then known to be stale: another boot, or no process with this id that began then. A mark of
// the calling process itself does not count: the lock on the image keeps a second mount off, and a
// process that has survived the power cut of a simulated disk mounts it again.
//
// The lock on the image is what parts two programs that open the same file; the mark also parts
// those that reach it in two ways, as by a loop device. All who write to a volume ask for both.
//
// A copy of an image carries the mark, too. What tells it from the image itself is that the process
// does not have it open.
#pragma once

#include <string>

#include "spindle/base/result.h"
#include "spindle/format/superblock.h"

namespace spindle::format {

/// EBUSY if a living process other than this one has the volume mounted. `image` is where the
/// superblock comes from: it may be free if it is not what that process has open. Without it, or if
/// that cannot be seen, the mark is believed.
Result<> check_not_mounted(const Superblock& superblock, const std::string& image = {});
/// The same in words, of the volume in `image`: who has it mounted, and how that is known; empty:
/// nobody has.
std::string who_has_mounted(const std::string& image);
/// Puts this process's mark.
void mark_mounted(Superblock& superblock);
void clear_mark(Superblock& superblock);

}  // namespace spindle::format
