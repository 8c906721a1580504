// Whether another process of the host has a file open, as far as this one may see.
//
// Names do not matter, nor mounts, nor mount namespaces: files are told apart by what stat(2) says
// of them, and loop devices lead to the file behind them. What is known to be another file is kNo;
// where something in between could lead to the same bytes (a device mapper, a partition, a file
// system that shows another one's files), or this user may not look, it is kUnknown.
#pragma once

#include <cstdint>
#include <string>

namespace spindle {

enum class OpenElsewhere { kNo, kYes, kUnknown };

/// `path` is a file or a block device. kUnknown, too, for a process that has neither open.
OpenElsewhere is_open_in(std::uint64_t process, const std::string& path);

}  // namespace spindle
