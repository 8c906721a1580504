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

std::uint64_t InodeSpace::free_count() const {
  std::uint64_t free = 0;
  for (const std::uint64_t word : used) free += kWordBits - std::popcount(word);
  return free;
}

namespace {

/// The bits of a bitmap that stand in its block `index`.
struct Window {
  std::uint64_t first;
  std::uint64_t end;
};

Window window_of(const format::Layout& layout, std::uint64_t index, std::uint64_t all) {
  const std::uint64_t first = index * layout.bits_per_block();
  return {std::min(first, all), std::min(first + layout.bits_per_block(), all)};
}

/// Sets the bits [from, to) of the whole bitmap as far as they stand in its block `index`.
void fill_bits(const format::Layout& layout, std::span<std::byte> block, std::uint64_t index,
               std::uint64_t from, std::uint64_t to) {
  const std::uint64_t start = index * layout.bits_per_block();
  const std::uint64_t end = std::min(to, start + layout.bits_per_block());
  for (std::uint64_t bit = std::max(from, start); bit < end; ++bit) {
    block[format::kHeaderSize + (bit - start) / 8] |= std::byte{1} << ((bit - start) % 8);
  }
}

}  // namespace

Result<> read_block_bitmap(const format::Layout& layout, GroupNo group, std::uint64_t index,
                           std::span<const std::byte> bitmap, BlockSpace& space) {
  const Run whole = layout.group(group);
  const std::uint64_t metadata = layout.group_metadata_blocks(group);
  const Window window = window_of(layout, index, whole.length);
  const std::uint64_t data = std::clamp(metadata, window.first, window.end);
  const auto add = [&](std::uint64_t from, std::uint64_t to) {
    if (from < to) CHECK(space.available.add({whole.start + from, to - from}));
  };
  if (bitmap.empty()) {
    add(data, window.end);
    return {};
  }
  const Bits bits(bitmap);
  const std::uint64_t base = index * layout.bits_per_block();
  const auto find = [&](bool value, std::uint64_t from, std::uint64_t end) {
    return from < end ? base + bits.find(value, from - base, end - base) : end;
  };
  if (find(false, window.first, data) != data) {
    return corrupt("the bitmap marks metadata as free",
                   Subject::block(layout.block_bitmap(group).start + index));
  }
  for (std::uint64_t at = data; at < window.end;) {
    const std::uint64_t start = find(false, at, window.end);
    at = find(true, start, window.end);
    add(start, at);
  }
  return {};
}

void read_inode_bitmap(const format::Layout& layout, std::uint64_t index,
                       std::span<const std::byte> bitmap, InodeSpace& space) {
  const Window window = window_of(layout, index, layout.inodes_per_group);
  // A block of the bitmap has a multiple of 256 bits.
  for (std::uint64_t at = window.first; at < window.end; at += kWordBits) {
    const std::uint64_t bits = std::min(kWordBits, window.end - at);
    const std::uint64_t beyond = bits == kWordBits ? 0 : ~std::uint64_t{0} << bits;
    const std::uint64_t word = bitmap.empty() ? 0 : Bits(bitmap).word((at - window.first) / 64);
    space.used[at / kWordBits] = word | beyond;
  }
}

void fill_fresh_block_bitmap(const format::Layout& layout, GroupNo group, std::uint64_t index,
                             std::span<std::byte> block) {
  fill_bits(layout, block, index, 0, layout.group_metadata_blocks(group));
  fill_bits(layout, block, index, layout.group(group).length, layout.blocks_per_group());
}

void fill_fresh_inode_bitmap(const format::Layout& layout, std::uint64_t index,
                             std::span<std::byte> block) {
  fill_bits(layout, block, index, layout.inodes_per_group, ~std::uint64_t{0});
}

}  // namespace spindle
