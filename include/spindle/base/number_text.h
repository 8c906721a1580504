// Numbers that people write.
//
//   number_in("17")                     // 17; nothing if the text is no int as a whole
//   number_in<std::uint64_t>("1e3")     // nothing
//   number_in<unsigned>("022", 8)       // 18
#pragma once

#include <charconv>
#include <optional>
#include <string_view>
#include <type_traits>

namespace spindle {

/// The number that the whole text is; nothing if there is more in the text, or the type cannot hold
/// it. `base` is for whole numbers alone.
template <class Number = int>
std::optional<Number> number_in(std::string_view text, [[maybe_unused]] int base = 10) {
  Number number{};
  const char* const last = text.data() + text.size();
  std::from_chars_result read{};
  if constexpr (std::is_integral_v<Number>)
    read = std::from_chars(text.data(), last, number, base);
  else
    read = std::from_chars(text.data(), last, number);
  if (read.ec != std::errc() || read.ptr != last) return std::nullopt;
  return number;
}

}  // namespace spindle
