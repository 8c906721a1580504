// Working set and page fault frequency: no fixed number of frames, but a set that grows and
// shrinks.

#include <fmt/format.h>

#include "cli/face/memory_forms.h"

namespace spindle::cli {
namespace {

using Kind = FaceParameter::Kind;

/// A reference without the mark of a write, which the set does not look at.
std::string page_of(const Json& reference) {
  return plain(reference.is_array() ? reference[0] : reference);
}

std::vector<std::string> pages_that_left(const Json& choice) {
  std::vector<std::string> pages;
  for (const Json& page : choice["left"]) pages.push_back(plain(page));
  return pages;
}

/// What is said of a reference, where the set are the pages of the last `window` references.
std::string in_window(const Json& choice, std::size_t window) {
  const std::string left = listed(pages_that_left(choice));
  return fmt::format(
      "{} among the last {}{}", choice["hit"].get<bool>() ? "a hit: it is" : "a fault: it is not",
      counted(window, "reference"), left.empty() ? "" : fmt::format("; {} left the window", left));
}

/// The same where faults say how large the set should be.
std::string by_frequency(const Json& choice) {
  if (choice["hit"].get<bool>()) return "a hit";
  if (!choice.contains("since_last")) return "the first fault";
  const std::string after = fmt::format(
      "a fault, {} after the last", counted(choice["since_last"].get<std::size_t>(), "reference"));
  if (!choice["late"].get<bool>()) return after + ", which is soon: it adds a page";
  const std::vector<std::string> left = pages_that_left(choice);
  return fmt::format(
      "{}, which is late: {} not used since, and {}", after,
      left.empty() ? "no page was" : listed(left) + (left.size() == 1 ? " was" : " were"),
      left.empty()       ? "none goes"
      : left.size() == 1 ? "goes"
                         : "go");
}

class WorkingSetForm final : public Form {
 public:
  [[nodiscard]] std::string domain(const Json&) const override { return "page-replacement"; }
  [[nodiscard]] const std::vector<FacePolicy>& policies() const override {
    static const std::vector<FacePolicy> kPolicies = {
        {"working-set", "WORKING-SET", "Working set", {"window"}},
        {"pff", "PFF", "Page fault frequency", {"interval"}}};
    return kPolicies;
  }
  [[nodiscard]] const std::vector<FaceParameter>& parameters() const override {
    static const std::vector<FaceParameter> kParameters = {
        {"window", Kind::kNumber, "WSClock, working-set: how many references make the working set",
         "4"},
        {"interval", Kind::kNumber,
         "pff: a fault more than so many references after the last one removes unused pages", "4"}};
    return kParameters;
  }
  [[nodiscard]] const std::vector<Measure>& measures() const override {
    static const std::vector<Measure> kMeasures = {{"faults", "faults"},
                                                   {"mean_size", "mean size (pages)"}};
    return kMeasures;
  }
  [[nodiscard]] std::string_view row_help() const override { return replacement_form().row_help(); }
  [[nodiscard]] Json read_rows(const std::vector<std::vector<std::string>>& rows,
                               Complaint& complaint) const override {
    return replacement_form().read_rows(rows, complaint);
  }
  [[nodiscard]] Json generate(Recipe& recipe, Complaint& complaint) const override {
    return replacement_form().generate(recipe, complaint);
  }
  [[nodiscard]] std::string quiz_recipe(std::uint64_t seed) const override {
    return replacement_form().quiz_recipe(seed);
  }
  [[nodiscard]] std::string question(const Json& problem) const override {
    std::vector<std::string> pages;
    for (const Json& page : problem["input"]["refs"]) pages.push_back(page_of(page));
    const Json& parameters = problem["parameters"];
    return fmt::format(
        "A process refers to its pages in this order:\n\n  {}\n\nHow large is its set of pages "
        "after each reference, and how many faults are there, under {} ({} {})?",
        fmt::join(pages, " "),
        problem["algorithm"] == "PFF" ? "page fault frequency" : "the working set",
        parameters.begin().key(), plain(parameters.begin().value()));
  }
  [[nodiscard]] Picture picture(const Solved& solved) const override {
    chart::Plot plot;
    plot.x_label = "reference";
    plot.y_label = "pages in memory";
    plot.counts_across = plot.counts_up = true;
    plot.lines.push_back({"size", {}, true, false});
    double number = 0;
    for (const Json& size : solved.answer["sizes"])
      plot.lines[0].points.push_back({++number, as_number(size)});
    return plot;
  }
  [[nodiscard]] bool shows_table() const override { return false; }
  [[nodiscard]] chart::Table table(const Solved& solved) const override {
    chart::Table table({"reference", "page", "pages in memory"});
    const Json& pages = solved.input()["refs"];
    for (std::size_t i = 0; pages.is_array() && i < pages.size(); ++i)
      table.add_row({std::to_string(i + 1), page_of(pages[i]), plain(solved.answer["sizes"][i])});
    return table;
  }
  [[nodiscard]] Facts facts(const Solved& solved) const override {
    std::vector<std::string> pages;
    for (const Json& page : solved.answer["last_set"]) pages.push_back(plain(page));
    return {{"faults", plain(solved.answer["faults"])},
            {"mean size", plain(solved.answer["mean_size"]) + " pages"},
            {"pages at the end", listed(pages)}};
  }
  [[nodiscard]] std::vector<std::string> reasons(const Solved& solved) const override {
    std::vector<std::string> out;
    const bool is_window = solved.policy->name == "working-set";
    const Json& pages = solved.input()["refs"];
    const Json choices = solved.answer.value("choices", Json::array());
    for (std::size_t i = 0; pages.is_array() && i < choices.size(); ++i)
      out.push_back(fmt::format(
          "Reference {}, page {}: {}; {}.", i + 1, page_of(pages[i]),
          counted(solved.answer["sizes"][i].get<std::size_t>(), "page"),
          is_window ? in_window(choices[i], solved.parameters()["window"].get<std::size_t>())
                    : by_frequency(choices[i])));
    return out;
  }
};

}  // namespace

const Form& working_set_form() {
  static const WorkingSetForm kForm;
  return kForm;
}

}  // namespace spindle::cli
