#include "kernel_read_ahead.h"

#include <fcntl.h>
#include <unistd.h>

#include <cstdlib>

#include "spindle/device/host_mounts.h"

namespace spindle {
namespace {

constexpr unsigned kReadAheadKiB = 512;

}  // namespace

void lengthen_kernel_read_ahead(const std::string& mount_point) {
  std::string device;
  for (const HostMount& mount : host_mounts())
    if (mount.directory == mount_point) device = mount.device;  // the last covers those before it
  const std::string setting = "/sys/class/bdi/" + device + "/read_ahead_kb";
  // If the setting lay in our own mount, this very thread would have to answer.
  if (device.empty() || setting.starts_with(mount_point)) return;
  const int fd = ::open(setting.c_str(), O_RDWR | O_CLOEXEC);
  if (fd < 0) return;
  char now[16] = {};
  const ssize_t size = ::read(fd, now, sizeof now - 1);
  if (size > 0 && std::strtoul(now, nullptr, 10) < kReadAheadKiB) {
    const std::string text = std::to_string(kReadAheadKiB);
    (void)!::pwrite(fd, text.data(), text.size(), 0);
  }
  ::close(fd);
}

}  // namespace spindle
