#include "kernel_cache.h"

#include <fcntl.h>
#include <unistd.h>

#include <algorithm>
#include <cstdlib>
#include <fstream>
#include <utility>

#include "spindle/device/host_mounts.h"

namespace spindle {
namespace {

constexpr const char* kReadAhead = "read_ahead_kb";
constexpr std::uint64_t kReadAheadKiB = 512;
constexpr const char* kUnwrittenShare = "max_ratio";  // in percent
constexpr std::uint64_t kUnwrittenPartOfFree = 8;
constexpr std::uint64_t kMostUnwrittenPercent = 25;

/// How many bytes of all files together may be unwritten before writers have to wait; 0 if that is
/// not known.
std::uint64_t most_unwritten_bytes() {
  std::ifstream figures("/proc/vmstat");
  std::string name;
  std::uint64_t pages = 0;
  while (figures >> name >> pages)
    if (name == "nr_dirty_threshold") return pages * static_cast<std::uint64_t>(::getpagesize());
  return 0;
}

/// The number in a setting that this process may write, too.
std::optional<std::uint64_t> read_setting(const FileDescriptor& settings, const char* name) {
  const FileDescriptor fd(::openat(settings.get(), name, O_RDWR | O_CLOEXEC));
  char text[24] = {};
  if (!fd.is_open() || ::read(fd.get(), text, sizeof text - 1) <= 0) return std::nullopt;
  return std::strtoull(text, nullptr, 10);
}

void write_setting(const FileDescriptor& settings, const char* name, std::uint64_t number) {
  const FileDescriptor fd(::openat(settings.get(), name, O_WRONLY | O_CLOEXEC));
  const std::string text = std::to_string(number);
  if (fd.is_open()) (void)!::write(fd.get(), text.data(), text.size());
}

}  // namespace

void KernelCache::widen(const std::string& mount_point, std::uint64_t free_bytes) {
  // If what is read or written here lay in our own mount, this very thread would have to answer.
  for (const std::string_view folder : {"/sys/class/bdi/", "/proc/"})
    if (folder.starts_with(mount_point)) return;
  std::string device;
  for (const HostMount& mount : host_mounts())
    if (mount.directory == mount_point) device = mount.device;  // the last covers those before it
  if (device.empty()) return;
  FileDescriptor settings(
      ::open(("/sys/class/bdi/" + device).c_str(), O_PATH | O_DIRECTORY | O_CLOEXEC));
  if (!settings.is_open()) return;
  if (read_setting(settings, kReadAhead).value_or(kReadAheadKiB) < kReadAheadKiB)
    write_setting(settings, kReadAhead, kReadAheadKiB);

  const auto usual = read_setting(settings, kUnwrittenShare);
  if (!usual) return;
  settings_.emplace(std::move(settings));
  usual_percent_ = percent_ = *usual;
  most_unwritten_bytes_ = most_unwritten_bytes();
  follow(free_bytes);
}

void KernelCache::follow(std::uint64_t free_bytes) {
  if (!settings_ || most_unwritten_bytes_ == 0) return;
  const std::uint64_t wanted = std::min(free_bytes / kUnwrittenPartOfFree, most_unwritten_bytes_) *
                               100 / most_unwritten_bytes_;
  const std::uint64_t percent = std::max(std::min(wanted, kMostUnwrittenPercent), usual_percent_);
  if (percent == percent_) return;
  percent_ = percent;
  write_setting(*settings_, kUnwrittenShare, percent);
}

}  // namespace spindle
