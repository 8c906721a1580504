#include "fsck/check_group_table.h"

#include <algorithm>

namespace spindle::fsck {
namespace {

using format::BlockKind;
using format::GroupDescriptor;

/// Which units of blocks have been written, a bit each.
std::uint64_t written_units(Disk& disk, Run blocks, std::uint64_t unit_size, BlockKind kind) {
  std::uint64_t written = 0;
  for (std::uint64_t i = 0; i * unit_size < blocks.length; ++i) {
    if (disk.read(last_of_unit(blocks, unit_size, i), kind).ok()) written |= std::uint64_t{1} << i;
  }
  return written;
}

/// Rebuilds a lost descriptor from the group's own blocks: the checksum of each tells whether it
/// was written.
GroupDescriptor rebuilt_descriptor(Disk& disk, GroupNo group) {
  const format::Layout& layout = disk.layout();
  GroupDescriptor descriptor{};
  const Run table = layout.inode_table(group);
  for (std::uint64_t i = 0; i < table.length; ++i) {
    if (disk.read(table.start + i, BlockKind::kInodeTable).ok()) {
      descriptor.inode_blocks_written = static_cast<std::uint32_t>(i + 1);
    }
  }
  descriptor.fat_blocks_written =
      written_units(disk, layout.fat(group), layout.fat_unit(), BlockKind::kFat);
  descriptor.bitmap_blocks_written = written_units(disk, layout.block_bitmap(group),
                                                   layout.bitmap_unit(), BlockKind::kBlockBitmap);
  descriptor.free_blocks = static_cast<std::uint32_t>(layout.data(group).length);
  descriptor.free_inodes = layout.inodes_per_group;
  return descriptor;
}

/// A count of written blocks that is too small would hide inodes, and one too large invent some.
/// The blocks on both sides of that end show it, without a look at all others.
bool counts_inode_blocks(Disk& disk, GroupNo group, std::uint64_t written) {
  const Run table = disk.layout().inode_table(group);
  const auto is_good = [&](std::uint64_t i) {
    return disk.read(table.start + i, BlockKind::kInodeTable).ok();
  };
  if (written > table.length || (written < table.length && is_good(written))) return false;
  if (written == 0 || is_good(written - 1)) return true;
  // A block of zeros was never written; any other is damaged, which pass 1 finds.
  const auto last = disk.read_raw(table.start + (written - 1));
  const auto is_zero = [](std::byte byte) { return byte == std::byte{}; };
  return !last.ok() || !std::ranges::all_of(*last, is_zero);
}

Result<> check_descriptors(Disk& disk, Report& report, std::uint64_t table_block) {
  const format::Layout& layout = disk.layout();
  const std::uint64_t first = table_block * layout.descriptors_per_block();
  const std::uint64_t end = std::min(first + layout.descriptors_per_block(), layout.group_count);
  for (GroupNo group{first}; group.value < end; ++group) {
    const GroupDescriptor descriptor = TRY(disk.read_descriptor(group));
    if (counts_inode_blocks(disk, group, descriptor.inode_blocks_written)) continue;
    if (!report.problem(Problem::kGroupTable, Place::of(group),
                        "it does not match the blocks that were written")) {
      continue;
    }
    TRY(disk.write_descriptor(group, rebuilt_descriptor(disk, group)));
  }
  return {};
}

Block rebuilt_block(Disk& disk, std::uint64_t table_block) {
  const format::Layout& layout = disk.layout();
  Block block = disk.new_block(BlockKind::kGroupTable, kNoInode);
  const std::uint64_t first = table_block * layout.descriptors_per_block();
  for (std::uint64_t i = 0; i < layout.descriptors_per_block(); ++i) {
    if (first + i >= layout.group_count) break;
    format::at<GroupDescriptor>(block, format::kHeaderSize + i * sizeof(GroupDescriptor)) =
        rebuilt_descriptor(disk, GroupNo{first + i});
  }
  return block;
}

}  // namespace

Result<> check_group_table(Disk& disk, Report& report) {
  const Run table = disk.layout().group_table();
  for (std::uint64_t i = 0; i < table.length; ++i) {
    const BlockNo number = table.start + i;
    const auto read = disk.read(number, BlockKind::kGroupTable);
    if (read.ok()) {
      TRY(check_descriptors(disk, report, i));
      continue;
    }
    const bool repair =
        report.problem(Problem::kGroupTable, Place::of(number), read.error().describe());
    if (!repair && report.mode() != Mode::kNo) return read.error();
    Block block = rebuilt_block(disk, i);
    TRY(disk.write(number, block));
  }
  return {};
}

}  // namespace spindle::fsck
