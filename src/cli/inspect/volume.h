// InspectedVolume: a volume that is only looked at, mounted or not, whole or damaged.
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
  /// EUCLEAN if there is no superblock to begin with; what the host says if the image cannot be
  /// opened. `answer` must outlive the volume.
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

  /// EINVAL if there is no such number; ENOENT if it is free, EUCLEAN if it cannot be read.
  Result<format::Inode> inode(InodeNo inode);
  /// Each inode in use that can be read; ends early when `visit` says false.
  void each_inode(const std::function<bool(InodeNo, const format::Inode&)>& visit);
  /// Whether the group's part was ever written, for a block of its metadata.
  bool is_written(GroupNo group, BlockNo block);
  /// Whether the bitmap has a block that files can own in use.
  Result<bool> in_use(BlockNo block);
  /// Block `index` of the bitmap of a group's blocks; nothing if it was never written, so that all
  /// that files can own of it is free.
  Result<std::optional<fsck::Block>> block_bitmap(GroupNo group, std::uint64_t index);
  /// Calls `visit` for each run of free blocks of the group, as far as its bitmap can be read;
  /// false, with a note, if some of it cannot.
  bool each_free_run(GroupNo group, const std::function<void(const Run&)>& visit);

  /// The inode of a path that begins with '/'. Symbolic links are not followed.
  Result<InodeNo> resolve(std::string_view path);
  /// One of the inode's paths, if some directory names it; made of printable text.
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
