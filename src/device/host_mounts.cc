#include "spindle/device/host_mounts.h"

#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <charconv>

#include "spindle/base/host_proc.h"
#include "spindle/base/take_until.h"

namespace spindle {
namespace {

constexpr int kTries = 500;
constexpr useconds_t kBetweenTriesUs = 10'000;

/// The kernel writes blanks and the like in its tables as a backslash and three octal digits.
std::string unescaped(std::string_view text) {
  std::string out;
  while (!text.empty()) {
    unsigned code = 0;
    if (text[0] == '\\' && text.size() > 3 &&
        std::from_chars(text.data() + 1, text.data() + 4, code, 8).ptr == text.data() + 4) {
      out += static_cast<char>(code);
      text.remove_prefix(4);
    } else {
      out += text[0];
      text.remove_prefix(1);
    }
  }
  return out;
}

uid_t user_of(std::string_view options) {
  constexpr std::string_view kName = "user_id=";
  while (!options.empty()) {
    const std::string_view option = take_until(options, ',');
    if (!option.starts_with(kName)) continue;
    uid_t user = 0;
    std::from_chars(option.data() + kName.size(), option.data() + option.size(), user);
    return user;
  }
  return 0;
}

/// Where the volume in the image is mounted; empty if nowhere.
std::string mount_point_of(const std::string& path) {
  struct stat image {};
  if (::stat(path.c_str(), &image) != 0) return {};
  for (const HostMount& mount : host_mounts()) {
    struct stat source {};
    if (!mount.is_spindle() || ::stat(mount.source.c_str(), &source) != 0) continue;
    if (source.st_dev == image.st_dev && source.st_ino == image.st_ino) return mount.directory;
  }
  return {};
}

}  // namespace

std::vector<HostMount> host_mounts() {
  std::vector<HostMount> mounts;
  const auto table = read_host_proc("self/mountinfo");
  if (!table.ok()) return mounts;
  for (std::string_view rest = *table; !rest.empty();) {
    std::string_view line = take_until(rest, '\n');
    // In front stand the numbers of the mount and of its parent.
    take_until(line, ' ');
    take_until(line, ' ');
    const std::string_view device = take_until(line, ' ');
    const std::string_view root = take_until(line, ' ');
    const std::string_view directory = take_until(line, ' ');
    // Options follow, as many as there are, and a hyphen.
    while (!line.empty() && take_until(line, ' ') != "-") {
    }
    const std::string_view type = take_until(line, ' ');
    const std::string_view source = take_until(line, ' ');
    mounts.push_back({.source = unescaped(source),
                      .root = unescaped(root),
                      .directory = unescaped(directory),
                      .device = std::string(device),
                      .type = std::string(type),
                      .options = std::string(line),
                      .user = user_of(line)});
  }
  return mounts;
}

Result<std::unique_ptr<FileDevice>> open_when_free(const std::string& path,
                                                   FileDevice::Access access,
                                                   std::uint32_t block_size) {
  auto opened = FileDevice::open(path, access, block_size);
  for (int i = 0; i < kTries && opened.code() == EBUSY && mount_point_of(path).empty(); ++i) {
    ::usleep(kBetweenTriesUs);
    opened = FileDevice::open(path, access, block_size);
  }
  return opened;
}

std::string who_uses(const std::string& path, const std::string& otherwise) {
  const std::string mount_point = mount_point_of(path);
  if (!mount_point.empty()) return "it is mounted at " + mount_point;
  if (!otherwise.empty()) return otherwise;
  return "another program has it open, or it is mounted by another name";
}

}  // namespace spindle
