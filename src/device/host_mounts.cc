#include "spindle/device/host_mounts.h"

#include <sys/stat.h>
#include <unistd.h>

#include <charconv>
#include <sstream>

#include "spindle/base/host_proc.h"

namespace spindle {
namespace {

constexpr int kTries = 500;
constexpr useconds_t kBetweenTriesUs = 10'000;

// The kernel writes blanks and the like in its tables as a backslash and three octal digits.
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

// Where the volume in the image is mounted; empty: nowhere.
std::string mount_point_of(const std::string& path) {
  struct stat image {};
  if (::stat(path.c_str(), &image) != 0) return {};
  for (const HostMount& mount : host_mounts()) {
    struct stat source {};
    if (!mount.is_spindle || ::stat(mount.source.c_str(), &source) != 0) continue;
    if (source.st_dev == image.st_dev && source.st_ino == image.st_ino) return mount.directory;
  }
  return {};
}

}  // namespace

std::vector<HostMount> host_mounts() {
  std::vector<HostMount> mounts;
  const auto table = read_host_proc("self/mountinfo");
  if (!table.ok()) return mounts;
  std::istringstream lines(*table);
  for (std::string line; std::getline(lines, line);) {
    std::istringstream words(line);
    std::string number, parent, device, root, directory, word;
    words >> number >> parent >> device >> root >> directory;
    // Options follow, as many as there are, and a hyphen.
    while (words >> word && word != "-") {
    }
    std::string type, source;
    words >> type >> source;
    mounts.push_back({unescaped(source), unescaped(directory), device, type == "fuse.spindle"});
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

std::string who_uses(const std::string& path) {
  const std::string mount_point = mount_point_of(path);
  if (!mount_point.empty()) return "it is mounted at " + mount_point;
  return "another program has it open, or it is mounted by another name";
}

}  // namespace spindle
