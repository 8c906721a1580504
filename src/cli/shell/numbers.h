// Numbers in the arguments of the shell's own commands.
#pragma once

#include <charconv>
#include <optional>
#include <string_view>

namespace spindle::cli {

/// Nothing if the text is no number as a whole.
inline std::optional<int> number_of(std::string_view text) {
  int number = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
  if (error != std::errc() || end != text.data() + text.size()) return std::nullopt;
  return number;
}

}  // namespace spindle::cli
