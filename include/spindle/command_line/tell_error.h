// tell_error: what a program says when it cannot do as it was told.
#pragma once

#include <string_view>

namespace spindle {

/// Prints "PROGRAM: WHAT" as one line on standard error. Names may stand in it as they were given:
/// no control character of theirs reaches the terminal (printable_line).
void tell_error(std::string_view program, std::string_view what);

}  // namespace spindle
