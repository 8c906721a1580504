// What the pointers of an inode reach, and what they cost: forms of `spindle files`.

#include <fmt/format.h>

#include <algorithm>

#include "cli/face/files_forms.h"
#include "spindle/base/random.h"
#include "spindle/format/pointer_tree.h"

namespace spindle::cli {
namespace {

using Kind = FaceParameter::Kind;

constexpr const char* kLevelNames[] = {"direct", "single", "double", "triple"};

/// "direct", "single indirect".
std::string level_text(unsigned level) {
  return level == 0 ? "direct" : fmt::format("{} indirect", kLevelNames[level]);
}

std::uint64_t whole_number(const Json& value) {
  return static_cast<std::uint64_t>(std::max(0.0, as_number(value)));
}

format::PointerTree tree_of(const Solved& solved) {
  format::PointerTree tree = {};
  for (unsigned level = 0; level < tree.roots.size(); ++level)
    tree.roots[level] = whole_number(solved.parameters()[kLevelNames[level]]);
  tree.pointers = whole_number(solved.answer["pointers_per_block"]);
  return tree;
}

/// The blocks of the largest file that are reached through `level` blocks of pointers: the first,
/// and how many.
struct ReachedBlocks {
  std::uint64_t first = 0;
  std::uint64_t count = 0;
};
std::vector<ReachedBlocks> reached_by_level(const Solved& solved) {
  const format::PointerTree tree = tree_of(solved);
  const auto most = solved.answer["blocks"].get<std::uint64_t>();
  std::vector<ReachedBlocks> areas;
  std::uint64_t slot = 0;
  std::uint64_t first = 0;
  for (const std::uint64_t slots : tree.roots) {
    slot += slots;
    const std::uint64_t end = std::min(most, slots == 0 ? first : tree.area_start(slot));
    areas.push_back({first, end - first});
    first = end;
  }
  return areas;
}

/// What both forms have: the shape of the inode, and the largest file.
class InodeShapeForm : public Form {
 public:
  [[nodiscard]] std::string domain(const Json&) const override { return "inode"; }
  [[nodiscard]] const std::vector<FaceParameter>& parameters() const override {
    static const std::vector<FaceParameter> kParameters = {
        {"block_size", Kind::kNumber,
         "inode, inode-size, fat-chain, space-size, fat-size: bytes of a block", "4096"},
        {"pointer_bytes", Kind::kNumber, "inode, inode-size: bytes of a pointer to a block", "4"},
        {"direct", Kind::kNumber, "inode, inode-size: direct pointers of the inode", "12"},
        {"single", Kind::kNumber, "inode, inode-size: its single indirect pointers", "1"},
        {"double", Kind::kNumber, "inode, inode-size: its double indirect pointers", "1"},
        {"triple", Kind::kNumber, "inode, inode-size: its triple indirect pointers", "1"},
        {"address_limit", Kind::kFlag,
         "inode, inode-size: whether a file has no more blocks than a pointer can tell apart",
         "no"},
        {"inode_in_memory", Kind::kFlag, "inode: whether the inode is in memory", "yes"}};
    return kParameters;
  }
  [[nodiscard]] Json read_rows(const std::vector<std::vector<std::string>>& rows,
                               Complaint& complaint) const override {
    Json numbers = Json::array();
    for (const std::vector<std::string>& row : rows)
      for (const std::string& part : row)
        for (const std::string& number : split(part, ", "))
          numbers.push_back(read_number(number, list_name(), complaint, 0, 1e18));
    return {{list_name(), numbers}};
  }
  /// Only keeps what is asked for: the numbers are drawn when the largest file is known.
  [[nodiscard]] Json generate(Recipe& recipe, Complaint& complaint) const override {
    Json drawn = {{"seed", recipe.seed()}, {"count", recipe.natural("count", 4, 1, 1000)}};
    recipe.finish_as("uniform");
    return complaint.made() ? Json() : drawn;
  }
  [[nodiscard]] std::string quiz_recipe(std::uint64_t seed) const override {
    return fmt::format("uniform:count=3,seed={}", seed);
  }
  void complete(Json& problem, Complaint& complaint) const override;
  [[nodiscard]] Picture picture(const Solved& solved) const override;

