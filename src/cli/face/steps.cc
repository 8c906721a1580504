#include "cli/face/steps.h"

#include <fmt/format.h>

namespace spindle::cli {
namespace {

/// After each operation the solver is asked again, with all operations so far.
constexpr std::size_t kMostOperations = 200;

/// "A B", "TERM", "-".
std::string cell_text(const Json& value) {
  if (!value.is_array()) return plain(value);
  std::string text;
  for (const Json& item : value)
    text +=
        (text.empty() ? "" : " ") +
        (item.is_array() && item.size() == 2 ? plain(item[0]) + ":" + plain(item[1]) : plain(item));
  return text;
}

}  // namespace

const std::vector<Measure>& StepsForm::measures() const {
  static const std::vector<Measure> kMeasures = {{"waited", "waited (operations)"}};
  return kMeasures;
}

Json StepsForm::read_rows(const std::vector<std::vector<std::string>>& rows,
                          Complaint& complaint) const {
  Json operations = Json::array();
  for (const std::vector<std::string>& row : rows) {
    operations.push_back(operation(row));
    if (operations.back().is_null()) complaint.make_malformed("operations", row, typed_as(*this));
  }
  if (rows.empty()) complaint.make(no_input("operations", *this));
  return {{"ops", operations}};
}

Json StepsForm::generate(Recipe& recipe, Complaint& complaint) const {
  const std::uint64_t count = recipe.natural("count", 8, 1, 1000);
  Random random(recipe.seed());
  recipe.finish_as("uniform");
  if (complaint.made()) return {};
  Json operations = Json::array();
  for (std::size_t i = 0; i < count; ++i) operations.push_back(drawn(random, i));
  return {{"ops", operations}};
}

std::string StepsForm::quiz_recipe(std::uint64_t seed) const {
  return fmt::format("uniform:count=7,seed={}", seed);
}

/// Adds to the answer what held after each operation, and how long somebody waited, in operations.
void StepsForm::finish(Solved& solved) const {
  const Json operations = solved.input()["ops"];
  if (operations.size() > kMostOperations) return;
  Json steps = Json::array();
  Solved part = solved;
  part.problem["input"]["ops"] = Json::array();
  for (const Json& operation : operations) {
    part.problem["input"]["ops"].push_back(operation);
    Complaint ignored;
    if (!solve(part, ignored)) return;
    steps.push_back(part.answer);
  }
  solved.answer["steps"] = steps;
  std::size_t waited = 0;
  for (const Json& step : steps)
    for (const char* key : {"waiting", "blocked", "blocked_producers", "blocked_consumers"})
      if (step.contains(key)) waited += step[key].size();
  if (domain_ == "sync") solved.answer["waited"] = waited;
}

std::string StepsForm::question(const Json& problem) const {
  std::vector<std::string> texts;
  for (const Json& operation : problem["input"]["ops"]) texts.push_back(text_of(operation));
  return fmt::format("{}\n\n  {}\n\nWhat holds after each of them?", setting(problem),
                     fmt::join(texts, ", "));
}

Picture StepsForm::picture(const Solved& solved) const {
  if (!solved.answer.contains("steps")) return {};
  chart::FrameTable picture;
  picture.references_label = "operation";
  picture.fault_label = picture.footer_label = picture.hit_meaning = "";
  picture.loaded_meaning = "changed";
  picture.kept_meaning = "as before";
  for (const Quantity& quantity : quantities_) picture.rows.emplace_back(quantity.title);
  Json before = Json::object();
  for (std::size_t i = 0; i < solved.answer["steps"].size(); ++i) {
    const Json& after = solved.answer["steps"][i];
    chart::FrameTable::Column column{text_of(solved.input()["ops"][i]), {}, "", false};
    for (const Quantity& quantity : quantities_) {
      const std::string text = cell_text(after[std::string(quantity.key)]);
      const bool changed =
          i != 0 && before[std::string(quantity.key)] != after[std::string(quantity.key)];
      column.cells.push_back({text, changed        ? chart::FrameTable::State::kLoaded
                                    : text.empty() ? chart::FrameTable::State::kEmpty
                                                   : chart::FrameTable::State::kKept});
    }
    picture.columns.push_back(std::move(column));
    before = after;
  }
  return picture;
}

chart::Table StepsForm::table(const Solved& solved) const {
  std::vector<std::string> titles = {"step", "operation"};
  for (const Quantity& quantity : quantities_) titles.emplace_back(quantity.title);
  chart::Table table(titles);
  const Json steps = solved.answer.value("steps", Json::array());
  for (std::size_t i = 0; i < steps.size(); ++i) {
    std::vector<std::string> row = {std::to_string(i + 1), text_of(solved.input()["ops"][i])};
    for (const Quantity& quantity : quantities_)
      row.push_back(cell_text(steps[i][std::string(quantity.key)]));
    table.add_row(row);
  }
  return table;
}

Facts StepsForm::facts(const Solved& solved) const {
  Facts facts;
  for (const Quantity& quantity : quantities_) {
    const std::string text = cell_text(solved.answer[std::string(quantity.key)]);
    facts.emplace_back(fmt::format("{} at the end", quantity.title), text.empty() ? "none" : text);
  }
  return facts;
}

std::vector<std::string> StepsForm::reasons(const Solved& solved) const {
  std::vector<std::string> out;
  Json before = Json::object();
  const Json steps = solved.answer.value("steps", Json::array());
  for (std::size_t i = 0; i < steps.size(); ++i) {
    const Json& operation = solved.input()["ops"][i];
    out.push_back(fmt::format("{}: {}.", text_of(operation), why(operation, before, steps[i])));
    before = steps[i];
  }
  return out;
}

}  // namespace spindle::cli
