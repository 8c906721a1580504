#include "spindle/chart/facts.h"

#include <fmt/format.h>

#include <algorithm>

#include "column_parts.h"
#include "spindle/base/check.h"
#include "spindle/base/json_text.h"
#include "spindle/json/json.h"

namespace spindle::chart {
namespace {

nlohmann::ordered_json to_json(const Value& value) {
  return std::visit(
      [](const auto& held) {
        if constexpr (std::is_same_v<decltype(held), const std::monostate&>)
          return nlohmann::ordered_json();
        else
          return nlohmann::ordered_json(held);
      },
      value);
}

bool is_number(const Value& value) {
  return !std::holds_alternative<std::string>(value) && !std::holds_alternative<bool>(value);
}

}  // namespace

std::string to_text(const Value& value) {
  struct Visitor {
    std::string operator()(std::uint64_t number) const { return std::to_string(number); }
    std::string operator()(std::int64_t number) const { return std::to_string(number); }
    std::string operator()(double number) const {
      std::string text = fmt::format("{:.4f}", number);
      text.erase(text.find_last_not_of('0') + 1);
      if (text.back() == '.') text.pop_back();
      return text;
    }
    std::string operator()(bool yes) const { return yes ? "yes" : "no"; }
    std::string operator()(std::monostate) const { return "-"; }
    std::string operator()(const std::string& text) const { return text.empty() ? "-" : text; }
  };
  return std::visit(Visitor{}, value);
}

void FactTable::add_row(std::vector<Value> row) {
  CHECK(row.size() == columns_.size());
  rows_.push_back(std::move(row));
}

std::string FactTable::text(std::size_t width) const {
  std::vector<std::size_t> widths;
  for (const auto& column : columns_) widths.push_back(column.size());
  std::vector<std::vector<std::string>> cells;
  for (const auto& row : rows_) {
    auto& texts = cells.emplace_back();
    for (std::size_t i = 0; i < row.size(); ++i) {
      texts.push_back(to_text(row[i]));
      widths[i] = std::max(widths[i], texts.back().size());
    }
  }
  // The title of a column of numbers stands to the right as the numbers do.
  const auto to_right = [&](std::size_t column) {
    return !rows_.empty() && is_number(rows_.front()[column]);
  };
  std::string out;
  const auto add_line = [&](const std::vector<std::string>& texts, const Columns& part) {
    std::string line;
    for (const std::size_t i : part) {
      if (i != part.front()) line += "  ";
      line += to_right(i) ? fmt::format("{:>{}}", texts[i], widths[i])
                          : fmt::format("{:<{}}", texts[i], widths[i]);
    }
    line.erase(line.find_last_not_of(' ') + 1);
    out += line + "\n";
  };
  for (const auto& part : column_parts(widths, width)) {
    if (!out.empty()) out += "\n";
    add_line(columns_, part);
    for (const auto& texts : cells) add_line(texts, part);
  }
  return out;
}

std::string FactTable::json() const {
  auto list = nlohmann::ordered_json::array();
  for (const auto& row : rows_) {
    nlohmann::ordered_json object;
    for (std::size_t i = 0; i < row.size(); ++i) object[columns_[i]] = to_json(row[i]);
    list.push_back(std::move(object));
  }
  return json_text(list, 2) + "\n";
}

std::string facts_text(const std::vector<Fact>& facts) {
  std::size_t width = 0;
  for (const Fact& fact : facts) width = std::max(width, fact.name.size());
  std::string out;
  for (const Fact& fact : facts) {
    out += fmt::format("{:<{}}  {}\n", fact.name, width, to_text(fact.value));
  }
  return out;
}

std::string facts_json(const std::vector<Fact>& facts) {
  return json_text(facts_object(facts), 2) + "\n";
}

nlohmann::ordered_json facts_object(const std::vector<Fact>& facts) {
  nlohmann::ordered_json object;
  for (const Fact& fact : facts) object[fact.name] = to_json(fact.value);
  return object;
}

}  // namespace spindle::chart