 protected:
  /// The name of the list in the input.
  [[nodiscard]] virtual const char* list_name() const = 0;
  /// "A block has 4096 bytes ..., an inode 12 direct pointers and ...".
  static std::string setting(const Json& parameters);
  static std::vector<std::string> reasons_of_largest(const Solved& solved);
};

/// Numbers are drawn evenly by their size: the small ones, which direct pointers reach, too.
void InodeShapeForm::complete(Json& problem, Complaint& complaint) const {
  Json& input = problem["input"];
  if (!input.contains("seed")) return;
  Random random(input["seed"].get<std::uint64_t>());
  const auto count = input["count"].get<std::size_t>();
  input = {{list_name(), Json::array()}};
  Solved shape{problem, {}, nullptr};
  if (!solve(shape, complaint)) return;
  const auto bytes = shape.answer["bytes"].get<std::uint64_t>();
  for (std::size_t i = 0; i < count; ++i) {
    const std::uint64_t high = std::uint64_t{1} << (12 + random.below(32));
    input[list_name()].push_back(random.below(std::max<std::uint64_t>(1, std::min(high, bytes))));
  }
}

std::string InodeShapeForm::setting(const Json& parameters) {
  std::vector<std::string> pointers;
  for (unsigned level = 0; level < std::size(kLevelNames); ++level)
    if (const std::uint64_t slots = whole_number(parameters[kLevelNames[level]]); slots > 0)
      pointers.push_back(fmt::format("{} {}", slots, level_text(level)));
  return fmt::format("A block has {} bytes, a pointer {}. An inode has {} pointers.",
                     plain(parameters["block_size"]), plain(parameters["pointer_bytes"]),
                     pointers.empty() ? "no" : listed(pointers));
}

std::vector<std::string> InodeShapeForm::reasons_of_largest(const Solved& solved) {
  const Json& p = solved.parameters();
  const format::PointerTree tree = tree_of(solved);
  std::vector<std::string> out = {fmt::format(
      "{} / {}{}: {} fit into a block.", plain(p["block_size"]), plain(p["pointer_bytes"]),
      whole_number(p["block_size"]) % whole_number(p["pointer_bytes"]) == 0 ? "" : ", rounded down",
      counted(tree.pointers, "pointer"))};
  std::vector<std::string> terms;
  std::uint64_t slot = 0;
  for (unsigned level = 0; level < tree.roots.size(); ++level) {
    const std::uint64_t before = slot;
    slot += tree.roots[level];
    if (tree.roots[level] == 0) continue;
    const std::uint64_t reach = tree.area_start(slot) - tree.area_start(before);
    terms.push_back(std::to_string(reach));
    const std::string power = level == 0   ? ""
                              : level == 1 ? fmt::format(" x {}", tree.pointers)
                                           : fmt::format(" x {}^{}", tree.pointers, level);
    out.push_back(fmt::format("{}: {}{}{}.",
                              counted(tree.roots[level], level_text(level) + " pointer"),
                              tree.roots[level], power,
                              level == 0 ? fmt::format(" block{}", reach == 1 ? "" : "s")
                                         : fmt::format(" = {}", counted(reach, "block"))));
  }
  const std::uint64_t all = tree.blocks();
  const auto most = solved.answer["blocks"].get<std::uint64_t>();
  if (most < all)
    out.push_back(fmt::format(
        "That would be {} blocks, but a pointer of {} bytes tells no more than 2^{} = {} apart.",
        all, plain(p["pointer_bytes"]), 8 * whole_number(p["pointer_bytes"]), most));
  const std::string sum = most < all || terms.size() < 2
                              ? std::to_string(most)
                              : fmt::format("{} = {}", fmt::join(terms, " + "), most);
  out.push_back(fmt::format("{} blocks of {} bytes: {}.", sum, plain(p["block_size"]),
                            bytes_text(solved.answer["bytes"])));
  return out;
}

/// The blocks of the largest file, by the kind of pointer that leads to them.
Picture InodeShapeForm::picture(const Solved& solved) const {
  chart::MemoryMap map;
  map.unit = "blocks";
  const auto areas = reached_by_level(solved);
  constexpr chart::Meaning kMeanings[] = {chart::Meaning::kRunning, chart::Meaning::kWaiting,
                                          chart::Meaning::kDevice, chart::Meaning::kOverhead};
  for (unsigned level = 0; level < areas.size(); ++level)
    if (areas[level].count > 0)
      map.parts.push_back(
          {areas[level].first, areas[level].count, level_text(level), kMeanings[level]});
  return map;
}

class InodeForm final : public InodeShapeForm {
 public:
  [[nodiscard]] const std::vector<FacePolicy>& policies() const override {
    static const std::vector<FacePolicy> kPolicies = {
        {"inode",
         "ACCESS",
         "Inode",
         {"block_size", "pointer_bytes", "direct", "single", "double", "triple", "inode_in_memory",
          "address_limit"}}};
    return kPolicies;
  }
  [[nodiscard]] const std::vector<Measure>& measures() const override {
    static const std::vector<Measure> kMeasures = {{"bytes", "largest file (bytes)", true},
                                                   {"total_reads", "reads"}};
    return kMeasures;
  }
  [[nodiscard]] std::string_view row_help() const override {
    return "inode: the bytes that are read, as OFFSET; none: only the largest file";
  }
  [[nodiscard]] std::string question(const Json& problem) const override;
  [[nodiscard]] chart::Table table(const Solved& solved) const override;
  [[nodiscard]] Facts facts(const Solved& solved) const override {
    Facts facts = {{"pointers in a block", plain(solved.answer["pointers_per_block"])},
                   {"largest file", bytes_text(solved.answer["bytes"])},
                   {"blocks of it", plain(solved.answer["blocks"])}};
    if (!solved.answer["reads"].empty())
      facts.emplace_back("disk reads", plain(solved.answer["total_reads"]));
    return facts;
  }
  [[nodiscard]] std::vector<std::string> reasons(const Solved& solved) const override;

