// What a test asks of a repair: after it nothing is left to find, the volume mounts and is sound,
// and what was not damaged is as it was.
#pragma once

#include <set>
#include <string>

#include "sample_volume.h"

namespace spindle::test {

/// Repairs the volume; what went wrong in words, empty if nothing. Inodes of `damaged` may have
/// changed or gone; all others must be there, under any name if `names_may_change`.
std::string repair_and_compare(MemoryDevice& device, const std::set<NodeId>& damaged,
                               bool names_may_change);

}  // namespace spindle::test
