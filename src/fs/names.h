// What the operations on names share: a directory under edit, names, attributes and times.
#pragma once

#include "change.h"
#include "directory.h"
#include "spindle/fs/tree.h"
#include "volume.h"

namespace spindle {

/// The directory of a locked node, for reading.
class DirectoryReader {
 public:
  DirectoryReader(Volume& volume, Node& node);
  const Directory* operator->() const { return &directory_; }

 private:
  MapFile map_;
  DirectoryFile file_;
  Directory directory_;
};

/// The directory of a node that a Change has locked; `store` takes what was changed into the copy
/// of the inode.
class DirectoryEdit {
 public:
  DirectoryEdit(Volume& volume, Change& change, Node& node);
  Directory* operator->() { return &directory_; }
  void store();

 private:
  Change& change_;
  Node& node_;
  MapFile map_;
  DirectoryFile file_;
  Directory directory_;
};

/// ENAMETOOLONG, ENOENT (empty), EINVAL (a slash or a zero byte).
Result<> check_name(std::string_view name);
bool is_dot_name(std::string_view name);  ///< "." or ".."

/// Runs an operation that adds a name to a directory, and again after making room if it asks for
/// that.
template <class F>
auto with_room(Volume& volume, const NodeRef& directory, std::string_view name, F&& operation)
    -> decltype(operation());
Result<> make_room(Volume& volume, const NodeRef& directory, std::string_view name);

/// The inode that stands under a name of a locked directory; an empty ref if there is none.
Result<NodeRef> child(Volume& volume, Node& directory, std::string_view name);

/// Remembers that the node was last found in that directory under that name, to show its path.
void remember_name(Node& node, const Node& directory, std::string_view name);

/// Makes the inode of a whiteout (RENAME_WHITEOUT); the caller has yet to enter it in the locked
/// directory.
Result<InodeNo> make_whiteout(Volume& volume, Change& change, Node& directory,
                              const Caller& caller);
/// Log bytes that make_whiteout takes.
inline constexpr std::size_t kWhiteoutLogBytes =
    log_cost::kAllocateInode + log_cost::kRecord + Change::kInodeLogBytes;

/// The bits of a mode that chmod(2) sets.
inline constexpr std::uint32_t kPermissions = 07777;

/// What stat(2) shows of a node.
Attributes attributes_of(const Volume& volume, const Node& node);
/// The same, and counts one more reference of the kernel.
Attributes refer(Volume& volume, const NodeRef& node);

format::DiskTime to_disk(Timestamp time);
Timestamp from_disk(const format::DiskTime& time);
/// Sets mtime and ctime.
void touch_modified(format::Inode& inode, Timestamp now);
/// After a read of the node: sets its access time, if the options ask for it, and says whether it
/// did. The node's lock is held.
bool touch_accessed(Volume& volume, Node& node);

// How often an operation makes room and tries again: each time frees a slot in every level.
inline constexpr int kRoomAttempts = 64;

template <class F>
auto with_room(Volume& volume, const NodeRef& directory, std::string_view name, F&& operation)
    -> decltype(operation()) {
  for (int attempt = 0; attempt < kRoomAttempts; ++attempt) {
    auto result = operation();
    if (result.code() != kNeedsRoom) return result;
    TRY(make_room(volume, directory, name));
  }
  return Error{ENOSPC, "the directory found no room for another name"};
}

}  // namespace spindle
