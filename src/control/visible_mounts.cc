#include "control/visible_mounts.h"

#include "spindle/base/take_until.h"

namespace spindle::control {
namespace {

/// Takes the text up to `end`, or all, and the `end` itself, from the front of `rest`.
std::string_view field(std::string_view line, std::size_t column) {
  for (; column > 0; --column) take_until(line, ' ');
  return take_until(line, ' ');
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

}  // namespace spindle::control
