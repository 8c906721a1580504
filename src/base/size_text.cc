#include "spindle/base/size_text.h"

#include <array>
#include <charconv>
#include <cmath>

namespace spindle {

Result<std::uint64_t> parse_size(std::string_view text) {
  const Error bad{EINVAL, "a size is a number with K, M, G or T after it"};
  double number = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
  if (error != std::errc() || !(number >= 0)) return bad;
  std::string_view unit(end, static_cast<std::size_t>(text.data() + text.size() - end));
  if (unit.size() > 1 && (unit.substr(1) == "iB" || unit.substr(1) == "B")) {
    unit = unit.substr(0, 1);
  }
  constexpr std::string_view kUnits = "KMGT";
  if (unit.size() == 1) {
    const char upper = unit[0] >= 'a' ? static_cast<char>(unit[0] - 'a' + 'A') : unit[0];
    const auto power = kUnits.find(upper);
    if (power == kUnits.npos) return bad;
    number *= std::pow(1024.0, static_cast<double>(power + 1));
  } else if (!unit.empty()) {
    return bad;
  }
  if (number >= 0x1p63) return Error{EINVAL, "the size is too large"};
  return static_cast<std::uint64_t>(number);
}

std::string size_text(std::uint64_t bytes) {
  constexpr std::array<const char*, 5> kUnits = {"bytes", "KiB", "MiB", "GiB", "TiB"};
  std::size_t unit = 0;
  double value = static_cast<double>(bytes);
  while (value >= 1024 && unit + 1 < kUnits.size()) {
    value /= 1024;
    ++unit;
  }
  const auto tenths = static_cast<std::uint64_t>(std::llround(value * 10));
  std::string text = std::to_string(tenths / 10);
  if (tenths % 10 != 0) text += "." + std::to_string(tenths % 10);
  return text + " " + kUnits[unit];
}

}  // namespace spindle
