// Whose each block of the sample is, as the format says: by a walk over the inodes of the sample
// before it is damaged.
#pragma once

#include <map>
#include <set>

#include "sample_volume.h"

namespace spindle::test {

struct Ownership {
  std::vector<BlockNo> metadata;  ///< all blocks with a header, in order
  std::vector<BlockNo> links;     ///< all blocks of linked files
  std::vector<NodeId> inodes;     ///< in use
  std::set<NodeId> directories;
  /// Who owns a block that files own: usually one inode.
  std::map<BlockNo, std::set<NodeId>> owners;
  /// Whose chain goes through a block of the FAT.
  std::map<BlockNo, std::set<NodeId>> in_fat;
};

Ownership ownership_of(const Sample& sample);

}  // namespace spindle::test
