#include "cli/mount/remount.h"

#include <fmt/format.h>
#include <sys/mount.h>
#include <sys/statvfs.h>

#include <cerrno>
#include <cstring>

#include "cli/mount/mount_control.h"

namespace spindle::cli {
namespace {

struct KernelFlag {
  std::string_view sets, clears;
  unsigned long present, wanted;  ///< the flag in statvfs(3), and in mount(2)
};
constexpr KernelFlag kKernelFlags[] = {{"nosuid", "suid", ST_NOSUID, MS_NOSUID},
                                       {"nodev", "dev", ST_NODEV, MS_NODEV},
                                       {"noexec", "exec", ST_NOEXEC, MS_NOEXEC}};

/// The flags that are set now, changed by the options in the order in which they were given. Of
/// access times the kernel keeps what it has when no flag of theirs is passed; whether writes are
/// kept back is the daemon's matter, too.
unsigned long wanted_flags(unsigned long present, std::string_view kernel_options) {
  unsigned long flags = MS_REMOUNT;
  if ((present & ST_SYNCHRONOUS) != 0) flags |= MS_SYNCHRONOUS;
  for (const KernelFlag& flag : kKernelFlags)
    if ((present & flag.present) != 0) flags |= flag.wanted;
  while (!kernel_options.empty()) {
    kernel_options.remove_prefix(1);  // the comma before each
    const std::string_view name = kernel_options.substr(0, kernel_options.find(','));
    kernel_options.remove_prefix(name.size());
    for (const KernelFlag& flag : kKernelFlags) {
      if (name == flag.sets) flags |= flag.wanted;
      if (name == flag.clears) flags &= ~flag.wanted;
    }
  }
  return flags;
}

}  // namespace

std::string remount(const std::string& directory, const MountOptions& options) {
  Complaint complaint;
  const MountControl control(directory, complaint);
  struct statvfs now {};
  if (!complaint.made() && ::statvfs(directory.c_str(), &now) != 0)
    complaint.make(fmt::format("{}: {}", directory, std::strerror(errno)));
  const bool is_writable = (now.f_flag & ST_RDONLY) == 0;
  if (!complaint.made() && options.read_only && is_writable) control.sync();
  if (!complaint.made() && !options.read_only && control.value("volume/state") != "read-write")
    complaint.make(fmt::format("{}: the volume itself is read-only; unmount it, and mount it again",
                               directory));
  if (complaint.made()) return complaint.what();
  unsigned long flags = wanted_flags(now.f_flag, options.kernel_options);
  if (options.read_only) flags |= MS_RDONLY;
  if (::mount(nullptr, directory.c_str(), nullptr, flags, nullptr) == 0) return {};
  if (errno == EBUSY) return fmt::format("{} is busy: a file is open for writing", directory);
  return fmt::format("{}: {}", directory, std::strerror(errno));
}

}  // namespace spindle::cli
