#include "spindle/chart/table.h"

#include <algorithm>

#include "spindle/base/check.h"
#include "spindle/chart/svg.h"

namespace spindle::chart {
namespace {

/// More rows are left out of the text; CSV and JSON have them all.
constexpr std::size_t kMostTextRows = 200;

bool is_number(std::string_view text) {
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
  std::vector<std::size_t> widths;
  std::vector<bool> to_right;
  for (std::size_t c = 0; c < titles_.size(); ++c) {
    const auto [name, unit] = in_two(titles_[c]);
    std::size_t width = std::max(columns_of(name), columns_of(unit));
    bool numbers = shown != 0;
    for (std::size_t r = 0; r < shown; ++r) {
      width = std::max(width, columns_of(rows_[r][c]));
      numbers = numbers && (is_number(rows_[r][c]) || rows_[r][c].empty() || rows_[r][c] == "-");
    }
    widths.push_back(last_.empty() ? width : std::max(width, columns_of(last_[c])));
    to_right.push_back(numbers);
  }
  std::string out;
  const auto add = [&](const std::vector<std::string>& cells) {
    std::string line;
    for (std::size_t c = 0; c < cells.size(); ++c)
      line += (c == 0 ? "" : "  ") +
              (to_right[c] ? right_aligned(cells[c], widths[c]) : padded(cells[c], widths[c]));
    line.erase(line.find_last_not_of(' ') + 1);
    out += line + "\n";
  };
  std::size_t line_width = widths.empty() ? 0 : 2 * (widths.size() - 1);
  for (std::size_t width : widths) line_width += width;
  const std::string rule = repeated(style.pick("─", "-"), std::min(line_width, style.width)) + "\n";
  std::vector<std::string> names;
  std::vector<std::string> units;
  for (const std::string& title : titles_) {
    names.push_back(in_two(title).first);
    units.push_back(in_two(title).second);
  }
  add(names);
  if (std::ranges::any_of(units, [](const std::string& unit) { return !unit.empty(); })) add(units);
  out += rule;
  for (std::size_t r = 0; r < shown; ++r) add(rows_[r]);
  if (shown < rows_.size())
    out += "... and " + std::to_string(rows_.size() - shown) + " more; " + std::string(whole) +
           " has them all.\n";
  if (!last_.empty()) out += rule, add(last_);
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
