// Tree: a file system as the kernel asks for it, operation by operation.
//
// Mirrors the requests of FUSE without naming FUSE: FileSystem (the volume) and ControlTree (the
// files of .spindle) implement it, fuse/ translates. Nodes are named by NodeId: the volume's inode
// number, or, with the top bit set, a control file. Every operation runs in a user-space thread of
// its own and may suspend; it answers with a Result and takes no lock of the caller's.
//
// References: lookup, create, make_node, make_directory, symlink, link and temporary_file each add
// one reference to the node they return; `forget` gives references back. A node with references
// lives, also when its last name is gone.
//
// The kernel checks permissions (default_permissions); what only the file system can do is done
// here: a new file inherits group and setgid from its directory, a write clears setuid if asked to.
//
// Errors are those of the system call with the same task; the comments name the ones that a caller
// might tell apart. EIO, EUCLEAN (damage), EROFS and ENOSPC can come from every operation that
// reads or writes. What an operation answered is in memory; only `sync*` makes it durable.
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "spindle/base/clock.h"
#include "spindle/base/result.h"
#include "spindle/format/directory.h"

namespace spindle {

using NodeId = std::uint64_t;
inline constexpr NodeId kRootNode = 1;
inline constexpr NodeId kControlBit = 1ull << 63;

/// The control files appear under this name in the root of a mount. So nothing of the volume's own
/// can be reached by it there: a name of this kind is never made, and left out of listings.
using format::kControlName;
constexpr bool is_control_name(NodeId directory, std::string_view name) {
  return directory == kRootNode && name == kControlName;
}

class Interruption;

/// Who asks.
struct Caller {
  std::uint32_t uid = 0;
  std::uint32_t gid = 0;
  std::uint32_t umask = 0;  ///< applied by the tree, since a default ACL goes before it
  std::int32_t process = 0;
  bool is_group_member = true;   ///< of the file's group, or privileged: else chmod clears setgid
  bool may_wait = true;          ///< false: EAGAIN, where a read would wait (O_NONBLOCK)
  bool sets_access_time = true;  ///< false: a read leaves it (O_NOATIME)
  Interruption* interruption = nullptr;  ///< ends what waits or takes long; null: nothing does
};

struct Attributes {
  NodeId node = 0;
  std::uint32_t generation = 0;
  std::uint32_t mode = 0;  ///< as in stat(2)
  std::uint32_t links = 0;
  std::uint32_t uid = 0;
  std::uint32_t gid = 0;
  std::uint32_t device_major = 0;
  std::uint32_t device_minor = 0;
  std::uint64_t size = 0;
  std::uint64_t sectors = 0;  ///< of 512 bytes, as st_blocks
  std::uint32_t block_size = 0;
  std::uint64_t shown_inode = 0;  ///< what st_ino says where it is not `node`; 0: it is
  Timestamp accessed, modified, changed, born;

  [[nodiscard]] std::uint64_t inode() const { return shown_inode == 0 ? node : shown_inode; }
};

/// What a change does to the setuid and setgid bits of a file that is no directory, and to its
/// capabilities: they are lost if somebody unprivileged writes to it, or its owner changes. Setgid
/// of a file that its group may not execute is lost to a stranger alone, who is not in the group.
enum class Setuid : std::uint8_t { kKeep, kClear, kClearByStranger };
/// The mode that is left of `mode`.
std::uint32_t mode_after(Setuid setuid, std::uint32_t mode);

/// Which attributes `set_attributes` is to change, and to what.
struct AttributeChange {
  bool mode : 1 = false, uid : 1 = false, gid : 1 = false, size : 1 = false;
  bool accessed : 1 = false, modified : 1 = false, changed : 1 = false;
  Setuid setuid = Setuid::kKeep;
  Attributes to;  ///< the fields named above
};

struct DirectoryItem {
  std::string_view name;  ///< valid during the visit
  NodeId node = 0;
  std::uint32_t type = 0;     ///< mode & S_IFMT
  std::int64_t position = 0;  ///< where to go on after this item
};

struct Space {
  std::uint32_t block_size = 0;
  std::uint64_t blocks = 0, free_blocks = 0, available_blocks = 0;
  std::uint64_t files = 0, free_files = 0;
  std::uint32_t name_length = 255;
};

/// As renameat2(2) has them. A whiteout is a character device 0:0 that stays under the old name.
enum RenameFlags : std::uint32_t {
  kRenameNoReplace = 1,
  kRenameExchange = 2,
  kRenameWhiteout = 4,
};

/// What `open` gives.
struct Opened {
  std::uint64_t handle = 0;
  bool has_changed_times = false;  ///< attributes of the node that the caller keeps are out of date
};

/// What `sync` makes durable: all of the file, as fsync(2), or what reading its data needs, as
/// fdatasync(2).
enum class SyncOf : std::uint8_t { kFile, kData };

class Tree {
 public:
  virtual ~Tree() = default;

