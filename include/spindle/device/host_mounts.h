// What the host has mounted, and images that are about to be free.
//
// A daemon holds the lock on its image until it has written the last block, which is a moment after
// umount(8) or fusermount3(1) returned. So `open_when_free` waits for the lock, unless the table of
// mounts says that the image is still mounted.
#pragma once

#include <sys/types.h>

#include <string>
#include <vector>

#include "spindle/device/file_device.h"

namespace spindle {

struct HostMount {
  std::string source;
  std::string root;  ///< the folder of the file system that is mounted: "/", if all of it is
  std::string directory;
  std::string device;  ///< "0:51", by which /sys knows it
  std::string type;
  std::string options;  ///< those of the file system, not of the mount, between commas
  uid_t user = 0;       ///< who mounted it, if the options of FUSE say so
  [[nodiscard]] bool is_spindle() const { return type == "fuse.spindle"; }
};

/// The mounts that this process sees, those that cover others after them.
std::vector<HostMount> host_mounts();

/// FileDevice::open with the lock. EBUSY if the volume in the image is mounted, or if somebody else
/// keeps the lock for seconds.
Result<std::unique_ptr<FileDevice>> open_when_free(const std::string& path,
                                                   FileDevice::Access access,
                                                   std::uint32_t block_size);

/// Who uses the image, in words: "it is mounted at /mnt". If the table of mounts does not say, the
/// answer is `otherwise`, or, if that is empty, a general sentence; see format/mount_mark.h.
std::string who_uses(const std::string& path, const std::string& otherwise = {});

}  // namespace spindle
