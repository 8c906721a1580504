#include "spindle/base/printable.h"

#include <algorithm>
#include <cstdint>

namespace spindle {
namespace {

constexpr char kBackslash = '\\';

/// Bytes of the UTF-8 sequence of a printable character at the start of `text`; 0 if there is none.
std::size_t character_length(std::string_view text) {
  const auto byte = [&](std::size_t i) { return static_cast<unsigned char>(text[i]); };
  if (byte(0) < 0x80) return byte(0) >= 0x20 && byte(0) != 0x7F ? 1 : 0;
  const std::size_t length = byte(0) >= 0xF0 ? 4 : byte(0) >= 0xE0 ? 3 : 2;
  if (byte(0) < 0xC2 || byte(0) > 0xF4 || text.size() < length) return 0;
  std::uint32_t code = byte(0) & (0xFFu >> (length + 1));
  for (std::size_t i = 1; i < length; ++i) {
    if ((byte(i) & 0xC0) != 0x80) return 0;
    code = code << 6 | (byte(i) & 0x3Fu);
  }
  constexpr std::uint32_t kLeast[] = {0, 0, 0xA0, 0x800, 0x10000};
  const bool is_surrogate = code >= 0xD800 && code < 0xE000;
  return code >= kLeast[length] && code < 0x110000 && !is_surrogate ? length : 0;
}

std::string escaped(std::string_view text, bool with_backslashes) {
  std::string out;
  while (!text.empty()) {
    const bool is_escape = with_backslashes && text.front() == kBackslash;
    const std::size_t length = is_escape ? 0 : character_length(text);
    if (length == 0) {
      constexpr char kDigits[] = "0123456789abcdef";
      const auto byte = static_cast<unsigned char>(text.front());
      out += {kBackslash, 'x', kDigits[byte >> 4], kDigits[byte & 15]};
    } else {
      out += text.substr(0, length);
    }
    text.remove_prefix(std::max<std::size_t>(length, 1));
  }
  return out;
}

}  // namespace

std::string printable(std::string_view text) {
  return escaped(text, true);
}

std::string printable_line(std::string_view text) {
  return escaped(text, false);
}

}  // namespace spindle
