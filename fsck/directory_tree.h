// A directory's tree, read and built independently of the file system's own code.
#pragma once

#include <string>
#include <vector>

#include "fsck/volume_facts.h"

namespace spindle::fsck {

struct Name {
  std::string name;
  InodeNo inode;
  std::uint8_t type = 0;  ///< mode >> 12
  std::uint64_t key = 0;
};

struct DirectoryTree {
  std::vector<Name> names;        ///< in the order of keys, as far as they could be read
  std::vector<BlockNo> blocks;    ///< the blocks of the directory's file, in order
  std::uint64_t node_blocks = 0;  ///< as many as the tree and its free list account for
  std::optional<Error> damage;    ///< the tree is not as the format says
};

/// Reads the tree. If it is damaged, `names` are those of all leaves among the directory's blocks
/// that are whole.
Result<DirectoryTree> read_directory_tree(VolumeFacts& volume, InodeNo number,
                                          const format::Inode& inode);

/// Writes a new tree of these names into the directory's blocks (more are taken if need be), and
/// its inode. ENOSPC if there are not enough; then nothing has changed.
Result<> write_directory_tree(VolumeFacts& volume, InodeNo number, const DirectoryTree& old,
                              std::vector<Name> names);

}  // namespace spindle::fsck
