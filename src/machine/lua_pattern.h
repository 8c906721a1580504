// How much work a pattern of Lua may be on a text, before it is done: matching goes back and tries
// all ways, and nothing counts its steps.
#pragma once

#include <string_view>

namespace spindle {

/// At most so many steps, about. Each item that is repeated multiplies them by the longest run of
/// characters that it may stand for. Past `enough` it is not counted on.
double most_pattern_steps(std::string_view pattern, std::string_view text, double enough);

}  // namespace spindle