 private:
  [[nodiscard]] const char* list_name() const override { return "offsets"; }
};

std::string InodeForm::question(const Json& problem) const {
  const Json& p = problem["parameters"];
  std::vector<std::string> offsets;
  for (const Json& offset : problem["input"]["offsets"]) offsets.push_back(plain(offset));
  std::string text = setting(p) + " How many bytes does the largest file have";
  if (!offsets.empty())
    text += fmt::format(", and how many blocks are read to reach {} {} of a file{}",
                        offsets.size() == 1 ? "byte" : "each of the bytes", listed(offsets),
                        p.value("inode_in_memory", true) ? " whose inode is in memory" : "");
  return text + "?";
}

chart::Table InodeForm::table(const Solved& solved) const {
  const Json& offsets = solved.input()["offsets"];
  const Json& answer = solved.answer;
  if (offsets.empty()) {
    chart::Table table({"pointers", "number", "first block", "blocks", "reads of a byte"});
    const auto areas = reached_by_level(solved);
    const unsigned before = solved.parameters().value("inode_in_memory", true) ? 1 : 2;
    for (unsigned level = 0; level < areas.size(); ++level)
      table.add_row({level_text(level), plain(solved.parameters()[kLevelNames[level]]),
                     std::to_string(areas[level].first), std::to_string(areas[level].count),
                     areas[level].count == 0 ? "-" : std::to_string(before + level)});
    return table;
  }
  chart::Table table({"byte", "block", "pointer", "reads"});
  for (std::size_t i = 0; i < offsets.size(); ++i)
    table.add_row({plain(offsets[i]), plain(answer["file_blocks"][i]),
                   level_text(answer["levels"][i].get<unsigned>()), plain(answer["reads"][i])});
  return table;
}

std::vector<std::string> InodeForm::reasons(const Solved& solved) const {
  std::vector<std::string> out = reasons_of_largest(solved);
  const format::PointerTree tree = tree_of(solved);
  const std::uint64_t block_size = whole_number(solved.parameters()["block_size"]);
  const Json& offsets = solved.input()["offsets"];
  for (std::size_t i = 0; i < offsets.size(); ++i) {
    const auto block = solved.answer["file_blocks"][i].get<std::uint64_t>();
    const format::PointerPlace place = tree.place_of(block);
    const std::uint64_t before = reached_by_level(solved)[place.levels].first;
    std::vector<std::string> read;
    if (!solved.parameters().value("inode_in_memory", true)) read.emplace_back("the inode");
    std::string way = fmt::format("direct pointer {}", place.slot);
    if (place.levels > 0) {
      std::vector<std::string> entries;
      for (unsigned level = 0; level < place.levels; ++level) {
        entries.push_back(std::to_string(place.index[level]));
        read.push_back(fmt::format("the {} block", level_text(place.levels - level)));
      }
      way = fmt::format("{} - {} = {}, below {} pointer of the inode: entr{} {} there", block,
                        before, block - before, "the " + level_text(place.levels),
                        entries.size() == 1 ? "y" : "ies", fmt::join(entries, ", then "));
    }
    read.emplace_back("the block itself");
    out.push_back(fmt::format("Byte {} is in block {}, {} / {} rounded down: {}. {}: {}.",
                              plain(offsets[i]), block, plain(offsets[i]), block_size, way,
                              counted(read.size(), "read"), listed(read)));
  }
  return out;
}

class InodeSizeForm final : public InodeShapeForm {
 public:
  [[nodiscard]] const std::vector<FacePolicy>& policies() const override {
    static const std::vector<FacePolicy> kPolicies = {
        {"inode-size",
         "STORAGE",
         "Blocks of files",
         {"block_size", "pointer_bytes", "direct", "single", "double", "triple", "address_limit"}}};
    return kPolicies;
  }
  [[nodiscard]] const std::vector<Measure>& measures() const override {
    static const std::vector<Measure> kMeasures = {{"total_blocks", "blocks"}};
    return kMeasures;
  }
  [[nodiscard]] std::string_view row_help() const override { return "inode-size: files as BYTES"; }
  [[nodiscard]] Json read_rows(const std::vector<std::vector<std::string>>& rows,
                               Complaint& complaint) const override {
    if (rows.empty()) complaint.make(no_input("sizes", *this));
    return InodeShapeForm::read_rows(rows, complaint);
  }
  [[nodiscard]] std::string question(const Json& problem) const override {
    std::vector<std::string> sizes;
    for (const Json& size : problem["input"]["sizes"]) sizes.push_back(plain(size));
    return fmt::format(
        "{} How many blocks of data, and how many of pointers, has a file of {} bytes?",
        setting(problem["parameters"]), fmt::join(sizes, ", or of "));
  }
  [[nodiscard]] chart::Table table(const Solved& solved) const override {
    chart::Table table({"size (bytes)", "blocks of data", "of pointers", "together"});
    const Json& answer = solved.answer;
    for (std::size_t i = 0; i < answer["data_blocks"].size(); ++i)
      table.add_row({plain(solved.input()["sizes"][i]), plain(answer["data_blocks"][i]),
                     plain(answer["indirect_blocks"][i]),
                     std::to_string(answer["data_blocks"][i].get<std::uint64_t>() +
                                    answer["indirect_blocks"][i].get<std::uint64_t>())});
    return table;
  }
  [[nodiscard]] Facts facts(const Solved& solved) const override {
    return {{"blocks of all", plain(solved.answer["total_blocks"])},
            {"largest file", bytes_text(solved.answer["bytes"])}};
  }
  [[nodiscard]] std::vector<std::string> reasons(const Solved& solved) const override;

