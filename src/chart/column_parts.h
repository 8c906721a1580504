// A table that is wider than the terminal is divided into parts, which stand below one another.
// Each has the first column, which says what a row is about.
#pragma once

#include <cstddef>
#include <vector>

namespace spindle::chart {

using Columns = std::vector<std::size_t>;  // which ones

/// Each part is at most `width` wide, with two blanks between columns, or has one column besides
/// the first. With a width of 0 there is one part.
inline std::vector<Columns> column_parts(const std::vector<std::size_t>& widths,
                                         std::size_t width) {
  std::vector<Columns> parts(1);
  std::size_t used = 0;
  for (std::size_t i = 0; i < widths.size(); ++i) {
    if (width != 0 && parts.back().size() > 1 && used + widths[i] > width) {
      parts.push_back({0});
      used = widths[0] + 2;
    }
    parts.back().push_back(i);
    used += widths[i] + 2;
  }
  return parts;
}

}  // namespace spindle::chart
