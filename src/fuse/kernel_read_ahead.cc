#include "kernel_read_ahead.h"

#include <fcntl.h>
#include <unistd.h>

#include <cstdlib>
#include <sstream>
#include <string_view>

#include "spindle/base/host_proc.h"

namespace spindle {
namespace {

constexpr unsigned kReadAheadKiB = 512;

// As the kernel writes a path into its tables.
std::string escaped_path(std::string_view path) {
  constexpr std::string_view kDigits = "01234567";
  std::string out;
  for (const char c : path) {
    if (std::string_view(" \t\n\\").find(c) == std::string_view::npos) {
      out += c;
      continue;
    }
    out += '\\';
    for (const int shift : {6, 3, 0}) out += kDigits[static_cast<unsigned char>(c) >> shift & 7];
  }
  return out;
}

// "0:51"; empty if nothing is mounted there.
std::string device_number(const std::string& mount_point) {
  const auto table = read_host_proc("self/mountinfo");
  if (!table.ok()) return {};
  const std::string wanted = escaped_path(mount_point);
  std::istringstream lines(*table);
  std::string found;
  for (std::string line; std::getline(lines, line);) {
    std::istringstream words(line);
    std::string number, parent, device, root, directory;
    words >> number >> parent >> device >> root >> directory;
    if (directory == wanted) found = device;  // the last one covers those before it
  }
  return found;
}

}  // namespace

void lengthen_kernel_read_ahead(const std::string& mount_point) {
  const std::string device = device_number(mount_point);
  const std::string setting = "/sys/class/bdi/" + device + "/read_ahead_kb";
  // Under a mount of ours the question would come to this very thread.
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
