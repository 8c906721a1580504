// What stands in /proc/PID and /proc/PID/task/TID, rendered from a snapshot of one process as Linux
// would.
//
//   ProcessView view{.process = snapshot, .thread = main_thread(snapshot), ...};
//   for (const ProcessFile& file : process_files()) file.text(view);
//
// Pure functions of plain data. PID/stat and its like show the totals of all threads, the files
// below task/ a thread's own. Sizes agree with one another: VmSize is the sum of maps, VmRSS of the
// Rss of smaps, whatever the machine's own page is: all are counted in the host's pages.
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <string_view>

#include "spindle/machine/machine_snapshot.h"

namespace spindle::procfs {

/// The device of files where none is mounted: the first partition of the machine's disk.
inline constexpr std::string_view kUsualDevice = "08:01";

struct ProcessView {
  const ProcessSnapshot& process;
  const ThreadSnapshot& thread;
  bool is_thread = false;        ///< the file is in task/TID, and shows that thread's own values
  ProcessNumber shown_id = 0;    ///< the number by which it is shown
  std::uint32_t cpus = 1;        ///< how many the machine has
  std::string_view mounts = {};  ///< the host's mounts and mountinfo
  std::string_view mount_info = {};
  std::string_view device = kUsualDevice;  ///< of mapped files, in hexadecimal: MAJOR:MINOR
};

struct ProcessFile {
  std::string_view name;
  std::string (*text)(const ProcessView& view);
  bool needs_areas = false;
  bool needs_mounts = false;
  /// Whether the process has such a file; null: every process has.
  bool (*exists)(const ProcessSnapshot& process) = nullptr;
};

/// All files, ordered by name.
std::span<const ProcessFile> process_files();

/// The process's own thread; made up for a zombie, which has none.
ThreadSnapshot main_thread(const ProcessSnapshot& process);

/// Sizes of a process, in the host's pages.
struct ResidentPages {
  std::uint64_t anonymous = 0, file = 0, shared = 0;
  [[nodiscard]] std::uint64_t total() const { return anonymous + file + shared; }
};
ResidentPages resident_pages(const ProcessSnapshot& process);
std::uint64_t size_bytes(const ProcessSnapshot& process);

/// Linux cuts a process's name to so many characters.
inline constexpr std::size_t kLongestName = 15;

/// A set of CPUs as "0-2,5".
std::string cpu_list(std::uint64_t cpus);

/// The texts of maps, smaps and smaps_rollup.
std::string maps_text(const ProcessView& view);
std::string smaps_text(const ProcessView& view);
std::string smaps_rollup_text(const ProcessView& view);
/// The name of a state: "R (running)".
std::string_view state_name(char state);
std::string status_text(const ProcessView& view);
/// The text of fdinfo/N.
std::string descriptor_text(const DescriptorSnapshot& descriptor);

}  // namespace spindle::procfs
