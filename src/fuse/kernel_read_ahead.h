// How far the kernel reads ahead in files of a mount.
#pragma once

#include <string>

namespace spindle {

/// When a file is read from front to back, the kernel reads 128 KiB ahead in any FUSE mount,
/// whatever was agreed on: that is the size of a request. This makes it 512 KiB, if this process
/// may do that and it is not more already. More would gain little, and a program that maps a file
/// would be given too much around each page that it touches. To be called once the mount answers;
/// asks the mount nothing.
void lengthen_kernel_read_ahead(const std::string& mount_point);

}  // namespace spindle
