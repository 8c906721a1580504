// Text that came from a disk, as it may be shown on a terminal.
#pragma once

#include <string>
#include <string_view>

namespace spindle {

/// Bytes that are no UTF-8, control characters and the backslash become \xNN.
std::string printable(std::string_view text);

}  // namespace spindle
