// Directory: the names of one directory, over the tree of format/directory.h.
//
//   DirectoryFile file{
//       .inode = n, .map = map_file, .space = space, .hash_seed = seed, .size = size};
//   Directory directory(file);
//   TRY(directory.insert(tx, "name", inode, type));
//   inode->size = file.size;  // and the map's root and blocks, in the same transaction
//
// A Directory is a view that is made for one call or a few and holds no state of its own. The
// caller holds the directory's inode locked (shared is enough for what takes a BlockReader), and
// stores size, map root and blocks in the inode when a change was made. "." and ".." are not names
// here: the caller answers for them.
//
// Whatever returns kNeedsRoom has edited nothing: the caller drops its transaction and the lock,
// begins a new one of log_bytes(), locks, calls make_room, commits, and tries again. It happens
// about once in a hundred leaf splits, and keeps what one insert can log to four blocks.
//
// Reading through a transaction sees its own edits. Every number that comes from a block is checked
// before use (EUCLEAN); the levels must fall by one at each step, so a descent always ends.
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <optional>
#include <string_view>

#include "spindle/alloc/file_map.h"
#include "spindle/format/directory.h"

namespace spindle {

struct LeafEntry;

/// The fields of a directory's inode, which a Directory changes in place. After an error of a
/// changing call they must be taken anew from the inode, and the transaction dropped.
struct DirectoryFile {
  InodeNo inode;
  MapFile& map;  ///< always mapped by extents
  SpaceManager& space;
  std::uint64_t hash_seed = 0;
  std::uint64_t size = 0;  ///< bytes of its nodes; 0: no names
  /// Gives the key of a name with distinction 0. Tests put in a function whose keys collide.
  std::uint64_t (*key_of)(std::string_view name, std::uint64_t hash_seed) = format::directory_key;
};

struct DirectoryEntry {
  InodeNo inode;
  std::uint32_t type = 0;  ///< mode & S_IFMT
};

/// A name as `visit` shows it.
struct DirectoryName {
  std::string_view name;  ///< valid during the visit
  InodeNo inode;
  std::uint32_t type = 0;     ///< mode & S_IFMT
  std::int64_t position = 0;  ///< to go on after this name
};

/// The parent of a full leaf is full, too: call make_room first. The kernel never sees this errno:
/// it does not leave fs/.
inline constexpr int kNeedsRoom = ENOBUFS;

class Directory {
 public:
  /// The positions after "." and after "..", where the names begin.
  static constexpr std::int64_t kAfterDot = 1;
  static constexpr std::int64_t kAfterDotDot = 2;

  explicit Directory(DirectoryFile& file) : file_(file) {}

  /// The most that one insert, replace, remove or make_room can log. On a volume with the smallest
  /// log this exceeds Journal::largest_transaction, which is enough there.
  static std::size_t log_bytes(const format::Layout& layout);

  Result<std::optional<DirectoryEntry>> lookup(BlockReader& reader, std::string_view name) const;
  /// EEXIST; kNeedsRoom; ENOSPC if there is no block or 256 names have this hash already. `name`
  /// has 1 .. 255 bytes.
  Result<> insert(Transaction& tx, std::string_view name, InodeNo inode, std::uint32_t type);
  /// Lets an existing name stand for another inode. ENOENT. Never needs space.
  Result<> replace(Transaction& tx, std::string_view name, InodeNo inode, std::uint32_t type);
  /// ENOENT. Never needs space. When the last name goes, size becomes 0 and blocks are freed, as
  /// many as one call may log; others stay in the map as a reserve.
  Result<> remove(Transaction& tx, std::string_view name);
  /// Splits the topmost full branch on the way to `name`, if there is one. ENOSPC if there is no
  /// block or the tree has its greatest height (kMaxDirectoryLevels).
  Result<> make_room(Transaction& tx, std::string_view name);

  [[nodiscard]] bool is_empty() const { return file_.size == 0; }
  /// The number of names; reads every leaf.
  Result<std::uint64_t> count(BlockReader& reader) const;

  /// Visits the names after `position` (kAfterDotDot or less: all), until `visit` says false: that
  /// name counts as not taken. A name that stays while others come and go is met exactly once by a
  /// series of calls, each going on from the position of the last name taken. EINVAL if `position`
  /// is impossible.
  using Visit = std::function<bool(const DirectoryName& name)>;
  Result<> visit(BlockReader& reader, std::int64_t position, const Visit& visit) const;

  /// What `walk` shows. Members may be null.
  struct NodeInfo {
    FileBlock at;
    BlockNo block;
    unsigned level = 0;
    std::uint32_t slots = 0;
    std::uint32_t used_bytes = 0;  ///< of the block: heads, slots, live entries
    bool is_free = false;          ///< in the list of free nodes
  };
  struct Walker {
    std::function<Result<>(const NodeInfo& node)> node;
    std::function<Result<>(const DirectoryName& name, std::uint64_t key)> name;
  };
  /// Visits every node and name, in the order of the keys, then the free nodes, and checks all that
  /// the format promises: EUCLEAN with the block at the first thing that does not hold. For
  /// inspection and tests. Bounded by the number of blocks of the volume, on any bytes.
  Result<> walk(BlockReader& reader, const Walker& walker) const;

 private:
  struct Step;
  struct Path;
  struct NewNode;
  struct Halves;
  class Walk;
  Result<BlockNo> find_block(BlockReader& reader, FileBlock at) const;
  Result<Path> descend(BlockReader& reader, std::uint64_t key) const;
  Result<bool> find_name(BlockReader& reader, std::string_view name, Path& path,
                         std::uint64_t& free_key) const;
  Result<BlockNo> map_block(Transaction& tx, FileBlock at);
  Result<NewNode> new_node(Transaction& tx, const Step& root, unsigned level);
  Result<> plant(Transaction& tx, std::uint64_t key, const LeafEntry& entry);
  Result<Halves> halve(Transaction& tx, const Path& path, unsigned depth, unsigned left_count);
  Result<> join(Transaction& tx, const Path& path, unsigned depth, const Halves& halves);
  Result<> split_leaf(Transaction& tx, const Path& path, std::uint64_t key, const LeafEntry& entry);
  Result<> free_node(Transaction& tx, const Step& root, const Step& node);
  Result<> unlink_leaf(Transaction& tx, const Path& path);
  Result<> collapse_root(Transaction& tx, const Step& root);
  Result<> uproot(Transaction& tx);

  DirectoryFile& file_;
};

}  // namespace spindle
