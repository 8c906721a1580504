// BlockSet: a set of the volume's blocks, a bit each, kept only for the groups in which there are
// any.
#pragma once

#include <memory>
#include <optional>
#include <vector>

#include "spindle/format/layout.h"

namespace spindle::fsck {

class BlockSet {
 public:
  /// With `with_metadata` a group's own metadata blocks come into the set with its first block.
  BlockSet(const format::Layout& layout, bool with_metadata)
      : layout_(layout), with_metadata_(with_metadata), groups_(layout.group_count) {}

  /// True if the block was not in the set before. It must lie in a group.
  bool add(BlockNo block);
  void remove(BlockNo block);
  [[nodiscard]] bool contains(BlockNo block) const;
  /// How many blocks of the group are in the set.
  [[nodiscard]] std::uint64_t count(GroupNo group) const;
  [[nodiscard]] bool has_any(GroupNo group) const { return groups_[group.value] != nullptr; }
  /// The first data block of the volume that is not in the set.
  [[nodiscard]] std::optional<BlockNo> first_absent() const;

 private:
  using Bits = std::vector<bool>;

  [[nodiscard]] std::unique_ptr<Bits> begin_group(GroupNo group) const;

  const format::Layout& layout_;
  bool with_metadata_;
  std::vector<std::unique_ptr<Bits>> groups_;
  mutable GroupNo search_from_;  // all groups before it are known to be full
};

}  // namespace spindle::fsck
