// The host's mounts, as they stand in its own /proc/self/mounts and /proc/self/mountinfo, proc(5).
//
//   const std::string table = TRY(read_host_proc("self/mountinfo"));
//   device_of_mount(table, "/mnt");   // "00:2d"
#pragma once

#include <optional>
#include <string>
#include <string_view>

namespace spindle::control {

/// In which column of the two tables the mount point stands.
inline constexpr std::size_t kPointInMounts = 1;
inline constexpr std::size_t kPointInMountInfo = 4;

/// The table without what is mounted below /proc and /sys: bound over, they hide it. `column` is
/// that of the mount points.
std::string visible_mounts(std::string_view table, std::size_t column);

/// The device of the file system that is mounted there, on top of others, as st_dev of its files
/// and as maps writes it: major and minor number, hexadecimal. Nothing if none is.
std::optional<std::string> device_of_mount(std::string_view mount_info, std::string_view point);

}  // namespace spindle::control
