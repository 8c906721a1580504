#include "control/host_mounts.h"

#include <fmt/format.h>

#include <algorithm>

#include "spindle/base/number_text.h"

namespace spindle::control {
namespace {

/// Takes the text up to `end`, or all, and the `end` itself, from the front of `rest`.
std::string_view take_until(std::string_view& rest, char end) {
  const std::string_view taken = rest.substr(0, rest.find(end));
  rest.remove_prefix(std::min(taken.size() + 1, rest.size()));
  return taken;
}

std::string_view field(std::string_view line, std::size_t column) {
  for (; column > 0; --column) take_until(line, ' ');
  return take_until(line, ' ');
}

/// With the characters that the kernel writes as a backslash and three octal digits: blanks, line
/// ends and backslashes.
std::string unescaped(std::string_view text) {
  std::string plain;
  while (!text.empty()) {
    if (text[0] == '\\' && text.size() >= 4) {
      plain += static_cast<char>((text[1] - '0') * 64 + (text[2] - '0') * 8 + (text[3] - '0'));
      text.remove_prefix(4);
    } else {
      plain += text[0];
      text.remove_prefix(1);
    }
  }
  return plain;
}

}  // namespace

std::string visible_mounts(std::string_view table, std::size_t column) {
  std::string text;
  while (!table.empty()) {
    const std::string_view line = take_until(table, '\n');
    const std::string_view point = field(line, column);
    if (point.starts_with("/proc/") || point.starts_with("/sys/")) continue;
    text.append(line).append("\n");
  }
  return text;
}

std::optional<std::string> device_of_mount(std::string_view mount_info, std::string_view point) {
  constexpr std::size_t kDevice = 2;
  std::optional<std::string> device;
  while (!mount_info.empty()) {
    const std::string_view line = take_until(mount_info, '\n');
    if (unescaped(field(line, kPointInMountInfo)) != point) continue;
    std::string_view minor = field(line, kDevice);
    const auto major = number_in<unsigned>(take_until(minor, ':'));
    const auto number = number_in<unsigned>(minor);
    if (major && number) device = fmt::format("{:02x}:{:02x}", *major, *number);
  }
  return device;
}

}  // namespace spindle::control
