// Which blocks are free, while files are made and deleted: forms of `spindle files`.

#include <fmt/format.h>

#include <algorithm>
#include <map>

#include "cli/face/files_forms.h"
#include "spindle/base/random.h"

namespace spindle::cli {
namespace {

using Kind = FaceParameter::Kind;

class FreeSpaceForm final : public Form {
 public:
  [[nodiscard]] std::string domain(const Json&) const override { return "free-space"; }
  [[nodiscard]] const std::vector<FacePolicy>& policies() const override {
    static const std::vector<FacePolicy> kPolicies = {
        {"bitmap", "BITMAP", "Free blocks in a bitmap", {"blocks", "used", "address_bits", "one"}},
        {"counting", "COUNTING", "Free blocks by counting", {"blocks", "used", "address_bits"}},
        {"free-list",
         "LINKED-LIST",
         "Free blocks in a list",
         {"blocks", "used", "address_bits", "freed"}},
        {"grouping",
         "GROUPING",
         "Free blocks in groups",
         {"blocks", "used", "address_bits", "group"}}};
    return kPolicies;
  }
  [[nodiscard]] const std::vector<FaceParameter>& parameters() const override {
    static const std::vector<FaceParameter> kParameters = {
        {"blocks", Kind::kNumber, "bitmap, counting, free-list, grouping: blocks of the disk",
         "16"},
        {"used", Kind::kNumber,
         "bitmap, counting, free-list, grouping: blocks that are used at the beginning, from the "
         "first on",
         "1"},
        {"address_bits", Kind::kNumber,
         "bitmap, counting, free-list, grouping, space-size: bits of the number of a block", "16"},
        {"one",
         Kind::kChoice,
         "bitmap, first-free: what a 1 means",
         "used",
         {"used", "free"},
         false,
         false},
        {"freed",
         Kind::kChoice,
         "free-list: where the blocks of a deleted file come into the list",
         "",
         {"front", "back"}},
        {"group", Kind::kNumber, "grouping: numbers of blocks that a free block holds", "4"}};
    return kParameters;
  }
  [[nodiscard]] const std::vector<Measure>& measures() const override {
    static const std::vector<Measure> kMeasures = {{"bits", "bits to say what is free"},
                                                   {"free", "free blocks", true},
                                                   {"reads", "free blocks read"},
                                                   {"failed", "files without room"}};
    return kMeasures;
  }
  [[nodiscard]] std::string_view row_help() const override {
    return "bitmap, counting, free-list, grouping: NAME+BLOCKS to make a file, NAME- to delete it";
  }
  [[nodiscard]] bool rows_have_numbers() const override { return false; }
  [[nodiscard]] Json read_rows(const std::vector<std::vector<std::string>>& rows,
                               Complaint& complaint) const override;
  [[nodiscard]] Json generate(Recipe& recipe, Complaint& complaint) const override;
  [[nodiscard]] std::string quiz_recipe(std::uint64_t seed) const override {
    return fmt::format("uniform:count=5,seed={}", seed);
  }
  [[nodiscard]] std::string question(const Json& problem) const override;
  [[nodiscard]] Picture picture(const Solved& solved) const override;
  [[nodiscard]] chart::Table table(const Solved& solved) const override;
  [[nodiscard]] Facts facts(const Solved& solved) const override {
    return {{"free blocks", plain(solved.answer["free"])},
            {"files without room", plain(solved.answer["failed"])},
            {"free blocks read", plain(solved.answer["reads"])},
            {"bits to say what is free", plain(solved.answer["bits"])}};
  }
  [[nodiscard]] std::vector<std::string> reasons(const Solved& solved) const override;
};

Json FreeSpaceForm::read_rows(const std::vector<std::vector<std::string>>& rows,
                              Complaint& complaint) const {
  Json ops = Json::array();
  for (const std::vector<std::string>& row : rows)
    for (const std::string& part : row)
      for (const std::string& op : split(part, ", ")) {
        const std::size_t sign = op.find_first_of("+-");
        if (sign == 0 || sign == std::string::npos || (op[sign] == '-' && sign + 1 != op.size()))
          return complaint.make(fmt::format("ops: '{}' is neither NAME+BLOCKS nor NAME-", op)),
                 Json();
        const std::string name = op.substr(0, sign);
        if (op[sign] == '-')
          ops.push_back({"free", name});
        else
          ops.push_back(
              {"alloc", name, read_number(op.substr(sign + 1), "blocks of " + name, complaint, 1)});
      }
  if (ops.empty()) complaint.make(no_input("operations", *this));
  return {{"ops", ops}};
}

Json FreeSpaceForm::generate(Recipe& recipe, Complaint& complaint) const {
  const std::uint64_t count = recipe.natural("count", 6, 1, 1000);
  Random random(recipe.seed());
  const std::uint64_t high = recipe.natural("high", 6, 1, 1000);
  recipe.finish_as("uniform");
  Json ops = Json::array();
  std::vector<std::string> held;
  for (std::uint64_t i = 0; i < count && !complaint.made(); ++i) {
    if (held.size() > 1 && random.one_in(2)) {
      const std::size_t at = random.below(held.size());
      ops.push_back({"free", held[at]});
      held.erase(held.begin() + static_cast<std::ptrdiff_t>(at));
    } else {
      held.push_back(fmt::format("F{}", i + 1));
      ops.push_back({"alloc", held.back(), 1 + random.below(high)});
    }
  }
  return {{"ops", ops}};
}

std::string space_op_text(const Json& op) {
  if (op.size() == 2) return plain(op[1]) + " is deleted";
  return fmt::format("{} is made, with {}", plain(op[1]),
                     counted(static_cast<std::uint64_t>(as_number(op[2])), "block"));
}

/// "1 to 6 and 12"; blocks in a row stand together.
std::string block_ranges(const Json& blocks) {
  std::vector<std::string> ranges;
  for (std::size_t i = 0; i < blocks.size();) {
    const auto first = blocks[i].get<std::uint64_t>();
    std::uint64_t length = 1;
    while (i + length < blocks.size() && blocks[i + length] == first + length) ++length;
    ranges.push_back(length == 1 ? std::to_string(first)
                                 : fmt::format("{} to {}", first, first + length - 1));
    i += length;
  }
  return listed(ranges);
}

/// The words for one way of writing down which blocks are free.
struct KeptWords {
  std::string_view policy;
  std::string_view title;
  std::string_view written;
  std::string_view taken_first;  ///< of several
  std::string_view freed_to;
};
constexpr KeptWords kKeptWords[] = {
    {"bitmap", "bitmap", "The bitmap is", "the lowest free blocks", ""},
    {"counting", "free runs", "The free runs are", "the lowest free blocks", ""},
    {"free-list", "free list", "The list is", "first in the list", ", at the front of the list"},
    {"grouping", "groups", "The groups are", "first in the groups", ", in the first group"}};

const KeptWords& words_of(const Solved& solved) {
  return *std::ranges::find(kKeptWords, solved.policy->name, &KeptWords::policy);
}

/// "3" or "8 at 3" or "3 (4, 5, 6)": a block, a run, a block that holds the numbers of others.
std::string space_entry_text(const Json& entry) {
  if (!entry.is_array()) return plain(entry);
  if (!entry[1].is_array()) return fmt::format("{} at {}", plain(entry[1]), plain(entry[0]));
  std::vector<std::string> numbers;
  for (const Json& number : entry[1]) numbers.push_back(plain(number));
  return fmt::format("{} ({})", plain(entry[0]), fmt::join(numbers, ", "));
}

/// "1111 0000", "8 at 3, 2 at 14", "7, 8, 9", "1 (2, 3), 3 (4)": as the book keeps it.
std::string space_state_text(const Json& state) {
  constexpr std::size_t kGroup = 4;
  std::string text;
  if (state.is_string()) {
    const auto bits = state.get<std::string>();
    for (std::size_t i = 0; i < bits.size(); i += kGroup)
      text += (i == 0 ? "" : " ") + bits.substr(i, kGroup);
    return text;
  }
  for (const Json& entry : state) text += (text.empty() ? "" : ", ") + space_entry_text(entry);
  return text.empty() ? "none" : text;
}

std::string FreeSpaceForm::question(const Json& problem) const {
  const Json& p = problem["parameters"];
  const std::string algorithm = plain(problem["algorithm"]);
  std::vector<std::string> steps;
  for (const Json& op : problem["input"]["ops"]) steps.push_back(space_op_text(op));
  const std::string kept =
      algorithm == "BITMAP"
          ? fmt::format("in a bitmap, in which a 1 means {}; the lowest free block is taken first",
                        plain(p.value("one", Json("used"))))
      : algorithm == "COUNTING"
          ? "as a list of runs, with the first block and the length of each; the lowest free block "
            "is taken first"
      : algorithm == "GROUPING"
          ? fmt::format(
                "in groups: a free block holds the numbers of up to {} others, of which the "
                "last holds the next; a block that holds numbers is taken when only the "
                "last of them is left",
                plain(p["group"]))
          : fmt::format(
                "in a linked list; the first of the list is taken, and the blocks of a "
                "deleted file come to its {}",
                plain(p.value("freed", Json("front"))));
  return fmt::format(
      "A disk has {} blocks, of which the first {} {} used. What is free is kept {}. Then {}. What "
      "is "
      "written there after each of them?",
      plain(p["blocks"]), plain(p["used"]), as_number(p["used"]) == 1 ? "is" : "are", kept,
      listed(steps));
}

/// Who has each block at the end.
Picture FreeSpaceForm::picture(const Solved& solved) const {
  const auto blocks = static_cast<std::size_t>(as_number(solved.parameters()["blocks"]));
  const auto used = static_cast<std::size_t>(as_number(solved.parameters()["used"]));
  std::vector<std::string> owners(blocks, "free");
  std::fill_n(owners.begin(), used, "used before");
  const Json& ops = solved.input()["ops"];
  for (std::size_t i = 0; i < ops.size(); ++i)
    if (const Json& given = solved.answer["given"][i]; given.is_array())
      for (const Json& block : given)
        owners[block.get<std::size_t>()] = ops[i].size() == 2 ? "free" : plain(ops[i][1]);
  chart::MemoryMap map;
  map.unit = "blocks";
  for (std::size_t from = 0; from < blocks;) {
    std::size_t length = 1;
    while (from + length < blocks && owners[from + length] == owners[from]) ++length;
    map.parts.push_back({from, length, owners[from],
                         owners[from] == "free"          ? chart::Meaning::kFree
                         : owners[from] == "used before" ? chart::Meaning::kWaiting
                                                         : chart::Meaning::kRunning});
    from += length;
  }
  return map;
}

chart::Table FreeSpaceForm::table(const Solved& solved) const {
  chart::Table table({"step", "what", "blocks", std::string(words_of(solved).title)});
  const Json& ops = solved.input()["ops"];
  for (std::size_t i = 0; i < ops.size(); ++i) {
    const Json& given = solved.answer["given"][i];
    table.add_row({std::to_string(i + 1), space_op_text(ops[i]),
                   given.is_null() ? "no room"
                   : given.empty() ? "-"
                                   : block_ranges(given),
                   space_state_text(solved.answer["states"][i])});
  }
  return table;
}

std::vector<std::string> FreeSpaceForm::reasons(const Solved& solved) const {
  std::vector<std::string> out;
  const Json& ops = solved.input()["ops"];
  const KeptWords& words = words_of(solved);
  const bool to_back = solved.parameters().value("freed", "front") == "back";
  const bool takes_lowest = words.freed_to.empty();
  for (std::size_t i = 0; i < ops.size(); ++i) {
    const Json& given = solved.answer["given"][i];
    const std::string what = space_op_text(ops[i]);
    const std::string state = space_state_text(solved.answer["states"][i]);
    std::string why;
    if (given.is_null())
      why = "fewer blocks are free; it gets none";
    else if (given.empty())
      why = "it has no blocks";
    else if (ops[i].size() == 2)
      why = fmt::format("{} {} free again{}", block_ranges(given), given.size() == 1 ? "is" : "are",
                        to_back ? ", at the back of the list" : words.freed_to);
    else
      why = fmt::format(
          "{} {} {}", block_ranges(given), given.size() == 1 ? "is" : "are",
          takes_lowest && given.size() == 1 ? "the lowest free block" : words.taken_first);
    out.push_back(fmt::format("{}: {}. {} then {}.", what, why, words.written, state));
  }
  return out;
}

}  // namespace

const Form& free_space_form() {
  static const FreeSpaceForm kForm;
  return kForm;
}

}  // namespace spindle::cli
