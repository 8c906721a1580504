// Text from a disk, or from a user, as it may be shown on a terminal.
#pragma once

#include <string>
#include <string_view>

namespace spindle {

/// Bytes that are not UTF-8, control characters and backslashes become \xNN.
std::string printable(std::string_view text);

/// A whole line of text, in which names may be printable already: as `printable`, but backslashes
/// stay as they are.
std::string printable_line(std::string_view text);

}  // namespace spindle