  /// ENOENT if there is no such name; ENAMETOOLONG. "." and ".." are names, too; "." is a name of
  /// every node, not only of directories.
  virtual Result<Attributes> lookup(NodeId directory, std::string_view name) = 0;
  /// Gives back that many references; the node may be gone then.
  virtual void forget(NodeId node, std::uint64_t references) = 0;
  virtual Result<Attributes> attributes(NodeId node) = 0;
  /// Changes what `change` names and answers all attributes as they are then. The size comes first,
  /// by itself: EISDIR, EINVAL unless it is a regular file; EFBIG. The rest is all or nothing, but
  /// for capabilities that are dropped.
  virtual Result<Attributes> set_attributes(const Caller& caller, NodeId node,
                                            const AttributeChange& change) = 0;
  /// The target of a symbolic link; EINVAL for any other node.
  virtual Result<std::string> read_link(NodeId node) = 0;

  // These make a node. EEXIST if the name is taken, ENOENT if the directory has been removed.

  /// A regular file.
  virtual Result<Attributes> create(const Caller& caller, NodeId directory, std::string_view name,
                                    std::uint32_t mode) = 0;
  /// A device, FIFO, socket or regular file, as the type in `mode` says.
  virtual Result<Attributes> make_node(const Caller& caller, NodeId directory,
                                       std::string_view name, std::uint32_t mode,
                                       std::uint32_t device_major, std::uint32_t device_minor) = 0;
  virtual Result<Attributes> make_directory(const Caller& caller, NodeId directory,
                                            std::string_view name, std::uint32_t mode) = 0;
  virtual Result<Attributes> symlink(const Caller& caller, NodeId directory, std::string_view name,
                                     std::string_view target) = 0;
  /// One more name for a node. EPERM for a directory, EMLINK if it has kMaxLinks names.
  virtual Result<Attributes> link(NodeId node, NodeId directory, std::string_view name) = 0;
  /// A file without a name (O_TMPFILE); `link` can give it one.
  virtual Result<Attributes> temporary_file(const Caller& caller, NodeId directory,
                                            std::uint32_t mode) = 0;
  /// Removes a name of what is no directory (EISDIR).
  virtual Result<> unlink(NodeId directory, std::string_view name) = 0;
  /// ENOTEMPTY, ENOTDIR.
  virtual Result<> remove_directory(NodeId directory, std::string_view name) = 0;
  /// renameat2(2), `flags` being RenameFlags: what had the new name loses it. EINVAL if a directory
  /// would come into itself. `caller` owns the whiteout, if one is wanted.
  virtual Result<> rename(const Caller& caller, NodeId from, std::string_view name, NodeId to,
                          std::string_view new_name, std::uint32_t flags) = 0;

