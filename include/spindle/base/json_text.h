// json_text: a JSON value as text, whatever bytes stand in it.
//
//   fmt::print("{}\n", json_text(answer, 2));
//
// Names of files, labels and words of a command line are bytes of any kind. JSON is UTF-8, so what
// is none becomes U+FFFD; to the library by itself it would be an exception.
#pragma once

#include <string>

namespace spindle {

inline constexpr int kOneLine = -1;

/// Each member on a line of its own, this many spaces to the right of what holds it; or kOneLine.
template <class Json>
std::string json_text(const Json& value, int indent) {
  return value.dump(indent, ' ', false, Json::error_handler_t::replace);
}

}  // namespace spindle
