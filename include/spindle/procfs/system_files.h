// What stands at the top of /proc, rendered from a snapshot of the simulated machine as Linux
// would.
//
//   for (const SystemFile& file : system_files()) file.text({snapshot, ...});
//
// Pure functions of plain data. Times are in USER_HZ = 100 whatever the machine's own tick, sizes
// in KiB, and everything follows the one virtual clock: the columns of a CPU add up to its uptime,
// to the rounding of each.
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <string_view>

#include "spindle/machine/machine_snapshot.h"

namespace spindle::procfs {

inline constexpr std::int64_t kJiffyNs = 10'000'000;
inline constexpr std::uint64_t kPageBytes = 4096;  ///< of the host, in which /proc counts
inline constexpr std::string_view kRelease = "6.1.0-sim";
/// The machine's processes have lower numbers.
inline constexpr std::uint32_t kMostProcess = 32768;

struct SystemView {
  const SystemSnapshot& machine;
  std::int64_t boot_seconds = 0;  ///< since 1970
};

struct SystemFile {
  std::string_view path;  ///< below /proc, or below /sys
  std::string (*text)(const SystemView& view);
};

/// All files of /proc that do not belong to a process, ordered by path.
std::span<const SystemFile> system_files();

/// How many whole ticks of USER_HZ the time has.
inline std::uint64_t jiffies(VirtualTime time) {
  return static_cast<std::uint64_t>(time.ns / kJiffyNs);
}
inline std::uint64_t kib(std::uint64_t bytes) {
  return (bytes + 1023) / 1024;
}
inline std::uint64_t host_pages(std::uint64_t bytes) {
  return (bytes + kPageBytes - 1) / kPageBytes;
}

/// The 17 columns of a disk: those of diskstats, and of /sys/block/DEV/stat.
std::string disk_columns(const DiskSnapshot& disk);

}  // namespace spindle::procfs
