// Pass 5: compares what the groups say is in use with what is in use: bitmaps, counts, FAT.

#include <sys/stat.h>

#include <algorithm>
#include <bit>
#include <cstring>

#include "fsck/volume_facts.h"

namespace spindle::fsck {
namespace {

using format::BlockKind;
using format::GroupDescriptor;

void set_bit(Block& block, std::uint64_t bit) {
  block[format::kHeaderSize + bit / 8] |= std::byte{1} << (bit % 8);
}

/// Bits [first, end).
void set_bits(Block& block, std::uint64_t first, std::uint64_t end) {
  for (; first < end && first % 8 != 0; ++first) set_bit(block, first);
  for (; first + 8 <= end; first += 8) block[format::kHeaderSize + first / 8] = std::byte{0xff};
  for (; first < end; ++first) set_bit(block, first);
}

class GroupCheck {
 public:
  GroupCheck(VolumeFacts& volume, GroupNo group)
      : volume_(volume), layout_(volume.layout), group_(group) {}

  Result<> run() {
    descriptor_ = TRY(volume_.disk.read_descriptor(group_));
    const GroupDescriptor before = descriptor_;
    TRY(compare_blocks());
    TRY(compare_inodes());
    TRY(compare_fat());
    compare_counts();
    if (std::memcmp(&before, &descriptor_, sizeof before) != 0) {
      TRY(volume_.disk.write_descriptor(group_, descriptor_));
    }
    return {};
  }

 private:
  bool found(Problem problem, const std::string& detail = {}) {
    return volume_.report.problem(problem, Place::of(group_), detail);
  }

  /// Whether the bitmap is as it should be; otherwise `detail` says why not. `first` is the number
  /// of the block or inode that its first bit stands for.
  bool holds(BlockNo number, BlockKind kind, const Block& wanted, std::uint64_t first,
             std::string& detail) {
    const auto there = volume_.disk.read(number, kind);
    if (!there.ok()) {
      detail = there.error().describe();
      return false;
    }
    if (std::equal(wanted.begin() + format::kHeaderSize, wanted.end(),
                   there->bytes.begin() + format::kHeaderSize)) {
      return true;
    }
    const char* of = kind == BlockKind::kBlockBitmap ? "block " : "inode ";
    detail = difference(wanted, there->bytes, of, first);
    return false;
  }

  /// "block 431 is in use and marked as free, and 2 more are wrong".
  static std::string difference(std::span<const std::byte> wanted, std::span<const std::byte> there,
                                const char* of, std::uint64_t first) {
    std::string text;
    std::uint64_t wrong = 0;
    for (std::size_t i = format::kHeaderSize; i < wanted.size(); ++i) {
      const auto differing = static_cast<unsigned char>(wanted[i] ^ there[i]);
      if (differing != 0 && wrong == 0) {
        const auto bit = static_cast<unsigned>(std::countr_zero(differing));
        const bool in_use = (wanted[i] >> bit & std::byte{1}) != std::byte{};
        text = of + std::to_string(first + (i - format::kHeaderSize) * 8 + bit) +
               (in_use ? " is in use and marked as free" : " is free and marked as in use");
      }
      wrong += static_cast<unsigned>(std::popcount(differing));
    }
    if (wrong < 2) return text;
    return text + ", and " + std::to_string(wrong - 1) +
           (wrong == 2 ? " more is wrong" : " more are wrong");
  }

  /// What block `index` of the block bitmap should be; counts its blocks in use, except metadata.
  Block wanted_block_bitmap(std::uint64_t index, std::uint64_t& used) const {
    Block wanted = volume_.disk.new_block(BlockKind::kBlockBitmap, kNoInode);
    const std::uint64_t first = index * layout_.bits_per_block();
    const std::uint64_t bits = layout_.bits_per_block();
    const auto within = [&](std::uint64_t block) {
      return std::clamp(block, first, first + bits) - first;
    };
    const std::span<const std::byte> files = volume_.used.part(group_, index);
    std::ranges::copy(files, wanted.begin() + format::kHeaderSize);
    used = count_bits(files);
    set_bits(wanted, 0, within(layout_.group_metadata_blocks(group_)));
    set_bits(wanted, within(layout_.group(group_).length), bits);
    return wanted;
  }

