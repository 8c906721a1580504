// An independent check of a mounted volume on which nothing happens: compares the bitmaps, counters
// and link counts with a walk of all inodes, maps, attributes and directories.
#pragma once

#include <string>
#include <vector>

#include "spindle/fs/file_system.h"

namespace spindle::test {

/// Returns what does not agree, one sentence each; empty if all does. `nameless`: how many inodes
/// without a name there should be (open files that were deleted).
std::vector<std::string> check_volume(FileSystem& volume, std::uint64_t nameless = 0);

}  // namespace spindle::test
