#include "spindle/base/uuid.h"

namespace spindle {
namespace {

constexpr char kDigits[] = "0123456789abcdef";

int digit_value(char c) {
  if (c >= '0' && c <= '9') return c - '0';
  if (c >= 'a' && c <= 'f') return c - 'a' + 10;
  if (c >= 'A' && c <= 'F') return c - 'A' + 10;
  return -1;
}

constexpr bool is_dash_place(std::size_t place) {
  return place == 8 || place == 13 || place == 18 || place == 23;
}

}  // namespace

std::string uuid_text(const Uuid& uuid) {
  std::string text;
  for (const std::byte byte : uuid) {
    if (is_dash_place(text.size())) text += '-';
    text += kDigits[std::to_integer<unsigned>(byte) >> 4];
    text += kDigits[std::to_integer<unsigned>(byte) & 15];
  }
  return text;
}

Result<Uuid> parse_uuid(std::string_view text) {
  const Error bad{EINVAL, "a UUID is 8-4-4-4-12 hexadecimal digits, not all zero"};
  if (text.size() != 36) return bad;
  Uuid uuid{};
  std::size_t nibble = 0;
  for (std::size_t place = 0; place < text.size(); ++place) {
    if (is_dash_place(place)) {
      if (text[place] != '-') return bad;
      continue;
    }
    const int value = digit_value(text[place]);
    if (value < 0) return bad;
    const auto shifted = static_cast<unsigned>(value) << (nibble % 2 == 0 ? 4 : 0);
    uuid[nibble / 2] |= static_cast<std::byte>(shifted);
    ++nibble;
  }
  if (uuid == Uuid{}) return bad;
  return uuid;
}

}  // namespace spindle
