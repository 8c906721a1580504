#include "spindle/base/wrapped_text.h"

#include <algorithm>

namespace spindle {

std::string wrapped_text(std::string_view text, std::string_view first, std::string_view rest,
                         std::size_t width) {
  std::string out(first);
  std::size_t line = first.size();
  bool is_start = true;
  while (!text.empty()) {
    const std::size_t length = std::min(text.find(' '), text.size());
    const std::string_view word = text.substr(0, length);
    text.remove_prefix(std::min(length + 1, text.size()));
    if (word.empty()) continue;
    if (!is_start && line + 1 + word.size() > width) {
      out += '\n';
      out += rest;
      line = rest.size();
      is_start = true;
    }
    if (!is_start) out += ' ';
    out += word;
    line += word.size() + (is_start ? 0 : 1);
    is_start = false;
  }
  return out + '\n';
}

}  // namespace spindle