  /// `flags` as for open(2). A control file keeps under the handle what it shows; the volume needs
  /// no handle (0). Opening a file for reading counts as reading it, since reads that a cache above
  /// the tree answers are not seen here.
  virtual Result<Opened> open(NodeId node, int flags) = 0;
  /// Once for each `open` that succeeded.
  virtual void release(NodeId node, std::uint64_t handle) = 0;
  /// Calls `take` once with the bytes, in order, in any number of pieces: at most `size`, fewer at
  /// the end of the file. The pieces are valid until `take` returns. Not called after an error.
  using Take = std::function<void(std::span<const std::span<const std::byte>> pieces)>;
  virtual Result<> read(NodeId node, std::uint64_t handle, std::uint64_t offset, std::size_t size,
                        const Take& take) = 0;
  /// Writes all of it, and answers how much that is, or fails; when it fails for lack of space, a
  /// part may have been written.
  virtual Result<std::size_t> write(NodeId node, std::uint64_t handle, std::uint64_t offset,
                                    std::span<const std::byte> bytes, Setuid setuid) = 0;
  /// Durable when it returns. An error of writing the file back that nobody was told of yet is
  /// reported here, once.
  virtual Result<> sync(NodeId node, SyncOf what) = 0;
  /// The same for the names of a directory.
  virtual Result<> sync_directory(NodeId node) = 0;
  /// Everything that was answered so far is durable when it returns.
  virtual Result<> sync_all() = 0;
  /// fallocate(2): `mode` is its FALLOC_FL_ flags; EOPNOTSUPP for those that are not known. EINTR
  /// if it was interrupted: then the content is as it was.
  virtual Result<> allocate(const Caller& caller, NodeId node, int mode, std::uint64_t offset,
                            std::uint64_t length) = 0;
  /// lseek(2) with SEEK_DATA or SEEK_HOLE; ENXIO beyond the end.
  virtual Result<std::uint64_t> seek(NodeId node, std::uint64_t offset, int whence) = 0;
  /// copy_file_range(2): how many bytes were copied; fewer at the end of `from`, or after an error
  /// when some were.
  virtual Result<std::size_t> copy_range(NodeId from, std::uint64_t from_offset, NodeId to,
                                         std::uint64_t to_offset, std::uint64_t length) = 0;

  /// Visits the items after `position` (0: from the start, "." and ".." first) until `visit` says
  /// false: it has not taken that item. Positions stay valid while other names come and go.
  using Visit = std::function<bool(const DirectoryItem& item)>;
  virtual Result<> read_directory(NodeId directory, std::int64_t position, const Visit& visit) = 0;

  /// ENODATA if the node has no such attribute.
  virtual Result<std::string> get_xattr(NodeId node, std::string_view name) = 0;
  /// `flags`: 0, XATTR_CREATE (EEXIST) or XATTR_REPLACE (ENODATA).
  virtual Result<> set_xattr(const Caller& caller, NodeId node, std::string_view name,
                             std::span<const std::byte> value, int flags) = 0;
  /// Names, each ended by a zero byte, as listxattr(2) gives them.
  virtual Result<std::string> list_xattr(NodeId node) = 0;
  /// ENODATA if the node has no such attribute.
  virtual Result<> remove_xattr(const Caller& caller, NodeId node, std::string_view name) = 0;

  /// For statfs(2).
  virtual Result<Space> space() = 0;

  // The same with the caller. Some control files show or accept different things for different
  // callers, or let a reader wait; files of the volume only ask whether it sets the access time.
  virtual Result<Attributes> lookup_for(const Caller& caller, NodeId directory,
                                        std::string_view name);
  virtual Result<> read_for(const Caller& caller, NodeId node, std::uint64_t handle,
                            std::uint64_t offset, std::size_t size, const Take& take);
  virtual Result<std::size_t> write_for(const Caller& caller, NodeId node, std::uint64_t handle,
                                        std::uint64_t offset, std::span<const std::byte> bytes,
                                        Setuid setuid);

  /// Where the node was last found by name, from the root on ("/a/b"); empty if that is not known.
  /// For showing what happens: reads no disk.
  virtual std::string path(NodeId node);
};

inline std::string Tree::path(NodeId) {
  return {};
}
inline Result<Attributes> Tree::lookup_for(const Caller&, NodeId directory, std::string_view name) {
  return lookup(directory, name);
}
inline Result<> Tree::read_for(const Caller&, NodeId node, std::uint64_t handle,
                               std::uint64_t offset, std::size_t size, const Take& take) {
  return read(node, handle, offset, size, take);
}
inline Result<std::size_t> Tree::write_for(const Caller&, NodeId node, std::uint64_t handle,
                                           std::uint64_t offset, std::span<const std::byte> bytes,
                                           Setuid setuid) {
  return write(node, handle, offset, bytes, setuid);
}

}  // namespace spindle
