#include "spindle/device/host_mounts.h"

#include <mntent.h>
#include <sys/stat.h>
#include <unistd.h>

namespace spindle {
namespace {

constexpr int kTries = 500;
constexpr useconds_t kBetweenTriesUs = 10'000;

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
  const std::unique_ptr<FILE, decltype(&::endmntent)> table(::setmntent("/proc/self/mounts", "r"),
                                                            &::endmntent);
  if (!table) return mounts;
  while (const mntent* entry = ::getmntent(table.get())) {
    const bool is_spindle = std::string_view(entry->mnt_type) == "fuse.spindle";
    mounts.push_back({entry->mnt_fsname, entry->mnt_dir, is_spindle});
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
