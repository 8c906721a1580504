#include "fsck/check_volume.h"

#include <algorithm>
#include <cstring>

#include "fsck/marking_device.h"
#include "spindle/base/clock.h"
#include "spindle/device/overlay_device.h"
#include "spindle/journal/replay.h"

namespace spindle::fsck {
namespace {

using format::BlockKind;
using format::GroupDescriptor;
using format::Superblock;

constexpr int kMostRounds = 5;

// What a copy must have in common with the superblock: all that never changes after mkfs.
Superblock without_changes(Superblock superblock) {
  superblock.checksum = 0;
  std::memset(superblock.label, 0, sizeof superblock.label);
  superblock.state = 0;
  superblock.mount_count = 0;
  superblock.last_mount_seconds = 0;
  superblock.last_write_seconds = 0;
  superblock.last_check_seconds = 0;
  std::memset(superblock.mount_boot_id, 0, sizeof superblock.mount_boot_id);
  superblock.mount_process = 0;
  superblock.mount_process_start = 0;
  return superblock;
}

class Check {
 public:
  Check(BlockDevice& device, const Superblock& superblock, const format::Layout& layout,
        const CheckOptions& options)
      : device_(device),
        repaired_(device, [this] { return mark_as_having_errors(); }),
        superblock_(superblock),
        layout_(layout),
        options_(options) {}

  Result<CheckResult> run(bool superblock_is_copy) {
    Report report(options_.mode, options_.show, options_.ask);
    if (superblock_is_copy && report.problem(Problem::kSuperblock, "superblock")) {
      TRY(mark_as_having_errors());
    }
    TRY(replay_journal(report));
    TRY(one_round(report));
    result_.found = report.found();
    result_.left = report.found() - report.repaired();
    result_.findings = report.findings();
    if (wants_another_look(report)) TRY(look_again());
    if (options_.mode != Mode::kNo) TRY(finish());
    return result_;
  }

  // The log of a volume that was unmounted in order is empty: nothing to replay, and it may be
  // skipped.
  static bool is_marked_clean(const Superblock& superblock) {
    return (superblock.state & format::kClean) != 0 && (superblock.state & format::kHasErrors) == 0;
  }

 private:
  Result<> replay_journal(Report& report) {
    auto replayed = replay(device_, layout_);
    if (!replayed.ok()) {
      if (replayed.code() != EUCLEAN) return replayed.error();
      if (report.problem(Problem::kJournal, "journal", replayed.error().describe())) {
        TRY(format_journal(repaired_, layout_));
      }
      return {};
    }
    result_.replayed_epochs = replayed->epochs;
    for (const BlockNo block : replayed->mismatched) {
      report.problem(Problem::kReplayMismatch, Place::of(block));
    }
    return {};
  }

  Result<> one_round(Report& report) {
    // With -n the state block and the group table, on which all else depends, are put right in
    // memory.
    OverlayDevice put_right(device_);
    Disk disk(report.mode() == Mode::kNo ? static_cast<BlockDevice&>(put_right) : repaired_,
              layout_);
    VolumeFacts volume(disk, report, superblock_, options_.progress);
    TRY(check_state(disk, report));
    TRY(check_group_table(disk, report));
    TRY(scan_inodes(volume));
    TRY(rewrite_maps(volume));
    TRY(scan_directories(volume));
    TRY(connect(volume));
    TRY(count_links(volume));
    TRY(compare_groups(volume));
    TRY(check_copies(report));
    return count(volume);
  }

  // A repair may bring other problems to light, and blocks that were cut off are free only at the
  // next look. After a declined repair there is no other look, for the same question would come
  // again.
  static bool wants_another_look(const Report& report) {
    if (report.found() == 0) return false;
    return report.mode() == Mode::kYes ||
           (report.mode() == Mode::kAsk && report.repaired() == report.found());
  }

  Result<> look_again() {
    const bool asks = options_.mode == Mode::kAsk;
    for (int round = 1; round < kMostRounds; ++round) {
      Report report(options_.mode, asks ? options_.show : Report::Show{}, options_.ask);
      TRY(one_round(report));
      result_.left = report.found() - report.repaired();
      if (asks) result_.found += report.found();
      if (!wants_another_look(report)) return {};
    }
    Report report(Mode::kNo, options_.show, {});
    TRY(one_round(report));
    result_.left = report.found();
    return {};
  }

