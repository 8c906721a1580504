#include "fsck/block_set.h"

#include <algorithm>

namespace spindle::fsck {

BlockSet::Place BlockSet::place_of(BlockNo block) const {
  const std::uint64_t index = layout_.block_index(block);
  return {layout_.group_of(block)->value * layout_.bitmap_blocks_per_group +
              index / layout_.bits_per_block(),
          index % layout_.bits_per_block()};
}

bool BlockSet::add(BlockNo block) {
  const Place place = place_of(block);
  auto& bits = parts_[place.part];
  if (!bits) bits = std::make_unique<Bits>(layout_.bits_per_block());
  auto bit = (*bits)[place.bit];
  if (bit) return false;
  bit = true;
  return true;
}

void BlockSet::remove(BlockNo block) {
  const Place place = place_of(block);
  if (parts_[place.part]) (*parts_[place.part])[place.bit] = false;
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
  return bits && (*bits)[place.bit];
}

std::uint64_t BlockSet::count(GroupNo group) const {
  std::uint64_t blocks = 0;
  for (std::uint64_t i = 0; i < layout_.bitmap_blocks_per_group; ++i) {
    if (const Bits* bits = part(group, i)) {
      blocks += static_cast<std::uint64_t>(std::count(bits->begin(), bits->end(), true));
    }
  }
  return blocks;
}

bool BlockSet::has_any(GroupNo group) const {
  for (std::uint64_t i = 0; i < layout_.bitmap_blocks_per_group; ++i) {
    if (part(group, i) != nullptr) return true;
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