  Result<> compare_blocks() {
    const std::uint64_t unit = layout_.bitmap_unit();
    for (std::uint64_t first = 0; first < layout_.bitmap_blocks_per_group; first += unit) {
      TRY(compare_bitmap_unit(first, std::min(unit, layout_.bitmap_blocks_per_group - first)));
    }
    return {};
  }

  /// A bitmap block that was never written stands for that of a fresh group; only if it must say
  /// more is it written, with all of its unit.
  Result<> compare_bitmap_unit(std::uint64_t first, std::uint64_t count) {
    const std::uint64_t flag = std::uint64_t{1} << (first / layout_.bitmap_unit());
    const bool is_written = (descriptor_.bitmap_blocks_written & flag) != 0;
    const Run bitmap{layout_.block_bitmap(group_).start + first, count};
    std::vector<Block> wanted;
    std::uint64_t used = 0;
    for (std::uint64_t i = 0; i < count; ++i) {
      std::uint64_t more = 0;
      wanted.push_back(wanted_block_bitmap(first + i, more));
      used += more;
    }
    used_blocks_ += used;
    if (!is_written) {
      if (used == 0) return {};
      if (!found(Problem::kBlockBitmap, "it was never written, but the group is in use")) return {};
      descriptor_.bitmap_blocks_written = descriptor_.bitmap_blocks_written | flag;
    }
    for (std::uint64_t i = 0; i < count; ++i) {
      std::string detail;
      if (is_written) {
        if (holds(bitmap.start + i, BlockKind::kBlockBitmap, wanted[i],
                  layout_.group(group_).start.value + (first + i) * layout_.bits_per_block(),
                  detail))
          continue;
        if (!found(Problem::kBlockBitmap, detail)) continue;
      }
      TRY(volume_.disk.write(bitmap.start + i, wanted[i]));
    }
    return {};
  }

  /// Inodes in use stand in table blocks that are written, so their bits are in bitmap blocks that
  /// are.
  Result<> compare_inodes() {
    const Run bitmap = layout_.inode_bitmap(group_);
    const std::uint64_t written = std::min(
        bitmap.length, layout_.inode_bitmap_blocks(volume_.written_inode_blocks[group_.value]));
    const std::uint64_t bits = layout_.bits_per_block();
    for (std::uint64_t index = 0; index < written; ++index) {
      Block wanted = volume_.disk.new_block(BlockKind::kInodeBitmap, kNoInode);
      const std::uint64_t within = std::min(bits, layout_.inodes_per_group - index * bits);
      const InodeNo first{group_.value * layout_.inodes_per_group + index * bits + 1};
      set_bits(wanted, within, bits);
      TRY(volume_.each_inode_of(first, within,
                                [&](InodeNo number, const InodeFacts& facts) -> Result<> {
                                  set_bit(wanted, number - first);
                                  ++used_inodes_;
                                  directories_ += S_ISDIR(facts.mode) ? 1 : 0;
                                  return {};
                                }));
      std::string detail;
      if (holds(bitmap.start + index, BlockKind::kInodeBitmap, wanted, first.value, detail))
        continue;
      if (found(Problem::kInodeBitmap, detail)) {
        TRY(volume_.disk.write(bitmap.start + index, wanted));
      }
    }
    return {};
  }

  Result<> compare_fat() {
    const std::uint64_t unmarked = volume_.disk.unmarked_fat_units(group_);
    if (unmarked != 0 && found(Problem::kGroupTable, "it does not say that its FAT was written")) {
      descriptor_.fat_blocks_written = descriptor_.fat_blocks_written | unmarked;
    }
    const Run fat = layout_.fat(group_);
    for (std::uint64_t i = 0; i < fat.length; ++i) {
      if ((descriptor_.fat_blocks_written >> (i / layout_.fat_unit()) & 1) == 0) continue;
      TRY(compare_fat_block(fat.start + i, i * layout_.fat_entries_per_block()));
    }
    return {};
  }

