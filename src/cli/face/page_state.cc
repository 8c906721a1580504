// Which page goes, of pages in a given state: forms of `spindle memory`.

#include <fmt/format.h>

#include <algorithm>

#include "cli/face/memory_forms.h"
#include "spindle/base/random.h"

namespace spindle::cli {
namespace {

class PageStateForm final : public Form {
 public:
  [[nodiscard]] std::string domain(const Json&) const override { return "page-state"; }
  [[nodiscard]] const std::vector<FacePolicy>& policies() const override {
    static const std::vector<FacePolicy> kPolicies = {
        {"state-nru", "NRU", "Not recently used, of pages in this state"},
        {"state-fifo", "FIFO", "First in, first out, of pages in this state"},
        {"state-lru", "LRU", "Least recently used, of pages in this state"},
        {"state-second-chance", "SECOND-CHANCE", "Second chance, of pages in this state"}};
    return kPolicies;
  }
  [[nodiscard]] const std::vector<FaceParameter>& parameters() const override {
    static const std::vector<FaceParameter> kParameters;
    return kParameters;
  }
  [[nodiscard]] const std::vector<Measure>& measures() const override {
    static const std::vector<Measure> kMeasures = {{"victim", "page that goes"}};
    return kMeasures;
  }
  [[nodiscard]] std::string_view row_help() const override {
    return "state-*: pages as PAGE:LOADED:LAST_USED:R:M";
  }
  [[nodiscard]] Json read_rows(const std::vector<std::vector<std::string>>& rows,
                               Complaint& complaint) const override {
    Json pages = Json::array();
    for (const std::vector<std::string>& row : rows) {
      if (row.size() != 5) return complaint.make_malformed("pages", row, typed_as(*this)), Json();
      Json page = Json::array();
      for (const std::string& number : row)
        page.push_back(read_number(number, "page " + row[0], complaint));
      pages.push_back(std::move(page));
    }
    if (pages.empty()) complaint.make(no_input("pages", *this));
    return {{"pages", pages}};
  }
  [[nodiscard]] Json generate(Recipe& recipe, Complaint& complaint) const override {
    const std::uint64_t count = recipe.natural("count", 4, 1, 1000);
    Random random(recipe.seed());
    recipe.finish_as("uniform");
    Json pages = Json::array();
    for (std::uint64_t i = 0; i < count && !complaint.made(); ++i) {
      const std::uint64_t loaded = 100 + random.below(200);
      pages.push_back(
          {i, loaded, loaded + 1 + random.below(150), random.below(2), random.below(2)});
    }
    return {{"pages", pages}};
  }
  [[nodiscard]] std::string quiz_recipe(std::uint64_t seed) const override {
    return fmt::format("uniform:count=4,seed={}", seed);
  }
  [[nodiscard]] std::string question(const Json& problem) const override {
    const auto policy =
        std::ranges::find(policies(), plain(problem["algorithm"]), &FacePolicy::algorithm);
    std::vector<std::string> pages;
    for (const Json& page : problem["input"]["pages"])
      pages.push_back(fmt::format("page {}: loaded at {}, last used at {}, R {}, M {}",
                                  plain(page[0]), plain(page[1]), plain(page[2]), plain(page[3]),
                                  plain(page[4])));
    return fmt::format("Memory is full of these pages. Which of them goes? ({})\n\n  {}",
                       policy->title, fmt::join(pages, "\n  "));
  }
  [[nodiscard]] Picture picture(const Solved& solved) const override;
  [[nodiscard]] bool shows_table() const override { return false; }
  [[nodiscard]] chart::Table table(const Solved& solved) const override {
    chart::Table table({"page", "loaded", "last used", "R", "M", "class", "goes"});
    for (const Json& page : solved.input()["pages"])
      table.add_row({plain(page[0]), plain(page[1]), plain(page[2]), plain(page[3]), plain(page[4]),
                     std::to_string(class_of(page)), goes(page, solved) ? "yes" : ""});
    return table;
  }
  [[nodiscard]] Facts facts(const Solved& solved) const override {
    return {{"the page that goes", plain(solved.answer["victim"])}};
  }
  [[nodiscard]] std::vector<std::string> reasons(const Solved& solved) const override;

 private:
  static int class_of(const Json& page) {
    return static_cast<int>(2 * as_number(page[3]) + as_number(page[4]));
  }
  static bool goes(const Json& page, const Solved& solved) {
    return as_number(page[0]) == as_number(solved.answer["victim"]);
  }
  /// The page of that number; there is one.
  static const Json& page_of(const Solved& solved, const Json& number) {
    return *std::ranges::find_if(solved.input()["pages"], [&](const Json& page) {
      return as_number(page[0]) == as_number(number);
    });
  }
};

Picture PageStateForm::picture(const Solved& solved) const {
  using State = chart::FrameTable::State;
  chart::FrameTable picture;
  picture.references_label = "page";
  picture.fault_label = picture.footer_label = picture.hit_meaning = "";
  picture.loaded_meaning = "goes";
  picture.kept_meaning = "stays";
  picture.rows = {"loaded", "last used", "R", "M", "class"};
  for (const Json& page : solved.input()["pages"]) {
    const State state = goes(page, solved) ? State::kLoaded : State::kKept;
    chart::FrameTable::Column column{plain(page[0]), {}, "", false};
    for (std::size_t i = 1; i < page.size(); ++i) column.cells.push_back({plain(page[i]), state});
    column.cells.push_back({std::to_string(class_of(page)), state});
    picture.columns.push_back(std::move(column));
  }
  return picture;
}

std::vector<std::string> PageStateForm::reasons(const Solved& solved) const {
  const Json& victim = solved.answer["victim"];
  const Json& page = page_of(solved, victim);
  if (solved.policy->name == "state-nru") {
    constexpr const char* kClasses[] = {"neither used nor written", "not used, but written",
                                        "used, but not written", "used and written"};
    std::vector<std::string> out;
    for (const Json& other : solved.input()["pages"])
      out.push_back(fmt::format("Page {}: class {}, {}.", plain(other[0]), class_of(other),
                                kClasses[class_of(other)]));
    out.push_back(
        fmt::format("Page {} goes: no class is lower than {}.", plain(victim), class_of(page)));
    return out;
  }
  if (solved.policy->name == "state-fifo")
    return {
        fmt::format("Page {} goes: it was loaded first, at {}.", plain(victim), plain(page[1]))};
  if (solved.policy->name == "state-lru")
    return {fmt::format("Page {} goes: it was not used for longest, since {}.", plain(victim),
                        plain(page[2]))};
  std::vector<std::string> out;
  for (const Json& number : solved.answer["order"]) {
    const Json& other = page_of(solved, number);
    if (as_number(other[3]) == 0) {
      out.push_back(fmt::format("Page {}, loaded at {}: its R is 0: it goes.", plain(number),
                                plain(other[1])));
      return out;
    }
    out.push_back(
        fmt::format("Page {}, loaded at {}: its R is 1; it is cleared, and the page put at "
                    "the end of the queue.",
                    plain(number), plain(other[1])));
  }
  out.push_back(fmt::format("Page {} is first again, with its R cleared: it goes.", plain(victim)));
  return out;
}

}  // namespace

const Form& page_state_form() {
  static const PageStateForm kForm;
  return kForm;
}

}  // namespace spindle::cli
