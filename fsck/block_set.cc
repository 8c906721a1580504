#include "fsck/block_set.h"

#include <algorithm>

namespace spindle::fsck {

bool BlockSet::add(BlockNo block) {
  const GroupNo group = *layout_.group_of(block);
  auto& bits = groups_[group.value];
  if (!bits) bits = begin_group(group);
  auto bit = (*bits)[block - layout_.group(group).start];
  if (bit) return false;
  bit = true;
  return true;
}

std::unique_ptr<BlockSet::Bits> BlockSet::begin_group(GroupNo group) const {
  auto bits = std::make_unique<Bits>(layout_.group(group).length);
  if (with_metadata_) {
    std::fill_n(bits->begin(), layout_.group_metadata_blocks(group), true);
  }
  return bits;
}

void BlockSet::remove(BlockNo block) {
  const GroupNo group = *layout_.group_of(block);
  if (groups_[group.value]) (*groups_[group.value])[block - layout_.group(group).start] = false;
  search_from_ = std::min(search_from_, group);
}

bool BlockSet::contains(BlockNo block) const {
  const GroupNo group = *layout_.group_of(block);
  const auto& bits = groups_[group.value];
  return bits && (*bits)[block - layout_.group(group).start];
}

std::uint64_t BlockSet::count(GroupNo group) const {
  const auto& bits = groups_[group.value];
  return bits ? static_cast<std::uint64_t>(std::count(bits->begin(), bits->end(), true)) : 0;
}

std::optional<BlockNo> BlockSet::first_absent() const {
  for (; search_from_.value < layout_.group_count; ++search_from_) {
    const Run data = layout_.data(search_from_);
    const auto& bits = groups_[search_from_.value];
    if (!bits) return data.start;
    const auto begin =
        bits->begin() + static_cast<std::ptrdiff_t>(data.start - layout_.group(search_from_).start);
    const auto free = std::find(begin, bits->end(), false);
    if (free != bits->end()) return data.start + static_cast<std::uint64_t>(free - begin);
  }
  return std::nullopt;
}

}  // namespace spindle::fsck
