// The counters of ageing, tick by tick: a form of `spindle memory`.

#include <fmt/format.h>

#include "cli/face/memory_forms.h"
#include "spindle/base/random.h"

namespace spindle::cli {
namespace {

using Kind = FaceParameter::Kind;

/// More ticks than this are answered without a picture.
constexpr std::size_t kMostTicks = 500;

class AgeingForm final : public Form {
 public:
  [[nodiscard]] std::string domain(const Json&) const override { return "page-aging"; }
  [[nodiscard]] const std::vector<FacePolicy>& policies() const override {
    static const std::vector<FacePolicy> kPolicies = {
        {"aging-counters", "AGING", "Counters of ageing", {"bits"}}};
    return kPolicies;
  }
  [[nodiscard]] const std::vector<FaceParameter>& parameters() const override {
    static const std::vector<FaceParameter> kParameters = {
        {"bits", Kind::kNumber, "aging, aging-counters: how long the counters are", "8"}};
    return kParameters;
  }
  [[nodiscard]] const std::vector<Measure>& measures() const override {
    static const std::vector<Measure> kNone;
    return kNone;
  }
  [[nodiscard]] std::string_view row_help() const override {
    return "aging-counters: the reference bits of all pages at each tick as 101011";
  }
  [[nodiscard]] Json read_rows(const std::vector<std::vector<std::string>>& rows,
                               Complaint& complaint) const override {
    Json ticks = Json::array();
    for (const std::vector<std::string>& row : rows)
      for (const std::string& part : row)
        for (const std::string& tick : split(part, ", ")) {
          if (tick.find_first_not_of("01") != std::string::npos)
            complaint.make(fmt::format("ticks: '{}' is not a 0 or 1 for each page", tick));
          ticks.push_back(tick);
        }
    if (ticks.empty()) complaint.make(no_input("ticks", *this));
    return {{"ticks", ticks}};
  }
  [[nodiscard]] Json generate(Recipe& recipe, Complaint& complaint) const override {
    const std::uint64_t count = recipe.natural("count", 5, 1, 10'000);
    const std::uint64_t pages = recipe.natural("pages", 6, 1, 1000);
    Random random(recipe.seed());
    recipe.finish_as("uniform");
    if (complaint.made()) return {};
    Json ticks = Json::array();
    for (std::uint64_t tick = 0; tick < count; ++tick) {
      std::string bits(pages, '0');
      for (char& bit : bits)
        if (random.one_in(2)) bit = '1';
      ticks.push_back(bits);
    }
    return {{"ticks", ticks}};
  }
  [[nodiscard]] std::string quiz_recipe(std::uint64_t seed) const override {
    return fmt::format("uniform:count=4,pages=5,seed={}", seed);
  }
  /// The counters after each tick are what the solver answers to the ticks so far.
  void finish(Solved& solved) const override {
    const Json ticks = solved.input()["ticks"];
    if (ticks.size() > kMostTicks) return;
    Json after = Json::array();
    Solved part = solved;
    part.problem["input"]["ticks"] = Json::array();
    for (const Json& tick : ticks) {
      part.problem["input"]["ticks"].push_back(tick);
      Complaint ignored;
      if (solve(part, ignored)) after.push_back(part.answer["counters"]);
    }
    solved.answer["counters_after_each"] = after;
  }
  [[nodiscard]] std::string question(const Json& problem) const override {
    std::vector<std::string> ticks;
    for (const Json& tick : problem["input"]["ticks"]) ticks.push_back(plain(tick));
    return fmt::format(
        "Ageing keeps a counter of {} bits for each page. At the ticks the reference bits of all "
        "pages, from page 0 on, are:\n\n  {}\n\nWhat are the counters after each, and which page "
        "goes?",
        plain(problem["parameters"]["bits"]), fmt::join(ticks, "  "));
  }
  [[nodiscard]] Picture picture(const Solved& solved) const override {
    using CellState = chart::FrameTable::State;
    const Json after = solved.answer.value("counters_after_each", Json::array());
    if (after.empty()) return {};
    chart::FrameTable picture;
    picture.references_label = "tick";
    picture.fault_label = picture.hit_meaning = "";
    picture.footer_label = "bits";
    picture.loaded_meaning = "used: 1 enters";
    picture.kept_meaning = "not: 0 enters";
    for (std::size_t page = 0; page < after[0].size(); ++page)
      picture.rows.push_back(fmt::format("page {}", page));
    for (std::size_t tick = 0; tick < after.size(); ++tick) {
      const std::string bits = plain(solved.input()["ticks"][tick]);
      chart::FrameTable::Column column{std::to_string(tick), {}, bits, false};
      for (std::size_t page = 0; page < after[tick].size(); ++page)
        column.cells.push_back(
            {plain(after[tick][page]), bits[page] == '1' ? CellState::kLoaded : CellState::kKept});
      picture.columns.push_back(std::move(column));
    }
    return picture;
  }
  [[nodiscard]] chart::Table table(const Solved& solved) const override {
    chart::Table table({"page", "counter", "as a number"});
    const Json& counters = solved.answer["counters"];
    for (std::size_t page = 0; page < counters.size(); ++page) {
      const std::string bits = plain(counters[page]);
      table.add_row({std::to_string(page), bits,
                     std::to_string(std::stoull(bits.empty() ? "0" : bits, nullptr, 2))});
    }
    return table;
  }
  [[nodiscard]] Facts facts(const Solved& solved) const override {
    return {{"the page that goes", plain(solved.answer["victim"])}};
  }
  [[nodiscard]] std::vector<std::string> reasons(const Solved& solved) const override {
    std::vector<std::string> out;
    const Json after = solved.answer.value("counters_after_each", Json::array());
    for (std::size_t tick = 0; tick < after.size(); ++tick) {
      std::vector<std::string> used;
      const std::string bits = plain(solved.input()["ticks"][tick]);
      for (std::size_t page = 0; page < bits.size(); ++page)
        if (bits[page] == '1') used.push_back(std::to_string(page));
      out.push_back(fmt::format(
          "Tick {}: all counters move right by a bit; {}.", tick,
          used.empty() ? "no page was used"
                       : fmt::format("a 1 comes in for {} {}", used.size() == 1 ? "page" : "pages",
                                     listed(used))));
    }
    if (!solved.answer["victim"].is_null())
      out.push_back(fmt::format(
          "Page {} has the lowest counter, {}, the first of those that do.",
          plain(solved.answer["victim"]),
          plain(solved.answer["counters"][solved.answer["victim"].get<std::size_t>()])));
    return out;
  }
};

}  // namespace

const Form& ageing_form() {
  static const AgeingForm kForm;
  return kForm;
}

}  // namespace spindle::cli
