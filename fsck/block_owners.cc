#include "fsck/block_owners.h"

#include <algorithm>

#include "fsck/map_repair.h"

namespace spindle::fsck {

using format::BlockKind;

std::vector<BlockOwners::Owned> BlockOwners::of(Run run) {
  if (!is_read_) read_all();
  const std::uint64_t end = run.start.value + run.length;
  const std::uint64_t first = run.start.value - std::min(run.start.value, longest_);
  std::vector<Owned> found;
  for (auto at = std::ranges::lower_bound(owned_, first, {},
                                          [](const Owned& o) { return o.blocks.start.value; });
       at != owned_.end() && at->blocks.start.value < end; ++at) {
    const std::uint64_t low = std::max(at->blocks.start.value, run.start.value);
    const std::uint64_t high = std::min(at->blocks.start.value + at->blocks.length, end);
    if (low < high) found.push_back({{BlockNo{low}, high - low}, at->inode});
  }
  return found;
}

void BlockOwners::read_all() {
  is_read_ = true;
  volume_.disk.each_inode_block([this](BlockNo block, InodeNo first) {
    if (!volume_.disk.read(block, BlockKind::kInodeTable).ok()) return;
    for (std::uint64_t i = 0; i < volume_.layout.inodes_per_block(); ++i) add(first + i);
  });
  std::ranges::sort(owned_, {}, [](const Owned& o) { return o.blocks.start.value; });
}

void BlockOwners::add(InodeNo inode) {
  if (!volume_.layout.is_inode(inode)) return;
  const auto read = volume_.disk.read_inode(inode);
  if (!read.ok() || read->mode == 0) return;
  const MapPieces pieces = read_map(volume_, inode, *read);
  for (const auto& [block, kind] : pieces.nodes) owned_.push_back({{block, 1}, inode});
  for (const Extent& extent : pieces.extents) {
    owned_.push_back({{extent.block, extent.length}, inode});
    longest_ = std::max(longest_, extent.length);
  }
}

}  // namespace spindle::fsck
