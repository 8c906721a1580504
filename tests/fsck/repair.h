// What a test requires of a repair: nothing is left to find, the volume mounts and is sound, and
// what was not damaged is as it was.
#pragma once

#include <set>
#include <string>

#include "sample_volume.h"

namespace spindle::test {

/// Repairs the volume. Returns in words what went wrong, "" if nothing. Inodes of `damaged` may be
/// changed or lost; all others must be there, under any name if `names_may_change`.
std::string repair_and_compare(MemoryDevice& device, const std::set<NodeId>& damaged,
                               bool names_may_change);

}  // namespace spindle::test
