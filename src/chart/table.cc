#include "spindle/chart/table.h"

#include <algorithm>

#include "column_parts.h"
#include "spindle/base/check.h"
#include "spindle/chart/svg.h"

namespace spindle::chart {
namespace {

/// More rows are left out of the text; CSV and JSON have them all.
constexpr std::size_t kMostTextRows = 200;

bool looks_like_number(std::string_view text) {
  return !text.empty() && text.find_first_not_of("0123456789.,+-%() ") == std::string_view::npos;
}

/// "seek (ms)" in two lines: what it is, and its unit.
std::pair<std::string, std::string> in_two(const std::string& title) {
  const std::size_t unit = title.rfind(" (");
  if (unit == std::string::npos) return {title, ""};
  return {title.substr(0, unit), title.substr(unit + 1)};
}

std::string csv_field(const std::string& text) {
  if (text.find_first_of(",\"\r\n") == std::string::npos) return text;
  std::string out = "\"";
  for (char c : text) out += c == '"' ? std::string("\"\"") : std::string(1, c);
  return out + "\"";
}

struct Column {
  std::size_t width = 0;
  bool to_right = false;
};

std::string line_of(const std::vector<std::string>& cells, const std::vector<Column>& columns,
                    const Columns& part) {
  std::string line;
  for (const std::size_t c : part)
    line += (c == part[0] ? "" : "  ") + (columns[c].to_right
                                              ? right_aligned(cells[c], columns[c].width)
                                              : padded(cells[c], columns[c].width));
  line.erase(line.find_last_not_of(' ') + 1);
  return line + "\n";
}

}  // namespace

void Table::add_row(std::vector<std::string> cells) {
  CHECK(cells.size() == titles_.size());
  rows_.push_back(std::move(cells));
}

void Table::set_last_row(std::vector<std::string> cells) {
  CHECK(cells.size() == titles_.size());
  last_ = std::move(cells);
}

std::string Table::text(const TextStyle& style, std::string_view whole) const {
  const std::size_t shown = std::min(rows_.size(), kMostTextRows);
  std::vector<Column> columns;
  std::vector<std::string> names;
  std::vector<std::string> units;
  for (std::size_t c = 0; c < titles_.size(); ++c) {
    const auto [name, unit] = in_two(titles_[c]);
    Column column{std::max(columns_of(name), columns_of(unit)), shown != 0};
    for (std::size_t r = 0; r < shown; ++r) {
      const std::string& cell = rows_[r][c];
      column.width = std::max(column.width, columns_of(cell));
      column.to_right = column.to_right && (looks_like_number(cell) || cell.empty() || cell == "-");
    }
    if (!last_.empty()) column.width = std::max(column.width, columns_of(last_[c]));
    columns.push_back(column);
    names.push_back(name);
    units.push_back(unit);
  }
  std::string out;
  std::vector<std::size_t> widths;
  for (const Column& column : columns) widths.push_back(column.width);
  for (const Columns& part : column_parts(widths, style.wraps ? style.width : 0)) {
    std::size_t width = part.empty() ? 0 : 2 * (part.size() - 1);
    for (const std::size_t c : part) width += columns[c].width;
    if (style.wraps) width = std::min(width, style.width);
    const std::string rule = repeated(style.pick("─", "-"), width) + "\n";
    if (!out.empty()) out += "\n";
    out += line_of(names, columns, part);
    const bool has_units =
        std::ranges::any_of(part, [&](std::size_t c) { return !units[c].empty(); });
    if (has_units) out += line_of(units, columns, part);
    out += rule;
    for (std::size_t r = 0; r < shown; ++r) out += line_of(rows_[r], columns, part);
    if (shown < rows_.size())
      out += "... and " + std::to_string(rows_.size() - shown) + " more; " + std::string(whole) +
             " has them all.\n";
    if (!last_.empty()) out += rule + line_of(last_, columns, part);
  }
  return out;
}

std::string Table::csv() const {
  std::string out;
  const auto add = [&](const std::vector<std::string>& cells) {
    for (std::size_t c = 0; c < cells.size(); ++c) out += (c == 0 ? "" : ",") + csv_field(cells[c]);
    out += "\n";
  };
  add(titles_);
  for (const auto& row : rows_) add(row);
  return out;
}

std::string pairs_text(const std::vector<std::pair<std::string, std::string>>& pairs) {
  std::size_t width = 0;
  for (const auto& [name, value] : pairs) width = std::max(width, columns_of(name));
  std::string out;
  for (const auto& [name, value] : pairs) out += padded(name, width) + "  " + value + "\n";
  return out;
}

}  // namespace spindle::chart
