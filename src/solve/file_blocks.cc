// A block is added to a file, removed from it or read: how many blocks of the disk are read and
// written, by how the file is stored. Each operation is about the file as it was given. The file
// control block is in memory, and so is the content of a block that is added.

#include "domains.h"

namespace spindle {
namespace {

using Json = nlohmann::json;

constexpr std::int64_t kMostFileBlocks = std::int64_t{1} << 40;

struct Accesses {
  std::int64_t reads = 0;
  std::int64_t writes = 0;
};

enum class BlockChange : std::uint8_t { kAdd, kRemove, kRead };

struct FileRules {
  std::int64_t blocks = 0;
  bool room_before = false;
  bool room_after = true;
  bool move_start = false;
  bool tail_known = true;
  bool index_in_memory = true;
  bool write_index = false;
};

/// Blocks move by one place: those on the shorter side of it, if there is room on both.
Accesses in_contiguous(const FileRules& rules, BlockChange change, std::int64_t at) {
  if (change == BlockChange::kRead) return {1, 0};
  if (change == BlockChange::kRemove) {
    const std::int64_t after = rules.blocks - 1 - at;
    const std::int64_t moved = rules.move_start ? std::min(at, after) : after;
    return {moved, moved};
  }
  std::int64_t moved = rules.blocks;  // without room, the file moves as a whole
  if (rules.room_before) moved = std::min(moved, at);
  if (rules.room_after) moved = std::min(moved, rules.blocks - at);
  return {moved, moved + 1};
}

/// Each block points to the next one; a block whose pointer changes is written.
Accesses in_linked(const FileRules& rules, BlockChange change, std::int64_t at) {
  if (change == BlockChange::kRead) return {at + 1, 0};
  if (change == BlockChange::kRemove) {
    if (at == 0) return {1, 0};
    // Of the last one nothing is needed: that the one before it is the last, its number tells.
    return {at == rules.blocks - 1 ? at : at + 1, 1};
  }
  if (at == 0) return {0, 1};
  return {at == rules.blocks && rules.tail_known ? 1 : at, 2};
}

/// The pointers stand apart from the blocks, in an index block or in the table in memory.
Accesses in_indexed(const FileRules& rules, BlockChange change) {
  const std::int64_t index_reads = rules.index_in_memory ? 0 : 1;
  if (change == BlockChange::kRead) return {index_reads + 1, 0};
  const std::int64_t index_writes = rules.write_index ? 1 : 0;
  return {index_reads, index_writes + (change == BlockChange::kAdd ? 1 : 0)};
}

/// Which block an operation is about, counted from 0: "first", "middle", "end", or a number.
std::int64_t read_position(const Field& field, BlockChange change, std::int64_t blocks,
                           std::int64_t count_from) {
  const std::int64_t last = change == BlockChange::kAdd ? blocks : blocks - 1;
  if (field.raw().is_string()) {
    const std::string word = field.text();
    if (word == "first") return 0;
    if (word == "middle") return blocks / 2;
    if (word == "end") return last;
  }
  return field.integer(count_from, last + count_from) - count_from;
}

}  // namespace

Json solve_file_blocks(const Problem& problem) {
  const Field& parameters = problem.parameters;
  FileRules rules;
  rules.blocks = parameters["blocks"].integer(1, kMostFileBlocks);
  const bool contiguous = problem.algorithm == "CONTIGUOUS";
  const bool linked = problem.algorithm == "LINKED";
  if (contiguous) {
    rules.room_before = parameters["room_before"].flag_or(false);
    rules.room_after = parameters["room_after"].flag_or(true);
    rules.move_start = parameters["move_start"].flag_or(false);
  } else if (linked) {
    rules.tail_known = parameters["tail_known"].flag_or(true);
  } else if (problem.algorithm == "INDEXED" || problem.algorithm == "FAT") {
    rules.write_index = parameters["write_index"].flag_or(false);
    if (problem.algorithm == "INDEXED")
      rules.index_in_memory = parameters["index_in_memory"].flag_or(true);
  } else {
    return problem.unknown_algorithm();
  }
  const std::int64_t count_from = parameters["count_from"].integer_or(0, 0, 1);
  const std::vector<Field> ops = problem.input["ops"].items();
  if (ops.size() > kLongestListed) problem.input["ops"].fail("there are too many");
  Json reads = Json::array();
  Json writes = Json::array();
  Json positions = Json::array();
  Accesses sum;
  for (const Field& item : ops) {
    if (problem.failed()) return {};
    const std::vector<Field> op = item.items();
    if (op.size() != 2)
      return item.fail("an operation is [\"add\", \"middle\"] or the like"), Json();
    const auto change = static_cast<BlockChange>(op[0].choice({"add", "remove", "read"}));
    const std::int64_t at = read_position(op[1], change, rules.blocks, count_from);
    const Accesses here = contiguous ? in_contiguous(rules, change, at)
                          : linked   ? in_linked(rules, change, at)
                                     : in_indexed(rules, change);
    positions.push_back(at + count_from);
    reads.push_back(here.reads);
    writes.push_back(here.writes);
    sum.reads += here.reads;
    sum.writes += here.writes;
  }
  return {{"positions", positions},     {"reads", reads},
          {"writes", writes},           {"total_reads", sum.reads},
          {"total_writes", sum.writes}, {"total", sum.reads + sum.writes}};
}

}  // namespace spindle
