// Pass 5: what the groups say is in use against what is in use: bitmaps, counts, FAT.

#include <sys/stat.h>

#include <algorithm>
#include <cstring>

#include "fsck/volume_facts.h"

namespace spindle::fsck {
namespace {

using format::BlockKind;
using format::GroupDescriptor;

void set_bit(Block& block, std::uint64_t bit) {
  block[format::kHeaderSize + bit / 8] |= std::byte{1} << (bit % 8);
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
    return volume_.report.problem(problem, "group " + std::to_string(group_.value), detail);
  }

  // A bitmap that was never written stands for that of a fresh group; it is written only if it must
  // say more.
  Result<> compare_bitmap(BlockNo number, BlockKind kind, Problem problem, std::uint32_t flag,
                          Block& wanted, bool is_fresh) {
    if ((descriptor_.flags & flag) == 0) {
      if (is_fresh) return {};
      if (!found(problem, "it was never written, but the group is in use")) return {};
    } else {
      const auto there = volume_.disk.read(number, kind);
      if (there.ok() && std::equal(wanted.begin() + format::kHeaderSize, wanted.end(),
                                   there->bytes.begin() + format::kHeaderSize)) {
        return {};
      }
      if (!found(problem, there.ok() ? "" : there.error().describe())) return {};
    }
    descriptor_.flags = descriptor_.flags | flag;
    return volume_.disk.write(number, wanted);
  }

  Result<> compare_blocks() {
    const Run group = layout_.group(group_);
    const Run data = layout_.data(group_);
    Block wanted = volume_.disk.new_block(BlockKind::kBlockBitmap, kNoInode);
    for (std::uint64_t i = 0; i < group.length; ++i) {
      const BlockNo block = group.start + i;
      const bool is_used = block < data.start || volume_.used.contains(block);
      if (is_used) set_bit(wanted, i);
      used_blocks_ += is_used && block >= data.start ? 1 : 0;
    }
    for (std::uint64_t i = group.length; i < layout_.blocks_per_group(); ++i) set_bit(wanted, i);
    return compare_bitmap(layout_.block_bitmap(group_), BlockKind::kBlockBitmap,
                          Problem::kBlockBitmap, format::kBlockBitmapWritten, wanted,
                          used_blocks_ == 0);
  }

  Result<> compare_inodes() {
    Block wanted = volume_.disk.new_block(BlockKind::kInodeBitmap, kNoInode);
    const auto& inodes = volume_.inodes[group_.value];
    for (std::uint64_t i = 0; inodes && i < layout_.inodes_per_group; ++i) {
      if (inodes[i].mode == 0) continue;
      set_bit(wanted, i);
      ++used_inodes_;
      directories_ += S_ISDIR(inodes[i].mode) ? 1 : 0;
    }
    for (std::uint64_t i = layout_.inodes_per_group; i < layout_.blocks_per_group(); ++i) {
      set_bit(wanted, i);
    }
    return compare_bitmap(layout_.inode_bitmap(group_), BlockKind::kInodeBitmap,
                          Problem::kInodeBitmap, format::kInodeBitmapWritten, wanted,
                          used_inodes_ == 0);
  }

  Result<> compare_fat() {
    const Run fat = layout_.fat(group_);
    for (std::uint64_t i = 0; i < fat.length; ++i) {
      if ((descriptor_.fat_blocks_written >> i & 1) == 0) continue;
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
    Block& block = *read;
    bool changed = false;
    for (std::uint64_t i = 0; i < layout_.fat_entries_per_block(); ++i) {
      auto& entry = format::at<le64>(block, format::kHeaderSize + i * sizeof(le64));
      if (entry == 0) continue;
      const BlockNo owner = start + i;
      if (layout_.group(group_).contains(owner) && volume_.in_fat.contains(owner)) continue;
      if (found(Problem::kFatEntry, "block " + std::to_string(owner.value))) {
        entry = 0;
        changed = true;
      }
    }
    return changed ? volume_.disk.write(number, block) : Result<>();
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
  return !volume.used.has_any(group) && !volume.inodes[group.value] && descriptor.flags == 0 &&
         descriptor.fat_blocks_written == 0 && descriptor.directories == 0 &&
         descriptor.free_blocks == volume.layout.data(group).length &&
         descriptor.free_inodes == volume.layout.inodes_per_group;
}

}  // namespace

Result<> compare_groups(VolumeFacts& volume) {
  for (std::uint64_t g = 0; g < volume.layout.group_count; ++g) {
    const GroupNo group{g};
    if (!is_untouched(volume, group, TRY(volume.disk.read_descriptor(group)))) {
      TRY(GroupCheck(volume, group).run());
    }
    if (volume.progress && g % 64 == 0) {
      volume.progress(5,
                      static_cast<double>(g + 1) / static_cast<double>(volume.layout.group_count));
    }
  }
  return {};
}

}  // namespace spindle::fsck
