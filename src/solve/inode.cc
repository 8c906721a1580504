// Inodes with direct and indirect pointers: the largest file, what it takes to read a byte of a
// file, and how many blocks of pointers a file needs. The arithmetic is that of the indexed map of
// a volume.

#include <limits>

#include "domains.h"
#include "spindle/format/pointer_tree.h"

namespace spindle {
namespace {

using Json = nlohmann::json;
using format::kMaxPointerLevels;
using format::PointerTree;

constexpr std::int64_t kLargestFileBytes = std::int64_t{1} << 60;
constexpr std::int64_t kMostRootPointers = 65536;
constexpr std::int64_t kLargestBlock = std::int64_t{1} << 24;
constexpr unsigned kBitsOfByte = 8;

struct InodeShape {
  PointerTree tree = {};
  std::int64_t block_size = 1;
  std::int64_t blocks = 0;  ///< of the largest file
};

/// The blocks of the largest file, or -1 if they have more than kLargestFileBytes.
std::int64_t blocks_within_reason(const PointerTree& tree, std::int64_t block_size) {
  const auto most = static_cast<std::uint64_t>(kLargestFileBytes / block_size);
  std::uint64_t area = 1;
  std::uint64_t sum = 0;
  for (const std::uint64_t slots : tree.roots) {
    if (slots > 0 && (area > most / slots || sum + slots * area > most)) return -1;
    sum += slots * area;
    // An area that no slot has is never looked at.
    area = area > most / tree.pointers ? most + 1 : area * tree.pointers;
  }
  return static_cast<std::int64_t>(sum);
}

InodeShape read_shape(const Field& parameters) {
  InodeShape shape;
  shape.block_size = parameters["block_size"].integer(1, kLargestBlock);
  const Field width = parameters["pointer_bytes"];
  const std::int64_t pointer_bytes = width.integer(1, 64);
  const char* const names[] = {"direct", "single", "double", "triple"};
  for (unsigned level = 0; level <= kMaxPointerLevels; ++level)
    shape.tree.roots[level] =
        static_cast<std::uint64_t>(parameters[names[level]].integer(0, kMostRootPointers));
  if (parameters.failed()) return shape;
  if (pointer_bytes > shape.block_size) return width.fail("longer than a block"), shape;
  shape.tree.pointers = static_cast<std::uint64_t>(shape.block_size / pointer_bytes);
  shape.blocks = blocks_within_reason(shape.tree, shape.block_size);
  if (shape.blocks < 0)
    return parameters["block_size"].fail("the largest file would have more than 2^60 bytes"), shape;
  // With pointers of so many bytes there are no more blocks to tell apart.
  if (parameters["address_limit"].flag_or(false) && pointer_bytes < 8)
    shape.blocks = std::min(
        shape.blocks, std::int64_t{1} << (static_cast<unsigned>(pointer_bytes) * kBitsOfByte));
  return shape;
}

Json largest_file(const InodeShape& shape) {
  return {{"pointers_per_block", shape.tree.pointers},
          {"blocks", shape.blocks},
          {"bytes", shape.blocks * shape.block_size}};
}

/// What is read for each byte alone, with nothing in memory but perhaps the inode.
Json byte_accesses(const Problem& problem) {
  const InodeShape shape = read_shape(problem.parameters);
  const bool in_memory = problem.parameters["inode_in_memory"].flag_or(true);
  if (problem.failed()) return {};
  Json answer = largest_file(shape);
  Json blocks = Json::array();
  Json levels = Json::array();
  Json reads = Json::array();
  std::int64_t total = 0;
  const std::vector<Field> offsets = problem.input["offsets"].items();
  if (offsets.size() > kLongestListed) problem.input["offsets"].fail("there are too many");
  for (const Field& item : offsets) {
    const std::int64_t offset = item.integer(0, std::numeric_limits<std::int64_t>::max());
    const std::int64_t block = offset / shape.block_size;
    if (block >= shape.blocks) item.fail(std::to_string(offset) + " lies beyond the largest file");
    if (problem.failed()) return {};
    const unsigned indirect = shape.tree.place_of(static_cast<std::uint64_t>(block)).levels;
    blocks.push_back(block);
    levels.push_back(indirect);
    reads.push_back((in_memory ? 0 : 1) + indirect + 1);
    total += reads.back().get<std::int64_t>();
  }
  answer["file_blocks"] = blocks;
  answer["levels"] = levels;
  answer["reads"] = reads;
  answer["total_reads"] = total;
  return answer;
}

/// The blocks of pointers above so many blocks of a file, which has no holes.
std::int64_t indirect_blocks(const PointerTree& tree, std::uint64_t blocks) {
  std::uint64_t sum = 0;
  std::uint64_t area = 1;
  for (unsigned level = 0; level <= kMaxPointerLevels && blocks > 0; ++level) {
    const std::uint64_t here = std::min(blocks, tree.roots[level] * area);
    std::uint64_t below = here;
    // Slots of one level are filled one after another, so that only the last is not full.
    for (unsigned i = 0; i < level; ++i) sum += below = (below + tree.pointers - 1) / tree.pointers;
    blocks -= here;
    if (blocks > 0) area *= tree.pointers;
  }
  return static_cast<std::int64_t>(sum);
}

Json storage_of_files(const Problem& problem) {
  const InodeShape shape = read_shape(problem.parameters);
  if (problem.failed()) return {};
  Json answer = largest_file(shape);
  Json data = Json::array();
  Json indirect = Json::array();
  std::int64_t total = 0;
  const std::vector<Field> sizes = problem.input["sizes"].items();
  if (sizes.size() > kLongestListed) problem.input["sizes"].fail("there are too many");
  for (const Field& item : sizes) {
    const std::int64_t size = item.integer(0, std::numeric_limits<std::int64_t>::max());
    const std::int64_t blocks = size / shape.block_size + (size % shape.block_size != 0 ? 1 : 0);
    if (blocks > shape.blocks)
      item.fail(std::to_string(size) + " is more than the largest file has");
    if (problem.failed()) return {};
    data.push_back(blocks);
    indirect.push_back(indirect_blocks(shape.tree, static_cast<std::uint64_t>(blocks)));
    total += blocks + indirect.back().get<std::int64_t>();
  }
  answer["data_blocks"] = data;
  answer["indirect_blocks"] = indirect;
  answer["total_blocks"] = total;
  return answer;
}

}  // namespace

Json solve_inode(const Problem& problem) {
  if (problem.algorithm == "ACCESS") return byte_accesses(problem);
  if (problem.algorithm == "STORAGE") return storage_of_files(problem);
  return problem.unknown_algorithm();
}

}  // namespace spindle
