// BlockSet: a set of blocks that files can own, a bit each, kept only for the parts of the volume
// in which there are any. A part is what has its bits in one block of a group's bitmap.
#pragma once

#include <memory>
#include <optional>
#include <span>
#include <vector>

#include "spindle/format/layout.h"

namespace spindle::fsck {

/// How many bits of a bitmap are set.
[[nodiscard]] std::uint64_t count_bits(std::span<const std::byte> bitmap);

class BlockSet {
 public:
  explicit BlockSet(const format::Layout& layout)
      : layout_(layout), parts_(layout.group_count * layout.bitmap_blocks_per_group) {}

  /// True if the block was not in the set before. It must lie in a group.
  bool add(BlockNo block);
  /// Adds all of the run, which must lie in one group; returns the blocks that were there before.
  std::vector<BlockNo> add(Run run);
  void remove(BlockNo block);
  [[nodiscard]] bool contains(BlockNo block) const;
  /// How many blocks of the group are in the set.
  [[nodiscard]] std::uint64_t count(GroupNo group) const;
  [[nodiscard]] bool has_any(GroupNo group) const;
  /// The bits of the part with block `index` of the group's bitmap, in the order of that block;
  /// empty if none of them is in the set.
  [[nodiscard]] std::span<const std::byte> part(GroupNo group, std::uint64_t index) const {
    const auto& bits = parts_[group.value * layout_.bitmap_blocks_per_group + index];
    return {bits.get(), bits ? layout_.bits_per_block() / 8 : 0};
  }
  /// The first data block of the volume that is not in the set.
  [[nodiscard]] std::optional<BlockNo> first_absent() const;

 private:
  struct Place {
    std::size_t part;
    std::uint64_t bit;
  };
  [[nodiscard]] Place place_of(BlockNo block) const;

  const format::Layout& layout_;
  std::vector<std::unique_ptr<std::byte[]>> parts_;
  mutable GroupNo search_group_;         ///< all groups before it are known to be full,
  mutable std::uint64_t search_at_ = 0;  ///< and its blocks before this one
};

}  // namespace spindle::fsck
