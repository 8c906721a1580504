// Formulas about file systems: how large a bitmap, a list of free blocks and a file allocation
// table are, and which block the first free bit stands for.

#include <algorithm>

#include "domains.h"

namespace spindle {
namespace {

using Json = nlohmann::json;

constexpr std::int64_t kMostDiskBytes = std::int64_t{1} << 58;
constexpr std::int64_t kMostBlockBytes = std::int64_t{1} << 24;
constexpr std::int64_t kBitsInByte = 8;
constexpr std::size_t kMostBits = 1 << 20;

std::int64_t rounded_up(std::int64_t number, std::int64_t divisor) {
  return number / divisor + (number % divisor != 0 ? 1 : 0);
}

/// A bit for each block, against blocks that are full of numbers of free blocks, one of which is
/// that of the next such block.
Json space_size(const Field& parameters) {
  const std::int64_t disk = parameters["disk_bytes"].integer(1, kMostDiskBytes);
  const std::int64_t block = parameters["block_size"].integer(1, kMostBlockBytes);
  const std::int64_t bits = parameters["address_bits"].integer(1, 64);
  if (parameters.failed()) return {};
  const std::int64_t addresses = block * kBitsInByte / bits - 1;
  if (addresses < 1) return parameters["block_size"].fail("too small for two numbers"), Json();
  const std::int64_t blocks = disk / block;
  const std::int64_t bitmap_bytes = rounded_up(blocks, kBitsInByte);
  return {{"blocks", blocks},
          {"bitmap_bytes", bitmap_bytes},
          {"bitmap_blocks", rounded_up(bitmap_bytes, block)},
          {"addresses_per_block", addresses},
          {"list_blocks", rounded_up(blocks, addresses)},
          {"break_even_percent", rounded(100.0 / static_cast<double>(bits))}};
}

/// Whole words are skipped as long as they have no bit that is looked for.
Json first_free(const Problem& problem) {
  const auto word = static_cast<std::size_t>(problem.parameters["word_bits"].integer(1, 4096));
  const char wanted = problem.parameters["one"].choice({"free", "used"}) == 0 ? '1' : '0';
  std::string bits;
  for (const Field& item : problem.input["bits"].items()) {
    const std::string part = item.text();
    if (part.find_first_not_of("01") != std::string::npos) item.fail("not a row of 0 and 1");
    bits += part;
    if (problem.failed() || bits.size() > kMostBits) break;
  }
  if (bits.empty()) problem.input["bits"].fail("there are none");
  if (bits.size() > kMostBits) problem.input["bits"].fail("there are too many");
  if (problem.failed()) return {};
  const std::size_t block = bits.find(wanted);
  if (block == std::string::npos)
    return {{"words_skipped",
             rounded_up(static_cast<std::int64_t>(bits.size()), static_cast<std::int64_t>(word))},
            {"offset", nullptr},
            {"block", nullptr}};
  return {{"words_skipped", block / word}, {"offset", block % word}, {"block", block}};
}

/// A table with an entry for each block.
Json allocation_table(const Field& parameters) {
  const std::int64_t disk = parameters["disk_bytes"].integer(1, kMostDiskBytes);
  const std::int64_t block = parameters["block_size"].integer(1, kMostBlockBytes);
  const std::int64_t entry = parameters["entry_bits"].integer(1, 64);
  const std::int64_t number = parameters["number_bits"].integer(1, 32);
  const bool on_disk = parameters["table_on_disk"].flag_or(false);
  if (number > entry) parameters["number_bits"].fail("more than an entry has");
  if (parameters.failed()) return {};
  const std::int64_t most = std::int64_t{1} << number;
  // Where the table is on the disk itself, each block takes an entry of the space, too.
  const std::int64_t fit =
      on_disk ? disk * kBitsInByte / (block * kBitsInByte + entry) : disk / block;
  const std::int64_t blocks = std::min(fit, most);
  if (blocks > (std::int64_t{1} << 56) / entry)
    return parameters["block_size"].fail("too small for the disk"), Json();
  const std::int64_t table_bytes = rounded_up(blocks * entry, kBitsInByte);
  return {{"blocks", blocks},
          {"table_bytes", table_bytes},
          {"table_blocks", rounded_up(table_bytes, block)},
          {"largest_file_bytes", blocks * block},
          {"largest_volume_bytes", most * block}};
}

}  // namespace

Json solve_file_cost(const Problem& problem) {
  if (problem.algorithm == "SPACE-SIZE") return space_size(problem.parameters);
  if (problem.algorithm == "FIRST-FREE") return first_free(problem);
  if (problem.algorithm == "FAT") return allocation_table(problem.parameters);
  return problem.unknown_algorithm();
}

}  // namespace spindle
