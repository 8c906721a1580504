// The mark in the superblock that says who has the volume mounted.
//
// It is the boot id of the machine, the process's id and its start time. It outlives a crash, and
// is then known to be stale: it is of another boot, or no process of that id started then. A mark
// of the calling process itself does not count: the lock on the image prevents a second mount, and
// a process that has survived the power cut of a simulated disk must be able to mount it again.
//
// The lock on the image keeps two programs apart that open the same file. The mark also keeps those
// apart that reach it in two ways, as by a loop device. Whatever writes to a volume checks both.
//
// A copy of an image carries the mark, too. It is told from the image itself by this: the process
// in the mark does not have it open.
#pragma once

#include <optional>
#include <string>

#include "spindle/base/result.h"
#include "spindle/format/superblock.h"

namespace spindle::format {

/// The superblock in the image, if it holds a volume, which may be damaged.
std::optional<Superblock> superblock_in(const std::string& image);
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
