// Pass 2: each directory's tree and names, and which directory names which inode.

#include <sys/stat.h>

#include <string_view>
#include <unordered_set>
#include <vector>

#include "fsck/directory_tree.h"
#include "fsck/volume_facts.h"
#include "spindle/base/limits.h"
#include "spindle/format/directory.h"

namespace spindle::fsck {
namespace {

bool is_valid_name(const std::string& name) {
  return !name.empty() && name.size() <= kMaxNameLength && name != "." && name != ".." &&
         name.find('/') == name.npos && name.find('\0') == name.npos;
}

class DirectoryCheck {
 public:
  DirectoryCheck(VolumeFacts& volume, InodeNo number) : volume_(volume), number_(number) {}

  Result<> run() {
    const format::Inode inode = TRY(volume_.disk.read_inode(number_));
    DirectoryTree tree = TRY(read_directory_tree(volume_, number_, inode));
    if (tree.damage) {
      rebuild_ = found(Problem::kDirectoryTree, tree.damage->describe());
    } else if (inode.size != tree.node_blocks * volume_.layout.block_size) {
      rebuild_ = found(Problem::kDirectorySize, std::to_string(std::uint64_t{inode.size}));
    }
    seen_.reserve(tree.names.size());
    std::vector<bool> stays;
    stays.reserve(tree.names.size());
    for (Name& name : tree.names) stays.push_back(keep(name));
    if (!rebuild_) return {};
    std::vector<Name> kept;
    for (std::size_t i = 0; i < stays.size(); ++i) {
      if (stays[i]) kept.push_back(std::move(tree.names[i]));
    }
    return write_directory_tree(volume_, number_, tree, std::move(kept));
  }

 private:
  bool found(Problem problem, const std::string& detail) {
    return volume_.report.problem(problem, Place::of_directory(number_), detail);
  }

  /// Whether the name stays. A name that is wrong stays too, uncounted, if its repair is declined.
  bool keep(Name& name) {
    const std::uint64_t hash = format::directory_key(name.name, volume_.superblock.hash_seed);
    if (!is_valid_name(name.name) || !seen_.insert(name.name).second ||
        name.key / format::kKeyDistinctions != hash / format::kKeyDistinctions) {
      return !drop(Problem::kNameInvalid, name);
    }
    if (number_ == format::kRootInode && name.name == format::kControlName) {
      return !drop(Problem::kNameInvalid, name, " is where a mount has its control files");
    }
    if (volume_.is_deleted(number_)) {
      return !drop(Problem::kNameInvalid, name, " in a deleted directory");
    }
    if (!volume_.in_use(name.inode)) {
      return !drop(Problem::kNameOfFreeInode, name,
                   " names inode " + std::to_string(name.inode.value));
    }
    InodeFacts& facts = volume_.facts(name.inode);
    const auto type = static_cast<std::uint8_t>(facts.mode >> 12);
    if (name.type != type && found(Problem::kNameType, shown(name))) {
      name.type = type;
      rebuild_ = true;
    }
    if (S_ISDIR(facts.mode)) {
      if (facts.named_by != 0 || name.inode == format::kRootInode) {
        return !drop(Problem::kNameOfSecondParent, name);
      }
      facts.named_by = number_.value;
    }
    ++facts.names;
    return true;
  }

  static std::string shown(const Name& name) { return "'" + name.name + "'"; }

  bool drop(Problem problem, const Name& name, const std::string& what = {}) {
    const bool repair = found(problem, shown(name) + what);
    rebuild_ |= repair;
    return repair;
  }

  VolumeFacts& volume_;
  InodeNo number_;
  bool rebuild_ = false;
  std::unordered_set<std::string_view> seen_;  ///< names of the tree
};

}  // namespace

Result<> scan_directories(VolumeFacts& volume) {
  volume.tell(2, 0, 1);
  std::size_t done = 0;
  for (const InodeNo directory : volume.directories) {
    TRY(DirectoryCheck(volume, directory).run());
    volume.tell(2, ++done, volume.directories.size());
  }
  return {};
}

}  // namespace spindle::fsck
