// SpaceManager: reading groups, and initialising what a fresh group does not have on the disk yet.

#include <mutex>

#include "space_state.h"

namespace spindle {
namespace {

using format::BlockKind;
using format::GroupDescriptor;

/// How much free space is kept in memory: groups, and runs of them all together. A run is 40 bytes.
constexpr std::size_t kMaxLoadedGroups = 1024;
constexpr std::uint64_t kMaxLoadedRuns = 1u << 19;
/// How much of a bitmap is read together.
constexpr std::uint64_t kReadAheadBytes = 1u << 20;
/// And how many blocks of the group table.
constexpr std::uint64_t kTableBlocksAhead = BufferCache::kMaxRange / 16;

/// Reads the numbers of one descriptor; false if they are impossible.
bool read_descriptor(const format::Layout& layout, GroupNo g, const GroupDescriptor& descriptor,
                     Group& group) {
  group.free_blocks = descriptor.free_blocks;
  group.free_inodes = descriptor.free_inodes;
  group.directories = descriptor.directories;
  group.inode_blocks_written = descriptor.inode_blocks_written;
  group.bitmap_blocks_written = descriptor.bitmap_blocks_written;
  group.fat_blocks_written = descriptor.fat_blocks_written;
  return group.free_blocks <= layout.data(g).length &&
         group.free_inodes <= layout.inodes_per_group &&
         group.directories <= layout.inodes_per_group &&
         group.inode_blocks_written <= layout.inode_table_blocks();
}

/// The least recently used of the idle groups in `loaded`.
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
    if (g % (kTableBlocksAhead * layout.descriptors_per_block()) == 0) {
      const std::uint64_t length = std::min(kTableBlocksAhead, table.end() - place.block);
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

// Reads block `index` of a group's bitmap together with the next ones; `bitmap` has those in use.
Result<> SpaceManager::State::read_ahead(Run bitmap, std::uint64_t index,
                                         std::vector<BlockRef>& ahead) {
  const std::uint64_t at_once = kReadAheadBytes / layout.block_size;
  if (index % at_once != 0 || bitmap.length - index < 2) return {};
  const std::uint64_t length = std::min(at_once, bitmap.length - index);
  ahead = TRY(cache.read_range({bitmap.start + index, length}, IoPurpose::kMetadata));
  return {};
}

Result<std::unique_ptr<BlockSpace>> SpaceManager::State::read_blocks(GroupNo g) {
  const Group& group = groups[g.value];
  const std::uint64_t bits = layout.bits_per_block();
  const Run bitmap{layout.block_bitmap(g).start, (layout.group(g).length + bits - 1) / bits};
  auto space = std::make_unique<BlockSpace>();
  std::vector<BlockRef> ahead;
  for (std::uint64_t i = 0; i < bitmap.length; ++i) {
    BlockView view;
    if ((group.bitmap_blocks_written >> (i / layout.bitmap_unit()) & 1) != 0) {
      TRY(read_ahead(bitmap, i, ahead));
      view = TRY(reader.read(bitmap.start + i, BlockKind::kBlockBitmap));
    }
    TRY(read_block_bitmap(layout, g, i, view.bytes, *space));
  }
  if (space->available.total() != group.free_blocks) {
    return corrupt("the block bitmap does not agree with the group's count of free blocks",
                   Subject::block(bitmap.start));
  }
  return space;
}

Result<std::unique_ptr<InodeSpace>> SpaceManager::State::read_inodes(GroupNo g) {
  const Group& group = groups[g.value];
  const Run bitmap = layout.inode_bitmap(g);
  const std::uint64_t written = layout.inode_bitmap_blocks(group.inode_blocks_written);
  auto space = std::make_unique<InodeSpace>();
  space->used.assign((layout.inodes_per_group + 63) / 64, 0);
  std::vector<BlockRef> ahead;
  for (std::uint64_t i = 0; i < bitmap.length; ++i) {
    BlockView view;
    if (i < written) {
      TRY(read_ahead({bitmap.start, written}, i, ahead));
      view = TRY(reader.read(bitmap.start + i, BlockKind::kInodeBitmap));
    }
    read_inode_bitmap(layout, i, view.bytes, *space);
  }
  if (space->free_count() != group.free_inodes) {
    return corrupt("the inode bitmap does not agree with the group's count of free inodes",
                   Subject::block(bitmap.start));
  }
  return space;
}

Result<BlockSpace*> SpaceManager::State::load_blocks(GroupNo g) {
  Group& group = groups[g.value];
  if (!group.blocks) {
    std::scoped_lock lock(loading);
    if (!group.blocks) {
      group.blocks = TRY(read_blocks(g));
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
      group.inodes = TRY(read_inodes(g));
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

// Gives the blocks of a unit their first content: zeros except what `fill` writes. With the last
// of them the descriptor says so.
Result<> SpaceManager::State::initialise_unit(
    GroupNo g, Run unit, BlockKind kind,
    const std::function<void(BlockNo, std::span<std::byte>)>& fill,
    const std::function<void(GroupDescriptor&)>& set_written) {
  const BlockNo last = unit.end() - 1;
  for (BlockNo block = unit.start; block < last; ++block) {
    TRY(journal.prepare({block, kind, [&](auto bytes) { fill(block, bytes); }}));
  }
  return journal.initialise({last, kind, [&](auto bytes) { fill(last, bytes); }},
                            {layout.descriptor_place(g), set_written});
}

Result<> SpaceManager::State::ensure_block_bitmap(GroupNo g, std::uint64_t index) {
  Group& group = groups[g.value];
  const std::uint64_t size = layout.bitmap_unit();
  const std::uint64_t bit = std::uint64_t{1} << (index / size);
  if ((group.bitmap_blocks_written & bit) != 0) return {};
  std::scoped_lock lock(loading);
  if ((group.bitmap_blocks_written & bit) != 0) return {};
  const Run bitmap = layout.block_bitmap(g);
  const std::uint64_t first = index / size * size;
  const Run unit{bitmap.start + first, std::min(size, bitmap.length - first)};
  TRY(initialise_unit(
      g, unit, BlockKind::kBlockBitmap,
      [&](BlockNo block, std::span<std::byte> bytes) {
        fill_fresh_block_bitmap(layout, g, block - bitmap.start, bytes);
      },
      [bit](GroupDescriptor& descriptor) {
        descriptor.bitmap_blocks_written = descriptor.bitmap_blocks_written | bit;
      }));
  group.bitmap_blocks_written |= bit;
  return {};
}

// A block of the inode bitmap is valid once the first table block whose inodes have their bits in
// it is valid: so it gets its content before that block.
Result<> SpaceManager::State::ensure_inode_block(GroupNo g, std::uint64_t table_block) {
  Group& group = groups[g.value];
  if (table_block < group.inode_blocks_written) return {};
  std::scoped_lock lock(loading);
  while (group.inode_blocks_written <= table_block) {
    const std::uint32_t next = group.inode_blocks_written;
    const std::uint64_t wanted = layout.inode_bitmap_blocks(next + 1);
    for (std::uint64_t i = layout.inode_bitmap_blocks(next); i < wanted; ++i) {
      TRY(journal.prepare({layout.inode_bitmap(g).start + i, BlockKind::kInodeBitmap,
                           [&](auto bytes) { fill_fresh_inode_bitmap(layout, i, bytes); }}));
    }
    TRY(journal.initialise(
        {layout.inode_table(g).start + next, BlockKind::kInodeTable, [](std::span<std::byte>) {}},
        {layout.descriptor_place(g),
         [next](GroupDescriptor& descriptor) { descriptor.inode_blocks_written = next + 1; }}));
    group.inode_blocks_written = next + 1;
  }
  return {};
}

Result<> SpaceManager::State::ensure_fat_block(GroupNo g, std::uint64_t fat_block) {
  Group& group = groups[g.value];
  const std::uint64_t size = layout.fat_unit();
  const std::uint64_t bit = std::uint64_t{1} << (fat_block / size);
  if ((group.fat_blocks_written & bit) != 0) return {};
  std::scoped_lock lock(loading);
  if ((group.fat_blocks_written & bit) != 0) return {};
  const Run fat = layout.fat(g);
  const std::uint64_t first = fat_block / size * size;
  TRY(initialise_unit(
      g, {fat.start + first, std::min(size, fat.length - first)}, BlockKind::kFat,
      [](BlockNo, std::span<std::byte>) {},
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
