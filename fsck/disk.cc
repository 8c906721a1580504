#include "fsck/disk.h"

#include <algorithm>

namespace spindle::fsck {

using format::BlockKind;

BlockNo last_of_unit(Run blocks, std::uint64_t unit_size, std::uint64_t unit) {
  return std::min(blocks.start + (unit + 1) * unit_size, blocks.end()) - 1;
}

Result<Disk::Kept> Disk::fetch(BlockNo block) {
  if (const auto ahead = find_ahead(block)) return *ahead;
  if (const auto found = index_.find(block); found != index_.end()) {
    recent_.splice(recent_.begin(), recent_, found->second);
    return Kept{recent_.front().bytes, &recent_.front().verified_kind};
  }
  if (block.value >= layout_.block_count) {
    return corrupt("it lies outside of the volume", Subject::block(block));
  }
  Cached fresh{block, Block(layout_.block_size), 0};
  TRY(device_.read(block, fresh.bytes, IoPurpose::kMetadata));
  recent_.push_front(std::move(fresh));
  index_[block] = recent_.begin();
  if (recent_.size() > kCachedBlocks) {
    index_.erase(recent_.back().number);
    recent_.pop_back();
  }
  return Kept{recent_.front().bytes, &recent_.front().verified_kind};
}

std::optional<Disk::Kept> Disk::find_ahead(BlockNo block) {
  std::size_t before = 0;
  for (const Run& run : ahead_runs_) {
    if (run.contains(block)) {
      const std::size_t index = before + (block - run.start);
      return Kept{std::span(ahead_bytes_).subspan(index * layout_.block_size, layout_.block_size),
                  &ahead_kinds_[index]};
    }
    before += run.length;
  }
  return std::nullopt;
}

void Disk::read_ahead(std::vector<Run> runs) {
  std::size_t blocks = 0;
  for (const Run& run : runs) blocks += run.length;
  ahead_bytes_.resize(blocks * layout_.block_size);
  ahead_kinds_.assign(blocks, 0);
  std::vector<std::span<std::byte>> pieces;
  for (std::span<std::byte> left(ahead_bytes_); const Run& run : runs) {
    pieces.push_back(left.first(run.length * layout_.block_size));
    left = left.subspan(pieces.back().size());
  }
  std::vector<IoRequest> batch;
  for (std::size_t i = 0; i < runs.size(); ++i) {
    batch.push_back({.kind = IoRequest::Kind::kRead,
                     .start = runs[i].start,
                     .buffers = {&pieces[i], 1},
                     .purpose = IoPurpose::kMetadata});
  }
  ahead_runs_ = device_.submit(batch).ok() ? std::move(runs) : std::vector<Run>();
}

void Disk::forget() {
  recent_.clear();
  index_.clear();
  ahead_runs_.clear();
}

Result<BlockView> Disk::read(BlockNo block, BlockKind kind) {
  const Kept kept = TRY(fetch(block));
  if (*kept.verified_kind != static_cast<std::uint16_t>(kind)) {
    TRY(format::verify_block(kept.bytes, kind, layout_.seed, block));
    *kept.verified_kind = static_cast<std::uint16_t>(kind);
  }
  return BlockView{{}, kept.bytes};
}

Result<BlockView> Disk::read_data(BlockNo block) {
  return BlockView{{}, TRY(fetch(block)).bytes};
}

Result<Block> Disk::read_raw(BlockNo block) {
  const Kept kept = TRY(fetch(block));
  return Block(kept.bytes.begin(), kept.bytes.end());
}

Result<Block> Disk::read_copy(BlockNo block, BlockKind kind) {
  const BlockView view = TRY(read(block, kind));
  return Block(view.bytes.begin(), view.bytes.end());
}

Block Disk::new_block(BlockKind kind, InodeNo owner) const {
  Block block(layout_.block_size);
  format::begin_block(block, kind, owner.value);
  return block;
}

Result<> Disk::write(BlockNo number, Block& block) {
  const auto epoch = EpochNo{format::at<format::BlockHeader>(block, 0).epoch};
  format::seal_block(block, layout_.seed, number, epoch);
  return write_raw(number, block);
}

Result<> Disk::write_raw(BlockNo number, std::span<const std::byte> bytes) {
  TRY(device_.write(number, bytes, IoPurpose::kMetadata));
  if (const auto ahead = find_ahead(number)) {
    std::ranges::copy(bytes, ahead->bytes.begin());
    *ahead->verified_kind = 0;
  }
  if (const auto found = index_.find(number); found != index_.end()) {
    found->second->bytes.assign(bytes.begin(), bytes.end());
    found->second->verified_kind = 0;
  }
  return {};
}

Result<format::Inode> Disk::read_inode(InodeNo inode) {
  const auto place = layout_.inode_place(inode);
  return TRY(read(place.block, BlockKind::kInodeTable)).at<format::Inode>(place.offset);
}

// Blocks of the inode table that were never written, up to this one, become empty ones.
Result<> Disk::begin_inode_blocks(InodeNo number) {
  const GroupNo group = layout_.group_of(number);
  const Run table = layout_.inode_table(group);
  const std::uint64_t wanted = layout_.inode_place(number).block - table.start + 1;
  format::GroupDescriptor descriptor = TRY(read_descriptor(group));
  if (descriptor.inode_blocks_written >= wanted) return {};
  for (std::uint64_t i = descriptor.inode_blocks_written; i < wanted; ++i) {
    Block block = new_block(BlockKind::kInodeTable, kNoInode);
    TRY(write(table.start + i, block));
  }
  descriptor.inode_blocks_written = static_cast<std::uint32_t>(wanted);
  return write_descriptor(group, descriptor);
}

Result<> Disk::make_inode(InodeNo number, const format::Inode& inode) {
  TRY(begin_inode_blocks(number));
  return write_inode(number, inode);
}

Result<> Disk::write_inode(InodeNo number, const format::Inode& inode) {
  const auto place = layout_.inode_place(number);
  Block block = TRY(read_copy(place.block, BlockKind::kInodeTable));
  format::at<format::Inode>(block, place.offset) = inode;
  return write(place.block, block);
}

Result<> Disk::clear_inode(InodeNo number, const format::Inode& inode) {
  format::Inode empty{};
  empty.generation = inode.generation;
  return write_inode(number, empty);
}

Result<format::GroupDescriptor> Disk::read_descriptor(GroupNo group) {
  const auto place = layout_.descriptor_place(group);
  return TRY(read(place.block, BlockKind::kGroupTable)).at<format::GroupDescriptor>(place.offset);
}

Result<> Disk::write_descriptor(GroupNo group, const format::GroupDescriptor& descriptor) {
  const auto place = layout_.descriptor_place(group);
  Block block = TRY(read_copy(place.block, BlockKind::kGroupTable));
  format::at<format::GroupDescriptor>(block, place.offset) = descriptor;
  return write(place.block, block);
}

void Disk::each_inode_block(const std::function<void(BlockNo block, InodeNo first)>& visit) {
  for (GroupNo group{0}; group.value < layout_.group_count; ++group) {
    const auto descriptor = read_descriptor(group);
    const Run table = layout_.inode_table(group);
    std::uint64_t written = table.length;
    if (descriptor.ok())
      written = std::min<std::uint64_t>(written, descriptor->inode_blocks_written);
    const std::uint64_t first = group.value * layout_.inodes_per_group + 1;
    for (std::uint64_t i = 0; i < written; ++i)
      visit(table.start + i, InodeNo{first + i * layout_.inodes_per_block()});
  }
}

Result<std::uint64_t> Disk::fat_entry(BlockNo block) {
  if (!layout_.is_data(block)) return corrupt("it cannot be in a chain", Subject::block(block));
  const GroupNo group = *layout_.group_of(block);
  const auto place = layout_.fat_place(block);
  const std::uint64_t unit = (place.block - layout_.fat(group).start) / layout_.fat_unit();
  if (!TRY(has_fat_unit(group, unit))) return std::uint64_t{0};
  return std::uint64_t{TRY(read(place.block, BlockKind::kFat)).at<le64>(place.offset)};
}

// A chain leads into a unit that is not marked as written only if something is wrong: then the
// unit's last block, which is written with the mark, says which of the two it is.
Result<bool> Disk::has_fat_unit(GroupNo group, std::uint64_t unit) {
  const std::uint64_t bit = std::uint64_t{1} << unit;
  if ((TRY(read_descriptor(group)).fat_blocks_written & bit) != 0) return true;
  if (!read(last_of_unit(layout_.fat(group), layout_.fat_unit(), unit), BlockKind::kFat).ok()) {
    return false;
  }
  unmarked_fat_units_[group] |= bit;
  return true;
}

std::uint64_t Disk::unmarked_fat_units(GroupNo group) const {
  const auto found = unmarked_fat_units_.find(group);
  return found == unmarked_fat_units_.end() ? 0 : found->second;
}

FileMap::WalkContext Disk::walk_context() {
  return {*this, layout_, [this](BlockNo block) { return fat_entry(block); }};
}

}  // namespace spindle::fsck
