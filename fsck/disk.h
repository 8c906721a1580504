// Disk: the volume's blocks as fsck reads and writes them: checked on the way in, sealed on the way
// out.
//
// A small cache of blocks makes neighbours cheap; what is written goes to the device at once. It is
// also the BlockReader that FileMap::walk reads through. A view stays valid while fewer than
// kCachedBlocks other blocks are read, and nothing is read ahead.
#pragma once

#include <functional>
#include <list>
#include <optional>
#include <span>
#include <unordered_map>
#include <vector>

#include "spindle/alloc/file_map.h"
#include "spindle/device/block_device.h"
#include "spindle/format/layout.h"

namespace spindle::fsck {

using Block = std::vector<std::byte>;

/// The last block of a unit of bitmap or FAT blocks (group.h), which is written when the unit is
/// marked as written, and not before.
[[nodiscard]] BlockNo last_of_unit(Run blocks, std::uint64_t unit_size, std::uint64_t unit);

class Disk final : public BlockReader {
 public:
  Disk(BlockDevice& device, const format::Layout& layout) : device_(device), layout_(layout) {}

  [[nodiscard]] const format::Layout& layout() const { return layout_; }
  [[nodiscard]] BlockDevice& device() { return device_; }
  /// Reads everything anew from now on: somebody else may have written.
  void forget();
  /// Reads these blocks with one request a run, for callers that ask for them one by one until the
  /// next call. Blocks that cannot be read in this way are read, or refused, when they are asked
  /// for.
  void read_ahead(std::vector<Run> runs);

  Result<BlockView> read(BlockNo block, format::BlockKind kind) override;
  Result<BlockView> read_data(BlockNo block) override;
  /// A copy of the block, whatever it holds, unchecked.
  Result<Block> read_raw(BlockNo block);
  /// A copy of a good block of that kind.
  Result<Block> read_copy(BlockNo block, format::BlockKind kind);
  /// A zeroed block with its header begun.
  [[nodiscard]] Block new_block(format::BlockKind kind, InodeNo owner) const;
  /// Seals and writes.
  Result<> write(BlockNo number, Block& block);
  Result<> write_raw(BlockNo number, std::span<const std::byte> bytes);

  Result<format::Inode> read_inode(InodeNo inode);
  Result<> write_inode(InodeNo number, const format::Inode& inode);
  /// The same, of an inode whose place in the table may never have been written.
  Result<> make_inode(InodeNo number, const format::Inode& inode);
  /// Makes `inode` a free inode: only its generation stays.
  Result<> clear_inode(InodeNo number, const format::Inode& inode);
  Result<format::GroupDescriptor> read_descriptor(GroupNo group);
  Result<> write_descriptor(GroupNo group, const format::GroupDescriptor& descriptor);
  /// Each block of the inode tables that was ever written, and its first inode, damaged or not; the
  /// whole table if the group does not tell which were written.
  void each_inode_block(const std::function<void(BlockNo block, InodeNo first)>& visit);
  /// As FileMap::WalkContext wants it: 0 where the FAT block is not written yet.
  Result<std::uint64_t> fat_entry(BlockNo block);
  /// Units of the group's FAT that `fat_entry` found to be written, unlike its descriptor says; a
  /// bit each.
  [[nodiscard]] std::uint64_t unmarked_fat_units(GroupNo group) const;
  [[nodiscard]] FileMap::WalkContext walk_context();

 private:
  static constexpr std::size_t kCachedBlocks = 512;
  struct Cached {
    BlockNo number;
    Block bytes;
    std::uint16_t verified_kind = 0;
  };
  /// A block where it is kept.
  struct Kept {
    std::span<std::byte> bytes;
    std::uint16_t* verified_kind;
  };
  Result<Kept> fetch(BlockNo block);
  Result<> begin_inode_blocks(InodeNo number);
  Result<bool> has_fat_unit(GroupNo group, std::uint64_t unit);
  [[nodiscard]] std::optional<Kept> find_ahead(BlockNo block);

  BlockDevice& device_;
  const format::Layout& layout_;
  std::list<Cached> recent_;  ///< the latest first
  std::unordered_map<BlockNo, std::list<Cached>::iterator> index_;
  std::unordered_map<GroupNo, std::uint64_t> unmarked_fat_units_;
  std::vector<Run> ahead_runs_;
  Block ahead_bytes_;                       ///< of the runs, one after the other
  std::vector<std::uint16_t> ahead_kinds_;  ///< as verified, of each block
};

}  // namespace spindle::fsck
