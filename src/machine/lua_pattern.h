// How much work it may be to match a Lua pattern, estimated beforehand: matching backtracks through
// all possibilities, and nothing counts its steps while it does.
#pragma once

#include <string_view>

namespace spindle {

/// The most steps that matching may take, about: each repeated item multiplies them by the longest
/// run of characters that it can match. Counting stops beyond `enough`.
double most_pattern_steps(std::string_view pattern, std::string_view text, double enough);

}  // namespace spindle
