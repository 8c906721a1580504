// A node of an extent tree as bytes: the root in the inode, or the payload of a block.
//
// Both begin with an ExtentHead; the entries follow. Callers name a node by its block, kNoBlock for
// the root.
#pragma once

#include "spindle/format/layout.h"
#include "spindle/format/map.h"
#include "spindle/journal/transaction.h"

namespace spindle {

constexpr std::size_t entry_offset(std::uint32_t index) {
  return sizeof(format::ExtentHead) + index * sizeof(format::ExtentEntry);
}
inline format::ExtentHead& node_head(std::span<std::byte> node) {
  return format::at<format::ExtentHead>(node, 0);
}
inline const format::ExtentHead& node_head(std::span<const std::byte> node) {
  return format::at<format::ExtentHead>(node, 0);
}
inline format::ExtentEntry& node_entry(std::span<std::byte> node, std::uint32_t index) {
  return format::at<format::ExtentEntry>(node, entry_offset(index));
}
inline const format::ExtentEntry& node_entry(std::span<const std::byte> node, std::uint32_t index) {
  return format::at<format::ExtentEntry>(node, entry_offset(index));
}

inline std::uint32_t node_capacity(const format::Layout& layout, BlockNo block) {
  return static_cast<std::uint32_t>(block ? format::extents_per_node(layout.block_size)
                                          : format::kRootExtents);
}

/// The node's block; an empty view for the root.
inline Result<BlockView> read_node_block(BlockReader& reader, BlockNo block) {
  if (!block) return BlockView{};
  return reader.read(block, format::BlockKind::kExtentNode);
}
inline std::span<const std::byte> node_bytes(const BlockView& view, BlockNo block,
                                             std::span<const std::byte> root) {
  return block ? view.bytes.subspan(format::kHeaderSize) : root;
}

}  // namespace spindle
