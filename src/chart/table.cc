#include "spindle/chart/table.h"

#include <algorithm>
#include <span>

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

/// Divides "seek (ms)" into the name and the unit.
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

using Row = std::vector<std::string>;

std::string line_of(const Row& cells, const std::vector<Column>& columns, const Columns& part) {
  std::string line;
  for (const std::size_t c : part)
    line += (c == part[0] ? "" : "  ") + (columns[c].to_right
                                              ? right_aligned(cells[c], columns[c].width)
                                              : padded(cells[c], columns[c].width));
  line.erase(line.find_last_not_of(' ') + 1);
  return line + "\n";
}

/// The titles: a line of names, and one of units below it if there are any.
struct Head {
  explicit Head(const Row& titles) {
    for (const std::string& title : titles) {
      const auto [name, unit] = in_two(title);
      names.push_back(name);
      units.push_back(unit);
    }
  }
  [[nodiscard]] std::string text(const std::vector<Column>& columns, const Columns& part) const {
    const bool has_units =
        std::ranges::any_of(part, [&](std::size_t c) { return !units[c].empty(); });
    return line_of(names, columns, part) + (has_units ? line_of(units, columns, part) : "");
  }

  Row names;
  Row units;
};

/// As wide as its widest cell. A column of numbers stands to the right.
Column column_of(std::size_t c, const Head& head, std::span<const Row> rows, const Row& last) {
  Column column{std::max(columns_of(head.names[c]), columns_of(head.units[c])), !rows.empty()};
  for (const Row& row : rows) {
    const std::string& cell = row[c];
    column.width = std::max(column.width, columns_of(cell));
    column.to_right = column.to_right && (looks_like_number(cell) || cell.empty() || cell == "-");
  }
  if (!last.empty()) column.width = std::max(column.width, columns_of(last[c]));
  return column;
}

std::string rule_of(const std::vector<Column>& columns, const Columns& part,
                    const TextStyle& style) {
  std::size_t width = part.empty() ? 0 : 2 * (part.size() - 1);
  for (const std::size_t c : part) width += columns[c].width;
  if (style.wraps) width = std::min(width, style.width);
  return repeated(style.pick("─", "-"), width) + "\n";
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
  const std::span<const Row> shown(rows_.data(), std::min(rows_.size(), kMostTextRows));
  const Head head(titles_);
  std::vector<Column> columns;
  std::vector<std::size_t> widths;
  for (std::size_t c = 0; c < titles_.size(); ++c) {
    columns.push_back(column_of(c, head, shown, last_));
    widths.push_back(columns.back().width);
  }
  std::string out;
  for (const Columns& part : column_parts(widths, style.wraps ? style.width : 0)) {
    const std::string rule = rule_of(columns, part, style);
    if (!out.empty()) out += "\n";
    out += head.text(columns, part) + rule;
    for (const Row& row : shown) out += line_of(row, columns, part);
    if (shown.size() < rows_.size())
      out += "... and " + std::to_string(rows_.size() - shown.size()) + " more; " +
             std::string(whole) + " has them all.\n";
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
