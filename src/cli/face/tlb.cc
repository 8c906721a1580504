// Which translations a TLB has: forms of `spindle translate`.

#include <fmt/format.h>

#include "cli/face/translate_forms.h"

namespace spindle::cli {
namespace {

using Kind = FaceParameter::Kind;

/// Whether the TLB has the page of each address.
class TlbForm final : public Form {
 public:
  [[nodiscard]] std::string domain(const Json&) const override { return "tlb"; }
  [[nodiscard]] const std::vector<FacePolicy>& policies() const override {
    static const std::vector<FacePolicy> kPolicies = {
        {"tlb-lru", "LRU", "TLB, least recently used", {"entries", "sets", "page_size"}},
        {"tlb-fifo", "FIFO", "TLB, first in, first out", {"entries", "sets", "page_size"}},
        {"tlb-random", "RANDOM", "TLB, at random", {"entries", "sets", "page_size", "seed"}}};
    return kPolicies;
  }
  [[nodiscard]] const std::vector<FaceParameter>& parameters() const override {
    static const std::vector<FaceParameter> kParameters = {
        {"entries", Kind::kNumber, "tlb: number of entries", "4"},
        {"sets", Kind::kNumber, "tlb: number of sets; 1: fully associative", "1"},
        {"page_size", Kind::kNumber, "paging, inverted, page-offset, tlb: page size (bytes)", "16"},
        {"seed", Kind::kNumber, "tlb-random: seed of the random numbers", "1"}};
    return kParameters;
  }
  [[nodiscard]] const std::vector<Measure>& measures() const override {
    static const std::vector<Measure> kMeasures = {{"misses", "misses"}, {"hits", "hits", true}};
    return kMeasures;
  }
  [[nodiscard]] std::string_view row_help() const override { return translation_form().row_help(); }
  [[nodiscard]] Json read_rows(const std::vector<std::vector<std::string>>& rows,
                               Complaint& complaint) const override {
    return translation_form().read_rows(rows, complaint);
  }
  [[nodiscard]] Json generate(Recipe& recipe, Complaint& complaint) const override {
    return translation_form().generate(recipe, complaint);
  }
  [[nodiscard]] std::string quiz_recipe(std::uint64_t seed) const override {
    return fmt::format("uniform:count=10,high=127,seed={}", seed);
  }
  [[nodiscard]] std::string question(const Json& problem) const override {
    return fmt::format(
        "A TLB has {} entries in {} sets ({}), pages have {} bytes. Which of these "
        "addresses hit?\n\n  {}",
        plain(problem["parameters"]["entries"]), plain(problem["parameters"]["sets"]),
        plain(problem["algorithm"]), plain(problem["parameters"]["page_size"]),
        problem["input"]["addresses"].dump());
  }
  [[nodiscard]] Picture picture(const Solved& solved) const override {
    if (!solved.answer.contains("trace")) return {};
    chart::FrameTable picture;
    picture.references_label = "page";
    picture.rows = {"TLB"};
    picture.footer_label = "address";
    const auto trace = solved.answer["trace"].get<std::string>();
    for (std::size_t i = 0; i < trace.size(); ++i) {
      const bool hit = trace[i] == 'H';
      picture.columns.push_back({std::to_string(page(solved, i)),
                                 {{hit ? "hit" : "miss", hit ? chart::FrameTable::State::kHit
                                                             : chart::FrameTable::State::kLoaded}},
                                 plain(solved.input()["addresses"][i]),
                                 !hit});
    }
    return picture;
  }
  [[nodiscard]] bool shows_table() const override { return false; }
  [[nodiscard]] chart::Table table(const Solved& solved) const override {
    chart::Table table({"address", "page", "set", "TLB"});
    const std::string trace = solved.answer.value("trace", "");
    for (std::size_t i = 0; i < trace.size(); ++i)
      table.add_row({plain(solved.input()["addresses"][i]), std::to_string(page(solved, i)),
                     std::to_string(page(solved, i) % natural(solved.parameters()["sets"])),
                     trace[i] == 'H' ? "hit" : "miss"});
    return table;
  }
  [[nodiscard]] Facts facts(const Solved& solved) const override {
    const double hits = as_number(solved.answer["hits"]);
    const double all = hits + as_number(solved.answer["misses"]);
    return {{"hits", plain(solved.answer["hits"])},
            {"misses", plain(solved.answer["misses"])},
            {"hit ratio", shown(all == 0 ? 0 : 100 * hits / all) + " %"}};
  }
  [[nodiscard]] std::vector<std::string> reasons(const Solved& solved) const override {
    std::vector<std::string> out;
    const std::string trace = solved.answer.value("trace", "");
    for (std::size_t i = 0; i < trace.size(); ++i)
      out.push_back(fmt::format(
          "{} is on page {}, set {}: {}.", plain(solved.input()["addresses"][i]), page(solved, i),
          page(solved, i) % natural(solved.parameters()["sets"]),
          trace[i] == 'H' ? "its entry is there, a hit" : "no entry, a miss; it is loaded"));
    return out;
  }

 private:
  [[nodiscard]] static std::uint64_t page(const Solved& solved, std::size_t i) {
    return natural(solved.input()["addresses"][i]) / natural(solved.parameters()["page_size"]);
  }
};

}  // namespace

const Form& tlb_form() {
  static const TlbForm kForm;
  return kForm;
}

}  // namespace spindle::cli
