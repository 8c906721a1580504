// Fact and FactTable: values that are shown once as text for people and once as JSON for programs.
//
// A fact is a named value. A FactTable has a header line and aligned columns, numbers to the right:
// good for `column -t`, `awk` and the eye. Names carry their unit last ("seek_time_ns"), so a value
// needs none beside it. Table, of ready texts under titles for people, is another thing.
#pragma once

#include <cstddef>
#include <cstdint>
#include <nlohmann/json_fwd.hpp>
#include <string>
#include <variant>
#include <vector>

namespace spindle::chart {

/// A monostate stands for a number that is not known.
using Value = std::variant<std::uint64_t, std::int64_t, double, bool, std::string, std::monostate>;

/// A number without marks between thousands, a double with up to 4 decimals, "yes" or "no".
std::string to_text(const Value& value);

struct Fact {
  std::string name;
  Value value;
};

class FactTable {
 public:
  explicit FactTable(std::vector<std::string> columns) : columns_(std::move(columns)) {}
  /// A row has as many values as there are columns.
  void add_row(std::vector<Value> row);
  void drop_rows() { rows_.clear(); }
  /// A table that is wider than `width` columns is divided into parts, which stand below one
  /// another and each have the first column. 0: it is not divided.
  [[nodiscard]] std::string text(std::size_t width = 0) const;
  [[nodiscard]] std::size_t row_count() const { return rows_.size(); }
  /// A list of objects, one for each row, with the columns as keys.
  [[nodiscard]] std::string json() const;

 private:
  std::vector<std::string> columns_;
  std::vector<std::vector<Value>> rows_;
};

/// Lines of name and value, the values aligned.
std::string facts_text(const std::vector<Fact>& facts);
/// One object with the names as keys.
nlohmann::ordered_json facts_object(const std::vector<Fact>& facts);
std::string facts_json(const std::vector<Fact>& facts);

}  // namespace spindle::chart
