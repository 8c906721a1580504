#include "group_space.h"

#include <bit>

namespace spindle {
namespace {

constexpr std::uint64_t kWordBits = 64;

/// Reads a bitmap block's payload in words: bit i of it is bit i % 64 of word i / 64.
class Bits {
 public:
  explicit Bits(std::span<const std::byte> block) : block_(block) {}

  [[nodiscard]] std::uint64_t word(std::uint64_t index) const {
    return format::at<le64>(block_, format::kHeaderSize + index * sizeof(le64));
  }
  /// The first bit from `from` on, before `end`, that has this value; or `end`.
  [[nodiscard]] std::uint64_t find(bool value, std::uint64_t from, std::uint64_t end) const {
    while (from < end) {
      const std::uint64_t bits = value ? word(from / kWordBits) : ~word(from / kWordBits);
      const std::uint64_t rest = bits >> (from % kWordBits);
      if (rest != 0) return std::min(end, from + std::countr_zero(rest));
      from = (from / kWordBits + 1) * kWordBits;
    }
    return end;
  }

 private:
  std::span<const std::byte> block_;
};

}  // namespace

bool BlockSpace::touches_free(Run run) const {
  for (const RunSet* set : {&available, &reserved, &freeing}) {
    const std::optional<Run> next = set->at_or_after(run.start);
    if (next && next->start < run.end()) return true;
  }
  return false;
}

bool InodeSpace::is_used(std::uint64_t index) const {
  return (used[index / kWordBits] >> (index % kWordBits) & 1) != 0;
}

void InodeSpace::set(std::uint64_t index, bool is_used) {
  const std::uint64_t bit = std::uint64_t{1} << (index % kWordBits);
  std::uint64_t& word = used[index / kWordBits];
  word = is_used ? word | bit : word & ~bit;
  if (!is_used) first_word = std::min<std::size_t>(first_word, index / kWordBits);
}

std::optional<std::uint64_t> InodeSpace::first_free() {
  while (first_word < used.size() && used[first_word] == ~std::uint64_t{0}) ++first_word;
  if (first_word == used.size()) return std::nullopt;
  return first_word * kWordBits + std::countr_one(used[first_word]);
}

Result<std::unique_ptr<BlockSpace>> read_block_space(const format::Layout& layout, GroupNo group,
                                                     std::span<const std::byte> bitmap,
                                                     std::uint64_t expected_free) {
  auto space = std::make_unique<BlockSpace>();
  const Run whole = layout.group(group);
  const Run data = layout.data(group);
  if (bitmap.empty()) {
    CHECK(space->available.add(data));
  } else {
    const Bits bits(bitmap);
    const std::uint64_t first = data.start - whole.start;
    if (bits.find(false, 0, first) != first) {
      return corrupt("the bitmap calls metadata free", Subject::block(whole.start));
    }
    for (std::uint64_t at = first; at < whole.length;) {
      const std::uint64_t start = bits.find(false, at, whole.length);
      at = bits.find(true, start, whole.length);
      if (start < at) CHECK(space->available.add({whole.start + start, at - start}));
    }
  }
  if (space->available.total() != expected_free) {
    return corrupt("the block bitmap does not agree with the group's count of free blocks",
                   Subject::block(whole.start));
  }
  return space;
}

Result<std::unique_ptr<InodeSpace>> read_inode_space(const format::Layout& layout, GroupNo group,
                                                     std::span<const std::byte> bitmap,
                                                     std::uint64_t expected_free) {
  auto space = std::make_unique<InodeSpace>();
  const std::uint64_t words = (layout.inodes_per_group + kWordBits - 1) / kWordBits;
  space->used.assign(words, 0);
  std::uint64_t free = 0;
  for (std::uint64_t i = 0; i < words; ++i) {
    const std::uint64_t bits = std::min(kWordBits, layout.inodes_per_group - i * kWordBits);
    const std::uint64_t beyond = bits == kWordBits ? 0 : ~std::uint64_t{0} << bits;
    space->used[i] = (bitmap.empty() ? 0 : Bits(bitmap).word(i)) | beyond;
    free += kWordBits - std::popcount(space->used[i]);
  }
  if (free != expected_free) {
    return corrupt("the inode bitmap does not agree with the group's count of free inodes",
                   Subject::block(layout.inode_bitmap(group)));
  }
  return space;
}

void fill_bits(std::span<std::byte> block, std::uint64_t first, std::uint64_t count) {
  for (std::uint64_t i = first; i < first + count; ++i) {
    block[format::kHeaderSize + i / 8] |= std::byte{1} << (i % 8);
  }
}

void fill_fresh_block_bitmap(const format::Layout& layout, GroupNo group,
                             std::span<std::byte> block) {
  const std::uint64_t length = layout.group(group).length;
  fill_bits(block, 0, layout.group_metadata_blocks(group));
  fill_bits(block, length, layout.blocks_per_group() - length);
}

void fill_fresh_inode_bitmap(const format::Layout& layout, std::span<std::byte> block) {
  fill_bits(block, layout.inodes_per_group, layout.blocks_per_group() - layout.inodes_per_group);
}

}  // namespace spindle
