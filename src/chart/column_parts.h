// Columns of a table that is wider than its place: parts that stand below one another, each with
// the first column, which says what a row is about.
#pragma once

#include <cstddef>
#include <vector>

namespace spindle::chart {

using Columns = std::vector<std::size_t>;  // which ones

/// At most `width` wide with two blanks between columns, or as narrow as may be; 0: all in one.
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
