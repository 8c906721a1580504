// Table: rows under titles, for the terminal and as CSV (RFC 4180).
//
// Titles carry the unit: "seek (ms)"; in text it stands below. Numbers stand to the right; a last
// row may be set apart (a mean, a sum).
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "spindle/chart/text_style.h"

namespace spindle::chart {

class Table {
 public:
  explicit Table(std::vector<std::string> titles) : titles_(std::move(titles)) {}

  /// A row has as many cells as there are titles.
  void add_row(std::vector<std::string> cells);
  /// The last row is set apart by a line.
  void set_last_row(std::vector<std::string> cells);

  [[nodiscard]] const std::vector<std::string>& titles() const { return titles_; }
  [[nodiscard]] const std::vector<std::vector<std::string>>& rows() const { return rows_; }
  [[nodiscard]] bool empty() const { return rows_.empty(); }
  /// A long table shows its first rows, and says that `whole` has all of them. A table that is
  /// wider than the terminal is divided into parts, which stand below one another and each have the
  /// first column.
  [[nodiscard]] std::string text(const TextStyle& style, std::string_view whole = "--csv") const;
  /// All rows with the titles, but without the last row, which is not data.
  [[nodiscard]] std::string csv() const;

 private:
  std::vector<std::string> titles_;
  std::vector<std::vector<std::string>> rows_;
  std::vector<std::string> last_;
};

/// Lines of name and value, aligned.
std::string pairs_text(const std::vector<std::pair<std::string, std::string>>& pairs);

}  // namespace spindle::chart
