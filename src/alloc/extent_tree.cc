#include "extent_tree.h"

#include <algorithm>
#include <limits>
#include <vector>

#include "extent_node.h"

namespace spindle {
namespace {

using format::BlockKind;
using format::ExtentEntry;
using format::ExtentHead;

/// Whether `next` goes on where `extent` ends, in the file and on the disk.
bool continues(const ExtentEntry& extent, const ExtentEntry& next) {
  const std::uint64_t length = std::uint64_t{extent.length} + next.length;
  return extent.file_block + std::uint64_t{extent.length} == next.file_block &&
         extent.block + std::uint64_t{extent.length} == next.block && extent.flags == next.flags &&
         length <= std::numeric_limits<std::uint32_t>::max();
}

/// The sum of two extents, the first of which is continued by the second.
ExtentEntry joined(const ExtentEntry& extent, const ExtentEntry& next) {
  ExtentEntry sum = extent;
  sum.length = extent.length + next.length;
  return sum;
}

void insert_entry(std::span<std::byte> node, std::uint32_t index, const ExtentEntry& entry) {
  ExtentHead& head = node_head(node);
  std::byte* const place = node.data() + entry_offset(index);
  std::memmove(place + sizeof(ExtentEntry), place, (head.count - index) * sizeof(ExtentEntry));
  std::memcpy(place, &entry, sizeof entry);
  head.count = static_cast<std::uint16_t>(head.count + 1);
}

void erase_entry(std::span<std::byte> node, std::uint32_t index) {
  ExtentHead& head = node_head(node);
  std::byte* const place = node.data() + entry_offset(index);
  const std::uint32_t after = head.count - index - 1u;
  std::memmove(place, place + sizeof(ExtentEntry), after * sizeof(ExtentEntry));
  std::memset(place + after * sizeof(ExtentEntry), 0, sizeof(ExtentEntry));
  head.count = static_cast<std::uint16_t>(head.count - 1);
}

}  // namespace

unsigned max_extent_levels(const format::Layout& layout) {
  const std::uint64_t per_node =
      std::max<std::uint64_t>(2, format::extents_per_node(layout.block_size) / 2);
  std::uint64_t extents = format::kRootExtents;
  unsigned levels = 0;
  for (; extents < layout.block_count && levels < format::kMaxExtentLevels; ++levels) {
    extents *= per_node;
  }
  return levels;
}

std::uint32_t ExtentEditor::capacity(BlockNo block) const {
  return node_capacity(edit_.space.layout(), block);
}

Result<std::span<std::byte>> ExtentEditor::edit_node(BlockNo block) {
  if (!block) return edit_.file.root;
  return TRY(edit_.tx.edit_block(block, BlockKind::kExtentNode)).subspan(format::kHeaderSize);
}

Result<BlockNo> ExtentEditor::create_node(std::uint16_t level,
                                          std::span<const ExtentEntry> entries) {
  const BlockNo hint = edit_.space.hint_for(edit_.file.inode);
  const Run run = change_ == Change::kFrees
                      ? TRY(edit_.space.allocate_to_free(edit_.tx, hint))
                      : TRY(edit_.space.allocate(edit_.tx, {.want = 1, .hint = hint}));
  const std::span<std::byte> node =
      TRY(edit_.tx.create_block(run.start, BlockKind::kExtentNode, edit_.file.inode))
          .subspan(format::kHeaderSize);
  node_head(node).level = level;
  node_head(node).count = static_cast<std::uint16_t>(entries.size());
  std::memcpy(node.data() + entry_offset(0), entries.data(), entries.size_bytes());
  auto& root = format::at<format::ExtentRoot>(edit_.file.root, 0);
  root.node_count += 1;
  edit_.file.blocks += 1;
  return run.start;
}

Result<> ExtentEditor::free_node(BlockNo block) {
  TRY(edit_.space.free(edit_.tx, {block, 1}));
  auto& root = format::at<format::ExtentRoot>(edit_.file.root, 0);
  if (root.node_count == 0 || edit_.file.blocks == 0) {
    return corrupt("the count of extent nodes is wrong", Subject::inode(edit_.file.inode));
  }
  root.node_count -= 1;
  edit_.file.blocks -= 1;
  return {};
}

// Lowers the keys on the way to the path's first entry to `key` at most.
Result<> ExtentEditor::lower_keys(const ExtentPath& path, FileBlock key) {
  for (unsigned i = 0; i + 1 < path.depth; ++i) {
    const auto& step = path.steps[i];
    const BlockView view = TRY(read_node_block(edit_.tx, step.block));
    const auto node = node_bytes(view, step.block, edit_.file.root);
    if (node_entry(node, step.index).file_block <= key.value) continue;
    node_entry(TRY(edit_node(step.block)), step.index).file_block = key.value;
  }
  return {};
}

Result<> ExtentEditor::update(const ExtentPath& path, const ExtentEntry& entry) {
  node_entry(TRY(edit_node(path.leaf().block)), path.leaf().index) = entry;
  return {};
}

// Joins the extent to those before and after it in the leaf; false if neither goes on.
Result<bool> ExtentEditor::join(const ExtentPath& path, const ExtentEntry& extent) {
  const auto& leaf = path.leaf();
  const std::uint32_t next_index = path.found ? leaf.index + 1 : 0;
  const BlockView view = TRY(read_node_block(edit_.tx, leaf.block));
  const auto node = node_bytes(view, leaf.block, edit_.file.root);
  const bool before = path.found && continues(path.entry, extent);
  const bool after = next_index < leaf.count && continues(extent, node_entry(node, next_index));
  if (!before && !after) return false;
  const ExtentEntry next = after ? node_entry(node, next_index) : ExtentEntry{};
  const std::span<std::byte> edited = TRY(edit_node(leaf.block));
  if (!before) {
    node_entry(edited, next_index) = joined(extent, next);
    TRY(lower_keys(path, FileBlock{extent.file_block}));
    return true;
  }
  const ExtentEntry sum = joined(path.entry, extent);
  if (after && continues(sum, next)) {
    node_entry(edited, leaf.index) = joined(sum, next);
    erase_entry(edited, next_index);
  } else {
    node_entry(edited, leaf.index) = sum;
  }
  return true;
}

Result<> ExtentEditor::add(const ExtentEntry& extent) {
  const ExtentPath path = TRY(seek(FileBlock{extent.file_block}));
  if (path.covers(FileBlock{extent.file_block}) ||
      path.limit.value < extent.file_block + std::uint64_t{extent.length}) {
    return corrupt("extents would overlap", Subject::inode(edit_.file.inode));
  }
  if (TRY(join(path, extent))) return {};
  return insert(path, extent);
}

Result<> ExtentEditor::insert(ExtentPath path, const ExtentEntry& entry) {
  TRY(make_room(path, FileBlock{entry.file_block}, 1));
  const auto& leaf = path.leaf();
  insert_entry(TRY(edit_node(leaf.block)), path.found ? leaf.index + 1 : 0, entry);
  return lower_keys(path, FileBlock{entry.file_block});
}

Result<> ExtentEditor::make_room(ExtentPath& path, FileBlock key, std::uint32_t room) {
  const auto is_short = [&](unsigned depth) {
    const auto& step = path.steps[depth - 1];
    const std::uint32_t needed = depth == path.depth ? room : 1;
    return step.count + needed > capacity(step.block);
  };
  // Each round makes room one level further down, or adds a level.
  for (unsigned round = 0; round <= 2 * format::kMaxExtentLevels; ++round) {
    unsigned full = path.depth;  // the topmost of the full nodes that end with the leaf
    while (full > 0 && is_short(full)) --full;
    if (full == path.depth) return {};
    TRY(full == 0 ? grow_root(path) : split(path, full, key));
    path = TRY(seek(key));
  }
  return corrupt("the extent tree is too deep", Subject::inode(edit_.file.inode));
}

// The root's entries move to a new node, the root's only child.
Result<> ExtentEditor::grow_root(const ExtentPath& path) {
  if (path.depth > format::kMaxExtentLevels) {
    return Error{EFBIG, "the extent tree is too deep", Subject::inode(edit_.file.inode)};
  }
  auto& root = format::at<format::ExtentRoot>(edit_.file.root, 0);
  const std::uint16_t level = root.head.level;
  const BlockNo child = TRY(create_node(level, std::span(root.entries, root.head.count)));
  root.head.level = static_cast<std::uint16_t>(level + 1);
  root.head.count = 1;
  root.entries[1] = ExtentEntry{};
  root.entries[0].block = child.value;
  root.entries[0].length = 0;
  root.entries[0].flags = 0;
  return {};
}

// Splits the full node of step `at`, whose parent has room; `key` is to go into it or below it.
Result<> ExtentEditor::split(const ExtentPath& path, unsigned at, FileBlock key) {
  const auto& step = path.steps[at];
  const std::span<std::byte> node = TRY(edit_node(step.block));
  const std::uint32_t count = node_head(node).count;
  if (count < 2) return corrupt("an extent node is too small", Subject::block(step.block));
  const bool at_end = node_entry(node, count - 1).file_block <= key.value;
  const std::uint32_t keep = at_end ? count - 1 : count / 2;
  std::vector<ExtentEntry> moved;
  for (std::uint32_t i = keep; i < count; ++i) moved.push_back(node_entry(node, i));
  // The new node comes first: if there is no block for it, nothing has changed.
  const BlockNo sibling = TRY(create_node(node_head(node).level, moved));
  for (std::uint32_t i = count; i > keep; --i) erase_entry(node, i - 1);
  ExtentEntry pointer{};
  pointer.file_block = moved.front().file_block;
  pointer.block = sibling.value;
  const auto& parent = path.steps[at - 1];
  insert_entry(TRY(edit_node(parent.block)), parent.index + 1, pointer);
  return {};
}

Result<> ExtentEditor::erase(ExtentPath path) {
  for (unsigned i = path.depth; i > 0; --i) {
    const auto& step = path.steps[i - 1];
    if (step.count > 1 || i == 1) {
      erase_entry(TRY(edit_node(step.block)), step.index);
      break;
    }
    TRY(free_node(step.block));
  }
  return collapse_root();
}

Result<> ExtentEditor::merge_sparse(FileBlock at) {
  ExtentPath path = TRY(seek(at));
  for (unsigned i = path.depth; i-- > 1;) TRY(merge_with_neighbour(path, i));
  return collapse_root();
}

// The child that entry `index` of step `at` leads to, checked as `seek` does.
Result<std::span<const std::byte>> ExtentEditor::read_child(const ExtentPath& path, unsigned at,
                                                            std::uint32_t index, BlockView& view) {
  const BlockNo parent = path.steps[at].block;
  const BlockView above = TRY(read_node_block(edit_.tx, parent));
  const auto node = node_bytes(above, parent, edit_.file.root);
  const BlockNo child{node_entry(node, index).block};
  if (!edit_.space.layout().is_data(child)) {
    return corrupt("an extent node is misplaced", Subject::inode(edit_.file.inode));
  }
  view = TRY(read_node_block(edit_.tx, child));
  const auto bytes = node_bytes(view, child, edit_.file.root);
  const ExtentHead& head = node_head(bytes);
  if (head.count == 0 || head.count > capacity(child) || head.level + 1 != node_head(node).level) {
    return corrupt("an extent node is out of order", Subject::block(child));
  }
  return bytes;
}

// If the node of step `at` is sparse, joins it with the one before or after it, provided that the
// result is no more than half full.
Result<> ExtentEditor::merge_with_neighbour(ExtentPath& path, unsigned at) {
  const std::uint32_t most = capacity(path.steps[at].block) / 2;
  auto& parent = path.steps[at - 1];
  if (path.steps[at].count > most / 2) return {};
  for (std::uint32_t right = parent.index; right <= parent.index + 1; ++right) {
    if (right == 0 || right >= parent.count) continue;
    BlockView view;
    const std::uint32_t count = node_head(TRY(read_child(path, at - 1, right - 1, view))).count;
    const std::span<const std::byte> from = TRY(read_child(path, at - 1, right, view));
    if (count + node_head(from).count > most) continue;
    std::vector<ExtentEntry> moved;
    for (std::uint32_t i = 0; i < node_head(from).count; ++i) moved.push_back(node_entry(from, i));
    const std::span<std::byte> above = TRY(edit_node(parent.block));
    const std::span<std::byte> into = TRY(edit_node(BlockNo{node_entry(above, right - 1).block}));
    for (const ExtentEntry& entry : moved) insert_entry(into, node_head(into).count, entry);
    TRY(free_node(BlockNo{node_entry(above, right).block}));
    erase_entry(above, right);
    parent.count -= 1;
    return {};
  }
  return {};
}

Result<> ExtentEditor::collapse_root() {
  auto& root = format::at<format::ExtentRoot>(edit_.file.root, 0);
  while (root.head.level != 0 && root.head.count <= 1) {
    if (root.head.count == 0) {
      root.head.level = 0;
      break;
    }
    const BlockNo child{root.entries[0].block};
    const BlockView view = TRY(read_node_block(edit_.tx, child));
    const auto node = node_bytes(view, child, edit_.file.root);
    const ExtentHead head = node_head(node);
    if (head.level + 1 != root.head.level) {
      return corrupt("the levels of the extent tree do not descend", Subject::block(child));
    }
    if (head.count > format::kRootExtents) break;
    for (std::uint32_t i = 0; i < format::kRootExtents; ++i) {
      root.entries[i] = i < head.count ? node_entry(node, i) : ExtentEntry{};
    }
    root.head = head;
    TRY(free_node(child));
  }
  return {};
}

}  // namespace spindle
