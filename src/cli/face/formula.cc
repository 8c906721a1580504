#include "cli/face/formula.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>

#include "spindle/base/random.h"

namespace spindle::cli {
namespace {

constexpr int kPoints = 41;

/// For each point of the curve, the values at which the solver is asked: the next one where it
/// refuses the one before. The first point is that of the case itself, `here`.
std::vector<std::vector<double>> points_of(const Formula::Curve& curve, double to, double here) {
  std::vector<std::vector<double>> points = {{here}};
  if (curve.doubles)
    for (double at = curve.from; at <= to; at *= 2) points.push_back({at});
  for (int i = 0; i < kPoints && !curve.doubles; ++i) {
    const double exactly = curve.from + (to - curve.from) * i / (kPoints - 1);
    // Of what is counted there are only whole numbers.
    points.push_back({exactly, std::round(exactly)});
  }
  return points;
}

Json number_json(double value) {
  return value == std::floor(value) ? Json(static_cast<std::int64_t>(value)) : Json(value);
}

}  // namespace

FormulaForm::FormulaForm(Formula formula)
    : formula_(std::move(formula)),
      row_help_(fmt::format("{}: no input; options give all values", formula_.policy.name)) {
  for (const Formula::Quantity& quantity : formula_.quantities) {
    formula_.policy.parameters.push_back(quantity.parameter.name);
    parameters_.push_back(quantity.parameter);
  }
  policies_.push_back(formula_.policy);
  for (const Formula::Result& result : formula_.results)
    measures_.push_back({result.key, result.title});
}

Json FormulaForm::read_rows(const std::vector<std::vector<std::string>>& rows,
                            Complaint& complaint) const {
  if (!rows.empty()) complaint.make("input: there is too much: " + row_help_);
  return Json::object();
}

/// Only keeps the seed: the quantities are drawn when the parameters are known.
Json FormulaForm::generate(Recipe& recipe, Complaint& complaint) const {
  const std::uint64_t seed = recipe.seed();
  recipe.finish_as("uniform");
  return complaint.made() ? Json() : Json{{"seed", seed}};
}

std::string FormulaForm::quiz_recipe(std::uint64_t seed) const {
  return fmt::format("uniform:seed={}", seed);
}

void FormulaForm::complete(Json& problem, Complaint& complaint) const {
  if (formula_.complete != nullptr) formula_.complete(problem, complaint);
  if (!problem["input"].contains("seed")) return;
  Random random(problem["input"]["seed"].get<std::uint64_t>());
  problem["input"].erase("seed");
  for (const Formula::Quantity& quantity : formula_.quantities) {
    if (quantity.drawn.empty()) continue;
    const Json drawn = number_json(quantity.drawn[random.below(quantity.drawn.size())]);
    Json& value = problem[quantity.parameter.is_input ? "input" : "parameters"]
                         [std::string(quantity.parameter.name)];
    // A value that was given stays as it is.
    if (as_number(value) == std::stod(std::string(quantity.parameter.fallback))) value = drawn;
  }
}

Json FormulaForm::known(const Json& problem) {
  Json all = problem["parameters"];
  all.update(problem["input"]);
  return all;
}

Picture FormulaForm::picture(const Solved& solved) const {
  const Formula::Curve& curve = formula_.curve;
  if (formula_.picture != nullptr) return formula_.picture(solved);
  const Formula::Result& result = formula_.results.front();
  const std::string name(curve.quantity);
  const double here = number_of(solved.parameters(), name).value_or(curve.from);
  const double to = std::max(curve.to, here);
  chart::Plot plot;
  plot.x_label = curve.quantity_label;
  plot.y_label = result.title;
  if (!result.unit.empty()) plot.y_label += fmt::format(" ({})", result.unit);
  plot.logarithmic = curve.doubles;
  plot.lines.push_back({std::string(result.title), {}, false, false});
  Solved other = solved;
  for (const std::vector<double>& tries : points_of(curve, to, here)) {
    for (const double at : tries) {
      other.problem["parameters"][name] = number_json(at);
      Complaint ignored;
      if (!solve(other, ignored)) continue;
      plot.lines[0].points.push_back({at, number_of(other.answer, result.key).value_or(0)});
      break;
    }
  }
  std::ranges::sort(plot.lines[0].points, {}, &chart::Point::x);
  plot.lines.push_back(
      {"here", {{here, number_of(solved.answer, result.key).value_or(0)}}, false, true});
  return plot;
}

chart::Table FormulaForm::table(const Solved& solved) const {
  chart::Table table({"quantity", "value", "unit"});
  for (const FaceParameter& parameter : parameters_)
    table.add_row({std::string(parameter.name),
                   value_text(known(solved.problem).value(std::string(parameter.name), Json())),
                   ""});
  for (const Formula::Result& result : formula_.results)
    table.add_row({std::string(result.title), value_text(solved.answer[std::string(result.key)]),
                   std::string(result.unit)});
  return table;
}

Facts FormulaForm::facts(const Solved& solved) const {
  Facts facts;
  for (const Formula::Result& result : formula_.results) {
    const std::string value = value_text(solved.answer[std::string(result.key)]);
    facts.emplace_back(result.title,
                       result.unit.empty() ? value : fmt::format("{} {}", value, result.unit));
  }
  return facts;
}

std::string value_text(const Json& value) {
  if (value.is_number_integer()) return std::to_string(value.get<std::int64_t>());
  return value.is_number() ? fmt::format("{}", value.get<double>()) : plain(value);
}

std::string value_text(const Json& quantities, const char* name) {
  return value_text(quantities.value(name, Json()));
}

FaceParameter number_parameter(std::string_view name, std::string_view help,
                               std::string_view fallback) {
  return {name, FaceParameter::Kind::kNumber, help, fallback};
}

std::vector<const Form*> forms_of(std::span<const FormulaForm> forms) {
  std::vector<const Form*> list;
  for (const FormulaForm& form : forms) list.push_back(&form);
  return list;
}

}  // namespace spindle::cli
