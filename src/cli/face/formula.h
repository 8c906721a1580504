// Exercises that are one formula: some quantities are given, one is asked for. The picture is one
// of its own, or a curve that shows how the answer depends on one quantity while the others keep
// their values; each of its points is an answer of the solver.
#pragma once

#include <span>

#include "cli/face/face.h"

namespace spindle::cli {

struct Formula {
  struct Quantity {
    FaceParameter parameter;         ///< its fallback is what textbooks take
    std::vector<double> drawn = {};  ///< values of which a quiz draws one
  };
  struct Result {
    std::string_view key;
    std::string_view title;
    std::string_view unit;
  };
  /// The range of a quantity over which the curve is drawn.
  struct Curve {
    std::string_view quantity = {};
    double from = 0;
    double to = 0;
    std::string_view quantity_label = {};  ///< with its unit
    bool doubles = false;                  ///< each point has twice the value of the one before
  };

  std::string_view domain;
  FacePolicy policy;  ///< without its parameters, which are added
  std::vector<Quantity> quantities;
  std::vector<Result> results;
  Curve curve = {};
  Picture (*picture)(const Solved& solved) = nullptr;  ///< instead of the curve
  /// Makes what was typed into what the solver reads; null: it is that already.
  void (*complete)(Json& problem, Complaint& complaint) = nullptr;
  /// The question; `quantities` has each of them by its name.
  std::string (*question)(const Json& quantities);
  /// The steps of the calculation, in sentences.
  std::vector<std::string> (*reasons)(const Solved& solved);
};

class FormulaForm final : public Form {
 public:
  explicit FormulaForm(Formula formula);

  [[nodiscard]] std::string domain(const Json&) const override {
    return std::string(formula_.domain);
  }
  [[nodiscard]] const std::vector<FacePolicy>& policies() const override { return policies_; }
  [[nodiscard]] const std::vector<FaceParameter>& parameters() const override {
    return parameters_;
  }
  [[nodiscard]] const std::vector<Measure>& measures() const override { return measures_; }
  [[nodiscard]] std::string_view row_help() const override { return row_help_; }
  [[nodiscard]] Json read_rows(const std::vector<std::vector<std::string>>& rows,
                               Complaint& complaint) const override;
  [[nodiscard]] Json generate(Recipe& recipe, Complaint& complaint) const override;
  [[nodiscard]] std::string quiz_recipe(std::uint64_t seed) const override;
  void complete(Json& problem, Complaint& complaint) const override;
  [[nodiscard]] std::string question(const Json& problem) const override {
    return formula_.question(known(problem));
  }
  [[nodiscard]] Picture picture(const Solved& solved) const override;
  [[nodiscard]] bool shows_table() const override { return false; }
  [[nodiscard]] chart::Table table(const Solved& solved) const override;
  [[nodiscard]] Facts facts(const Solved& solved) const override;
  [[nodiscard]] std::vector<std::string> reasons(const Solved& solved) const override {
    return formula_.reasons(solved);
  }

  /// All quantities of a case, by name.
  static Json known(const Json& problem);

 private:
  Formula formula_;
  std::vector<FacePolicy> policies_;
  std::vector<FaceParameter> parameters_;
  std::vector<Measure> measures_;
  std::string row_help_;
};

std::vector<const Form*> forms_of(std::span<const FormulaForm> forms);

/// A number in full, where `plain` would round it.
std::string value_text(const Json& value);
/// The same of the quantity of that name.
std::string value_text(const Json& quantities, const char* name);

FaceParameter number_parameter(std::string_view name, std::string_view help,
                               std::string_view fallback);

/// How much faster several CPUs are, and how busy one is: forms of `spindle cpu`.
const std::vector<const Form*>& cpu_cost_forms();
/// What an access to memory costs on average, how large tables are: forms of `spindle memory`.
const std::vector<const Form*>& memory_cost_forms();
/// How long a disk takes for an access: forms of `spindle disk`.
const std::vector<const Form*>& disk_time_forms();
/// How fast arrays of disks are, and how long they last: forms of `spindle raid`.
const std::vector<const Form*>& raid_rate_forms();

}  // namespace spindle::cli
