// What .spindle/proc shows of the host's mounts: the tables mounts and mountinfo of proc(5).
#pragma once

#include <string>
#include <string_view>

namespace spindle::control {

/// In which column of the two tables the mount point stands.
inline constexpr std::size_t kPointInMounts = 1;
inline constexpr std::size_t kPointInMountInfo = 4;

/// The table without what is mounted below /proc and /sys: bound over, they hide it. `column` is
/// that of the mount points.
std::string visible_mounts(std::string_view table, std::size_t column);

}  // namespace spindle::control
