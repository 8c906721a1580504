// How a directory's tree grows and shrinks.
#include "fs/directory_path.h"

namespace spindle {

using format::BlockKind;

Result<BlockNo> Directory::map_block(Transaction& tx, FileBlock at) {
  const FileMap& map = map_of_directories();
  Extent extent = TRY(map.find(tx, file_.space, file_.map, at, 1));
  if (extent.is_hole()) {
    extent = TRY(map.extend({tx, file_.space, file_.map}, at, 1, NewBlocks::kWritten));
  }
  if (extent.unwritten) {
    return corrupt("a directory has unwritten blocks", Subject::inode(file_.inode));
  }
  return extent.block;
}

Result<> Directory::plant(Transaction& tx, std::uint64_t key, const LeafEntry& entry) {
  const BlockNo block = TRY(map_block(tx, FileBlock{0}));
  NodeEditor root(TRY(tx.create_block(block, BlockKind::kDirectory, file_.inode)));
  root.clear(0);
  root.head().next_block = 1;
  file_.size = file_.space.layout().block_size;
  return root.insert_entry(0, key, entry);
}

Result<Directory::NewNode> Directory::new_node(Transaction& tx, const Step& root, unsigned level) {
  const std::uint32_t block_size = file_.space.layout().block_size;
  NodeEditor root_editor(TRY(tx.edit_block(root.block, BlockKind::kDirectory)));
  format::NodeHead& head = root_editor.head();
  FileBlock at{head.free_head};
  BlockNo block;
  if (at.value != 0) {
    block = TRY(find_block(tx, at));
    const BlockView view = TRY(tx.read(block, BlockKind::kDirectory));
    const DirectoryNode node = TRY(DirectoryNode::check_free(view.bytes, file_.inode, block));
    head.free_head = node.head().free_head;
  } else {
    at = FileBlock{head.next_block};
    if (at.value != file_.size / block_size) {
      return corrupt("the size of a directory is not that of its tree", Subject::block(root.block));
    }
    if (at.value == UINT32_MAX) return Error{ENOSPC, "the directory has too many blocks"};
    block = TRY(map_block(tx, at));
    head.next_block += 1;
    file_.size += block_size;
  }
  NodeEditor made(TRY(tx.create_block(block, BlockKind::kDirectory, file_.inode)));
  made.clear(level);
  return NewNode{at, made};
}

// Moves the slots of a node from `left_count` on to a new node at its right. The root stays where
// it is: its other slots go to a new node, too.
Result<Directory::Halves> Directory::halve(Transaction& tx, const Path& path, unsigned depth,
                                           unsigned left_count) {
  const Step& step = path.steps[depth];
  const BlockView view = TRY(tx.read(step.block, BlockKind::kDirectory));
  const DirectoryNode full = DirectoryNode::of_checked(view.bytes, step.block);
  const unsigned count = full.count();
  NewNode right = TRY(new_node(tx, path.root(), step.level));
  TRY(right.editor.append(full, left_count, count - left_count));
  if (depth == 0) {
    NewNode left = TRY(new_node(tx, path.root(), step.level));
    TRY(left.editor.append(full, 0, left_count));
    return Halves{left, right};
  }
  NodeEditor left(TRY(tx.edit_block(step.block, BlockKind::kDirectory)));
  TRY(left.truncate(left_count));
  return Halves{{step.at, left}, right};
}

// Enters the new right half of the node at `depth` in the branch above, or makes the root a
// branch.
Result<> Directory::join(Transaction& tx, const Path& path, unsigned depth, const Halves& halves) {
  const std::uint64_t key = halves.right.editor.slot(0).key;
  const Step& above = path.steps[depth == 0 ? 0 : depth - 1];
  NodeEditor branch(TRY(tx.edit_block(above.block, BlockKind::kDirectory)));
  if (depth == 0) {
    branch.clear(above.level + 1);
    branch.insert_child(0, 0, halves.left.at);
    branch.insert_child(1, key, halves.right.at);
  } else {
    branch.insert_child(above.slot + 1, key, halves.right.at);
  }
  return {};
}

Result<> Directory::split_leaf(Transaction& tx, const Path& path, std::uint64_t key,
                               const LeafEntry& entry) {
  const unsigned depth = path.depth - 1;
  if (depth > 0 &&
      path.steps[depth - 1].count >= format::branch_slots(file_.space.layout().block_size)) {
    return Error{kNeedsRoom, "a branch of the directory must be split first",
                 Subject::inode(file_.inode)};
  }
  const unsigned slot = path.leaf().slot;
  const unsigned cut = TRY(leaf_cut(path.node(), slot, entry.bytes()));
  const bool goes_left = slot < cut;
  Halves halves = TRY(halve(tx, path, depth, goes_left ? cut - 1 : cut));
  if (goes_left) {
    TRY(halves.left.editor.insert_entry(slot, key, entry));
  } else {
    TRY(halves.right.editor.insert_entry(slot - cut, key, entry));
  }
  return join(tx, path, depth, halves);
}

Result<> Directory::make_room(Transaction& tx, std::string_view name) {
  if (is_empty()) return {};
  const Path path = TRY(descend(tx, file_.key_of(name, file_.hash_seed)));
  const auto slots = format::branch_slots(file_.space.layout().block_size);
  unsigned depth = 0;
  while (depth + 1 < path.depth && path.steps[depth].count < slots) ++depth;
  if (depth + 1 == path.depth) return {};
  if (depth == 0 && path.root().level + 1 == format::kMaxDirectoryLevels) {
    return Error{ENOSPC, "the directory's tree has its greatest height",
                 Subject::inode(file_.inode)};
  }
  return join(tx, path, depth, TRY(halve(tx, path, depth, path.steps[depth].count / 2)));
}

Result<> Directory::free_node(Transaction& tx, const Step& root, const Step& node) {
  NodeEditor root_editor(TRY(tx.edit_block(root.block, BlockKind::kDirectory)));
  NodeEditor freed(TRY(tx.edit_block(node.block, BlockKind::kDirectory)));
  freed.clear(0);
  freed.head().free_head = root_editor.head().free_head;
  root_editor.head().free_head = static_cast<std::uint32_t>(node.at.value);
  return {};
}

// Removes a leaf whose last name goes, and the branches that lead to nothing else.
Result<> Directory::unlink_leaf(Transaction& tx, const Path& path) {
  unsigned first_freed = path.depth - 1;
  while (first_freed > 0 && path.steps[first_freed - 1].count == 1) --first_freed;
  if (first_freed == 0) return uproot(tx);
  for (unsigned depth = first_freed; depth < path.depth; ++depth) {
    TRY(free_node(tx, path.root(), path.steps[depth]));
  }
  const Step& keeper = path.steps[first_freed - 1];
  NodeEditor branch(TRY(tx.edit_block(keeper.block, BlockKind::kDirectory)));
  TRY(branch.erase(keeper.slot));
  return first_freed == 1 ? collapse_root(tx, path.root()) : Result<>{};
}

// A root with one child becomes that child.
Result<> Directory::collapse_root(Transaction& tx, const Step& root) {
  NodeEditor editor(TRY(tx.edit_block(root.block, BlockKind::kDirectory)));
  while (editor.head().level != 0 && editor.head().count == 1) {
    Step child;
    child.at = FileBlock{editor.slot(0).value};
    child.block = TRY(find_block(tx, child.at));
    const BlockView view = TRY(tx.read(child.block, BlockKind::kDirectory));
    const DirectoryNode node = TRY(DirectoryNode::check(view.bytes, file_.inode, child.block));
    if (node.level() + 1 != editor.head().level) {
      return corrupt("a directory node has the wrong level", Subject::block(child.block));
    }
    editor.assign(node);
    TRY(free_node(tx, root, child));
  }
  return {};
}

Result<> Directory::uproot(Transaction& tx) {
  file_.size = 0;
  // What one call cannot free stays mapped, and is used again or goes with the directory.
  static_cast<void>(TRY(map_of_directories().shrink({tx, file_.space, file_.map}, FileBlock{0})));
  return {};
}

}  // namespace spindle