  Result<> compare_fat_block(BlockNo number, std::uint64_t first) {
    auto read = volume_.disk.read_copy(number, BlockKind::kFat);
    const BlockNo start = layout_.group(group_).start + first;
    if (!read.ok()) {
      // The files whose links stood here have been cut already.
      if (!found(Problem::kFatEntry, read.error().describe())) return {};
      Block empty = volume_.disk.new_block(BlockKind::kFat, kNoInode);
      return volume_.disk.write(number, empty);
    }
    std::vector<std::uint64_t> in_no_chain;
    for (std::uint64_t i = 0; i < layout_.fat_entries_per_block(); ++i) {
      const BlockNo owner = start + i;
      if (link_of(*read, i) == 0) continue;
      if (layout_.group(group_).contains(owner) && volume_.in_fat.contains(owner)) continue;
      in_no_chain.push_back(i);
    }
    if (in_no_chain.empty()) return {};
    std::string detail = "block " + std::to_string((start + in_no_chain.front()).value);
    if (in_no_chain.size() > 1) {
      detail += ", and " + std::to_string(in_no_chain.size() - 1) + " more";
    }
    if (!found(Problem::kFatEntry, detail)) return {};
    for (const std::uint64_t i : in_no_chain) link_of(*read, i) = 0;
    return volume_.disk.write(number, *read);
  }

  static le64& link_of(Block& fat, std::uint64_t index) {
    return format::at<le64>(fat, format::kHeaderSize + index * sizeof(le64));
  }

  void compare_counts() {
    const auto free_blocks = static_cast<std::uint32_t>(layout_.data(group_).length - used_blocks_);
    const auto free_inodes = static_cast<std::uint32_t>(layout_.inodes_per_group - used_inodes_);
    if (descriptor_.free_blocks == free_blocks && descriptor_.free_inodes == free_inodes &&
        descriptor_.directories == directories_) {
      return;
    }
    const auto pair = [](const char* what, std::uint32_t is, std::uint32_t should) {
      return is == should ? std::string()
                          : " " + std::string(what) + " " + std::to_string(is) + ", should be " +
                                std::to_string(should) + ";";
    };
    const std::string detail = pair("free blocks", descriptor_.free_blocks, free_blocks) +
                               pair("free inodes", descriptor_.free_inodes, free_inodes) +
                               pair("directories", descriptor_.directories, directories_);
    if (!found(Problem::kGroupCounts, detail.substr(1, detail.size() - 2))) return;
    descriptor_.free_blocks = free_blocks;
    descriptor_.free_inodes = free_inodes;
    descriptor_.directories = directories_;
  }

  VolumeFacts& volume_;
  const format::Layout& layout_;
  GroupNo group_;
  GroupDescriptor descriptor_;
  std::uint64_t used_blocks_ = 0;
  std::uint64_t used_inodes_ = 0;
  std::uint32_t directories_ = 0;
};

bool is_untouched(const VolumeFacts& volume, GroupNo group, const GroupDescriptor& descriptor) {
  return !volume.used.has_any(group) && descriptor.inode_blocks_written == 0 &&
         descriptor.bitmap_blocks_written == 0 && descriptor.fat_blocks_written == 0 &&
         descriptor.directories == 0 &&
         descriptor.free_blocks == volume.layout.data(group).length &&
         descriptor.free_inodes == volume.layout.inodes_per_group;
}

}  // namespace

Result<> compare_groups(VolumeFacts& volume) {
  volume.tell(5, 0, 1);
  for (std::uint64_t g = 0; g < volume.layout.group_count; ++g) {
    const GroupNo group{g};
    if (!is_untouched(volume, group, TRY(volume.disk.read_descriptor(group)))) {
      TRY(GroupCheck(volume, group).run());
    }
    volume.tell(5, g + 1, volume.layout.group_count);
  }
  return {};
}

}  // namespace spindle::fsck
