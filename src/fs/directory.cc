#include "fs/directory.h"

#include <sys/stat.h>

#include <algorithm>

#include "fs/directory_path.h"

namespace spindle {

using format::BlockKind;
using format::kKeyDistinctions;

namespace {

LeafEntry leaf_entry(std::string_view name, InodeNo inode, std::uint32_t type) {
  return {inode, static_cast<std::uint8_t>((type & S_IFMT) >> kFileTypeShift), name};
}

}  // namespace

std::size_t Directory::log_bytes(const format::Layout& layout) {
  // The most is the split of a leaf (the leaf, the new one, the branch above, the root's list), or
  // of a root (the root and two new nodes, for which the map has room in the same nodes): four
  // blocks.
  return 4 * log_cost::block(layout.block_size) + map_of_directories().log_bytes_per_call(layout) +
         2 * log_cost::kAllocate + format::kMaxDirectoryLevels * log_cost::kRecord;
}

Result<BlockNo> Directory::find_block(BlockReader& reader, FileBlock at) const {
  if (at.value >= file_.size / file_.space.layout().block_size) {
    return corrupt("a directory's tree leads beyond its end", Subject::inode(file_.inode));
  }
  const Extent extent = TRY(map_of_directories().find(reader, file_.space, file_.map, at, 1));
  if (extent.is_hole() || extent.unwritten) {
    return corrupt("a block of the directory is missing", Subject::inode(file_.inode));
  }
  return extent.block;
}

Result<Directory::Path> Directory::descend(BlockReader& reader, std::uint64_t key) const {
  Path path;
  std::uint64_t lower = 0;
  FileBlock at{0};
  while (true) {
    const BlockNo block = TRY(find_block(reader, at));
    path.view = TRY(reader.read(block, BlockKind::kDirectory));
    const DirectoryNode node = TRY(DirectoryNode::check(path.view.bytes, file_.inode, block));
    if (path.depth != 0 && node.level() + 1 != path.leaf().level) {
      return corrupt("a directory node has the wrong level", Subject::block(block));
    }
    Step& step = path.steps[path.depth++];
    step = {at, block, node.level(), node.count(), 0};
    if (node.is_leaf()) {
      if (node.key(0) < lower || node.key(node.count() - 1) > path.last_key) {
        return corrupt("a directory leaf holds keys of another", Subject::block(block));
      }
      step.slot = node.lower_bound(key);
      return path;
    }
    step.slot = node.child_slot(key);
    if (step.slot != 0) lower = std::max(lower, node.key(step.slot));
    if (step.slot + 1 < node.count()) {
      path.last_key = std::min(path.last_key, node.key(step.slot + 1) - 1);
    }
    at = node.child(step.slot);
  }
}

// Leads `path` to the name, if it is there; otherwise to where a new name of its hash would stand,
// with the key that it would get (beyond the hash's keys if all are taken).
Result<bool> Directory::find_name(BlockReader& reader, std::string_view name, Path& path,
                                  std::uint64_t& free_key) const {
  const std::uint64_t first = file_.key_of(name, file_.hash_seed);
  const std::uint64_t last = first + (kKeyDistinctions - 1);
  free_key = first;
  path = TRY(descend(reader, first));
  bool went_on = false;
  while (true) {
    const DirectoryNode node = path.node();
    for (unsigned& slot = path.leaf().slot; slot < node.count(); ++slot) {
      const std::uint64_t key = node.key(slot);
      if (key > last) break;
      went_on = true;
      if (TRY(node.entry(slot)).name == name) return true;
      if (key == free_key) ++free_key;
    }
    if (path.last_key >= last) break;
    path = TRY(descend(reader, path.last_key + 1));
    went_on = true;
  }
  if (went_on && free_key <= last) path = TRY(descend(reader, free_key));
  return false;
}

Result<std::optional<DirectoryEntry>> Directory::lookup(BlockReader& reader,
                                                        std::string_view name) const {
  if (is_empty()) return std::optional<DirectoryEntry>{};
  Path path;
  std::uint64_t free_key = 0;
  if (!TRY(find_name(reader, name, path, free_key))) return std::optional<DirectoryEntry>{};
  const LeafEntry entry = TRY(path.node().entry(path.leaf().slot));
  return std::optional(DirectoryEntry{entry.inode, std::uint32_t{entry.type} << kFileTypeShift});
}

Result<> Directory::insert(Transaction& tx, std::string_view name, InodeNo inode,
                           std::uint32_t type) {
  CHECK(!name.empty() && name.size() <= kMaxNameLength);
  const LeafEntry entry = leaf_entry(name, inode, type);
  if (is_empty()) return plant(tx, file_.key_of(name, file_.hash_seed), entry);
  Path path;
  std::uint64_t key = 0;
  if (TRY(find_name(tx, name, path, key))) return Error{EEXIST, "the name is taken"};
  if (key % kKeyDistinctions == 0 && key != file_.key_of(name, file_.hash_seed)) {
    return Error{ENOSPC, "too many names of the directory have one hash"};
  }
  if (!path.node().has_room(entry.bytes())) return split_leaf(tx, path, key, entry);
  NodeEditor leaf(TRY(tx.edit_block(path.leaf().block, BlockKind::kDirectory)));
  return leaf.insert_entry(path.leaf().slot, key, entry);
}

Result<> Directory::replace(Transaction& tx, std::string_view name, InodeNo inode,
                            std::uint32_t type) {
  Path path;
  std::uint64_t free_key = 0;
  if (is_empty() || !TRY(find_name(tx, name, path, free_key))) {
    return Error{ENOENT, "there is no such name"};
  }
  const NodeEditor leaf(TRY(tx.edit_block(path.leaf().block, BlockKind::kDirectory)));
  format::DirectoryEntry& entry = leaf.entry(path.leaf().slot);
  entry.inode = inode.value;
  entry.type = leaf_entry(name, inode, type).type;
  return {};
}

Result<> Directory::remove(Transaction& tx, std::string_view name) {
  Path path;
  std::uint64_t free_key = 0;
  if (is_empty() || !TRY(find_name(tx, name, path, free_key))) {
    return Error{ENOENT, "there is no such name"};
  }
  if (path.leaf().count == 1) return unlink_leaf(tx, path);
  NodeEditor leaf(TRY(tx.edit_block(path.leaf().block, BlockKind::kDirectory)));
  return leaf.erase(path.leaf().slot);
}

}  // namespace spindle
