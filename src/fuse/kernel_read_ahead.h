// How far the kernel reads ahead in files of a mount.
#pragma once

#include <string>

namespace spindle {

/// The kernel reads a file that is read from front to back 128 KiB ahead in any FUSE mount,
/// whatever was agreed on: so much is a request. From now on it is 512 KiB, where this process may
/// say so and it is not more already. Of larger ones little is won, and a program that maps a file
/// would be given too much around each page that it touches. For once the mount answers; asks it
/// nothing.
void lengthen_kernel_read_ahead(const std::string& mount_point);

}  // namespace spindle
