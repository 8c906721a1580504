#include "fsck/check_volume.h"

#include <cstring>

#include "fsck/check_group_table.h"
#include "fsck/marking_device.h"
#include "spindle/base/clock.h"
#include "spindle/device/overlay_device.h"
#include "spindle/journal/replay.h"

namespace spindle::fsck {
namespace {

using format::BlockKind;
using format::Superblock;

constexpr int kMostRounds = 5;

/// What a copy must have in common with the superblock: all that never changes after mkfs.
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
  Check(BlockDevice& device, const FoundSuperblock& found, const format::Layout& layout,
        const CheckOptions& options)
      : device_(device),
        repaired_(device, [this] { return mark_as_having_errors(); }),
        superblock_(found.superblock),
        is_copy_(found.is_copy),
        layout_(layout),
        options_(options) {}

  Result<CheckResult> run() {
    Report report(options_.mode, options_.show, options_.ask);
    if (is_copy_ && report.problem(Problem::kSuperblock, "superblock")) {
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

  /// The log of a volume that was unmounted in order is empty: nothing to replay, and it may be
  /// skipped.
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

  /// A repair may bring other problems to light, and blocks that were cut off are free only at the
  /// next look. After a declined repair there is no other look, for the same question would come
  /// again.
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

  /// All is written before the superblock says so.
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
  MarkingDevice repaired_;  ///< what repairs write to
  Superblock superblock_;
  bool is_copy_;  ///< of `superblock_`: the first one is damaged
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
        "the image is shorter than its volume: lengthen it (a file with `truncate -s`) to the size "
        "that `spindle inspect` says, and what is left can be repaired");
  }
  if (!options.force && !found.is_copy && Check::is_marked_clean(found.superblock)) {
    CheckResult result;
    result.skipped = true;
    return result;
  }
  return Check(device, found, layout, options).run();
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
