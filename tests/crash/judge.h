// What may be found on an image after a power cut: it mounts, agrees with itself, and holds what
// was promised.
//
// The check of a mounted volume is an independent look at it (model/volume_check.h); that of the
// image is fsck's, which is also given the image as the cut left it, to repair without a mount.
#pragma once

#include <cstdint>
#include <string>

#include "workload.h"

namespace spindle::test {

/// The number in the environment under this name; if there is none, `otherwise`.
std::uint64_t from_environment(const char* name, std::uint64_t otherwise);
/// SPINDLE_ONE_IN: by what factor fewer states and faults are tried, for instance under sanitizers;
/// 1 if it is not set.
std::uint64_t one_in();

/// What is wrong with an image after a cut at `cut` events; "" if nothing. The image is left
/// mounted and cut off again, or with `runs_fsck` unmounted.
std::string judge(MemoryDevice& image, std::size_t cut, const History& history, bool runs_fsck);

}  // namespace spindle::test
