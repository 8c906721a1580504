// The next burst of a process, estimated from those before: a form of `spindle cpu`.

#include <fmt/format.h>

#include <cmath>

#include "cli/face/cpu_forms.h"
#include "spindle/base/random.h"

namespace spindle::cli {
namespace {

using Kind = FaceParameter::Kind;

class EstimateForm final : public Form {
 public:
  [[nodiscard]] std::string domain(const Json&) const override { return "burst-estimate"; }
  [[nodiscard]] const std::vector<FacePolicy>& policies() const override {
    static const std::vector<FacePolicy> kPolicies = {
        {"estimate", "EXPONENTIAL", "Estimated bursts", {"alpha", "first"}}};
    return kPolicies;
  }
  [[nodiscard]] const std::vector<FaceParameter>& parameters() const override {
    static const std::vector<FaceParameter> kParameters = {{"alpha", Kind::kNumber, "", "0.5"},
                                                           {"first", Kind::kNumber, "", "10"}};
    return kParameters;
  }
  [[nodiscard]] const std::vector<Measure>& measures() const override {
    static const std::vector<Measure> kMeasures = {{"mean_error", "mean error (ms)"}};
    return kMeasures;
  }
  [[nodiscard]] std::string_view row_help() const override { return "estimate: bursts as LENGTH"; }
  [[nodiscard]] Json read_rows(const std::vector<std::vector<std::string>>& rows,
                               Complaint& complaint) const override {
    return {{"bursts", read_numbers(rows, "bursts", complaint)}};
  }
  [[nodiscard]] Json generate(Recipe& recipe, Complaint& complaint) const override {
    return {{"bursts", drawn_numbers(recipe, complaint, 6, 1, 16)}};
  }
  [[nodiscard]] std::string quiz_recipe(std::uint64_t seed) const override {
    return fmt::format("uniform:count=5,seed={}", seed);
  }
  void finish(Solved& solved) const override {
    double errors = 0;
    const Json& bursts = solved.input()["bursts"];
    for (std::size_t i = 0; i < bursts.size(); ++i) errors += std::fabs(error_of(solved, i));
    solved.answer["mean_error"] =
        errors / static_cast<double>(std::max<std::size_t>(bursts.size(), 1));
  }
  [[nodiscard]] std::string question(const Json& problem) const override {
    std::vector<std::string> bursts;
    for (const Json& burst : problem["input"]["bursts"]) bursts.push_back(plain(burst));
    return fmt::format(
        "The bursts of a process last {} ms. The first was estimated to last {} ms. With alpha {}, "
        "how long is each estimated to be, and the next one?",
        listed(bursts), plain(problem["parameters"]["first"]),
        plain(problem["parameters"]["alpha"]));
  }
  [[nodiscard]] Picture picture(const Solved& solved) const override {
    chart::Plot plot;
    plot.x_label = "burst";
    plot.counts_across = true;
    plot.y_label = "length (ms)";
    plot.lines = {{"estimated", {}, true, false}, {"burst", {}, false, true}};
    double number = 0;
    for (const Json& estimate : solved.answer["estimates"])
      plot.lines[0].points.push_back({++number, as_number(estimate)});
    number = 0;
    for (const Json& burst : solved.input()["bursts"])
      plot.lines[1].points.push_back({++number, as_number(burst)});
    return plot;
  }
  [[nodiscard]] chart::Table table(const Solved& solved) const override {
    chart::Table table({"burst", "estimated (ms)", "length (ms)", "too long by (ms)"});
    const Json& bursts = solved.input()["bursts"];
    const Json& estimates = solved.answer["estimates"];
    for (std::size_t i = 0; i < estimates.size(); ++i)
      table.add_row({std::to_string(i + 1), plain(estimates[i]),
                     i < bursts.size() ? plain(bursts[i]) : "-",
                     i < bursts.size() ? shown(error_of(solved, i)) : "-"});
    return table;
  }
  [[nodiscard]] Facts facts(const Solved& solved) const override {
    return {{"the next burst", plain(solved.answer["estimates"].back()) + " ms"},
            {"mean error", shown(as_number(solved.answer["mean_error"])) + " ms"}};
  }
  [[nodiscard]] std::vector<std::string> reasons(const Solved& solved) const override {
    std::vector<std::string> out;
    const Json& bursts = solved.input()["bursts"];
    const Json& estimates = solved.answer["estimates"];
    const double alpha = as_number(solved.parameters()["alpha"]);
    for (std::size_t i = 0; i < bursts.size(); ++i)
      out.push_back(fmt::format("After burst {}: {} x {} + {} x {} = {} ms.", i + 1, plain(alpha),
                                plain(bursts[i]), plain(1 - alpha), plain(estimates[i]),
                                plain(estimates[i + 1])));
    return out;
  }

 private:
  static double error_of(const Solved& solved, std::size_t i) {
    return as_number(solved.answer["estimates"][i]) - as_number(solved.input()["bursts"][i]);
  }
};

}  // namespace

Json drawn_numbers(Recipe& recipe, Complaint& complaint, std::uint64_t count, std::uint64_t low,
                   std::uint64_t high) {
  count = recipe.natural("count", count, 1, 100'000);
  Random random(recipe.seed());
  low = recipe.natural("low", low, 1, 1'000'000);
  high = recipe.natural("high", std::max(low, high), low, 1'000'000);
  recipe.finish_as("uniform");
  Json numbers = Json::array();
  for (std::uint64_t i = 0; i < count && !complaint.made(); ++i)
    numbers.push_back(low + random.below(high - low + 1));
  return numbers;
}

Json read_numbers(const std::vector<std::vector<std::string>>& rows, std::string_view field,
                  Complaint& complaint) {
  Json numbers = Json::array();
  for (const std::vector<std::string>& row : rows)
    for (const std::string& part : row)
      for (const std::string& number : split(part, ", "))
        numbers.push_back(read_number(number, field, complaint, 0, 1e9));
  if (numbers.empty()) complaint.make(fmt::format("{}: there are none", field));
  return numbers;
}

const Form& estimate_form() {
  static const EstimateForm kForm;
  return kForm;
}

}  // namespace spindle::cli
