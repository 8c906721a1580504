#include "fsck/block_set.h"

#include <algorithm>
#include <bit>
#include <cstring>

namespace spindle::fsck {
namespace {

std::byte mask_of(std::uint64_t bit) {
  return std::byte{1} << (bit % 8);
}

}  // namespace

std::uint64_t count_bits(std::span<const std::byte> bitmap) {
  std::uint64_t bits = 0;
  for (; !bitmap.empty(); bitmap = bitmap.subspan(std::min(bitmap.size(), sizeof bits))) {
    std::uint64_t word = 0;
    std::memcpy(&word, bitmap.data(), std::min(bitmap.size(), sizeof word));
    bits += static_cast<unsigned>(std::popcount(word));
  }
  return bits;
}

BlockSet::Place BlockSet::place_of(BlockNo block) const {
  const std::uint64_t index = layout_.block_index(block);
  return {layout_.group_of(block)->value * layout_.bitmap_blocks_per_group +
              index / layout_.bits_per_block(),
          index % layout_.bits_per_block()};
}

bool BlockSet::add(BlockNo block) {
  return add(Run{block, 1}).empty();
}

std::vector<BlockNo> BlockSet::add(Run run) {
  std::vector<BlockNo> present;
  while (run.length > 0) {
    const Place place = place_of(run.start);
    auto& bits = parts_[place.part];
    if (!bits) bits = std::make_unique<std::byte[]>(layout_.bits_per_block() / 8);
    const std::uint64_t count = std::min(run.length, layout_.bits_per_block() - place.bit);
    for (std::uint64_t i = 0; i < count; ++i) {
      std::byte& byte = bits[(place.bit + i) / 8];
      const std::byte mask = mask_of(place.bit + i);
      if ((byte & mask) != std::byte{}) present.push_back(run.start + i);
      byte |= mask;
    }
    run = {run.start + count, run.length - count};
  }
  return present;
}

void BlockSet::remove(BlockNo block) {
  const Place place = place_of(block);
  if (parts_[place.part]) parts_[place.part][place.bit / 8] &= ~mask_of(place.bit);
  const GroupNo group = *layout_.group_of(block);
  const std::uint64_t index = layout_.block_index(block);
  if (group < search_group_) {
    search_group_ = group;
    search_at_ = index;
  } else if (group == search_group_) {
    search_at_ = std::min(search_at_, index);
  }
}

bool BlockSet::contains(BlockNo block) const {
  const Place place = place_of(block);
  const auto& bits = parts_[place.part];
  return bits && (bits[place.bit / 8] & mask_of(place.bit)) != std::byte{};
}

std::uint64_t BlockSet::count(GroupNo group) const {
  std::uint64_t blocks = 0;
  for (std::uint64_t i = 0; i < layout_.bitmap_blocks_per_group; ++i) {
    blocks += count_bits(part(group, i));
  }
  return blocks;
}

bool BlockSet::has_any(GroupNo group) const {
  for (std::uint64_t i = 0; i < layout_.bitmap_blocks_per_group; ++i) {
    if (!part(group, i).empty()) return true;
  }
  return false;
}

std::optional<BlockNo> BlockSet::first_absent() const {
  for (; search_group_.value < layout_.group_count; ++search_group_, search_at_ = 0) {
    const Run group = layout_.group(search_group_);
    search_at_ = std::max(search_at_, layout_.group_metadata_blocks(search_group_));
    for (; search_at_ < group.length; ++search_at_) {
      if (!contains(group.start + search_at_)) return group.start + search_at_;
    }
  }
  return std::nullopt;
}

}  // namespace spindle::fsck
