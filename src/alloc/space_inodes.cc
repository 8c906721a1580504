// SpaceManager: inodes, and the FAT.
//
// Where a new inode goes follows Orlov's allocator (Ts'o's account of it in ext3, 2002): a file to
// its directory's group; a directory below the root far from others, since the trees beneath are
// unrelated; deeper directories near their parent, unless that group is full of directories or
// short of space. Within a group the lowest free inode is taken, so that few blocks of the table
// are ever written.

#include <array>

#include "space_state.h"

namespace spindle {
namespace {

using format::BlockKind;
using format::GroupDescriptor;

constexpr int kGroupsTried = 16;

/// A FAT block holds a multiple of four entries at every block size.
constexpr std::size_t kFatGroup = 4;
using FatGroup = std::array<le64, kFatGroup>;
static_assert((kMinBlockSize - format::kHeaderSize) / sizeof(le64) % kFatGroup == 0);

}  // namespace

std::optional<GroupNo> SpaceManager::State::group_for_file(InodeNo parent) const {
  const GroupNo home = layout.group_of(parent);
  std::optional<std::size_t> g = free_inodes.next(home.value, 1);
  const std::optional<std::size_t> first = g;
  for (int tries = 0; g && tries < kGroupsTried; ++tries) {
    if (groups[*g].free_blocks != 0) return GroupNo{*g};
    g = free_inodes.next((*g + 1) % groups.size(), 1);
  }
  if (!first) return std::nullopt;
  return GroupNo{*first};
}

// Of some groups spread over the volume, the one with the fewest directories of those that are not
// fuller than the average.
GroupNo SpaceManager::State::emptiest_of_some() {
  const std::uint64_t count = groups.size();
  std::optional<std::size_t> best;
  for (int tries = 0; tries < kGroupsTried; ++tries) {
    // Steps of the golden ratio visit a range of any size evenly.
    const auto at = static_cast<std::size_t>(
        static_cast<unsigned __int128>(spread++ * 0x9E3779B97F4A7C15ull) * count >> 64);
    const Group& group = groups[at];
    if (group.free_inodes < free_inode_count / count || group.free_inodes == 0) continue;
    if (group.free_blocks < free_blocks / count) continue;
    if (!best || group.directories < groups[*best].directories) best = at;
  }
  return GroupNo{best.value_or(free_inodes.index_of_max())};
}

std::optional<GroupNo> SpaceManager::State::group_for_directory(InodeNo parent) {
  if (free_inode_count == 0) return std::nullopt;
  if (parent == format::kRootInode || !parent) return emptiest_of_some();
  const std::uint64_t count = groups.size();
  const std::uint64_t most_directories = directories / count + layout.inodes_per_group / 16 + 1;
  std::size_t at = layout.group_of(parent).value;
  for (int tries = 0; tries < kGroupsTried; ++tries, at = (at + 1) % count) {
    const Group& group = groups[at];
    if (group.free_inodes == 0 || group.free_inodes < free_inode_count / count / 4) continue;
    if (group.free_blocks < free_blocks / count / 4) continue;
    if (group.directories < most_directories) return GroupNo{at};
  }
  return group_for_file(parent);
}

// Turns an inode of a group into a used or a free one, in memory.
void SpaceManager::State::change_inode(GroupNo g, std::uint64_t index, Use use, InodeFor what) {
  Group& group = groups[g.value];
  const bool is_used = use == Use::kUsed;
  group.inodes->set(index, is_used);
  group.free_inodes += is_used ? -1u : 1u;
  free_inode_count += is_used ? ~0ull : 1ull;
  free_inodes.set(g.value, group.free_inodes);
  if (what != InodeFor::kDirectory) return;
  group.directories += is_used ? 1u : -1u;
  directories += is_used ? 1ull : ~0ull;
}

Result<> SpaceManager::State::set_inode_bit(Transaction& tx, GroupNo g, std::uint64_t index,
                                            bool value) {
  const std::uint64_t bits = layout.bits_per_block();
  return tx.set_bits(layout.inode_bitmap(g).start + index / bits, BlockKind::kInodeBitmap,
                     index % bits, 1, value);
}

Result<InodeNo> SpaceManager::State::allocate_inode(Transaction& tx, InodeNo parent,
                                                    InodeFor what) {
  if (parent && !layout.is_inode(parent)) return corrupt("no such inode", Subject::inode(parent));
  const InodeNo near = parent ? parent : format::kRootInode;
  std::optional<GroupNo> g;
  std::optional<std::uint64_t> index;
  // Reading a bitmap may suspend; when it is read, others may have taken the group's last inode.
  while (!index) {
    g = what == InodeFor::kDirectory ? group_for_directory(parent) : group_for_file(near);
    if (!g) return Error{ENOSPC, "no inode is free"};
    index = TRY(load_inodes(*g))->first_free();
  }
  change_inode(*g, *index, Use::kUsed, what);
  groups[g->value].inodes->uncommitted_changes += 1;
  tx.on_commit([this, g = *g](EpochNo) { groups[g.value].inodes->uncommitted_changes -= 1; });
  tx.on_drop([this, g = *g, index = *index, what] {
    groups[g.value].inodes->uncommitted_changes -= 1;
    change_inode(g, index, Use::kFree, what);
  });
  TRY(ensure_inode_block(*g, *index / layout.inodes_per_block()));
  TRY(set_inode_bit(tx, *g, *index, true));
  TRY(add_to_descriptor(tx, *g, offsetof(GroupDescriptor, free_inodes), -1));
  if (what == InodeFor::kDirectory)
    TRY(add_to_descriptor(tx, *g, offsetof(GroupDescriptor, directories), 1));
  return InodeNo{g->value * layout.inodes_per_group + *index + 1};
}

Result<> SpaceManager::State::free_inode(Transaction& tx, InodeNo inode, InodeFor what) {
  if (!layout.is_inode(inode)) return corrupt("no such inode", Subject::inode(inode));
  const GroupNo g = layout.group_of(inode);
  const std::uint64_t index = layout.inode_index(inode);
  InodeSpace* space = TRY(load_inodes(g));
  if (!space->is_used(index) || inodes_freeing.contains(inode)) {
    return corrupt("an inode to be freed is free already", Subject::inode(inode));
  }
  if (what == InodeFor::kDirectory && groups[g.value].directories == 0) {
    return corrupt("the group's count of directories is wrong", Subject::inode(inode));
  }
  space->uncommitted_changes += 1;
  inodes_freeing.insert(inode);
  tx.on_drop([this, g, inode] {
    groups[g.value].inodes->uncommitted_changes -= 1;
    inodes_freeing.erase(inode);
  });
  tx.on_commit([this, g, inode, index, what](EpochNo) {
    groups[g.value].inodes->uncommitted_changes -= 1;
    inodes_freeing.erase(inode);
    change_inode(g, index, Use::kFree, what);
  });
  TRY(set_inode_bit(tx, g, index, false));
  TRY(add_to_descriptor(tx, g, offsetof(GroupDescriptor, free_inodes), 1));
  if (what == InodeFor::kDirectory)
    TRY(add_to_descriptor(tx, g, offsetof(GroupDescriptor, directories), -1));
  return {};
}

Result<InodeNo> SpaceManager::allocate_inode(Transaction& tx, InodeNo parent, InodeFor what) {
  return state_->allocate_inode(tx, parent, what);
}

Result<> SpaceManager::free_inode(Transaction& tx, InodeNo inode, InodeFor what) {
  TRY(state_->free_inode(tx, inode, what));
  forget(inode);
  return {};
}

Result<bool> SpaceManager::is_inode_written(InodeNo inode) {
  if (!layout().is_inode(inode)) return corrupt("no such inode", Subject::inode(inode));
  return layout().inode_index(inode) / layout().inodes_per_block() <
         state_->groups[layout().group_of(inode).value].inode_blocks_written;
}

BlockNo SpaceManager::hint_for(InodeNo inode) const {
  CHECK(layout().is_inode(inode));
  return layout().data(layout().group_of(inode)).start;
}

Result<std::uint64_t> SpaceManager::fat_entry(BlockReader& reader, BlockNo block) {
  if (!layout().is_data(block)) return corrupt("no FAT entry", Subject::block(block));
  const format::Layout::Place place = layout().fat_place(block);
  const GroupNo g = state_->group_of(block);
  const std::uint64_t fat_block = place.block - layout().fat(g).start;
  const std::uint64_t written = state_->groups[g.value].fat_blocks_written;
  if ((written >> (fat_block / layout().fat_unit()) & 1) == 0) return std::uint64_t{0};
  const BlockView view = TRY(reader.read(place.block, BlockKind::kFat));
  return std::uint64_t{view.at<le64>(place.offset)};
}

Result<> SpaceManager::set_fat_entry(Transaction& tx, BlockNo block, std::uint64_t entry) {
  if (!layout().is_data(block)) return corrupt("no FAT entry", Subject::block(block));
  const format::Layout::Place place = layout().fat_place(block);
  const GroupNo g = state_->group_of(block);
  TRY(state_->ensure_fat_block(g, place.block - layout().fat(g).start));
  *TRY(tx.edit<le64>(place.block, BlockKind::kFat, place.offset)) = entry;
  return {};
}

}  // namespace spindle
