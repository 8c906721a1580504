// InspectedVolume: a volume that is only read, mounted or not, whole or damaged.
//
// Nothing is ever written to the image. The log of a volume that was not unmounted in order is
// replayed into memory, so that what is shown is what a mount would find. What cannot be read
// becomes a note of the answer, and the rest is shown all the same.
#pragma once

#include <functional>
#include <memory>
#include <optional>
#include <string>

#include "cli/inspect/answer.h"
#include "fsck/directory_tree.h"
#include "fsck/find_superblock.h"
#include "fsck/map_repair.h"
#include "fsck/volume_facts.h"
#include "spindle/device/file_device.h"
#include "spindle/device/overlay_device.h"
#include "spindle/journal/replay.h"

namespace spindle::cli {

class InspectedVolume {
 public:
  /// EUCLEAN if there is no superblock to begin with; an error of the host if it cannot open the
  /// image. `answer` must outlive the volume.
  static Result<std::unique_ptr<InspectedVolume>> open(const std::string& image, Answer& answer);

  [[nodiscard]] const format::Superblock& superblock() const { return found_.superblock; }
  [[nodiscard]] const format::Layout& layout() const { return layout_; }
  [[nodiscard]] fsck::Disk& disk() { return *disk_; }
  [[nodiscard]] fsck::VolumeFacts& facts() { return *facts_; }
  [[nodiscard]] Answer& answer() { return answer_; }
  /// The image as it is, without the replay.
  [[nodiscard]] BlockDevice& image() { return *image_; }
  /// "clean", "mounted", "not unmounted in order", or "has errors".
  [[nodiscard]] std::string state() const;
  [[nodiscard]] std::string uuid() const;

  /// EINVAL if the volume has no inode of this number; ENOENT if it is free, EUCLEAN if it cannot
  /// be read.
  Result<format::Inode> inode(InodeNo inode);
  /// Calls `visit` for each inode in use that can be read, until it returns false.
  void each_inode(const std::function<bool(InodeNo, const format::Inode&)>& visit);
  /// Whether a block of the group's metadata was ever written.
  bool is_written(GroupNo group, BlockNo block);
  /// Whether the bitmap says that a block which files can own is in use.
  Result<bool> in_use(BlockNo block);
  /// Block `index` of the bitmap of a group's blocks. Nothing if it was never written: all its
  /// blocks that files can own are free then.
  Result<std::optional<fsck::Block>> block_bitmap(GroupNo group, std::uint64_t index);
  /// Calls `visit` for each run of free blocks of the group. False, with a note, if a part of its
  /// bitmap cannot be read.
  bool each_free_run(GroupNo group, const std::function<void(const Run&)>& visit);

  /// The inode of a path that begins with '/'. Symbolic links are not followed.
  Result<InodeNo> resolve(std::string_view path);
  /// One of the inode's paths in printable text, if a directory names it.
  std::optional<std::string> path_of(InodeNo inode);
  /// The names of a directory; what is damaged becomes a note.
  Result<fsck::DirectoryTree> directory(InodeNo number, const format::Inode& inode);

 private:
  InspectedVolume(std::unique_ptr<FileDevice> image, const std::string& path,
                  fsck::FoundSuperblock found, const format::Layout& layout, Answer& answer);
  void replay_log();
  Result<ReplayReport> replay_once();
  std::optional<std::pair<InodeNo, std::string>> name_of(InodeNo inode);

  std::unique_ptr<FileDevice> image_;
  fsck::FoundSuperblock found_;
  format::Layout layout_;
  Answer& answer_;
  bool is_mounted_;
  std::unique_ptr<OverlayDevice> overlay_;
  std::unique_ptr<fsck::Disk> disk_;
  fsck::Report report_{fsck::Mode::kNo, {}, {}};
  std::unique_ptr<fsck::VolumeFacts> facts_;
};

}  // namespace spindle::cli
