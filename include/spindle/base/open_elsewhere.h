// Whether another process of the host has a file open, as far as this one may see.
//
// Names, mounts and mount namespaces do not matter: files are told apart by what stat(2) says of
// them, and a loop device stands for the file behind it. The answer is kNo if all that the process
// has open are other files. It is kUnknown if something in between could lead to the same bytes (a
// device mapper, a partition, a file system that shows another one's files), or if this user may
// not look.
#pragma once

#include <cstdint>
#include <string>

namespace spindle {

enum class OpenElsewhere { kNo, kYes, kUnknown };

/// `path` is a file or a block device. kUnknown, too, for a process that has neither open.
OpenElsewhere is_open_in(std::uint64_t process, const std::string& path);

}  // namespace spindle
