#include "kernel_cache.h"

#include <fcntl.h>
#include <unistd.h>

#include <algorithm>
#include <cstdlib>
#include <fstream>

#include "spindle/base/file_descriptor.h"
#include "spindle/device/host_mounts.h"

namespace spindle {
namespace {

constexpr std::uint64_t kReadAheadKiB = 512;
constexpr std::uint64_t kUnwrittenPartOfVolume = 8;
constexpr std::uint64_t kMostUnwrittenPercent = 25;

// How many bytes of all files together may be unwritten before writers have to wait; 0 if that is
// not known.
std::uint64_t most_unwritten_bytes() {
  std::ifstream figures("/proc/vmstat");
  std::string name;
  std::uint64_t pages = 0;
  while (figures >> name >> pages)
    if (name == "nr_dirty_threshold") return pages * static_cast<std::uint64_t>(::getpagesize());
  return 0;
}

std::uint64_t unwritten_percent(std::uint64_t volume_bytes) {
  const std::uint64_t all = most_unwritten_bytes();
  if (all == 0) return 0;
  const std::uint64_t wanted = volume_bytes / kUnwrittenPartOfVolume;
  return wanted >= all ? kMostUnwrittenPercent
                       : std::min(wanted * 100 / all, kMostUnwrittenPercent);
}

// Writes the number to a file that holds one, if it holds a smaller one now.
void raise(const std::string& setting, std::uint64_t value) {
  const FileDescriptor fd(::open(setting.c_str(), O_RDWR | O_CLOEXEC));
  if (!fd.is_open()) return;
  char now[16] = {};
  const ssize_t size = ::read(fd.get(), now, sizeof now - 1);
  if (size <= 0 || std::strtoull(now, nullptr, 10) >= value) return;
  const std::string text = std::to_string(value);
  (void)!::pwrite(fd.get(), text.data(), text.size(), 0);
}

}  // namespace

void widen_kernel_cache(const std::string& mount_point, std::uint64_t volume_bytes) {
  // If what is read or written here lay in our own mount, this very thread would have to answer.
  for (const std::string_view folder : {"/sys/class/bdi/", "/proc/"})
    if (folder.starts_with(mount_point)) return;
  std::string device;
  for (const HostMount& mount : host_mounts())
    if (mount.directory == mount_point) device = mount.device;  // the last covers those before it
  if (device.empty()) return;
  const std::string settings = "/sys/class/bdi/" + device;
  raise(settings + "/read_ahead_kb", kReadAheadKiB);
  raise(settings + "/max_ratio", unwritten_percent(volume_bytes));
}

}  // namespace spindle
