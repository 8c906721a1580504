#include "mutation.h"

#include <algorithm>

namespace spindle::test {
namespace {

using format::BlockKind;
using format::kHeaderSize;
using Where = Mutation::Where;
using What = Mutation::What;

constexpr std::size_t kSuperblockSize = sizeof(format::Superblock);
constexpr std::size_t kNear = 128;

Mutation random_numbers(Random& random) {
  Mutation mutation;
  mutation.sealed = !random.one_in(6);
  mutation.place = random();
  mutation.other = random();
  // The beginnings of blocks hold more that matters than their ends; fields have even offsets.
  mutation.offset = static_cast<std::uint32_t>(random.one_in(2) ? random.below(kNear / 2) * 2
                                                                : random.below(1u << 16));
  mutation.value = random();
  return mutation;
}

// A number of 1, 2, 4 or 8 bytes.
void set_number(std::span<std::byte> into, std::uint64_t width_choice, std::uint64_t number) {
  const std::size_t width = std::min<std::size_t>(std::size_t{1} << width_choice % 4, into.size());
  for (std::size_t i = 0; i < width; ++i) into[i] = static_cast<std::byte>(number >> 8 * i);
}

}  // namespace

Mutation random_mutation(Random& random) {
  Mutation mutation = random_numbers(random);
  const std::uint64_t where = random.below(20);
  mutation.where = where < 10   ? Where::kMetadata
                   : where < 17 ? Where::kInode
                   : where < 19 ? Where::kLink
                                : Where::kAnywhere;
  const std::uint64_t what = random.below(20);
  mutation.what = what < 3    ? What::kFlipBit
                  : what < 6  ? What::kSetByte
                  : what < 14 ? What::kSetNumber
                  : what < 16 ? What::kFillRange
                  : what < 17 ? What::kZeroBlock
                  : what < 19 ? What::kSwap
                              : What::kCopy;
  return mutation;
}

Mutation random_superblock_mutation(Random& random) {
  Mutation mutation = random_numbers(random);
  mutation.where = Where::kSuperblock;
  // Mostly the superblock itself, not a copy.
  if (!random.one_in(4)) mutation.place = 0;
  mutation.what = static_cast<What>(random.below(static_cast<std::uint64_t>(What::kZeroBlock) + 1));
  mutation.offset = static_cast<std::uint32_t>(random.below(240));
  return mutation;
}

void Mutator::apply(const Mutation& mutation) {
  const Target target = find(mutation.where, mutation.place);
  std::vector<std::byte> bytes = damager_.block(target.block);
  if (mutation.what != What::kSwap && mutation.what != What::kCopy) {
    change(mutation, bytes, target);
    put(mutation, target, std::move(bytes));
    return;
  }
  const Target from = find(mutation.where, mutation.other);
  std::vector<std::byte> others = damager_.block(from.block);
  const std::size_t length = std::min(target.end - target.begin, from.end - from.begin);
  if (from.block == target.block) {
    std::swap_ranges(bytes.begin() + target.begin, bytes.begin() + target.begin + length,
                     bytes.begin() + from.begin);
    note(from, from.begin, from.end);
  } else {
    std::swap_ranges(bytes.begin() + target.begin, bytes.begin() + target.begin + length,
                     others.begin() + from.begin);
    if (mutation.what == What::kSwap) {
      note(from, from.begin, from.end);
      put(mutation, from, std::move(others));
    }
  }
  note(target, target.begin, target.end);
  put(mutation, target, std::move(bytes));
}

Mutator::Target Mutator::find(Where where, std::uint64_t place) const {
  const format::Layout& layout = damager_.layout();
  const Ownership& all = ownership_;
  const std::size_t block_size = layout.block_size;
  switch (where) {
    case Where::kInode: {
      const auto at = layout.inode_place(InodeNo{all.inodes[place % all.inodes.size()]});
      return {at.block, at.offset, at.offset + sizeof(format::Inode)};
    }
    case Where::kLink:
      return {all.links[place % all.links.size()], 0, sizeof(format::LinkHeader)};
    case Where::kSuperblock: {
      if (place % 3 == 1) return {layout.fixed_copy(), 0, kSuperblockSize};
      if (place % 3 == 2) return {layout.last_copy(), 0, kSuperblockSize};
      const std::size_t offset = layout.superblock_offset();
      return {layout.superblock(), offset, offset + kSuperblockSize};
    }
    case Where::kAnywhere:
      return {BlockNo{place % layout.block_count}, 0, block_size};
    default:
      return {all.metadata[place % all.metadata.size()], 0, block_size};
  }
}

// A plausible value for a field: an end of its range, some block, some inode, or its neighbour.
std::uint64_t Mutator::likely_number(const Mutation& mutation) const {
  const Ownership& all = ownership_;
  const std::uint64_t value = mutation.value >> 8;
  switch (mutation.value % 8) {
    case 0:
      return 0;
    case 1:
      return 1;
    case 2:
      return ~std::uint64_t{0};
    case 3:
      return damager_.layout().block_count;
    case 4:
      return value % damager_.layout().block_count;
    case 5:
      return all.inodes[value % all.inodes.size()];
    case 6:
      return value % 64;
    default:
      return value;
  }
}

void Mutator::change(const Mutation& mutation, std::vector<std::byte>& bytes,
                     const Target& target) {
  const std::size_t length = target.end - target.begin;
  const std::size_t offset = mutation.offset % length;
  const auto into = std::span(bytes).subspan(target.begin + offset, length - offset);
  std::size_t changed = 1;
  switch (mutation.what) {
    case What::kFlipBit:
      into[0] ^= std::byte{1} << mutation.value % 8;
      break;
    case What::kSetByte:
      into[0] = static_cast<std::byte>(mutation.value);
      break;
    case What::kSetNumber:
      set_number(into, mutation.other, likely_number(mutation));
      changed = 8;
      break;
    case What::kFillRange:
      changed = std::min<std::size_t>(into.size(), mutation.other % 64 + 1);
      std::ranges::fill(into.first(changed), static_cast<std::byte>(mutation.value));
      break;
    default:
      std::ranges::fill(std::span(bytes).subspan(target.begin, length), std::byte{});
      return note(target, target.begin, target.end);
  }
  const std::size_t from = target.begin + offset;
  note(target, from, std::min(from + changed, target.end));
}

void Mutator::put(const Mutation& mutation, const Target& target, std::vector<std::byte> bytes) {
  if (!mutation.sealed) return damager_.put(target.block, bytes);
  const auto& layout = damager_.layout();
  if (mutation.where == Where::kSuperblock) {
    auto& superblock = format::at<format::Superblock>(bytes, target.begin);
    superblock.checksum = format::superblock_checksum(superblock, target.block);
    return damager_.put(target.block, bytes);
  }
  if (mutation.where == Where::kLink) {
    auto& header = format::at<format::LinkHeader>(bytes, 0);
    header.checksum = format::link_checksum(header, layout.seed, target.block);
    return damager_.put(target.block, bytes);
  }
  const auto& metadata = ownership_.metadata;
  const bool has_header = std::ranges::find(metadata, target.block) != metadata.end();
  if (!has_header) return damager_.put(target.block, bytes);
  damager_.put_sealed(target.block, std::move(bytes));
}

// Bytes [from, to) of the block have changed.
void Mutator::note(const Target& target, std::size_t from, std::size_t to) {
  const Ownership& all = ownership_;
  const format::Layout& layout = damager_.layout();
  touched_.blocks.push_back(target.block);
  const auto add = [&](NodeId node) {
    touched_.nodes.insert(node);
    touched_.names |= all.directories.contains(node);
  };
  for (const auto* map : {&all.owners, &all.in_fat}) {
    if (const auto found = map->find(target.block); found != map->end()) {
      for (const NodeId node : found->second) add(node);
    }
  }
  for (const NodeId node : all.inodes) {
    const auto place = layout.inode_place(InodeNo{node});
    const bool overlaps = place.offset < to && from < place.offset + sizeof(format::Inode);
    if (place.block == target.block && overlaps) add(node);
  }
  const bool is_fixed = !layout.group_of(target.block) && target.block != layout.state() &&
                        !layout.group_table().contains(target.block);
  touched_.everything |= is_fixed;
}

}  // namespace spindle::test
