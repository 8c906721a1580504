// The owner of each block of the sample, by the rules of the format: found by a walk over the
// sample's inodes before it is damaged.
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
  /// The owners of a block of files: usually one inode.
  std::map<BlockNo, std::set<NodeId>> owners;
  /// The files whose chains go through a block of the FAT.
  std::map<BlockNo, std::set<NodeId>> in_fat;
};

Ownership ownership_of(const Sample& sample);

}  // namespace spindle::test
