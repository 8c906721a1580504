#include "kernel_cache.h"

#include <fcntl.h>
#include <unistd.h>

#include <algorithm>
#include <cstdlib>
#include <fstream>

#include "spindle/device/host_mounts.h"

namespace spindle {
namespace {

constexpr std::uint64_t kReadAheadKiB = 512;
constexpr std::uint64_t kUnwrittenPartOfFree = 8;
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

std::optional<FileDescriptor> open_setting(const std::string& path) {
  FileDescriptor fd(::open(path.c_str(), O_RDWR | O_CLOEXEC));
  if (!fd.is_open()) return std::nullopt;
  return fd;
}

std::optional<std::uint64_t> read_number(const FileDescriptor& setting) {
  char text[24] = {};
  if (::pread(setting.get(), text, sizeof text - 1, 0) <= 0) return std::nullopt;
  return std::strtoull(text, nullptr, 10);
}

void write_number(const FileDescriptor& setting, std::uint64_t number) {
  const std::string text = std::to_string(number);
  (void)!::pwrite(setting.get(), text.data(), text.size(), 0);
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
  const std::string settings = "/sys/class/bdi/" + device;

  const auto read_ahead = open_setting(settings + "/read_ahead_kb");
  if (read_ahead && read_number(*read_ahead).value_or(kReadAheadKiB) < kReadAheadKiB)
    write_number(*read_ahead, kReadAheadKiB);

  if (auto share = open_setting(settings + "/max_ratio")) {
    const auto usual = read_number(*share);
    if (!usual) return;
    usual_percent_ = percent_ = *usual;
    most_unwritten_bytes_ = most_unwritten_bytes();
    share_.emplace(std::move(*share));
    follow(free_bytes);
  }
}

void KernelCache::follow(std::uint64_t free_bytes) {
  if (!share_ || most_unwritten_bytes_ == 0) return;
  const std::uint64_t wanted = std::min(free_bytes / kUnwrittenPartOfFree, most_unwritten_bytes_) *
                               100 / most_unwritten_bytes_;
  const std::uint64_t percent = std::max(std::min(wanted, kMostUnwrittenPercent), usual_percent_);
  if (percent == percent_) return;
  percent_ = percent;
  write_number(*share_, percent);
}

}  // namespace spindle
