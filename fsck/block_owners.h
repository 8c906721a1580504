// BlockOwners: which files have which blocks of a volume, even if two have the same block.
//
//   BlockOwners owners(volume);
//   for (const auto& [blocks, inode] : owners.of(run)) ...
//
// All inodes and their maps are read at the first question, and kept: 24 bytes for each run. What
// cannot be read has no owner.
#pragma once

#include <vector>

#include "fsck/volume_facts.h"

namespace spindle::fsck {

class BlockOwners {
 public:
  struct Owned {
    Run blocks;
    InodeNo inode;
  };

  /// `volume` is read through its disk; its facts need not be known. It must outlive this.
  explicit BlockOwners(VolumeFacts& volume) : volume_(volume) {}

  /// The parts of `run` that files have, and their inodes.
  [[nodiscard]] std::vector<Owned> of(Run run);

 private:
  void read_all();
  void add(InodeNo inode);

  VolumeFacts& volume_;
  bool is_read_ = false;
  std::vector<Owned> owned_;  ///< by first block
  std::uint64_t longest_ = 0;
};

}  // namespace spindle::fsck
