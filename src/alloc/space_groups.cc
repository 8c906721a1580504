// SpaceManager: reading groups, and initialising what a fresh group has not on the disk yet.

#include <mutex>

#include "space_state.h"

namespace spindle {
namespace {

using format::BlockKind;
using format::GroupDescriptor;

// How much free space is kept in memory: groups, and runs of them all together. A run is 40 bytes.
constexpr std::size_t kMaxLoadedGroups = 1024;
constexpr std::uint64_t kMaxLoadedRuns = 1u << 19;

/// Reads the numbers of one descriptor; false if they are impossible.
bool read_descriptor(const format::Layout& layout, GroupNo g, const GroupDescriptor& descriptor,
                     Group& group) {
  group.free_blocks = descriptor.free_blocks;
  group.free_inodes = descriptor.free_inodes;
  group.directories = descriptor.directories;
  group.inode_blocks_written = descriptor.inode_blocks_written;
  group.fat_blocks_written = descriptor.fat_blocks_written;
  group.flags = descriptor.flags;
  return group.free_blocks <= layout.data(g).length &&
         group.free_inodes <= layout.inodes_per_group &&
         group.directories <= layout.inodes_per_group &&
         group.inode_blocks_written <= layout.inode_table_blocks();
}

/// The idle group that was not used for longest, of those in `loaded`.
template <class SpaceOf>
std::size_t least_recently_used(const std::vector<GroupNo>& loaded, const SpaceOf& space_of) {
  std::size_t best = loaded.size();
  for (std::size_t i = 0; i < loaded.size(); ++i) {
    if (!space_of(loaded[i])->is_idle()) continue;
    if (best == loaded.size() || space_of(loaded[i])->last_use < space_of(loaded[best])->last_use) {
      best = i;
    }
  }
  return best;
}

}  // namespace

Result<> SpaceManager::State::read_group_table() {
  const Run table = layout.group_table();
  std::vector<BlockRef> ahead;
  for (std::uint64_t g = 0; g < layout.group_count; ++g) {
    const format::Layout::Place place = layout.descriptor_place(GroupNo{g});
    if (g % (std::uint64_t{BufferCache::kMaxRange / 16} * layout.descriptors_per_block()) == 0) {
      const std::uint64_t length =
          std::min<std::uint64_t>(BufferCache::kMaxRange / 16, table.end() - place.block);
      ahead = TRY(cache.read_range({place.block, length}, IoPurpose::kMetadata));
    }
    const BlockView view = TRY(reader.read(place.block, BlockKind::kGroupTable));
    Group& group = groups[g];
    if (!read_descriptor(layout, GroupNo{g}, view.at<GroupDescriptor>(place.offset), group)) {
      return corrupt("a group's numbers are impossible", Subject::block(place.block));
    }
    longest_run.set(g, group.free_blocks);
    free_inodes.set(g, group.free_inodes);
    total_blocks += layout.data(GroupNo{g}).length;
    free_blocks += group.free_blocks;
    free_inode_count += group.free_inodes;
    directories += group.directories;
  }
  return {};
}

Result<BlockSpace*> SpaceManager::State::load_blocks(GroupNo g) {
  Group& group = groups[g.value];
  if (!group.blocks) {
    std::scoped_lock lock(loading);
    if (!group.blocks) {
      BlockView view;
      if ((group.flags & format::kBlockBitmapWritten) != 0) {
        view = TRY(reader.read(layout.block_bitmap(g), BlockKind::kBlockBitmap));
      }
      group.blocks = TRY(read_block_space(layout, g, view.bytes, group.free_blocks));
      group.blocks->last_use = ++uses;
      loaded_blocks.push_back(g);
      update_longest(g);
      forget_idle_spaces();
    }
  }
  group.blocks->last_use = ++uses;
  return group.blocks.get();
}

Result<InodeSpace*> SpaceManager::State::load_inodes(GroupNo g) {
  Group& group = groups[g.value];
  if (!group.inodes) {
    std::scoped_lock lock(loading);
    if (!group.inodes) {
      BlockView view;
      if ((group.flags & format::kInodeBitmapWritten) != 0) {
        view = TRY(reader.read(layout.inode_bitmap(g), BlockKind::kInodeBitmap));
      }
      group.inodes = TRY(read_inode_space(layout, g, view.bytes, group.free_inodes));
      group.inodes->last_use = ++uses;
      loaded_inodes.push_back(g);
      forget_idle_spaces();
    }
  }
  group.inodes->last_use = ++uses;
  return group.inodes.get();
}

void SpaceManager::State::forget_idle_spaces() {
  const auto runs_loaded = [this] {
    std::uint64_t runs = 0;
    for (const GroupNo g : loaded_blocks) runs += groups[g.value].blocks->available.count();
    return runs;
  };
  while (loaded_blocks.size() > 1 &&
         (loaded_blocks.size() > kMaxLoadedGroups || runs_loaded() > kMaxLoadedRuns)) {
    const std::size_t oldest = least_recently_used(
        loaded_blocks, [this](GroupNo g) { return groups[g.value].blocks.get(); });
    if (oldest == loaded_blocks.size()) break;
    groups[loaded_blocks[oldest].value].blocks.reset();
    loaded_blocks.erase(loaded_blocks.begin() + static_cast<std::ptrdiff_t>(oldest));
  }
  while (loaded_inodes.size() > kMaxLoadedGroups) {
    const std::size_t oldest = least_recently_used(
        loaded_inodes, [this](GroupNo g) { return groups[g.value].inodes.get(); });
    if (oldest == loaded_inodes.size()) break;
    groups[loaded_inodes[oldest].value].inodes.reset();
    loaded_inodes.erase(loaded_inodes.begin() + static_cast<std::ptrdiff_t>(oldest));
  }
}

Result<> SpaceManager::State::ensure_block_bitmap(GroupNo g) {
  Group& group = groups[g.value];
  if ((group.flags & format::kBlockBitmapWritten) != 0) return {};
  std::scoped_lock lock(loading);
  if ((group.flags & format::kBlockBitmapWritten) != 0) return {};
  TRY(journal.initialise(
      layout.block_bitmap(g), BlockKind::kBlockBitmap,
      [&](std::span<std::byte> block) { fill_fresh_block_bitmap(layout, g, block); },
      layout.descriptor_place(g),
      [](GroupDescriptor& descriptor) {
        descriptor.flags = descriptor.flags | format::kBlockBitmapWritten;
      }));
  group.flags |= format::kBlockBitmapWritten;
  return {};
}

Result<> SpaceManager::State::ensure_inode_bitmap(GroupNo g) {
  Group& group = groups[g.value];
  if ((group.flags & format::kInodeBitmapWritten) != 0) return {};
  std::scoped_lock lock(loading);
  if ((group.flags & format::kInodeBitmapWritten) != 0) return {};
  TRY(journal.initialise(
      layout.inode_bitmap(g), BlockKind::kInodeBitmap,
      [&](std::span<std::byte> block) { fill_fresh_inode_bitmap(layout, block); },
      layout.descriptor_place(g),
      [](GroupDescriptor& descriptor) {
        descriptor.flags = descriptor.flags | format::kInodeBitmapWritten;
      }));
  group.flags |= format::kInodeBitmapWritten;
  return {};
}

Result<> SpaceManager::State::ensure_inode_block(GroupNo g, std::uint64_t table_block) {
  Group& group = groups[g.value];
  if (table_block < group.inode_blocks_written) return {};
  std::scoped_lock lock(loading);
  while (group.inode_blocks_written <= table_block) {
    const std::uint32_t next = group.inode_blocks_written;
    TRY(journal.initialise(
        layout.inode_table(g).start + next, BlockKind::kInodeTable, [](std::span<std::byte>) {},
        layout.descriptor_place(g),
        [next](GroupDescriptor& descriptor) { descriptor.inode_blocks_written = next + 1; }));
    group.inode_blocks_written = next + 1;
  }
  return {};
}

Result<> SpaceManager::State::ensure_fat_block(GroupNo g, std::uint64_t fat_block) {
  Group& group = groups[g.value];
  const std::uint64_t bit = std::uint64_t{1} << fat_block;
  if ((group.fat_blocks_written & bit) != 0) return {};
  std::scoped_lock lock(loading);
  if ((group.fat_blocks_written & bit) != 0) return {};
  TRY(journal.initialise(
      layout.fat(g).start + fat_block, BlockKind::kFat, [](std::span<std::byte>) {},
      layout.descriptor_place(g),
      [bit](GroupDescriptor& descriptor) {
        descriptor.fat_blocks_written = descriptor.fat_blocks_written | bit;
      }));
  group.fat_blocks_written |= bit;
  return {};
}

Result<> SpaceManager::State::add_to_descriptor(Transaction& tx, GroupNo g, std::size_t member,
                                                std::int64_t delta) {
  const format::Layout::Place place = layout.descriptor_place(g);
  return tx.add(place.block, BlockKind::kGroupTable, place.offset + member,
                static_cast<std::int32_t>(delta));
}

}  // namespace spindle
