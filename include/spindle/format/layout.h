// Where everything stands on the disk: computed from five numbers of the superblock, so that no
// pointer to it can be damaged.
//
//   block                          (B = block size, P = B - 32 = payload of a metadata block)
//   1024 / B                       superblock (block 0, or 1 where B = 1024)
//   + 1                            state block
//   + 2 ..                         group table: ceil(groups * 32 / P') blocks, P' = P rounded down
//   to 32 then                           journal: journal_blocks then copy of the superblock      }
//   end of the fixed area first_group ..                 groups of 8 * P blocks; the last one may
//   be shorter block_count - 1                copy of the superblock
//
//   group: + 0 block bitmap   + 1 inode bitmap   + 2 inode table: inodes_per_group /
//   inodes_per_block blocks
//          then FAT: one 8-byte entry for each block of the group (64 blocks for a whole group)
//          then data
//
// Inode n (from 1) is inode (n - 1) % inodes_per_group of group (n - 1) / inodes_per_group.
// A Layout is a value, valid by construction: `Layout::of` refuses numbers that contradict one
// another.
#pragma once

#include <algorithm>
#include <optional>

#include "spindle/base/limits.h"
#include "spindle/format/group.h"
#include "spindle/format/inode.h"
#include "spindle/format/superblock.h"

namespace spindle::format {

/// The least journal: room for its two headers and the largest transaction.
constexpr std::uint64_t min_journal_blocks(std::uint32_t block_size) {
  return std::max<std::uint64_t>(8, 65536 / block_size);
}

class Layout {
 public:
  /// The layout of a volume of this superblock; EUCLEAN if its numbers are impossible.
  static Result<Layout> of(const Superblock& superblock);

  std::uint32_t block_size = 0;
  std::uint64_t block_count = 0;
  std::uint64_t group_count = 0;
  std::uint32_t inodes_per_group = 0;
  Run journal;
  std::uint64_t seed = 0;  ///< volume_seed of its UUID

  [[nodiscard]] std::uint32_t payload() const { return payload_size(block_size); }
  [[nodiscard]] BlockNo superblock() const { return BlockNo{kSuperblockOffset / block_size}; }
  [[nodiscard]] std::size_t superblock_offset() const { return kSuperblockOffset % block_size; }
  [[nodiscard]] BlockNo state() const { return superblock() + 1; }
  [[nodiscard]] Run group_table() const { return {superblock() + 2, group_table_blocks()}; }
  [[nodiscard]] BlockNo fixed_copy() const { return journal.end(); }
  [[nodiscard]] BlockNo last_copy() const { return BlockNo{block_count - 1}; }
  [[nodiscard]] BlockNo first_group() const { return fixed_copy() + 1; }

  [[nodiscard]] std::uint64_t blocks_per_group() const { return std::uint64_t{payload()} * 8; }
  [[nodiscard]] std::uint32_t inodes_per_block() const { return payload() / sizeof(Inode); }
  [[nodiscard]] std::uint32_t descriptors_per_block() const {
    return payload() / sizeof(GroupDescriptor);
  }
  [[nodiscard]] std::uint32_t fat_entries_per_block() const { return payload() / sizeof(le64); }
  [[nodiscard]] std::uint64_t group_table_blocks() const {
    return (group_count + descriptors_per_block() - 1) / descriptors_per_block();
  }
  [[nodiscard]] std::uint64_t inode_count() const { return group_count * inodes_per_group; }
  [[nodiscard]] std::uint64_t inode_table_blocks() const {
    return (inodes_per_group + inodes_per_block() - 1) / inodes_per_block();
  }

  /// The blocks of group `g`, metadata included. `g` < group_count.
  [[nodiscard]] Run group(GroupNo g) const;
  [[nodiscard]] BlockNo block_bitmap(GroupNo g) const { return group(g).start; }
  [[nodiscard]] BlockNo inode_bitmap(GroupNo g) const { return group(g).start + 1; }
  [[nodiscard]] Run inode_table(GroupNo g) const {
    return {group(g).start + 2, inode_table_blocks()};
  }
  [[nodiscard]] Run fat(GroupNo g) const;
  /// How many blocks at the start of the group are metadata; the rest can be allocated.
  [[nodiscard]] std::uint64_t group_metadata_blocks(GroupNo g) const;
  /// The blocks of the group that files can own.
  [[nodiscard]] Run data(GroupNo g) const;

  /// The group of a block of the group area; nothing for the fixed area, the last copy and beyond.
  [[nodiscard]] std::optional<GroupNo> group_of(BlockNo block) const;
  /// Whether a file may own this block at all.
  [[nodiscard]] bool is_data(BlockNo block) const;
  [[nodiscard]] bool is_data(Run run) const;  ///< the whole run, within one group or over several

  /// Where something stands: a block and a byte offset in it.
  struct Place {
    BlockNo block;
    std::size_t offset = 0;
  };
  [[nodiscard]] bool is_inode(InodeNo inode) const {
    return inode.value >= 1 && inode.value <= inode_count();
  }
  [[nodiscard]] GroupNo group_of(InodeNo inode) const {
    return GroupNo{(inode.value - 1) / inodes_per_group};
  }
  [[nodiscard]] Place inode_place(InodeNo inode) const;  ///< is_inode(inode)
  [[nodiscard]] Place descriptor_place(GroupNo g) const;
  [[nodiscard]] Place fat_place(BlockNo block) const;  ///< is_data(block)
};

/// What mkfs chooses from: 0 = a sensible default.
struct LayoutRequest {
  std::uint64_t image_size = 0;  ///< bytes
  std::uint32_t block_size = kDefaultBlockSize;
  std::uint64_t inodes = 0;
  std::uint64_t journal_size = 0;  ///< bytes
};

/// Fills the geometry of a superblock (block_size .. journal_blocks) for the request. EINVAL with
/// the reason where it cannot be: block size not a power of two in range, image too small or too
/// large.
Result<Superblock> plan(const LayoutRequest& request);

}  // namespace spindle::format
