#include "ownership.h"

#include <sys/stat.h>

#include "fsck/map_repair.h"
#include "fsck/xattr_check.h"
#include "model/mounted_volume.h"

namespace spindle::test {
namespace {

using format::BlockKind;
using format::MapKind;

class Survey {
 public:
  explicit Survey(const Sample& sample)
      : items_(sample.items),
        device_(sample.device),
        damager_(device_),
        superblock_(must(fsck::read_superblock_at(device_, damager_.layout().superblock(),
                                                  damager_.layout().superblock_offset()))),
        disk_(device_, damager_.layout()),
        volume_(disk_, report_, superblock_, {}) {}

  Ownership run() {
    std::set<NodeId> nodes = {kRootNode, format::kLostFoundInode.value};
    for (const auto& [path, item] : items_) nodes.insert(item.node);
    for (const NodeId node : nodes) add_inode(node);
    for (int kind = 1; kind <= static_cast<int>(BlockKind::kJournalHeader); ++kind) {
      const auto blocks = damager_.blocks_of(static_cast<BlockKind>(kind));
      out_.metadata.insert(out_.metadata.end(), blocks.begin(), blocks.end());
    }
    return std::move(out_);
  }

 private:
  void add_inode(NodeId node) {
    const InodeNo number{node};
    const format::Inode inode = damager_.inode(node);
    out_.inodes.push_back(node);
    if (S_ISDIR(std::uint16_t{inode.mode})) out_.directories.insert(node);
    const auto pieces = fsck::read_map(volume_, number, inode);
    for (const auto& [block, kind] : pieces.nodes) out_.owners[block].insert(node);
    for (const Extent& extent : pieces.extents) {
      for (std::uint64_t i = 0; i < extent.length; ++i) {
        add_data(node, static_cast<MapKind>(inode.map_kind), extent.block + i);
      }
    }
    if (inode.xattr_block == 0) return;
    for (const BlockNo block :
         must(fsck::check_xattrs(volume_, number, BlockNo{inode.xattr_block}))) {
      out_.owners[block].insert(node);
    }
  }

  void add_data(NodeId node, MapKind kind, BlockNo block) {
    out_.owners[block].insert(node);
    if (kind == MapKind::kLinked) out_.links.push_back(block);
    if (kind == MapKind::kFat) {
      out_.in_fat[damager_.layout().fat_place(block).block].insert(node);
    }
  }

  const Items& items_;
  MemoryDevice device_;
  Damager damager_;
  format::Superblock superblock_;
  fsck::Disk disk_;
  fsck::Report report_{fsck::Mode::kNo, {}, {}};
  fsck::VolumeFacts volume_;
  Ownership out_;
};

}  // namespace

Ownership ownership_of(const Sample& sample) {
  return Survey(sample).run();
}

}  // namespace spindle::test
