// VolumeFacts: what the passes learn of the volume and hand on. Each pass fills its part and reads
// those before it.
//
//   pass 1  scan_inodes       each inode by itself, its map, its attributes; blocks in use
//   pass 2  scan_directories  each directory's tree and names; who names whom
//   pass 3  connect           all is reachable from the root, or put into lost+found; parents
//   pass 4  count_links       link counts
//   pass 5  compare_groups    bitmaps, counts, FAT against what is in use
#pragma once

#include <functional>
#include <memory>
#include <set>
#include <span>
#include <vector>

#include "fsck/block_set.h"
#include "fsck/disk.h"
#include "fsck/report.h"

namespace spindle::fsck {

struct InodeFacts {
  std::uint16_t mode = 0;   ///< 0: free
  std::uint32_t links = 0;  ///< how many names it has, as the inode says
  std::uint32_t names = 0;  ///< how many names it has, as the directories say
  std::uint32_t subdirectories = 0;
  std::uint64_t parent = 0;    ///< for a directory the one above it, as the inode says
  std::uint64_t named_by = 0;  ///< for a directory the one in which its name stands
};

/// A map to be written anew once all claims on blocks are known.
struct MapRewrite {
  InodeNo inode;
  std::set<std::uint64_t> shared;  ///< blocks of the file that somebody else owns
  std::vector<BlockNo> own_nodes;  ///< the map's own blocks, except those that somebody else owns
  std::uint64_t xattr_blocks = 0;
};

/// Called with the share of the work that is done, 0 to 1.
using Progress = std::function<void(unsigned pass, double share)>;

struct VolumeFacts {
  VolumeFacts(Disk& disk_, Report& report_, const format::Superblock& superblock_,
              Progress progress_)
      : disk(disk_),
        layout(disk_.layout()),
        report(report_),
        superblock(superblock_),
        progress(std::move(progress_)),
        used(layout),
        in_fat(layout),
        inodes((layout.inode_count() + kInodesTogether - 1) / kInodesTogether),
        written_inode_blocks(layout.group_count) {}

  Disk& disk;
  const format::Layout& layout;
  Report& report;
  const format::Superblock& superblock;
  Progress progress;

  BlockSet used;               ///< blocks that belong to a file
  BlockSet in_fat;             ///< blocks in a FAT chain
  std::vector<BlockNo> spare;  ///< blocks in `used` that are of no use any more
  static constexpr std::uint64_t kInodesTogether = 4096;
  std::vector<std::unique_ptr<InodeFacts[]>> inodes;  ///< kInodesTogether a piece; null: all free
  std::vector<std::uint32_t> written_inode_blocks;    ///< as the descriptor of each group says
  std::set<std::uint64_t> orphans;  ///< the list of orphans: the next mount frees or truncates them
  std::vector<MapRewrite> rewrites;
  std::vector<InodeNo> directories;

  /// Reports how much of the pass is done.
  void tell(unsigned pass, std::uint64_t done, std::uint64_t all) const {
    if (progress) progress(pass, static_cast<double>(done) / static_cast<double>(all));
  }
  [[nodiscard]] InodeFacts& facts(InodeNo inode);
  /// Null if the inode is free or the number impossible.
  [[nodiscard]] const InodeFacts* find(InodeNo inode) const;
  [[nodiscard]] bool in_use(InodeNo inode) const;
  /// In use without a name, and rightly so: it was deleted while it was open.
  [[nodiscard]] bool is_deleted(InodeNo inode) const;
  /// The inode whose content the inode's blocks hold. A conversion builds the new map in an inode
  /// without a name, whose parent is the file itself.
  [[nodiscard]] InodeNo content_owner(InodeNo number, const format::Inode& inode) const;
  using VisitInode = std::function<Result<>(InodeNo, InodeFacts&)>;
  /// Calls `visit` for each inode in use, in order.
  Result<> each_inode(const VisitInode& visit);
  /// The same for `count` inodes from `first` on.
  Result<> each_inode_of(InodeNo first, std::uint64_t count, const VisitInode& visit);
  /// Takes a free block for a repair. ENOSPC.
  Result<BlockNo> take_block();
  /// Blocks that a repair no longer needs: the next repair may take them if nothing else is free.
  /// Only if everything is repaired is it certain that nobody else has these blocks.
  void release(std::span<const BlockNo> blocks);
};

Result<> scan_inodes(VolumeFacts& volume);
Result<> rewrite_maps(VolumeFacts& volume);  ///< the end of pass 1
Result<> scan_directories(VolumeFacts& volume);
Result<> connect(VolumeFacts& volume);
Result<> count_links(VolumeFacts& volume);
Result<> compare_groups(VolumeFacts& volume);

}  // namespace spindle::fsck
