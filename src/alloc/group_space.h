// What is free in one group, in memory: BlockSpace for its blocks, InodeSpace for its inodes.
//
// Both are read from the group's bitmap as it was committed last, block by block, and from then on
// follow every taking and freeing at once; a bitmap block that the descriptor does not call written
// counts as that of a fresh group. A space may be forgotten, and read again later, only when it
// says nothing that the bitmap does not: no uncommitted taking, no freeing that is not durable, no
// reservation (`is_idle`).
//
// A block of the group is in one of four states: in use, or in just one of the three sets. All
// numbers are those of the volume. Not locked.
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <vector>

#include "spindle/format/layout.h"
#include "spindle/policy/run_set.h"

namespace spindle {

struct BlockSpace {
  RunSet available;  ///< for everyone
  RunSet reserved;   ///< free, but kept for the files that grow towards it
  RunSet freeing;    ///< freed, but the freeing is not durable
  std::uint64_t uncommitted_takings = 0;
  std::uint64_t last_use = 0;

  [[nodiscard]] bool is_idle() const {
    return uncommitted_takings == 0 && reserved.count() == 0 && freeing.count() == 0;
  }
  /// Whether any block of the run is in one of the three sets.
  [[nodiscard]] bool touches_free(Run run) const;
};

struct InodeSpace {
  std::vector<std::uint64_t> used;  ///< a bit an inode, in words
  std::size_t first_word = 0;       ///< no word before it has a free bit
  std::uint64_t uncommitted_changes = 0;
  std::uint64_t last_use = 0;

  [[nodiscard]] bool is_idle() const { return uncommitted_changes == 0; }
  [[nodiscard]] bool is_used(std::uint64_t index) const;
  void set(std::uint64_t index, bool is_used);
  [[nodiscard]] std::uint64_t free_count() const;
  /// The lowest free inode, as its index in the group.
  [[nodiscard]] std::optional<std::uint64_t> first_free();
};

/// Adds the free blocks of the group that have their bits in block `index` of its bitmap; those of
/// a fresh group if `bitmap` is empty. EUCLEAN if it calls metadata free.
Result<> read_block_bitmap(const format::Layout& layout, GroupNo group, std::uint64_t index,
                           std::span<const std::byte> bitmap, BlockSpace& space);
/// The same for the inodes; `space.used` is large enough for all of them, and zero.
void read_inode_bitmap(const format::Layout& layout, std::uint64_t index,
                       std::span<const std::byte> bitmap, InodeSpace& space);

/// Block `index` of a fresh group's bitmap, into the payload of a zeroed block.
void fill_fresh_block_bitmap(const format::Layout& layout, GroupNo group, std::uint64_t index,
                             std::span<std::byte> block);
void fill_fresh_inode_bitmap(const format::Layout& layout, std::uint64_t index,
                             std::span<std::byte> block);

}  // namespace spindle
