// Reading extent trees: seek, and walk.

#include <vector>

#include "extent_node.h"
#include "extent_tree.h"

namespace spindle {
namespace {

using format::ExtentEntry;
using format::ExtentHead;

/// What is true of a node's place, for the check of what it holds.
struct Bounds {
  FileBlock least;
  FileBlock end = kExtentFileEnd;
};

Subject subject_of(BlockNo block) {
  return block ? Subject::block(block) : Subject{};
}

Result<> check_head(const format::Layout& layout, BlockNo block, const ExtentHead& head) {
  if (head.count > node_capacity(layout, block)) {
    return corrupt("an extent node holds more than it can", subject_of(block));
  }
  if (head.count == 0 && (block || head.level != 0)) {
    return corrupt("an extent node is empty", subject_of(block));
  }
  if (head.level > format::kMaxExtentLevels) {
    return corrupt("an extent tree is too deep", subject_of(block));
  }
  return {};
}

Result<> check_extent(const format::Layout& layout, BlockNo node, const ExtentEntry& entry,
                      Bounds bounds) {
  if (entry.length == 0 || (entry.flags & ~format::kUnwritten) != 0 ||
      entry.file_block < bounds.least.value || entry.file_block >= bounds.end.value ||
      entry.length > bounds.end.value - entry.file_block) {
    return corrupt("an extent is out of order", subject_of(node));
  }
  if (!layout.is_data(Run{BlockNo{entry.block}, entry.length})) {
    return corrupt("an extent lies outside of the data blocks", subject_of(node));
  }
  return {};
}

/// How many entries start at `at` or before.
std::uint32_t entries_up_to(std::span<const std::byte> node, FileBlock at) {
  std::uint32_t low = 0;
  std::uint32_t high = node_head(node).count;
  while (low < high) {
    const std::uint32_t middle = (low + high) / 2;
    if (node_entry(node, middle).file_block <= at.value) {
      low = middle + 1;
    } else {
      high = middle;
    }
  }
  return low;
}

/// The block below an inner node's entry.
Result<BlockNo> child_of(const format::Layout& layout, BlockNo node, const ExtentEntry& entry) {
  const BlockNo child{entry.block};
  if (!layout.is_data(child)) return corrupt("an extent node is misplaced", subject_of(node));
  return child;
}

}  // namespace

Result<ExtentPath> seek_extent(BlockReader& reader, const format::Layout& layout,
                               std::span<const std::byte> root, FileBlock at) {
  ExtentPath path;
  path.limit = kExtentFileEnd;
  FileBlock least;
  BlockNo block = kNoBlock;
  std::uint32_t level = node_head(root).level;
  for (;;) {
    const BlockView view = TRY(read_node_block(reader, block));
    const auto node = node_bytes(view, block, root);
    const ExtentHead& head = node_head(node);
    TRY(check_head(layout, block, head));
    if (head.level != level) {
      return corrupt("the levels of the extent tree do not descend", subject_of(block));
    }
    const std::uint32_t up_to = entries_up_to(node, at);
    const std::uint32_t index = up_to == 0 ? 0 : up_to - 1;
    path.steps[path.depth++] = {block, index, head.count};
    if (up_to < head.count) {
      path.limit = std::min(path.limit, FileBlock{node_entry(node, up_to).file_block});
    }
    if (level == 0) {
      path.found = up_to != 0;
      if (head.count == 0) return path;
      path.entry = node_entry(node, index);
      const FileBlock end = path.found ? path.limit : kExtentFileEnd;
      TRY(check_extent(layout, block, path.entry, {least, end}));
      return path;
    }
    if (up_to != 0) least = std::max(least, FileBlock{node_entry(node, index).file_block});
    block = TRY(child_of(layout, block, node_entry(node, index)));
    --level;
  }
}

namespace {

/// A walk in order, with the nodes that are still to be visited on a stack.
class ExtentWalk {
 public:
  ExtentWalk(const FileMap::WalkContext& context, std::span<const std::byte> root,
             const MapVisitor& visitor)
      : context_(context), root_(root), visitor_(visitor) {}

  Result<> run() {
    stack_.push_back({.block = kNoBlock, .level = node_head(root_).level, .bounds = {}});
    while (!stack_.empty()) {
      const Todo todo = stack_.back();
      stack_.pop_back();
      if (++nodes_ > context_.layout.block_count) return corrupt("the extent tree goes on forever");
      TRY(visit(todo));
    }
    return {};
  }

 private:
  struct Todo {
    BlockNo block;
    std::uint32_t level = 0;
    Bounds bounds;
  };

  Result<> visit(const Todo& todo) {
    const BlockView view = TRY(read_node_block(context_.reader, todo.block));
    const auto node = node_bytes(view, todo.block, root_);
    const ExtentHead& head = node_head(node);
    TRY(check_head(context_.layout, todo.block, head));
    if (head.level != todo.level) {
      return corrupt("the levels of the extent tree do not descend", subject_of(todo.block));
    }
    if (todo.block && visitor_.node) TRY(visitor_.node(todo.block, format::BlockKind::kExtentNode));
    return head.level == 0 ? visit_leaf(node, todo) : push_children(node, todo);
  }

  Result<> visit_leaf(std::span<const std::byte> node, const Todo& todo) {
    Bounds bounds = todo.bounds;
    for (std::uint32_t i = 0; i < node_head(node).count; ++i) {
      const ExtentEntry entry = node_entry(node, i);
      TRY(check_extent(context_.layout, todo.block, entry, bounds));
      bounds.least = FileBlock{entry.file_block + entry.length};
      TRY(visitor_.data({.at = FileBlock{entry.file_block},
                         .block = BlockNo{entry.block},
                         .length = entry.length,
                         .unwritten = (entry.flags & format::kUnwritten) != 0}));
    }
    return {};
  }

  Result<> push_children(std::span<const std::byte> node, const Todo& todo) {
    FileBlock end = todo.bounds.end;
    for (std::uint32_t i = node_head(node).count; i-- > 0;) {
      const ExtentEntry& entry = node_entry(node, i);
      const FileBlock key{entry.file_block};
      if (key < todo.bounds.least || key >= end) {
        return corrupt("the keys of an extent node are out of order", subject_of(todo.block));
      }
      stack_.push_back({.block = TRY(child_of(context_.layout, todo.block, entry)),
                        .level = todo.level - 1,
                        .bounds = {key, end}});
      end = key;
    }
    return {};
  }

  const FileMap::WalkContext& context_;
  std::span<const std::byte> root_;
  const MapVisitor& visitor_;
  std::vector<Todo> stack_;
  std::uint64_t nodes_ = 0;
};

}  // namespace

Result<> walk_extents(const FileMap::WalkContext& context, std::span<const std::byte> root,
                      const MapVisitor& visitor) {
  return ExtentWalk(context, root, visitor).run();
}

}  // namespace spindle
