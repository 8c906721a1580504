// KernelCache: how much the kernel keeps of the files of a mount, read ahead and not yet written.
//
// The kernel sets narrow limits for any FUSE mount. They are widened as far as this process may do
// that (root may), and where they are not wider already:
//
// - Of a file that is read from front to back it reads 128 KiB ahead, whatever was agreed on: the
//   size of a request. That becomes 512 KiB. More would gain little, and a program that maps a file
//   would be given too much around each page that it touches.
// - Of what is written it keeps a hundredth of what may be unwritten in all, some 40 MB of 24 GB of
//   memory. Beyond, it hands over page by page what a program writes here and there. That becomes
//   an eighth of what is free of the volume, but at most a quarter of what may be unwritten in all.
//   It shrinks as the volume fills: a writer learns that there is no room only when what the kernel
//   kept is written.
#pragma once

#include <cstdint>
#include <optional>
#include <string>

#include "spindle/base/file_descriptor.h"

namespace spindle {

class KernelCache {
 public:
  /// To be called once the mount answers; asks the mount nothing. `free_bytes`: of the volume.
  void widen(const std::string& mount_point, std::uint64_t free_bytes);
  /// So much is free now.
  void follow(std::uint64_t free_bytes);

 private:
  /// The folder of the mount's settings, if they can be changed. No setting is kept open: who looks
  /// for the image among the daemon's files could not tell what that is.
  std::optional<FileDescriptor> settings_;
  std::uint64_t usual_percent_ = 0;
  std::uint64_t percent_ = 0;
  std::uint64_t most_unwritten_bytes_ = 0;  ///< of all files together
};

}  // namespace spindle
