// Memory whose blocks move together, so that one hole is left: a form of `spindle memory`.

#include <fmt/format.h>

#include <algorithm>

#include "cli/face/memory_forms.h"
#include "spindle/base/random.h"

namespace spindle::cli {
namespace {

using Kind = FaceParameter::Kind;
using chart::Meaning;

struct NamedBlock {
  std::string name;
  std::uint64_t start = 0;
  std::uint64_t size = 0;
};

/// The blocks of a list, in the order of their places.
std::vector<NamedBlock> blocks_of(const Json& list) {
  std::vector<NamedBlock> blocks;
  for (const Json& item : list)
    blocks.push_back({plain(item[0]), static_cast<std::uint64_t>(as_number(item[1])),
                      static_cast<std::uint64_t>(as_number(item[2]))});
  std::ranges::stable_sort(blocks, {}, &NamedBlock::start);
  return blocks;
}

class CompactionForm final : public Form {
 public:
  [[nodiscard]] std::string domain(const Json&) const override { return "allocation"; }
  [[nodiscard]] const std::vector<FacePolicy>& policies() const override {
    static const std::vector<FacePolicy> kPolicies = {
        {"compaction", "COMPACTION", "Compaction", {"size"}}};
    return kPolicies;
  }
  [[nodiscard]] const std::vector<FaceParameter>& parameters() const override {
    static const std::vector<FaceParameter> kParameters = {
        {"size", Kind::kNumber, "buddy, compaction, heap: size of the memory (KiB; heap: bytes)",
         "1024"}};
    return kParameters;
  }
  [[nodiscard]] const std::vector<Measure>& measures() const override {
    static const std::vector<Measure> kMeasures = {{"moved", "moved (KiB)"}};
    return kMeasures;
  }
  [[nodiscard]] std::string_view row_help() const override {
    return "compaction: blocks as NAME:START:SIZE";
  }
  [[nodiscard]] Json read_rows(const std::vector<std::vector<std::string>>& rows,
                               Complaint& complaint) const override {
    Json blocks = Json::array();
    for (const std::vector<std::string>& row : rows) {
      if (row.size() != 3)
        return complaint.make_malformed("blocks", row, "NAME:START:SIZE"), Json();
      blocks.push_back({row[0], read_number(row[1], "start of " + row[0], complaint, 0, 1e12),
                        read_number(row[2], "size of " + row[0], complaint, 1, 1e12)});
    }
    if (blocks.empty()) complaint.make(no_input("blocks", *this));
    return {{"blocks", blocks}};
  }
  [[nodiscard]] Json generate(Recipe& recipe, Complaint& complaint) const override {
    const std::uint64_t count = recipe.natural("count", 4, 1, 1000);
    Random random(recipe.seed());
    const std::uint64_t high = recipe.natural("high", 1024 / (2 * count) + 1, 1, 1'000'000);
    recipe.finish_as("uniform");
    if (complaint.made()) return {};
    Json blocks = Json::array();
    std::uint64_t end = 0;
    for (std::uint64_t block = 0; block < count; ++block) {
      const std::uint64_t start = end + random.below(high);
      const std::uint64_t size = 1 + random.below(high);
      blocks.push_back({fmt::format("B{}", block + 1), start, size});
      end = start + size;
    }
    return {{"blocks", blocks}};
  }
  [[nodiscard]] std::string quiz_recipe(std::uint64_t seed) const override {
    return fmt::format("uniform:count=4,seed={}", seed);
  }
  [[nodiscard]] std::string question(const Json& problem) const override {
    chart::Table table({"block", "from (KiB)", "size (KiB)"});
    for (const NamedBlock& block : blocks_of(problem["input"]["blocks"]))
      table.add_row({block.name, std::to_string(block.start), std::to_string(block.size)});
    return fmt::format(
        "A memory of {} KiB holds these blocks:\n\n{}\nIt is compacted. Where does each lie then, "
        "how large is the hole, and how much was copied?",
        plain(problem["parameters"]["size"]), table.text({}));
  }
  /// Memory before compaction, and below it the same memory after it.
  [[nodiscard]] Picture picture(const Solved& solved) const override {
    const auto size = static_cast<std::uint64_t>(as_number(solved.parameters()["size"]));
    chart::MemoryMap map;
    map.unit = "KiB";
    add_parts(map, blocks_of(solved.input()["blocks"]), size, "before: ");
    add_parts(map, blocks_of(solved.answer["blocks"]), size, "after: ");
    return map;
  }
  [[nodiscard]] chart::Table table(const Solved& solved) const override {
    chart::Table table({"block", "size (KiB)", "from (KiB)", "to (KiB)", "copied (KiB)"});
    const std::vector<NamedBlock> before = blocks_of(solved.input()["blocks"]);
    const std::vector<NamedBlock> after = blocks_of(solved.answer["blocks"]);
    for (std::size_t i = 0; i < after.size(); ++i)
      table.add_row({after[i].name, std::to_string(after[i].size), std::to_string(before[i].start),
                     std::to_string(after[i].start),
                     std::to_string(before[i].start == after[i].start ? 0 : after[i].size)});
    return table;
  }
  [[nodiscard]] Facts facts(const Solved& solved) const override {
    const Json& hole = solved.answer["hole"];
    const std::vector<std::uint64_t> holes = holes_before(solved);
    return {
        {"largest hole before", fmt::format("{} KiB", holes.empty() ? 0 : std::ranges::max(holes))},
        {"the hole after", hole.is_null() ? "none" : plain(hole[1]) + " KiB"},
        {"copied", plain(solved.answer["moved"]) + " KiB"}};
  }
  [[nodiscard]] std::vector<std::string> reasons(const Solved& solved) const override {
    std::vector<std::string> out;
    const std::vector<NamedBlock> before = blocks_of(solved.input()["blocks"]);
    const std::vector<NamedBlock> after = blocks_of(solved.answer["blocks"]);
    for (std::size_t i = 0; i < after.size(); ++i)
      out.push_back(
          before[i].start == after[i].start
              ? fmt::format("{} stays at {} KiB: nothing below it is free.", after[i].name,
                            after[i].start)
              : fmt::format("{} moves from {} to {} KiB, where {} ends: {} KiB are copied.",
                            after[i].name, before[i].start, after[i].start,
                            i == 0 ? "nothing" : after[i - 1].name, after[i].size));
    return out;
  }

 private:
  static void add_parts(chart::MemoryMap& map, const std::vector<NamedBlock>& blocks,
                        std::uint64_t size, std::string_view prefix) {
    std::uint64_t end = 0;
    const auto free = [&](std::uint64_t to) {
      if (end < to)
        map.parts.push_back({end, to - end, fmt::format("{}free", prefix), Meaning::kFree});
    };
    for (const NamedBlock& block : blocks) {
      free(block.start);
      map.parts.push_back(
          {block.start, block.size, fmt::format("{}{}", prefix, block.name), Meaning::kRunning});
      end = block.start + block.size;
    }
    free(size);
  }

  static std::vector<std::uint64_t> holes_before(const Solved& solved) {
    std::vector<std::uint64_t> holes;
    std::uint64_t end = 0;
    for (const NamedBlock& block : blocks_of(solved.input()["blocks"])) {
      if (end < block.start) holes.push_back(block.start - end);
      end = block.start + block.size;
    }
    const auto size = static_cast<std::uint64_t>(as_number(solved.parameters()["size"]));
    if (end < size) holes.push_back(size - end);
    return holes;
  }
};

}  // namespace

const Form& compaction_form() {
  static const CompactionForm kForm;
  return kForm;
}

}  // namespace spindle::cli
