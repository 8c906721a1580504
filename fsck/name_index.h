// NameIndex: which names lead to an inode, on a volume that may be damaged.
//
// Reads all directories once, at the first question, and trusts nothing: what cannot be read is
// left out, and a loop of directories ends. It serves explanations to people, not repairs: beyond
// kMostNames names of a volume the rest is unknown. Changes nothing.
#pragma once

#include <string>
#include <unordered_map>
#include <vector>

#include "fsck/volume_facts.h"

namespace spindle::fsck {

class NameIndex {
 public:
  static constexpr std::size_t kMostNames = 1'000'000;
  static constexpr std::size_t kMostPaths = 8;

  /// Uses only the disk of `volume`, which must outlive the index.
  explicit NameIndex(VolumeFacts& volume) : volume_(volume) {}

  /// Paths of the inode, at most kMostPaths, of printable text; "/" for the root. A path that does
  /// not come down from the root begins with "(inode N)".
  [[nodiscard]] std::vector<std::string> paths_of(InodeNo inode);

 private:
  struct Link {
    InodeNo directory;
    std::string name;
  };
  void read_all();
  void read_table_block(BlockNo block, InodeNo first);
  [[nodiscard]] std::string path_of(const Link& link) const;

  VolumeFacts& volume_;
  bool is_read_ = false;
  std::size_t names_ = 0;
  std::unordered_map<InodeNo, std::vector<Link>> links_;
};

}  // namespace spindle::fsck
