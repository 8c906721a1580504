#include "spindle/format/layout.h"

#include <bit>
#include <limits>

namespace spindle::format {
namespace {

constexpr std::uint64_t ceil_div(std::uint64_t a, std::uint64_t b) {
  return (a + b - 1) / b;
}

/// One inode for this many bytes of the volume, if the request does not say.
constexpr std::uint64_t kBytesPerInode = 16384;
constexpr std::uint64_t kDefaultMaxJournal = 64ull << 20;

bool valid_block_size(std::uint64_t size) {
  return size >= kMinBlockSize && size <= kMaxBlockSize && std::has_single_bit(size);
}

/// A last group this short would hold hardly anything but its own metadata.
constexpr std::uint64_t kMinDataBlocks = 1;

/// The metadata of a group of `group_blocks` blocks.
std::uint64_t metadata_of(const Layout& layout, std::uint64_t group_blocks) {
  const std::uint64_t table = layout.inode_table_blocks();
  return layout.bitmap_blocks_per_group + layout.inode_bitmap_blocks(table) + table +
         ceil_div(group_blocks, layout.fat_entries_per_block());
}

/// How many groups fit into `area` blocks, all whole but the last; each must have room for data.
std::uint64_t groups_in(const Layout& layout, std::uint64_t area) {
  const auto has_room = [&](std::uint64_t blocks) {
    return blocks >= metadata_of(layout, blocks) + kMinDataBlocks;
  };
  const std::uint64_t whole = area / layout.blocks_per_group();
  const std::uint64_t rest = area % layout.blocks_per_group();
  if (whole != 0 && !has_room(layout.blocks_per_group())) return 0;
  return whole + (has_room(rest) ? 1 : 0);
}

}  // namespace

Result<Layout> Layout::of(const Superblock& superblock) {
  Layout layout;
  layout.block_size = superblock.block_size;
  layout.block_count = superblock.block_count;
  layout.group_count = superblock.group_count;
  layout.bitmap_blocks_per_group = superblock.bitmap_blocks_per_group;
  layout.inodes_per_group = superblock.inodes_per_group;
  layout.journal = {BlockNo{superblock.journal_start}, superblock.journal_blocks};
  Uuid uuid;
  std::memcpy(uuid.data(), superblock.uuid, uuid.size());
  layout.seed = volume_seed(uuid);

  if (!valid_block_size(layout.block_size)) return corrupt("the block size is impossible");
  if (layout.block_count > kMaxImageSize / layout.block_size) {
    return corrupt("the block count is impossible");
  }
  if (layout.bitmap_blocks_per_group == 0 || layout.bitmap_blocks_per_group > kMaxBitmapBlocks) {
    return corrupt("the size of the groups is impossible");
  }
  if (layout.group_count == 0 || layout.group_count > layout.block_count ||
      layout.inodes_per_group == 0 || layout.inodes_per_group % layout.inodes_per_block() != 0) {
    return corrupt("the group or inode counts are impossible");
  }
  if (layout.journal.start != layout.group_table().end() ||
      layout.journal.length <
          min_journal_blocks(layout.block_size, layout.bitmap_blocks_per_group) ||
      layout.journal.length > layout.block_count) {
    return corrupt("the journal is in an impossible place");
  }
  if (layout.first_group() + 1 >= layout.last_copy() ||
      groups_in(layout, layout.last_copy() - layout.first_group()) != layout.group_count) {
    return corrupt("the groups do not fit the volume");
  }
  return layout;
}

Run Layout::group(GroupNo g) const {
  const BlockNo start = first_group() + g.value * blocks_per_group();
  return {start, std::min(blocks_per_group(), last_copy() - start)};
}

Run Layout::fat(GroupNo g) const {
  return {inode_table(g).end(), ceil_div(group(g).length, fat_entries_per_block())};
}

std::uint64_t Layout::group_metadata_blocks(GroupNo g) const {
  return metadata_of(*this, group(g).length);
}

Run Layout::data(GroupNo g) const {
  const Run whole = group(g);
  const std::uint64_t metadata = group_metadata_blocks(g);
  return {whole.start + metadata, whole.length - metadata};
}

std::optional<GroupNo> Layout::group_of(BlockNo block) const {
  if (block < first_group()) return std::nullopt;
  const GroupNo g{(block - first_group()) / blocks_per_group()};
  if (g.value >= group_count || !group(g).contains(block)) return std::nullopt;
  return g;
}

bool Layout::is_data(BlockNo block) const {
  const auto g = group_of(block);
  return g && data(*g).contains(block);
}

bool Layout::is_data(Run run) const {
  if (run.length == 0 || run.length > block_count || !is_data(run.start)) return false;
  // Groups begin with metadata, so a run of data never reaches over the end of its group.
  return data(*group_of(run.start)).contains(run.end() - 1);
}

Layout::Place Layout::inode_place(InodeNo inode) const {
  CHECK(is_inode(inode));
  const std::uint64_t index = inode_index(inode);
  return {inode_table(group_of(inode)).start + index / inodes_per_block(),
          kHeaderSize + (index % inodes_per_block()) * sizeof(Inode)};
}

Layout::Place Layout::descriptor_place(GroupNo g) const {
  return {group_table().start + g.value / descriptors_per_block(),
          kHeaderSize + (g.value % descriptors_per_block()) * sizeof(GroupDescriptor)};
}

Layout::Place Layout::fat_place(BlockNo block) const {
  CHECK(is_data(block));
  const GroupNo g = *group_of(block);
  const std::uint64_t index = block_index(block);
  return {fat(g).start + index / fat_entries_per_block(),
          kHeaderSize + (index % fat_entries_per_block()) * sizeof(le64)};
}

namespace {

/// About how many groups a volume has, if the request does not say.
constexpr std::uint64_t kUsualGroups = 4;
constexpr std::uint64_t kUsualMaxBitmapBlocks = 64;
/// Rounds in which the numbers that depend on one another settle.
constexpr int kRounds = 8;

/// Groups as large as asked, or such that there are a few of them; never larger than the volume.
Result<std::uint32_t> plan_groups(const Layout& layout, std::uint64_t group_size) {
  const std::uint64_t all = ceil_div(layout.block_count, layout.bits_per_block());
  std::uint64_t blocks = std::min(ceil_div(all, kUsualGroups), kUsualMaxBitmapBlocks);
  if (group_size != 0) {
    if (group_size > max_group_size(layout.block_size)) {
      return Error{EINVAL, "a group has at most 1024 bitmap blocks: take a smaller group size"};
    }
    blocks = std::min(all, ceil_div(group_size, layout.bits_per_block() * layout.block_size));
  }
  return static_cast<std::uint32_t>(std::min<std::uint64_t>(blocks, kMaxBitmapBlocks));
}

/// The blocks and the size of the groups, on which the rest depends.
Result<Layout> begin_layout(const LayoutRequest& request) {
  if (!valid_block_size(request.block_size)) {
    return Error{EINVAL, "the block size must be a power of two from 1K to 64K"};
  }
  if (request.image_size < kMinImageSize) return Error{EINVAL, "an image has at least 1 MiB"};
  if (request.image_size > kMaxImageSize) return Error{EINVAL, "an image has at most 16 TiB"};
  Layout layout;
  layout.block_size = request.block_size;
  layout.block_count = request.image_size / request.block_size;
  layout.bitmap_blocks_per_group = TRY(plan_groups(layout, request.group_size));
  return layout;
}

/// The journal's size in blocks: as asked, or a 32nd of the image within sensible bounds.
Result<std::uint64_t> plan_journal(const Layout& layout, const LayoutRequest& request) {
  const std::uint64_t least = min_journal_blocks(layout.block_size, layout.bitmap_blocks_per_group);
  if (request.journal_size == 0) {
    const std::uint64_t bytes = std::min(request.image_size / 32, kDefaultMaxJournal);
    return std::max(least, bytes / request.block_size);
  }
  const std::uint64_t blocks = ceil_div(request.journal_size, request.block_size);
  if (blocks < least) return Error{EINVAL, "the journal is too small"};
  if (request.journal_size > request.image_size / 2) {
    return Error{EINVAL, "the journal is larger than half the image"};
  }
  return blocks;
}

/// Chooses inodes_per_group: the wished number spread over the groups, in whole blocks.
Result<> plan_inodes(Layout& layout, std::uint64_t wished) {
  const std::uint64_t per_block = layout.inodes_per_block();
  const Error too_many{EINVAL, "that many inodes do not fit the volume"};
  if (wished / per_block > layout.block_count) return too_many;
  const std::uint64_t table = ceil_div(ceil_div(wished, layout.group_count), per_block);
  if (table >= layout.blocks_per_group() ||
      table * per_block > std::numeric_limits<std::uint32_t>::max()) {
    return too_many;
  }
  layout.inodes_per_group =
      static_cast<std::uint32_t>(std::max<std::uint64_t>(table, 1) * per_block);
  return {};
}

/// Chooses group_count and what depends on it: the place of the journal, and the inodes of each
/// group. False if the numbers do not settle: the end of the volume holds a group with the group
/// table for one less, but not with that for itself.
Result<bool> settle_groups(Layout& layout, std::uint64_t wished_inodes) {
  layout.group_count = ceil_div(layout.block_count, layout.blocks_per_group());
  for (int round = 0; round < kRounds; ++round) {
    layout.journal.start = layout.group_table().end();
    if (layout.first_group() + 4 > layout.last_copy()) {
      return Error{EINVAL,
                   "the image is too small for this block size and journal: "
                   "take smaller blocks or a larger image"};
    }
    TRY(plan_inodes(layout, wished_inodes));
    const std::uint64_t groups = groups_in(layout, layout.last_copy() - layout.first_group());
    if (groups == 0) {
      return Error{EINVAL,
                   "the image is too small for this block size, journal and inode count: "
                   "take smaller blocks, fewer inodes or a larger image"};
    }
    if (groups == layout.group_count) return true;
    layout.group_count = groups;
  }
  return false;
}

}  // namespace

Result<std::uint64_t> min_journal_size(const LayoutRequest& request) {
  const Layout layout = TRY(begin_layout(request));
  return min_journal_blocks(layout.block_size, layout.bitmap_blocks_per_group) * layout.block_size;
}

Result<Superblock> plan(const LayoutRequest& request) {
  Layout layout = TRY(begin_layout(request));
  layout.journal.length = TRY(plan_journal(layout, request));
  const std::uint64_t wished =
      request.inodes != 0 ? request.inodes : request.image_size / kBytesPerInode;
  // One block less at the end, and the group there is certain not to fit.
  if (!TRY(settle_groups(layout, wished))) {
    layout.block_count -= 1;
    CHECK(TRY(settle_groups(layout, wished)));
  }

  Superblock superblock{};
  superblock.magic = kSuperblockMagic;
  superblock.version = kVersion;
  superblock.block_size = layout.block_size;
  superblock.block_count = layout.block_count;
  superblock.group_count = static_cast<std::uint32_t>(layout.group_count);
  superblock.bitmap_blocks_per_group = layout.bitmap_blocks_per_group;
  superblock.inodes_per_group = layout.inodes_per_group;
  superblock.journal_start = layout.journal.start.value;
  superblock.journal_blocks = layout.journal.length;
  return superblock;
}

}  // namespace spindle::format
