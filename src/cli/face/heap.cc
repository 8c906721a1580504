// A heap with a free list, a form of `spindle memory`: what malloc and free do.

#include <fmt/format.h>

#include <algorithm>

#include "cli/face/memory_forms.h"
#include "cli/face/steps.h"

namespace spindle::cli {
namespace {

using Kind = FaceParameter::Kind;

std::vector<FacePolicy> policies_of_heap() {
  std::vector<FacePolicy> list = {{"heap-first", "FIRST-FIT", "Heap, first fit"},
                                  {"heap-best", "BEST-FIT", "Heap, best fit"},
                                  {"heap-worst", "WORST-FIT", "Heap, worst fit"}};
  for (FacePolicy& policy : list)
    policy.parameters = {"size", "base", "header", "align", "order", "coalesce"};
  return list;
}

class HeapForm final : public StepsForm {
 public:
  HeapForm()
      : StepsForm(
            "heap", policies_of_heap(),
            {{"size", Kind::kNumber, "buddy, heap: size of the memory", "100"},
             {"base", Kind::kNumber, "heap: start address", "0"},
             {"header", Kind::kNumber, "heap: size of the header before each block (bytes)", "0"},
             {"align", Kind::kNumber, "heap: multiple to which sizes are rounded up (bytes)", "1"},
             {"order",
              Kind::kChoice,
              "heap: order of the free list",
              "",
              {"ADDRSORT", "SIZESORT+", "SIZESORT-", "INSERT-FRONT", "INSERT-BACK"}},
             {"coalesce", Kind::kFlag, "heap: whether free neighbours are merged", "no"}},
            {{"free_list", "free list"}}) {}
  [[nodiscard]] std::string_view row_help() const override {
    return "heap: operations as +SIZE to allocate, N- to free block N, counted from 0";
  }
  [[nodiscard]] const std::vector<Measure>& measures() const override {
    static const std::vector<Measure> kMeasures = {{"failed", "failed"},
                                                   {"searched_in_all", "searched (chunks)"}};
    return kMeasures;
  }
  [[nodiscard]] Facts facts(const Solved& solved) const override {
    Facts facts = StepsForm::facts(solved);
    facts.emplace_back("operations that failed", plain(solved.answer["failed"]));
    return facts;
  }
  void finish(Solved& solved) const override {
    StepsForm::finish(solved);
    double searched = 0;
    for (const Json& count : solved.answer["searched"]) searched += as_number(count);
    solved.answer["searched_in_all"] = searched;
    solved.answer["failed"] =
        std::ranges::count(solved.answer["results"], Json(-1), [](const Json& r) { return r; });
  }

 private:
  /// A word that begins with a hyphen is an option, so what is freed may be typed "0-".
  [[nodiscard]] Json operation(const std::vector<std::string>& parts) const override {
    if (parts.size() != 1 || parts[0].size() < 2) return {};
    const std::string& text = parts[0];
    if (text.ends_with('-')) return "-" + text.substr(0, text.size() - 1);
    return text[0] == '+' || text[0] == '-' ? Json(text) : Json();
  }
  [[nodiscard]] std::string text_of(const Json& operation) const override {
    return plain(operation);
  }
  [[nodiscard]] Json drawn(Random& random, std::size_t at) const override {
    // Every third operation frees a block, in the order in which they were allocated.
    if (at % 3 == 2) return fmt::format("-{}", at / 3);
    return fmt::format("+{}", 1 + random.below(30));
  }
  [[nodiscard]] std::string setting(const Json& problem) const override {
    return fmt::format(
        "A heap has {} bytes from {} on ({}). Then (+ allocates, - frees the block "
        "of that number, from 0):",
        plain(problem["parameters"]["size"]), plain(problem["parameters"]["base"]),
        plain(problem["algorithm"]));
  }
  [[nodiscard]] std::string why(const Json& operation, const Json&,
                                const Json& after) const override {
    const double result = as_number(after["results"].back());
    if (plain(operation).starts_with('-'))
      return result < 0 ? "there is no such block" : "its chunk goes back to the free list";
    const std::string searched = counted(after["searched"].back().get<std::uint64_t>(), "chunk");
    return result < 0 ? fmt::format("{} looked at, and none is large enough", searched)
                      : fmt::format("{} looked at; the block is at {}", searched, shown(result));
  }
};

}  // namespace

const Form& heap_form() {
  static const HeapForm kForm;
  return kForm;
}

}  // namespace spindle::cli
