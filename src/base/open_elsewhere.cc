#include "spindle/base/open_elsewhere.h"

#include <fcntl.h>
#include <linux/loop.h>
#include <linux/magic.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <sys/vfs.h>

#include <algorithm>
#include <array>
#include <optional>

#include "spindle/base/host_proc.h"

namespace spindle {
namespace {

/// Where the bytes of an image are at last.
struct Origin {
  bool is_device = false;  ///< a block device that is no loop device; else a file
  dev_t device = 0;        ///< of the file system that the file is in, or the block device
  ino_t inode = 0;
  bool is_final = false;  ///< the file's bytes are in its own file system, and in no other
};

/// A file system on a block device keeps its files there. Of those on none, only these keep their
/// files themselves: others show what some other file system has.
bool keeps_its_files(int fd, dev_t device) {
  if (major(device) != 0) return true;
  constexpr std::array<__fsword_t, 3> kAlone{TMPFS_MAGIC, RAMFS_MAGIC, BTRFS_SUPER_MAGIC};
  struct statfs info {};
  return ::fstatfs(fd, &info) == 0 && std::ranges::find(kAlone, info.f_type) != kAlone.end();
}

std::optional<Origin> origin_of(const FileDescriptor& file) {
  struct stat info {};
  if (!file.is_open() || ::fstat(file.get(), &info) != 0) return std::nullopt;
  if (S_ISREG(info.st_mode)) {
    return Origin{.device = info.st_dev,
                  .inode = info.st_ino,
                  .is_final = keeps_its_files(file.get(), info.st_dev)};
  }
  if (!S_ISBLK(info.st_mode)) return std::nullopt;
  loop_info64 loop{};
  if (::ioctl(file.get(), LOOP_GET_STATUS64, &loop) == 0 && loop.lo_rdevice == 0) {
    const auto device = static_cast<dev_t>(loop.lo_device);
    return Origin{.device = device, .inode = loop.lo_inode, .is_final = major(device) != 0};
  }
  return Origin{.is_device = true, .device = info.st_rdev};
}

OpenElsewhere compare(const Origin& a, const Origin& b) {
  if (a.is_device != b.is_device) return OpenElsewhere::kUnknown;
  const bool same_device = a.device == b.device;
  if (a.is_device) return same_device ? OpenElsewhere::kYes : OpenElsewhere::kUnknown;
  if (same_device) return a.inode == b.inode ? OpenElsewhere::kYes : OpenElsewhere::kNo;
  return a.is_final && b.is_final ? OpenElsewhere::kNo : OpenElsewhere::kUnknown;
}

/// A socket, a pipe or a terminal is no image, and need not be opened.
bool may_be_image(const std::string& path) {
  struct stat info {};
  return stat_host_proc(path, info) && (S_ISREG(info.st_mode) || S_ISBLK(info.st_mode));
}

}  // namespace

OpenElsewhere is_open_in(std::uint64_t process, const std::string& path) {
  const auto image = origin_of(FileDescriptor(::open(path.c_str(), O_RDONLY | O_CLOEXEC)));
  const std::string folder = std::to_string(process) + "/fd";
  const auto names = list_host_proc(folder);
  if (!image || !names.ok()) return OpenElsewhere::kUnknown;
  bool has_any = false;
  bool is_known = true;
  for (const std::string& name : *names) {
    const std::string at = folder + "/" + name;
    if (!may_be_image(at)) continue;
    has_any = true;
    const auto other = origin_of(open_in_host_proc(at, O_RDONLY));
    const auto found = other ? compare(*image, *other) : OpenElsewhere::kUnknown;
    if (found == OpenElsewhere::kYes) return found;
    if (found == OpenElsewhere::kUnknown) is_known = false;
  }
  return has_any && is_known ? OpenElsewhere::kNo : OpenElsewhere::kUnknown;
}

}  // namespace spindle
