// The extent tree of one file: a B+ tree of runs whose root stands in the inode.
//
// `seek` goes from the root to the last extent at or before a file block, and remembers the way;
// the changing calls work on such a path, and a path is good until the next change. In each inner
// entry `file_block` is a lower bound of the keys below it. Every node is checked as far as it is
// used: the level must be one less than its parent's, the count must fit, an extent must lie in the
// volume's data and before the extent that follows it; so any bytes give an answer or EUCLEAN.
//
// A node that overflows is split in two; one that overflows at its end, as when a file is written
// in order, keeps all entries but the last. A node that becomes empty is freed; one that becomes
// sparse joins a neighbour below the same parent where both are half a node at most, so that it is
// not split again soon; and a root with one child of few entries takes them over.
#pragma once

#include <array>

#include "spindle/alloc/file_map.h"

namespace spindle {

/// One past the last file block that a file may have: 2^34 blocks are 16 TiB of 1 KiB blocks.
inline constexpr FileBlock kExtentFileEnd{std::uint64_t{1} << 34};

struct ExtentPath {
  struct Step {
    BlockNo block;  ///< kNoBlock: the root
    std::uint32_t index = 0;
    std::uint32_t count = 0;
  };
  std::array<Step, format::kMaxExtentLevels + 1> steps;  ///< from the root to the leaf
  unsigned depth = 0;
  bool found = false;           ///< `entry` starts at the place sought, or before
  format::ExtentEntry entry{};  ///< a copy of the leaf's entry at `index`
  FileBlock limit;              ///< the least key beyond the place sought, or kExtentFileEnd

  [[nodiscard]] const Step& leaf() const { return steps[depth - 1]; }
  [[nodiscard]] Step& leaf() { return steps[depth - 1]; }
  /// Whether the entry holds this place.
  [[nodiscard]] bool covers(FileBlock at) const {
    return found && at.value < entry.file_block + std::uint64_t{entry.length};
  }
};

/// The way to the last extent at or before `at`.
Result<ExtentPath> seek_extent(BlockReader& reader, const format::Layout& layout,
                               std::span<const std::byte> root, FileBlock at);

/// Levels below the root that a tree can need on this volume.
unsigned max_extent_levels(const format::Layout& layout);

/// Visits all extents and nodes of a tree, which may hold any bytes.
Result<> walk_extents(const FileMap::WalkContext& context, std::span<const std::byte> root,
                      const MapVisitor& visitor);

/// Changes the tree of `file` in a transaction.
class ExtentEditor {
 public:
  /// A change that gives blocks back may take nodes from the blocks kept back for that.
  enum class Change : std::uint8_t { kTakes, kFrees };
  explicit ExtentEditor(const MapEdit& edit, Change change = Change::kTakes)
      : edit_(edit), change_(change) {}

  Result<ExtentPath> seek(FileBlock at) {
    return seek_extent(edit_.tx, edit_.space.layout(), edit_.file.root, at);
  }
  /// Adds an extent to a hole, joined to its neighbours in the leaf if they go on.
  Result<> add(const format::ExtentEntry& extent);
  /// Replaces the path's entry by another, which lies inside of it.
  Result<> update(const ExtentPath& path, const format::ExtentEntry& entry);
  /// Splits nodes so that the leaf to which the path then leads takes `room` more entries. ENOSPC
  /// leaves a good tree.
  Result<> make_room(ExtentPath& path, FileBlock key, std::uint32_t room);
  /// Takes the path's entry out.
  Result<> erase(ExtentPath path);
  /// Joins nodes on the way to `at` that have become sparse to their neighbours. The last change of
  /// a transaction: what it edits and frees then adds up to two nodes a level.
  Result<> merge_sparse(FileBlock at);

 private:
  Result<std::span<std::byte>> edit_node(BlockNo block);
  Result<BlockNo> create_node(std::uint16_t level, std::span<const format::ExtentEntry> entries);
  Result<> free_node(BlockNo block);
  Result<bool> join(const ExtentPath& path, const format::ExtentEntry& extent);
  Result<> insert(ExtentPath path, const format::ExtentEntry& entry);
  Result<> grow_root(const ExtentPath& path);
  Result<> split(const ExtentPath& path, unsigned at, FileBlock key);
  Result<> lower_keys(const ExtentPath& path, FileBlock key);
  Result<> merge_with_neighbour(ExtentPath& path, unsigned at);
  Result<std::span<const std::byte>> read_child(const ExtentPath& path, unsigned at,
                                                std::uint32_t index, BlockView& view);
  Result<> collapse_root();
  [[nodiscard]] std::uint32_t capacity(BlockNo block) const;

  MapEdit edit_;
  Change change_;
};

}  // namespace spindle