 private:
  [[nodiscard]] const char* list_name() const override { return "sizes"; }
};

std::vector<std::string> InodeSizeForm::reasons(const Solved& solved) const {
  std::vector<std::string> out = reasons_of_largest(solved);
  const auto areas = reached_by_level(solved);
  const std::uint64_t pointers = tree_of(solved).pointers;
  const Json& sizes = solved.input()["sizes"];
  for (std::size_t i = 0; i < sizes.size(); ++i) {
    const auto blocks = solved.answer["data_blocks"][i].get<std::uint64_t>();
    std::string text =
        fmt::format("{} / {}, rounded up: {} of data.", plain(sizes[i]),
                    plain(solved.parameters()["block_size"]), counted(blocks, "block"));
    for (unsigned level = 0; level < areas.size(); ++level) {
      const auto [first, count] = areas[level];
      if (blocks <= first || count == 0) continue;
      const std::uint64_t here = std::min(blocks - first, count);
      if (level == 0) {
        text += fmt::format(" Direct pointers lead to {} of them.", here);
        continue;
      }
      std::vector<std::string> layers;
      std::uint64_t below = here;
      for (unsigned layer = 0; layer < level; ++layer) {
        below = (below + pointers - 1) / pointers;
        layers.push_back(std::to_string(below));
      }
      text +=
          fmt::format(" The {} pointer{} to {}, through {} block{} of pointers.", level_text(level),
                      as_number(solved.parameters()[kLevelNames[level]]) == 1 ? " leads" : "s lead",
                      here, fmt::join(layers, " + "), layers.size() == 1 && below == 1 ? "" : "s");
    }
    out.push_back(text);
  }
  return out;
}

}  // namespace

const Form& inode_form() {
  static const InodeForm kForm;
  return kForm;
}

const Form& inode_size_form() {
  static const InodeSizeForm kForm;
  return kForm;
}

}  // namespace spindle::cli
