// Table and Facts: what control files show, once as text for people and once as JSON for programs.
//
// A Table has a header line and aligned columns, numbers to the right: good for `column -t`, `awk`
// and the eye. A fact is a named value; a list of facts is a folder of one-value files, and a
// two-column table of all of them. Names carry their unit last ("seek_time_ns"), so a value needs
// none beside it.
#pragma once

#include <cstdint>
#include <functional>
#include <nlohmann/json_fwd.hpp>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "spindle/control/control_tree.h"

namespace spindle {

using Value = std::variant<std::uint64_t, std::int64_t, double, bool, std::string>;

/// A number without thousands marks; a double with up to 4 decimals; yes or no.
std::string to_text(const Value& value);

struct Fact {
  std::string name;
  Value value;
};

class Table {
 public:
  explicit Table(std::vector<std::string> columns) : columns_(std::move(columns)) {}
  /// As many values as there are columns.
  void add_row(std::vector<Value> row);
  [[nodiscard]] std::string text() const;
  /// A list of objects, one a row, with the columns as keys.
  [[nodiscard]] std::string json() const;

 private:
  std::vector<std::string> columns_;
  std::vector<std::vector<Value>> rows_;
};

/// "name value" lines, values aligned.
std::string facts_text(const std::vector<Fact>& facts);
/// One object.
nlohmann::ordered_json facts_object(const std::vector<Fact>& facts);
std::string facts_json(const std::vector<Fact>& facts);

/// Adds `path` and `path`.json, both of them the table.
void add_table(ControlTree& tree, const std::string& path, std::function<Result<Table>()> make);
/// Adds `folder`/NAME for each fact that `make` gives now, and `folder`/statistics with its .json
/// twin.
void add_facts(ControlTree& tree, const std::string& folder,
               std::function<std::vector<Fact>()> make);

}  // namespace spindle
