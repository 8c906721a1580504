// VirtualFolder: a subtree of .spindle whose names are computed when they are asked for.
//
//   class Processes : public VirtualFolder { ... };
//   tree.add_folder("proc", processes);      // MOUNT/.spindle/proc and all below it
//
// Its nodes have numbers of the folder's own choice, below 2^58; 0 is the folder itself. A number
// says all that is needed to find the node again, since nothing about it is remembered between two
// calls. If the node is gone, the answer is ENOENT. If a number may be used again for another node,
// the generation tells the two apart.
//
// Called by the runtime's threads; may suspend.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "spindle/control/control_file.h"

namespace spindle {

class VirtualFolder {
 public:
  using Id = std::uint64_t;
  static constexpr int kIdBits = 58;

  struct Node {
    Id id = 0;
    Id parent = 0;           ///< the folder in which it stands
    std::uint32_t mode = 0;  ///< kind and permissions, as in stat(2)
    std::uint32_t uid = 0;
    std::uint32_t gid = 0;
    std::uint32_t generation = 0;
    std::uint64_t inode = 0;  ///< as stat(2) shows it; 0: one of its own
  };
  struct Item {
    std::string name;
    Id id = 0;
    std::uint32_t type = 0;     ///< mode & S_IFMT
    std::int64_t position = 0;  ///< from 1 on, ascending in a list, and the same in the next one
  };

  virtual ~VirtualFolder() = default;

  /// `caller` matters for names that mean the asker.
  virtual Result<Node> lookup(const Caller& caller, Id folder, std::string_view name) = 0;
  virtual Result<Node> node(Id id) = 0;
  virtual Result<std::vector<Item>> list(Id folder) = 0;
  virtual Result<std::string> target(Id link) = 0;
  /// What can be done with the file, for one who opens it.
  virtual Result<ControlFile> open(Id file) = 0;
};

}  // namespace spindle
