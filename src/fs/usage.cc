#include <algorithm>

#include "virtual_xattr.h"

namespace spindle {
namespace {

/// The most runs of one file that are counted; a file with more is as fragmented as can be told.
constexpr std::size_t kMostRuns = 1u << 20;

Result<> count_node(Volume& volume, Node& node, FileSystem::Usage& usage) {
  if (node.is_directory()) {
    ++usage.directories;
    usage.directory_blocks += node.inode.blocks;
    return {};
  }
  const auto maps = all_file_maps();
  const auto found = std::ranges::find(maps, node.map_kind(), &FileMap::kind);
  if (found == maps.end()) return {};
  auto& strategy = usage.strategies[static_cast<std::size_t>(found - maps.begin())];
  const auto map = TRY(describe_map_of(volume, node, kMostRuns));
  ++strategy.files;
  strategy.bytes += node.inode.size;
  strategy.blocks += node.inode.blocks;
  strategy.runs += map.extents.size();
  for (const Extent& extent : map.extents) strategy.data_blocks += extent.length;
  return {};
}

/// The inodes of one block of an inode table that are in use.
Result<std::vector<InodeNo>> used_inodes(Volume& volume, InodeNo first, std::uint64_t count) {
  std::vector<InodeNo> used;
  const auto start = volume.layout.inode_place(first);
  const BlockView view = TRY(volume.reader->read(start.block, format::BlockKind::kInodeTable));
  for (std::uint64_t i = 0; i < count; ++i) {
    const auto& inode = view.at<format::Inode>(start.offset + i * sizeof(format::Inode));
    if (inode.mode != 0) used.push_back(first + i);
  }
  return used;
}

}  // namespace

Result<FileSystem::Usage> FileSystem::usage(std::uint64_t max_inodes) {
  Volume& volume = *volume_;
  Usage usage;
  for (const FileMap* map : all_file_maps()) usage.strategies.push_back({.name = map->name()});
  const std::uint32_t per_block = volume.layout.inodes_per_block();
  for (std::uint64_t first = 1; first <= volume.layout.inode_count(); first += per_block) {
    const InodeNo number{first};
    if (!TRY(volume.space->is_inode_written(number))) {
      // The rest of this group's table has never been written either.
      const std::uint64_t group = volume.layout.group_of(number).value;
      first = (group + 1) * volume.layout.inodes_per_group + 1 - per_block;
      continue;
    }
    for (const InodeNo used : TRY(used_inodes(volume, number, per_block))) {
      if (usage.inodes_seen == max_inodes) {
        usage.complete = false;
        return usage;
      }
      const auto node = volume.nodes.get(used);
      if (node.code() == ESTALE) continue;  // freed meanwhile
      const NodeRef loaded = TRY(node);
      if (loaded->inode.links == 0) continue;  // on its way to be freed
      ++usage.inodes_seen;
      TRY(count_node(volume, *loaded, usage));
    }
  }
  return usage;
}

}  // namespace spindle
