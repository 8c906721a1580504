// Giving a file a new map: from the pieces of the old one that can be read.
//
// Whatever strategy the file had, the repaired map is one of extents, except for linked files:
// their blocks carry headers, and they are cut where the chain breaks. Blocks that somebody else
// owns are copied to free ones.
#pragma once

#include <vector>

#include "fsck/volume_facts.h"

namespace spindle::fsck {

/// What could be read of a file's map, in file order.
struct MapPieces {
  std::vector<Extent> extents;
  std::vector<std::pair<BlockNo, format::BlockKind>> nodes;
  std::optional<Error> damage;  ///< why the walk ended early, if it did
};

/// Walks the map of the inode. Pieces with impossible blocks are left out, and end the walk.
MapPieces read_map(VolumeFacts& volume, InodeNo number, const format::Inode& inode);

/// Makes `inode` map exactly these pieces, and writes the new map's own blocks. All blocks of
/// `extents` must be in volume.used. ENOSPC if there are no blocks for it; then nothing has
/// changed.
Result<> write_extent_map(VolumeFacts& volume, InodeNo number, format::Inode& inode,
                          const std::vector<Extent>& extents);

/// The same, but if no other blocks are free it uses the old map's own blocks, `old_nodes`, which
/// is empty afterwards. ENOSPC if these do not suffice either; then nothing has changed.
Result<> replace_extent_map(VolumeFacts& volume, InodeNo number, format::Inode& inode,
                            const std::vector<Extent>& extents, std::vector<BlockNo>& old_nodes);

/// Clears the inode, and takes its blocks out of volume.used.
Result<> free_file(VolumeFacts& volume, InodeNo number);

}  // namespace spindle::fsck
