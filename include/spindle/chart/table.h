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

  /// As many cells as there are titles.
  void add_row(std::vector<std::string> cells);
  /// Below a line of its own.
  void set_last_row(std::vector<std::string> cells);

  [[nodiscard]] const std::vector<std::string>& titles() const { return titles_; }
  [[nodiscard]] const std::vector<std::vector<std::string>>& rows() const { return rows_; }
  [[nodiscard]] bool empty() const { return rows_.empty(); }
  /// Of a long table the first rows, and that `whole` has all of them. One that is too wide for a
  /// terminal stands in parts below one another, each with the first column.
  [[nodiscard]] std::string text(const TextStyle& style, std::string_view whole = "--csv") const;
  /// With the titles; without the last row, which is no data.
  [[nodiscard]] std::string csv() const;

 private:
  std::vector<std::string> titles_;
  std::vector<std::vector<std::string>> rows_;
  std::vector<std::string> last_;
};

/// "name   value" lines, aligned.
std::string pairs_text(const std::vector<std::pair<std::string, std::string>>& pairs);

}  // namespace spindle::chart
