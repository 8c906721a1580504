// Node: an inode in memory; NodeTable: all of them.
//
//   NodeRef node = TRY(table.get(number));     // loads it if need be; stays while the ref lives
//
// A node stays in memory while somebody has a NodeRef to it (`pins`) or the kernel knows its number
// (`references`); beyond that a few thousand are kept, of which the least recently used go first. A
// node without names that nobody holds any more is handed to `on_abandoned`, to be freed.
//
// Node::inode is what is committed, except for its times, which may be ahead of the disk
// (pending_times.h). It is changed by Change::commit and by nobody else, never while suspended, so
// it may be read without a lock. The locks:
//   change   held by whoever changes content, size or strategy, over all transactions that this
//            takes. Taken before Journal::begin.
//   lock     exclusive for an edit from before it to after the commit; shared to read the content
//            or the map. Taken after Journal::begin, in ascending order of numbers.
#pragma once

#include <sys/stat.h>

#include <functional>
#include <list>
#include <memory>
#include <string>
#include <unordered_map>
#include <utility>
#include <vector>

#include "spindle/alloc/file_map.h"
#include "spindle/format/inode.h"
#include "spindle/thread/mutex.h"
#include "spindle/thread/shared_mutex.h"

namespace spindle {

struct Node;
class NodeTable;

/// The sequential reading that was seen so far, in bytes.
struct ReadAheadState {
  std::uint64_t next = 0;    ///< where a sequential read would go on
  std::uint64_t window = 0;  ///< how much to read ahead; 0: not sequential
  std::uint64_t done = 0;    ///< read ahead up to here
};

/// What happens to the content of a file while it is copied to other blocks, piece by piece.
struct ChangeWatch {
  struct Range {
    std::uint64_t from = 0;  ///< bytes
    std::uint64_t to = 0;
  };
  std::vector<Range> written;    ///< in blocks that were mapped all along
  bool was_mapped_anew = false;  ///< the map or the size changed: what was copied is useless

  void note(std::uint64_t from, std::uint64_t to);
  [[nodiscard]] std::uint64_t bytes() const;
};

struct Node {
  Node(NodeTable& in, InodeNo with_number) : table(in), number(with_number) {}

  [[nodiscard]] std::uint32_t type() const { return inode.mode & S_IFMT; }
  [[nodiscard]] bool is_directory() const { return type() == S_IFDIR; }
  [[nodiscard]] bool is_regular() const { return type() == S_IFREG; }
  [[nodiscard]] bool is_symlink() const { return type() == S_IFLNK; }
  /// The inode whose content its blocks hold: itself, except for the hidden inode in which a file's
  /// new content is built (rebuild.h), which names that file as its parent.
  [[nodiscard]] InodeNo content_owner() const {
    return is_regular() && inode.parent != 0 ? InodeNo{inode.parent} : number;
  }
  [[nodiscard]] format::MapKind map_kind() const { return format::MapKind{inode.map_kind}; }

  NodeTable& table;
  const InodeNo number;
  format::Inode inode{};
  thread::Mutex change{"file change"};
  thread::SharedMutex lock{"inode"};
  std::uint64_t references = 0;  ///< of the kernel
  std::uint64_t pins = 0;        ///< NodeRefs
  EpochNo changed;               ///< the epoch of the last change of the inode, or a later one
  EpochNo content_changed;       ///< of the last change that reading its data back needs
  bool times_pending = false;    ///< its times are ahead of the disk
  bool on_idle_list = false;
  std::list<Node*>::iterator idle_place;
  ReadAheadState read_ahead;
  ChangeWatch* watch = nullptr;  ///< changed with `change` held
  InodeNo found_in;  ///< directory where it was last found or put by name; 0: not since it was
                     ///< loaded
  std::string found_as;
};

/// Keeps a node in memory.
class NodeRef {
 public:
  NodeRef() = default;
  explicit NodeRef(Node* node);
  NodeRef(const NodeRef& other) : NodeRef(other.node_) {}
  NodeRef(NodeRef&& other) noexcept : node_(std::exchange(other.node_, nullptr)) {}
  NodeRef& operator=(NodeRef other) noexcept {
    std::swap(node_, other.node_);
    return *this;
  }
  ~NodeRef();

  explicit operator bool() const { return node_ != nullptr; }
  Node* operator->() const { return node_; }
  Node& operator*() const { return *node_; }
  bool operator==(const NodeRef& other) const { return node_ == other.node_; }

 private:
  Node* node_ = nullptr;
};

class NodeTable {
 public:
  /// Reads an inode from the disk; ESTALE if it is free.
  using Load = std::function<Result<format::Inode>(InodeNo number)>;
  /// The last holder of a node without names has gone; the ref keeps it until it is freed.
  using Abandoned = std::function<void(NodeRef node)>;

  NodeTable(std::size_t idle_limit, Load load, Abandoned on_abandoned);
  ~NodeTable();

  /// The node of an inode in use. ESTALE if it is free, EUCLEAN if it is not well-formed.
  Result<NodeRef> get(InodeNo number);
  /// The node if it is in memory.
  NodeRef find(InodeNo number);
  /// A node for an inode that a transaction has just made; it is not in the table yet.
  NodeRef insert(InodeNo number);
  /// The inode was freed: its number may be used again, even while somebody has a ref.
  void erase(Node& node);
  /// No node is handed to `on_abandoned` any more.
  void close() { closed_ = true; }

  void add_reference(Node& node) { ++node.references; }
  void drop_references(Node& node, std::uint64_t count);

  [[nodiscard]] std::size_t size() const { return nodes_.size(); }
  [[nodiscard]] std::size_t idle() const { return idle_.size(); }

 private:
  friend class NodeRef;
  void unpinned(Node& node);
  void shrink_idle();

  std::unordered_map<InodeNo, std::unique_ptr<Node>> nodes_;
  /// Nodes of freed inodes that are still pinned: out of the table, not yet destroyed.
  std::unordered_map<Node*, std::unique_ptr<Node>> erased_;
  std::list<Node*> idle_;  ///< the longest idle first
  std::size_t idle_limit_;
  EpochNo changed_before_leaving_;  ///< the last epoch in which a node changed that left memory
  Load load_;
  Abandoned on_abandoned_;
  bool closed_ = false;
};

}  // namespace spindle
