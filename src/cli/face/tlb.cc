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
        {"tlb-lru", "LRU", "TLB, least recently used", {"entries", "sets", "page_size", "asid"}},
        {"tlb-fifo", "FIFO", "TLB, first in, first out", {"entries", "sets", "page_size", "asid"}},
        {"tlb-random",
         "RANDOM",
         "TLB, at random",
         {"entries", "sets", "page_size", "asid", "seed"}}};
    return kPolicies;
  }
  [[nodiscard]] const std::vector<FaceParameter>& parameters() const override {
    static const std::vector<FaceParameter> kParameters = {
        {"entries", Kind::kNumber, "tlb: number of entries", "4"},
        {"sets", Kind::kNumber, "tlb: number of sets; 1: fully associative", "1"},
        {"page_size", Kind::kNumber, "paging, inverted, page-offset, tlb: page size (bytes)", "16"},
        {"asid", Kind::kFlag,
         "tlb, with processes: whether entries have the number of their process; if not, a switch "
         "empties the TLB",
         "no"},
        {"seed", Kind::kNumber, "tlb-random: seed of the random numbers", "1"}};
    return kParameters;
  }
  [[nodiscard]] const std::vector<Measure>& measures() const override {
    static const std::vector<Measure> kMeasures = {
        {"misses", "misses"}, {"hits", "hits", true}, {"flushes", "flushes"}};
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
    const Json& p = problem["parameters"];
    const Json& addresses = problem["input"]["addresses"];
    const bool has_processes =
        addresses.is_array() && !addresses.empty() && addresses[0].is_array();
    return fmt::format(
        "A TLB has {} entries in {} sets ({}), pages have {} bytes.{} Which of these "
        "addresses hit?\n\n  {}",
        plain(p["entries"]), plain(p["sets"]), plain(problem["algorithm"]), plain(p["page_size"]),
        !has_processes           ? ""
        : p.value("asid", false) ? " Its entries have the number of their process."
                                 : " A switch to another process empties it.",
        addresses.dump());
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
                                 address_text(solved, i),
                                 !hit});
    }
    return picture;
  }
  [[nodiscard]] bool shows_table() const override { return false; }
  [[nodiscard]] chart::Table table(const Solved& solved) const override {
    chart::Table table({"address", "page", "set", "TLB"});
    const std::string trace = solved.answer.value("trace", "");
    for (std::size_t i = 0; i < trace.size(); ++i)
      table.add_row({address_text(solved, i), std::to_string(page(solved, i)),
                     std::to_string(page(solved, i) % natural(solved.parameters()["sets"])),
                     trace[i] == 'H' ? "hit" : "miss"});
    return table;
  }
  [[nodiscard]] Facts facts(const Solved& solved) const override {
    const double hits = as_number(solved.answer["hits"]);
    const double all = hits + as_number(solved.answer["misses"]);
    Facts facts = {{"hits", plain(solved.answer["hits"])},
                   {"misses", plain(solved.answer["misses"])},
                   {"hit ratio", shown(all == 0 ? 0 : 100 * hits / all) + " %"}};
    if (solved.answer.contains("flushes"))
      facts.emplace_back("times emptied", plain(solved.answer["flushes"]));
    return facts;
  }
  [[nodiscard]] std::vector<std::string> reasons(const Solved& solved) const override {
    std::vector<std::string> out;
    const std::string trace = solved.answer.value("trace", "");
    for (std::size_t i = 0; i < trace.size(); ++i)
      out.push_back(fmt::format(
          "{}{} is on page {}, set {}: {}.", is_emptied(solved, i) ? "The TLB is emptied. " : "",
          address_text(solved, i), page(solved, i),
          page(solved, i) % natural(solved.parameters()["sets"]),
          trace[i] == 'H' ? "its entry is there, a hit"
                          : "no entry, a miss; it is loaded" + replaced_text(solved, i)));
    return out;
  }

 private:
  /// An address, or a process and an address.
  [[nodiscard]] static const Json& given(const Solved& solved, std::size_t i) {
    return solved.input()["addresses"][i];
  }
  /// " in place of page 3", where an entry had to go.
  [[nodiscard]] static std::string replaced_text(const Solved& solved, std::size_t i) {
    const Json& page = solved.answer["replaced"][i];
    if (page.is_array())
      return fmt::format(" in place of page {} of process {}", plain(page[1]), plain(page[0]));
    return page.is_null() ? "" : fmt::format(" in place of page {}", plain(page));
  }
  [[nodiscard]] static std::string address_text(const Solved& solved, std::size_t i) {
    const Json& address = given(solved, i);
    return address.is_array() ? fmt::format("{}:{}", plain(address[0]), plain(address[1]))
                              : plain(address);
  }
  [[nodiscard]] static std::uint64_t page(const Solved& solved, std::size_t i) {
    const Json& address = given(solved, i);
    return natural(address.is_array() ? address[1] : address) /
           natural(solved.parameters()["page_size"]);
  }
  /// Whether the switch to the process of this address empties the TLB.
  [[nodiscard]] static bool is_emptied(const Solved& solved, std::size_t i) {
    return i > 0 && given(solved, i).is_array() && !solved.parameters().value("asid", false) &&
           given(solved, i)[0] != given(solved, i - 1)[0];
  }
};

}  // namespace

const Form& tlb_form() {
  static const TlbForm kForm;
  return kForm;
}

}  // namespace spindle::cli
