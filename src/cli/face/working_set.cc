// Working set and page fault frequency: no fixed number of frames, but a set that grows and
// shrinks.

#include <fmt/format.h>

#include <map>

#include "cli/face/memory_forms.h"

namespace spindle::cli {
namespace {

using Kind = FaceParameter::Kind;

/// A reference without the mark of a write, which the set does not look at.
std::string page_of(const Json& reference) {
  return plain(reference.is_array() ? reference[0] : reference);
}

/// Follows the set as the solver does, to say of each reference what came and what went.
class ResidentSet {
 public:
  /// `limit`: the window, or the interval.
  explicit ResidentSet(std::size_t limit) : limit_(limit) {}

  [[nodiscard]] std::string in_window(const std::string& page) {
    const bool is_hit = last_use_.contains(page);
    last_use_[page] = ++now_;
    const std::string left = listed(take_out(now_ < limit_ ? 0 : now_ - limit_));
    return (is_hit ? fmt::format("a hit: it is among the last {}", counted(limit_, "reference"))
                   : fmt::format("a fault: it is not among the last {}",
                                 counted(limit_, "reference"))) +
           (left.empty() ? "" : fmt::format("; {} left the window", left));
  }

  [[nodiscard]] std::string by_frequency(const std::string& page) {
    ++now_;
    const bool is_hit = last_use_.contains(page);
    std::string what = "a hit";
    if (!is_hit) {
      what = last_fault_ == 0 ? "the first fault" : frequency_text();
      last_fault_ = now_;
    }
    last_use_[page] = now_;
    return what;
  }

 private:
  /// Takes out the pages last used by that reference or before it.
  std::vector<std::string> take_out(std::size_t until) {
    std::vector<std::string> out;
    for (const auto& [page, use] : last_use_)
      if (use <= until) out.push_back(page);
    for (const std::string& page : out) last_use_.erase(page);
    return out;
  }

  std::string frequency_text() {
    const std::string after =
        fmt::format("a fault, {} after the last", counted(now_ - last_fault_, "reference"));
    if (now_ - last_fault_ <= limit_) return after + ", which is soon: it adds a page";
    const std::vector<std::string> out = take_out(last_fault_ - 1);
    return fmt::format(
        "{}, which is late: {} not used since, and {}", after,
        out.empty() ? "no page was" : listed(out) + (out.size() == 1 ? " was" : " were"),
        out.empty()       ? "none goes"
        : out.size() == 1 ? "goes"
                          : "go");
  }

  std::size_t limit_;
  std::size_t now_ = 0;
  std::size_t last_fault_ = 0;
  std::map<std::string, std::size_t> last_use_;
};

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
    const auto limit = solved.parameters()[is_window ? "window" : "interval"].get<std::size_t>();
    ResidentSet set(limit);
    for (std::size_t i = 0; pages.is_array() && i < pages.size(); ++i) {
      const std::string page = page_of(pages[i]);
      out.push_back(fmt::format("Reference {}, page {}: {}; {}.", i + 1, page,
                                counted(solved.answer["sizes"][i].get<std::size_t>(), "page"),
                                is_window ? set.in_window(page) : set.by_frequency(page)));
    }
    return out;
  }
};

}  // namespace

const Form& working_set_form() {
  static const WorkingSetForm kForm;
  return kForm;
}

}  // namespace spindle::cli
