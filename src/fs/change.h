// Change: one transaction with the inodes that it edits and the locks that it holds.
//
//   Change change = TRY(Change::begin(volume, bytes));
//   change.lock({directory, file});
//   format::Inode& inode = change.edit(*file);       // a private copy
//   inode.links += 1;
//   TRY(change.commit());                            // stores, commits, publishes, unlocks
//
// If it is dropped without a commit, nothing has happened: it drops the copies, then the
// transaction, then the locks. The commit publishes the copies as the nodes' inodes in the moment
// in which the transaction joins its epoch, and unlocks before it waits for anything.
#pragma once

#include <deque>
#include <initializer_list>
#include <mutex>

#include "node.h"
#include "spindle/journal/journal.h"

namespace spindle {

class Volume;

class Change {
 public:
  /// Log bytes that storing one inode takes.
  static constexpr std::size_t kInodeLogBytes = 2 * log_cost::kRecord;

  /// EROFS, with the reason, if the volume may not be written; otherwise waits for room in the log.
  static Result<Change> begin(Volume& volume, std::size_t log_bytes);
  Change(Change&&) noexcept = default;
  Change& operator=(Change&&) = delete;
  ~Change();

  /// Locks the nodes exclusively, in ascending order of numbers; empty refs and repetitions are
  /// ignored. The first call may wait for any node; later calls must name higher numbers.
  void lock(std::initializer_list<NodeRef> nodes);
  /// Locks one more node if that takes no waiting.
  bool try_lock(const NodeRef& node);
  void unlock_all();

  /// The copy of a locked node's inode, to be changed. Stored at commit.
  format::Inode& edit(Node& node);
  /// The inode of a number that this transaction has allocated; zeroed.
  format::Inode& create(InodeNo number);
  /// Zeroes the node's inode, except its generation. The node leaves the table at commit.
  void erase(Node& node);
  /// Says that an fdatasync, too, must make this change durable.
  void touches_content(Node& node);

  /// A MapFile over the copy: what the map does to it is stored with it.
  MapFile map_file(Node& node);
  /// Takes over the number of blocks after the map was called.
  void mapped(Node& node, const MapFile& file) { edit(node).blocks = file.blocks; }

  /// Stores all copies and commits. They are durable when this returns with Options::sync, and with
  /// Options::sync_directories if one of them is a directory's.
  Result<EpochNo> commit();
  /// As commit, but never waits for durability: more transactions of the operation follow.
  Result<EpochNo> commit_part();
  /// The node of the inode that `create` made, after the commit.
  [[nodiscard]] NodeRef created() const { return created_; }

  Transaction tx;
  std::unique_lock<thread::Mutex> orphan_lock;  ///< held from an edit of the orphan list on

 private:
  struct Edit {
    InodeNo number;
    Node* node = nullptr;  ///< null for a created inode
    format::Inode inode{};
    bool is_erased = false;
    bool touches_content = false;
  };
  Change(Volume& volume, Transaction transaction);
  Edit* find(InodeNo number);
  [[nodiscard]] bool must_be_durable() const;
  Result<> store(Edit& edit);
  void publish(Edit& edit, EpochNo epoch);

  Volume* volume_;
  std::deque<Edit> edits_;  ///< a deque, since references to its elements are handed out
  std::vector<NodeRef> locked_;
  std::vector<NodeRef> kept_;
  NodeRef created_;
  bool done_ = false;
};

}  // namespace spindle
