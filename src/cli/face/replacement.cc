// Page replacement on a string of references.

#include <fmt/format.h>

#include <algorithm>
#include <map>
#include <unordered_map>

#include "cli/face/memory_forms.h"

namespace spindle::cli {
namespace {

using Kind = FaceParameter::Kind;

class ReplacementForm final : public Form {
 public:
  [[nodiscard]] std::string domain(const Json&) const override { return "page-replacement"; }
  [[nodiscard]] const std::vector<FacePolicy>& policies() const override;
  [[nodiscard]] const std::vector<FaceParameter>& parameters() const override;
  [[nodiscard]] const std::vector<Measure>& measures() const override {
    static const std::vector<Measure> kMeasures = {
        {"faults", "faults"}, {"hits", "hits", true}, {"write_backs", "written back"}};
    return kMeasures;
  }
  [[nodiscard]] std::string_view row_help() const override {
    return "references as PAGE,PAGE ...; a w after the page marks a write";
  }
  [[nodiscard]] Json read_rows(const std::vector<std::vector<std::string>>& rows,
                               Complaint& complaint) const override;
  [[nodiscard]] Json generate(Recipe& recipe, Complaint& complaint) const override;
  [[nodiscard]] std::string quiz_recipe(std::uint64_t seed) const override {
    return fmt::format("uniform:count=14,pages=6,seed={}", seed);
  }
  [[nodiscard]] std::string question(const Json& problem) const override;
  [[nodiscard]] Picture picture(const Solved& solved) const override;
  [[nodiscard]] chart::Table table(const Solved& solved) const override;
  [[nodiscard]] bool shows_table() const override { return false; }
  [[nodiscard]] Facts facts(const Solved& solved) const override;
  [[nodiscard]] std::vector<std::string> reasons(const Solved& solved) const override {
    return replacement_reasons(solved);
  }
};

const std::vector<FacePolicy>& ReplacementForm::policies() const {
  static const auto kPolicies = [] {
    std::vector<FacePolicy> list = {
        {"lru", "LRU", "Least recently used"},
        {"fifo", "FIFO", "First in, first out"},
        {"opt", "OPT", "Belady's optimum"},
        {"clock", "CLOCK", "CLOCK", {"load_bit"}},
        {"second-chance", "SECOND-CHANCE", "Second chance", {"load_bit"}},
        {"enhanced-clock", "ENHANCED-CLOCK", "Enhanced CLOCK"},
        {"nru", "NRU", "Not recently used", {"tick"}},
        {"aging", "AGING", "Ageing", {"tick", "bits"}},
        {"wsclock", "WSCLOCK", "WSClock", {"window"}},
        {"lfu", "LFU", "Least frequently used", {"tie", "keep_counts"}},
        {"mfu", "MFU", "Most frequently used", {"tie", "keep_counts"}},
        {"mru", "MRU", "Most recently used"},
        {"random", "RANDOM", "Random", {"seed"}},
        {"2q", "2Q", "2Q"},
        {"arc", "ARC", "ARC"},
        {"sieve", "SIEVE", "SIEVE"},
        {"s3-fifo", "S3-FIFO", "S3-FIFO"},
    };
    for (FacePolicy& policy : list)
      for (std::string_view common : {"frames", "count_cold"}) policy.parameters.push_back(common);
    return list;
  }();
  return kPolicies;
}

const std::vector<FaceParameter>& ReplacementForm::parameters() const {
  static const std::vector<FaceParameter> kParameters = {
      {"frames", Kind::kNumber, "number of frames", "3"},
      {"load_bit",
       Kind::kChoice,
       "CLOCK, second chance: reference bit of a page that is just loaded",
       "",
       {"1", "0"}},
      {"tie",
       Kind::kChoice,
       "LFU, MFU: which page goes if counts are equal: the first loaded, or the least recently "
       "used",
       "",
       {"fifo", "lru"}},
      {"keep_counts", Kind::kFlag, "LFU, MFU: whether a page that returns keeps its count"},
      {"count_cold", Kind::kFlag, "whether faults that fill an empty frame count"},
      {"tick", Kind::kNumber, "NRU, ageing: references from one tick to the next", "4"},
      {"window", Kind::kNumber, "WSClock, working-set: how many references make the working set",
       "4"},
      {"bits", Kind::kNumber, "ageing: bits of a counter", "8"},
      {"seed", Kind::kNumber, "random: seed of the choices", "1"},
  };
  return kParameters;
}

/// A reference is a page, or [page, "w"] if it writes.
std::string page_text(const Json& reference) {
  return plain(reference.is_array() ? reference[0] : reference);
}

Json ReplacementForm::read_rows(const std::vector<std::vector<std::string>>& rows,
                                Complaint& complaint) const {
  Json references = Json::array();
  for (const std::vector<std::string>& row : rows)
    for (const std::string& part : row)
      for (const std::string& page : split(part, ", ")) {
        if (page.ends_with('w')) {
          const std::string number = page.substr(0, page.size() - 1);
          references.push_back({read_number(number, "references", complaint, 0, 1e15), "w"});
        } else {
          references.push_back(read_number(page, "references", complaint, 0, 1e15));
        }
      }
  if (references.empty()) complaint.make(no_input("references", *this));
  return {{"refs", references}};
}

Json ReplacementForm::generate(Recipe& recipe, Complaint& complaint) const {
  const auto made = read_page_recipe(recipe, 1'000'000);
  if (complaint.made()) return {};
  PageGenerator generator(made);
  Json references = Json::array();
  for (std::uint64_t i = 0; i < made.count; ++i) references.push_back(generator.next());
  return {{"refs", references}};
}

std::string ReplacementForm::question(const Json& problem) const {
  const auto policy = std::ranges::find(policies(), problem["algorithm"], &FacePolicy::algorithm);
  std::vector<std::string> pages;
  for (const Json& page : problem["input"]["refs"]) pages.push_back(page_text(page));
  return fmt::format(
      "A process refers to its pages in this order:\n\n  {}\n\nIt has {} frames, all empty at "
      "first. Which pages are in them after each reference, and how many faults are there, with "
      "{}?",
      fmt::join(pages, " "), plain(problem["parameters"]["frames"]), policy->title);
}

/// Goes through the references as the answer says, frame by frame.
chart::FrameTable frame_table(const Solved& solved) {
  using CellState = chart::FrameTable::State;
  chart::FrameTable table;
  const auto frames = solved.parameters()["frames"].get<std::size_t>();
  const Json& victims = solved.answer["victims"];
  const std::size_t rows = std::min<std::size_t>(frames, solved.input()["refs"].size());
  for (std::size_t r = 0; r < rows; ++r) table.rows.push_back(fmt::format("frame {}", r));
  std::vector<std::string> held(rows);
  std::unordered_map<std::string, std::size_t> where;
  std::size_t used = 0;
  std::size_t fault = 0;
  for (const Json& reference : solved.input()["refs"]) {
    chart::FrameTable::Column column{page_text(reference), {}, "", false};
    const auto found = where.find(column.reference);
    std::size_t at = used;
    if (found != where.end()) {
      at = found->second;
    } else {
      column.is_fault = true;
      const Json& victim = victims[fault++];
      if (victim.is_null()) {
        ++used;
      } else {
        column.footer = plain(victim);
        at = where[column.footer];
        where.erase(column.footer);
      }
      held[at] = column.reference;
      where[column.reference] = at;
    }
    for (std::size_t r = 0; r < rows; ++r)
      column.cells.push_back({held[r], held[r].empty() ? CellState::kEmpty : CellState::kKept});
    column.cells[at].state = column.is_fault ? CellState::kLoaded : CellState::kHit;
    if (reference.is_array() && reference.size() == 2 && reference[1] == "w")
      column.reference += 'w';
    table.columns.push_back(std::move(column));
  }
  return table;
}

/// Whether the frames are few enough for a picture.
bool is_listed(const Solved& solved) {
  constexpr std::size_t kMostFrames = 64;
  return solved.answer.contains("victims") && solved.input()["refs"].is_array() &&
         solved.parameters()["frames"].get<std::size_t>() <= kMostFrames;
}

Picture ReplacementForm::picture(const Solved& solved) const {
  if (!is_listed(solved)) return {};
  return frame_table(solved);
}

chart::Table ReplacementForm::table(const Solved& solved) const {
  std::vector<std::string> titles = {"reference", "page", "result", "out"};
  if (!is_listed(solved)) return chart::Table(titles);
  const chart::FrameTable frames = frame_table(solved);
  titles.insert(titles.end(), frames.rows.begin(), frames.rows.end());
  chart::Table table(titles);
  std::size_t number = 0;
  for (const chart::FrameTable::Column& column : frames.columns) {
    std::vector<std::string> row = {std::to_string(++number), column.reference,
                                    column.is_fault ? "fault" : "hit", column.footer};
    for (const chart::FrameTable::Cell& cell : column.cells) row.push_back(cell.text);
    table.add_row(row);
  }
  return table;
}

Facts ReplacementForm::facts(const Solved& solved) const {
  const double faults = number_of(solved.answer, "faults").value_or(0);
  const double hits = number_of(solved.answer, "hits").value_or(0);
  const bool is_listed = solved.input()["refs"].is_array();
  const double all = is_listed ? static_cast<double>(solved.input()["refs"].size()) : faults + hits;
  const auto of_all = [all](double count) {
    return all == 0 ? shown(count)
                    : fmt::format("{} ({} %)", shown(count), shown(100 * count / all));
  };
  Facts facts = {{"references", shown(all)}, {"faults", of_all(faults)}, {"hits", of_all(hits)}};
  const double write_backs = number_of(solved.answer, "write_backs").value_or(0);
  if (write_backs > 0) facts.emplace_back("pages written back", shown(write_backs));
  return facts;
}

}  // namespace

PageRecipe read_page_recipe(Recipe& recipe, std::uint64_t most) {
  using PageKind = PageRecipe::Kind;
  static const std::map<std::string_view, PageKind> kKinds = {{"uniform", PageKind::kUniform},
                                                              {"zipf", PageKind::kZipf},
                                                              {"sequential", PageKind::kSequential},
                                                              {"loop", PageKind::kLoop},
                                                              {"phases", PageKind::kPhases}};
  PageRecipe made;
  const auto kind = kKinds.find(recipe.kind());
  if (kind == kKinds.end())
    return recipe.unknown_kind("uniform, zipf, sequential, loop and phases"), made;
  made.kind = kind->second;
  made.count = recipe.natural("count", made.count, 1, most);
  made.pages = recipe.natural("pages", made.pages, 1, 1'000'000'000);
  made.seed = recipe.natural("seed", made.seed, 0, 1'000'000'000'000);
  if (made.kind == PageKind::kZipf) made.skew = recipe.number("skew", made.skew, 0, 10);
  if (made.kind == PageKind::kLoop || made.kind == PageKind::kPhases)
    made.loop = recipe.natural("loop", std::min(made.loop, made.pages), 1, made.pages);
  if (made.kind == PageKind::kPhases)
    made.phase = recipe.natural("phase", made.phase, 1, 1'000'000'000'000);
  recipe.finish();
  return made;
}

const Form& replacement_form() {
  static const ReplacementForm kForm;
  return kForm;
}

}  // namespace spindle::cli
