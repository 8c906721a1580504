// Text read from the front, part by part.
//
//   std::string_view rest = "one two";
//   take_until(rest, ' ')     // "one"; the rest is "two"
//   take_until(rest, ' ')     // "two"; the rest is empty
#pragma once

#include <algorithm>
#include <string_view>

namespace spindle {

/// Takes what stands before the separator off the front of the text, and the separator; all of the
/// text if it has none.
inline std::string_view take_until(std::string_view& text, char separator) {
  const std::string_view part = text.substr(0, text.find(separator));
  text.remove_prefix(std::min(text.size(), part.size() + 1));
  return part;
}

}  // namespace spindle
