// `mount -o remount`: changes what the kernel keeps of a mount while the volume stays mounted.
#pragma once

#include <string>

#include "cli/mount/mount_options.h"

namespace spindle::cli {

/// Makes the mount at `directory` read-only or writable again, and sets suid, dev and exec, as the
/// options say. All else stays as it was mounted, also what stands in the options: mount(8) hands
/// on those of fstab together with the new ones. Before a mount turns read-only all that was
/// written reaches the disk. Returns the sentence that says why not; empty if all is well.
std::string remount(const std::string& directory, const MountOptions& options);

}  // namespace spindle::cli
