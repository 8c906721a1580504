// whole_file, write_whole_file: what is in a file of the host, all at once.
//
// For files that people name, and for the control files of a mount. The streams of the standard
// library throw if reading fails in the middle: for a directory, or when a mount goes away.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>

#include "spindle/base/result.h"

namespace spindle {

/// Enough for what is read as a whole; an image or a device that is named by mistake may be larger
/// than the memory that there is.
inline constexpr std::size_t kLargestWholeFile = std::size_t{1} << 30;

/// What is left to be read from the descriptor; it stays open. EFBIG if it is too much.
Result<std::string> read_to_end(int fd);
/// The error of the host, if the file cannot be opened, is a directory, or fails to be read; EFBIG
/// if it is too large.
Result<std::string> whole_file(const std::string& path);
/// Makes the file, or empties it, and fills it; the error of the host if one of these fails.
Result<> write_whole_file(const std::string& path, std::string_view content);

}  // namespace spindle
