// How a key was reached in a directory's tree: the nodes from the root to the leaf.
//
// Made by Directory::descend. A path is good until the tree is changed.
#pragma once

#include <array>

#include "fs/directory.h"
#include "fs/directory_node.h"

namespace spindle {

inline constexpr unsigned kFileTypeShift = 12;  ///< from a DirectoryEntry's type to S_IFMT

inline const FileMap& map_of_directories() {
  static const FileMap* const map = file_map(format::MapKind::kExtent);
  return *map;
}

/// A node that a descent went through.
struct Directory::Step {
  FileBlock at;
  BlockNo block;
  unsigned level = 0;
  unsigned count = 0;  ///< how many slots it has
  unsigned slot = 0;   ///< where the descent went on; in the leaf the first slot not below the key
};

struct Directory::Path {
  std::array<Step, format::kMaxDirectoryLevels> steps;  ///< the root first
  unsigned depth = 0;                                   ///< how many steps are in use
  std::uint64_t last_key = format::kMaxKey;             ///< the last key that can stand in the leaf
  BlockView view;                                       ///< of the leaf

  [[nodiscard]] Step& leaf() { return steps[depth - 1]; }
  [[nodiscard]] const Step& leaf() const { return steps[depth - 1]; }
  [[nodiscard]] const Step& root() const { return steps[0]; }
  /// The leaf; it was checked when it was reached.
  [[nodiscard]] DirectoryNode node() const {
    return DirectoryNode::of_checked(view.bytes, leaf().block);
  }
};

/// A node that was taken for the tree, empty.
struct Directory::NewNode {
  FileBlock at;
  NodeEditor editor;
};

/// What a full node was cut into: both are in the transaction, the branch above is not told yet.
struct Directory::Halves {
  NewNode left;
  NewNode right;
};

}  // namespace spindle
