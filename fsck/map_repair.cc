#include "fsck/map_repair.h"

#include <algorithm>
#include <cstring>

#include "fsck/xattr_check.h"

namespace spindle::fsck {

using format::BlockKind;
using format::MapKind;

namespace {

/// Joined to the last extent if it goes on where that ends.
void append(std::vector<Extent>& extents, const Extent& extent) {
  if (!extents.empty()) {
    Extent& last = extents.back();
    if (last.at + last.length == extent.at && last.block + last.length == extent.block &&
        last.unwritten == extent.unwritten) {
      last.length += extent.length;
      return;
    }
  }
  extents.push_back(extent);
}

}  // namespace

MapPieces read_map(VolumeFacts& volume, InodeNo number, const format::Inode& inode) {
  MapPieces pieces;
  const FileMap* map = file_map(static_cast<MapKind>(inode.map_kind));
  if (map == nullptr) return pieces;
  format::Inode copy = inode;
  MapFile file;
  file.inode = volume.content_owner(number, inode);
  file.generation = inode.generation;
  file.root = copy.map_root;
  file.blocks = inode.blocks;
  MapVisitor visitor;
  std::uint64_t blocks = 0;
  visitor.data = [&](const Extent& extent) -> Result<> {
    if (extent.is_hole()) return {};
    if (!volume.layout.is_data(Run{extent.block, extent.length})) {
      return corrupt("a block cannot belong to a file", Subject::block(extent.block));
    }
    blocks += extent.length;
    if (blocks > volume.layout.block_count) return corrupt("it has more blocks than the volume");
    append(pieces.extents, extent);
    return {};
  };
  visitor.node = [&](BlockNo block, BlockKind kind) -> Result<> {
    if (!volume.layout.is_data(block)) {
      return corrupt("a block cannot belong to a file", Subject::block(block));
    }
    pieces.nodes.emplace_back(block, kind);
    return {};
  };
  const auto walked = map->walk(volume.disk.walk_context(), file, visitor);
  if (!walked.ok()) pieces.damage = walked.error();
  return pieces;
}

namespace {

void store_entry(format::ExtentEntry& entry, const Extent& extent) {
  entry.file_block = extent.at.value;
  entry.block = extent.block.value;
  entry.length = static_cast<std::uint32_t>(extent.length);
  entry.flags = extent.unwritten ? format::kUnwritten : 0;
}

/// One level of the tree: packs `entries` into nodes, writes them, and returns the entries of the
/// level above.
Result<std::vector<format::ExtentEntry>> write_level(
    VolumeFacts& volume, InodeNo owner, const std::vector<format::ExtentEntry>& entries,
    unsigned level, std::vector<BlockNo>& nodes) {
  const std::size_t per_node = format::extents_per_node(volume.layout.block_size);
  std::vector<format::ExtentEntry> above;
  for (std::size_t first = 0; first < entries.size(); first += per_node) {
    const std::size_t count = std::min(per_node, entries.size() - first);
    Block block = volume.disk.new_block(BlockKind::kExtentNode, owner);
    auto& head = format::at<format::ExtentHead>(block, format::kHeaderSize);
    head.level = static_cast<std::uint16_t>(level);
    head.count = static_cast<std::uint16_t>(count);
    std::memcpy(block.data() + format::kHeaderSize + sizeof head, &entries[first],
                count * sizeof(format::ExtentEntry));
    const BlockNo number = TRY(volume.take_block());
    nodes.push_back(number);
    TRY(volume.disk.write(number, block));
    format::ExtentEntry entry{};
    entry.file_block = entries[first].file_block;
    entry.block = number.value;
    above.push_back(entry);
  }
  return above;
}

/// An entry's length has 32 bits.
constexpr std::uint64_t kLongestExtent = 1u << 31;

/// All levels below the root; `entries` become the root's. Returns the level of the root.
Result<unsigned> write_levels(VolumeFacts& volume, InodeNo owner,
                              std::vector<format::ExtentEntry>& entries,
                              std::vector<BlockNo>& nodes) {
  unsigned level = 0;
  for (; entries.size() > format::kRootExtents; ++level) {
    entries = TRY(write_level(volume, owner, entries, level, nodes));
  }
  return level;
}

}  // namespace

Result<> write_extent_map(VolumeFacts& volume, InodeNo number, format::Inode& inode,
                          const std::vector<Extent>& extents) {
  std::vector<format::ExtentEntry> entries;
  std::uint64_t data_blocks = 0;
  for (Extent rest : extents) {
    data_blocks += rest.length;
    while (rest.length != 0) {
      Extent part = rest;
      part.length = std::min(rest.length, kLongestExtent);
      store_entry(entries.emplace_back(), part);
      rest.at += part.length;
      rest.block += part.length;
      rest.length -= part.length;
    }
  }
  std::vector<BlockNo> nodes;
  const auto level = write_levels(volume, number, entries, nodes);
  if (!level.ok()) {
    for (const BlockNo node : nodes) volume.used.remove(node);
    return level.error();
  }
  format::ExtentRoot root{};
  root.head.level = static_cast<std::uint16_t>(*level);
  root.head.count = static_cast<std::uint16_t>(entries.size());
  std::copy(entries.begin(), entries.end(), root.entries);
  root.node_count = nodes.size();
  std::memcpy(inode.map_root, &root, sizeof root);
  inode.map_kind = static_cast<std::uint8_t>(MapKind::kExtent);
  inode.blocks = data_blocks + nodes.size();
  return {};
}

Result<> replace_extent_map(VolumeFacts& volume, InodeNo number, format::Inode& inode,
                            const std::vector<Extent>& extents, std::vector<BlockNo>& old_nodes) {
  const auto written = write_extent_map(volume, number, inode, extents);
  if (written.code() != ENOSPC) return written;
  for (const BlockNo node : old_nodes) volume.used.remove(node);
  const auto again = write_extent_map(volume, number, inode, extents);
  if (again.ok()) old_nodes.clear();
  for (const BlockNo node : old_nodes) volume.used.add(node);
  return again;
}

namespace {

/// Cuts a linked file to these pieces.
void cut_linked(const format::Layout& layout, format::Inode& inode,
                const std::vector<Extent>& extents) {
  format::LinkedRoot root{};
  std::uint64_t count = 0;
  for (const Extent& extent : extents) count += extent.length;
  if (count != 0) {
    root.first = extents.front().block.value;
    root.last = (extents.back().block + (extents.back().length - 1)).value;
    root.count = count;
  }
  std::memcpy(inode.map_root, &root, sizeof root);
  inode.blocks = count;
  inode.size = std::min<std::uint64_t>(inode.size, count * format::payload_size(layout.block_size));
}

/// A directory's node is sealed for the place where it stands.
Result<> copy_block(VolumeFacts& volume, BlockNo from, BlockNo to) {
  Block bytes = TRY(volume.disk.read_raw(from));
  const bool is_node = volume.disk.read(from, BlockKind::kDirectory).ok();
  return is_node ? volume.disk.write(to, bytes) : volume.disk.write_raw(to, bytes);
}

/// The pieces with shared blocks replaced by copies, or, where no block is free for one, by holes.
Result<std::vector<Extent>> copy_shared(VolumeFacts& volume, const std::set<std::uint64_t>& shared,
                                        const std::vector<Extent>& extents) {
  std::vector<Extent> out;
  for (const Extent& extent : extents) {
    for (std::uint64_t i = 0; i < extent.length; ++i) {
      Extent one{extent.at + i, extent.block + i, 1, extent.unwritten};
      if (shared.contains(one.block.value)) {
        const auto free = volume.take_block();
        if (!free.ok()) continue;
        TRY(copy_block(volume, one.block, *free));
        one.block = *free;
      }
      append(out, one);
    }
  }
  return out;
}

/// A linked file is cut before the first block that is not its own.
std::vector<Extent> before_shared(const std::set<std::uint64_t>& shared,
                                  const std::vector<Extent>& extents) {
  std::vector<Extent> own;
  for (const Extent& extent : extents) {
    const auto at = shared.lower_bound(extent.block.value);
    if (at != shared.end() && *at < (extent.block + extent.length).value) {
      Extent part = extent;
      part.length = *at - extent.block.value;
      if (part.length != 0) own.push_back(part);
      break;
    }
    own.push_back(extent);
  }
  return own;
}

/// A full volume may have no blocks for new nodes: then the file is cut to what the root holds.
Result<> write_map_anyhow(VolumeFacts& volume, MapRewrite& rewrite, format::Inode& inode,
                          std::vector<Extent> extents) {
  const auto written = replace_extent_map(volume, rewrite.inode, inode, extents, rewrite.own_nodes);
  if (written.code() != ENOSPC) return written;
  extents.resize(format::kRootExtents);
  return write_extent_map(volume, rewrite.inode, inode, extents);
}

Result<> rewrite_map(VolumeFacts& volume, MapRewrite& rewrite) {
  format::Inode inode = TRY(volume.disk.read_inode(rewrite.inode));
  MapPieces pieces = read_map(volume, rewrite.inode, inode);
  if (static_cast<MapKind>(inode.map_kind) == MapKind::kLinked) {
    cut_linked(volume.layout, inode, before_shared(rewrite.shared, pieces.extents));
  } else {
    auto extents = TRY(copy_shared(volume, rewrite.shared, pieces.extents));
    TRY(write_map_anyhow(volume, rewrite, inode, std::move(extents)));
  }
  inode.blocks += rewrite.xattr_blocks;
  return volume.disk.write_inode(rewrite.inode, inode);
}

}  // namespace

Result<> free_file(VolumeFacts& volume, InodeNo number) {
  const format::Inode inode = TRY(volume.disk.read_inode(number));
  const MapPieces pieces = read_map(volume, number, inode);
  const bool is_fat = static_cast<MapKind>(inode.map_kind) == MapKind::kFat;
  for (const auto& [block, kind] : pieces.nodes) volume.used.remove(block);
  for (const Extent& extent : pieces.extents) {
    for (std::uint64_t i = 0; i < extent.length; ++i) {
      volume.used.remove(extent.block + i);
      if (is_fat) volume.in_fat.remove(extent.block + i);
    }
  }
  if (inode.xattr_block != 0) {
    for (const BlockNo block : TRY(check_xattrs(volume, number, BlockNo{inode.xattr_block}))) {
      volume.used.remove(block);
    }
  }
  return volume.disk.clear_inode(number, inode);
}

// The old maps' own blocks stay marked as used until all maps are written: so nothing that is still
// wanted is overwritten.
Result<> rewrite_maps(VolumeFacts& volume) {
  for (MapRewrite& rewrite : volume.rewrites) TRY(rewrite_map(volume, rewrite));
  for (const MapRewrite& rewrite : volume.rewrites) volume.release(rewrite.own_nodes);
  return {};
}

}  // namespace spindle::fsck
