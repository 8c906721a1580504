// How much memory the host lets this process have.
//
// A container, a service or a shell may have less than the machine: a control group, of either
// version, limits all its processes together, and so does each group above it; `ulimit -v` and
// `ulimit -d` limit this one. What is sized without being asked for should fit into it.
#pragma once

#include <cstdint>
#include <limits>
#include <span>
#include <string_view>

#include "spindle/device/host_mounts.h"

namespace spindle {

inline constexpr std::uint64_t kNoMemoryLimit = std::numeric_limits<std::uint64_t>::max();

/// The lowest of all limits, in bytes; kNoMemoryLimit or nearly so if there is none.
std::uint64_t memory_limit_bytes();

/// The lowest limit of the control groups in `groups`, which is text as in /proc/self/cgroup, and
/// of those above them, as far as `mounts` show them.
std::uint64_t group_limit_bytes(std::string_view groups, std::span<const HostMount> mounts);

}  // namespace spindle
