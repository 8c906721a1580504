// Where everything stands on the disk: computed from six numbers of the superblock, so that no
// pointer to it can be damaged. B = block size, P = B - 32 = payload of a metadata block, K =
// bitmap_blocks_per_group.
//
//   1024 / B           superblock (block 0, or 1 where B = 1024)
//   + 1                state block
//   + 2 ..             group table: ceil(groups / D) blocks, D = floor(P / 32)
//   then               journal: journal_blocks
//   then               copy of the superblock: the end of the fixed area
//   first_group ..     groups of 8 * P * K blocks; the last one may be shorter
//   block_count - 1    copy of the superblock
//
//   group:  K blocks   block bitmap: bit i of its j-th block is block j * 8 * P + i of the group
//           then       inode bitmap: ceil(inodes_per_group / (8 * P)) blocks
//           then       inode table: inodes_per_group / inodes_per_block blocks
//           then       FAT: 8 bytes for each block of the group: 64 * K blocks for a whole group
//           then       data. A run of it never reaches over the end of its group, since the next
//                      begins with metadata: K bounds how long a contiguous file can be.
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

/// A block bitmap has no more blocks than that: 127 GiB of 4K blocks.
inline constexpr std::uint32_t kMaxBitmapBlocks = 1024;

/// The least journal: room for its two headers and for the largest transaction.
///
/// That is a rename between two directories. In each it may edit four nodes of the directory (a
/// split) and, to give it a block, two nodes of each level of its extent tree below the root: with
/// three levels, enough for 2^14 runs at 1K and 2^20 at 4K, 2 * (4 + 2 * 3) = 20 blocks. Inodes,
/// counters, bits, revokes and the heads of all these records stay below 32 KiB. The log keeps a
/// block for padding and one for what is initialised in passing: 2 + 20 + 2 = 24 blocks. A volume
/// on which trees can be deeper has a larger journal by default; where it has not, a change that
/// does not fit is refused and undone.
///
/// A contiguous file that moves takes one run and frees another: two records and two seals, less
/// than 128 bytes, for each block of a group's bitmap.
constexpr std::uint64_t min_journal_blocks(std::uint32_t block_size, std::uint32_t bitmap_blocks) {
  const std::uint64_t records = 32768 + std::uint64_t{128} * (bitmap_blocks - 1);
  return 24 + (records + block_size - 1) / block_size;
}

class Layout {
 public:
  /// The layout of a volume of this superblock; EUCLEAN if its numbers are impossible.
  static Result<Layout> of(const Superblock& superblock);

  std::uint32_t block_size = 0;
  std::uint64_t block_count = 0;
  std::uint64_t group_count = 0;
  std::uint32_t bitmap_blocks_per_group = 1;
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

  /// Bits in a bitmap block.
  [[nodiscard]] std::uint64_t bits_per_block() const { return std::uint64_t{payload()} * 8; }
  [[nodiscard]] std::uint64_t blocks_per_group() const {
    return bits_per_block() * bitmap_blocks_per_group;
  }
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
    return inodes_per_group / inodes_per_block();
  }

  /// The blocks of group `g`, metadata included. `g` < group_count.
  [[nodiscard]] Run group(GroupNo g) const;
  [[nodiscard]] Run block_bitmap(GroupNo g) const {
    return {group(g).start, bitmap_blocks_per_group};
  }
  [[nodiscard]] Run inode_bitmap(GroupNo g) const {
    return {block_bitmap(g).end(), inode_bitmap_blocks(inode_table_blocks())};
  }
  [[nodiscard]] Run inode_table(GroupNo g) const {
    return {inode_bitmap(g).end(), inode_table_blocks()};
  }
  [[nodiscard]] Run fat(GroupNo g) const;
  /// Blocks of the inode bitmap for the first `table_blocks` blocks of the inode table: those that
  /// are valid if so much of the table is.
  [[nodiscard]] std::uint64_t inode_bitmap_blocks(std::uint64_t table_blocks) const {
    return (table_blocks * inodes_per_block() + bits_per_block() - 1) / bits_per_block();
  }
  /// Bitmap blocks, and FAT blocks, that one bit of the descriptor stands for (group.h).
  [[nodiscard]] std::uint64_t bitmap_unit() const { return (bitmap_blocks_per_group + 63) / 64; }
  [[nodiscard]] std::uint64_t fat_unit() const { return bitmap_blocks_per_group; }
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
  /// Which bit of its group's block bitmap a block of the group area has: of all its blocks' bits,
  /// one after another, bits_per_block() in each.
  [[nodiscard]] std::uint64_t block_index(BlockNo block) const {
    return (block - first_group()) % blocks_per_group();
  }
  [[nodiscard]] std::uint64_t inode_index(InodeNo inode) const {
    return (inode.value - 1) % inodes_per_group;
  }
  [[nodiscard]] Place descriptor_place(GroupNo g) const;
  [[nodiscard]] Place fat_place(BlockNo block) const;  ///< is_data(block)
};

/// What mkfs chooses from: 0 = a sensible default.
struct LayoutRequest {
  std::uint64_t image_size = 0;  ///< bytes
  std::uint32_t block_size = kDefaultBlockSize;
  std::uint64_t inodes = 0;
  std::uint64_t journal_size = 0;  ///< bytes
  std::uint64_t group_size = 0;    ///< bytes that a group has at least, if the volume has them
};

/// The largest group that there can be with blocks of this size, in bytes.
constexpr std::uint64_t max_group_size(std::uint32_t block_size) {
  return std::uint64_t{8} * payload_size(block_size) * kMaxBitmapBlocks * block_size;
}

/// The smallest journal that `plan` accepts for the request, in bytes. EINVAL if there can be no
/// such volume.
Result<std::uint64_t> min_journal_size(const LayoutRequest& request);

/// Fills the geometry of a superblock (block_size .. journal_blocks) for the request. EINVAL with
/// the reason where it cannot be: block size not a power of two in range, image too small or too
/// large, groups or inodes that do not fit.
Result<Superblock> plan(const LayoutRequest& request);

}  // namespace spindle::format