  static Result<> check_state(Disk& disk, Report& report) {
    const BlockNo number = disk.layout().state();
    const auto read = disk.read(number, BlockKind::kState);
    if (read.ok()) return {};
    const bool repair = report.problem(Problem::kState, Place::of(number), read.error().describe());
    if (!repair && report.mode() != Mode::kNo) return read.error();
    Block block = disk.new_block(BlockKind::kState, kNoInode);
    // A generation that no inode has had: the clock's seconds are more than the count ever reached.
    format::at<format::State>(block, format::kHeaderSize).generation =
        static_cast<std::uint64_t>(wall_time().seconds);
    return disk.write(number, block);
  }

  // Which units of blocks, each written as a whole, have been written: their first block tells.
  static std::uint64_t written_units(Disk& disk, Run blocks, std::uint64_t unit, BlockKind kind) {
    std::uint64_t written = 0;
    for (std::uint64_t i = 0; i * unit < blocks.length; ++i) {
      if (disk.read(blocks.start + i * unit, kind).ok()) written |= std::uint64_t{1} << i;
    }
    return written;
  }

  // Rebuilds a lost descriptor from the group's own blocks: the checksum of each tells whether it
  // was written.
  static GroupDescriptor rebuilt_descriptor(Disk& disk, GroupNo group) {
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

  // A count of written blocks that is too small would hide inodes, and one too large invent some.
  // The blocks on both sides of that end show it, without a look at all others.
  static bool says_what_is_written(Disk& disk, GroupNo group, const GroupDescriptor& descriptor) {
    const Run table = disk.layout().inode_table(group);
    const std::uint64_t written = descriptor.inode_blocks_written;
    const auto is_good = [&](std::uint64_t i) {
      return disk.read(table.start + i, BlockKind::kInodeTable).ok();
    };
    if (written > table.length || (written < table.length && is_good(written))) return false;
    if (written != 0 && !is_good(written - 1)) {
      const auto last = disk.read_raw(table.start + (written - 1));
      const auto is_zero = [](std::byte byte) { return byte == std::byte{}; };
      if (last.ok() && std::ranges::all_of(*last, is_zero)) return false;
    }
    if (written == 0) return true;
    const Run fat = disk.layout().fat(group);
    const std::uint64_t unit = disk.layout().fat_unit();
    std::vector<Run> unwritten;
    for (std::uint64_t i = 0; i * unit < fat.length; ++i) {
      const bool is_written = (descriptor.fat_blocks_written >> i & 1) != 0;
      if (!is_written) unwritten.push_back({fat.start + i * unit, 1});
    }
    disk.read_ahead(unwritten);
    return std::ranges::none_of(unwritten, [&](const Run& first_of_unit) {
      return disk.read(first_of_unit.start, BlockKind::kFat).ok();
    });
  }

  static Result<> check_written(Disk& disk, Report& report, std::uint64_t table_block) {
    const format::Layout& layout = disk.layout();
    const std::uint64_t first = table_block * layout.descriptors_per_block();
    const std::uint64_t end = std::min(first + layout.descriptors_per_block(), layout.group_count);
    for (GroupNo group{first}; group.value < end; ++group) {
      const GroupDescriptor descriptor = TRY(disk.read_descriptor(group));
      if (says_what_is_written(disk, group, descriptor)) continue;
      if (!report.problem(Problem::kGroupTable, Place::of(group),
                          "it does not match the blocks that were written")) {
        continue;
      }
      TRY(disk.write_descriptor(group, rebuilt_descriptor(disk, group)));
    }
    return {};
  }

  static Result<> check_group_table(Disk& disk, Report& report) {
    const format::Layout& layout = disk.layout();
    const Run table = layout.group_table();
    for (std::uint64_t i = 0; i < table.length; ++i) {
      const BlockNo number = table.start + i;
      const auto read = disk.read(number, BlockKind::kGroupTable);
      if (read.ok()) {
        TRY(check_written(disk, report, i));
        continue;
      }
      const bool repair =
          report.problem(Problem::kGroupTable, Place::of(number), read.error().describe());
      if (!repair && report.mode() != Mode::kNo) return read.error();
      Block block = disk.new_block(BlockKind::kGroupTable, kNoInode);
      const std::uint64_t first = i * layout.descriptors_per_block();
      for (std::uint64_t k = 0; k < layout.descriptors_per_block(); ++k) {
        if (first + k >= layout.group_count) break;
        format::at<GroupDescriptor>(block, format::kHeaderSize + k * sizeof(GroupDescriptor)) =
            rebuilt_descriptor(disk, GroupNo{first + k});
      }
      TRY(disk.write(number, block));
    }
    return {};
  }

  Result<> check_copies(Report& report) {
    const Superblock own = without_changes(superblock_);
    for (const BlockNo number : {layout_.fixed_copy(), layout_.last_copy()}) {
      const auto copy = read_superblock_at(device_, number, 0);
      if (copy.ok()) {
        const Superblock other = without_changes(*copy);
        if (std::memcmp(&other, &own, sizeof own) == 0) continue;
      }
      if (report.problem(Problem::kSuperblockCopy, Place::of(number))) {
        TRY(write_superblock(repaired_, number, 0, superblock_));
      }
    }
    return {};
  }

  Result<> write_superblock(BlockDevice& device, BlockNo number, std::size_t offset,
                            Superblock superblock) {
    std::vector<std::byte> block(layout_.block_size);
    TRY(device.read(number, block));
    superblock.checksum = format::superblock_checksum(superblock, number);
    std::memcpy(block.data() + offset, &superblock, sizeof superblock);
    return device.write(number, block, IoPurpose::kMetadata);
  }

  Result<> write_first_superblock(const Superblock& superblock) {
    TRY(write_superblock(device_, layout_.superblock(), layout_.superblock_offset(), superblock));
    return device_.flush();
  }

  Result<> mark_as_having_errors() {
    Superblock marked = superblock_;
    marked.state = format::kHasErrors;
    return write_first_superblock(marked);
  }

  Result<> count(VolumeFacts& volume) {
    result_.orphans = volume.orphans.size();
    result_.inodes = layout_.inode_count();
    result_.inodes_used = result_.blocks = result_.blocks_used = 0;
    for (std::uint64_t g = 0; g < layout_.group_count; ++g) {
      const GroupNo group{g};
      result_.blocks += layout_.data(group).length;
      result_.blocks_used += volume.used.count(group);
    }
    return volume.each_inode([this](InodeNo, const InodeFacts&) -> Result<> {
      ++result_.inodes_used;
      return {};
    });
  }

  // All is written before the superblock says so.
  Result<> finish() {
    TRY(device_.flush());
    const auto now = static_cast<std::uint64_t>(wall_time().seconds);
    superblock_.state = result_.left == 0 ? format::kClean : format::kHasErrors;
    superblock_.last_check_seconds = now;
    if (result_.found != 0 || result_.replayed_epochs != 0) superblock_.last_write_seconds = now;
    superblock_.mount_process = 0;
    superblock_.mount_process_start = 0;
    std::memset(superblock_.mount_boot_id, 0, sizeof superblock_.mount_boot_id);
    return write_first_superblock(superblock_);
  }

  BlockDevice& device_;
  MarkingDevice repaired_;  // what repairs write to
  Superblock superblock_;
  const format::Layout& layout_;
  const CheckOptions& options_;
  CheckResult result_;
};

}  // namespace

Result<CheckResult> check_volume(BlockDevice& device, const FoundSuperblock& found,
                                 const CheckOptions& options) {
  const format::Layout layout = TRY(format::Layout::of(found.superblock));
  if (layout.block_count > device.block_count()) {
    return corrupt(
        "the image is shorter than its volume: lengthen it with `truncate -s` to the size that "
        "`spindle inspect` says, and what is left can be repaired");
  }
  if (!options.force && !found.is_copy && Check::is_marked_clean(found.superblock)) {
    CheckResult result;
    result.skipped = true;
    return result;
  }
  return Check(device, found.superblock, layout, options).run(found.is_copy);
}

Result<CheckResult> check_volume(BlockDevice& device, const CheckOptions& options) {
  const BlockNo place{format::kSuperblockOffset / device.block_size()};
  const auto primary =
      read_superblock_at(device, place, format::kSuperblockOffset % device.block_size());
  if (primary.ok()) return check_volume(device, {*primary, false}, options);
  const auto last = read_superblock_at(device, BlockNo{device.block_count() - 1}, 0);
  if (!last.ok()) return last.error();
  return check_volume(device, {*last, true}, options);
}

}  // namespace spindle::fsck
