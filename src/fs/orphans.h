// OrphanList: the inodes that a crash must not forget, and the thread that frees deleted files.
//
// On the disk it is a list through State::orphan_head and Inode::next_orphan (format/inode.h). In
// memory each inode's neighbours are known, so that it is taken out with two small edits. The links
// are edited as records of their own, apart from the rest of the inode, since the previous inode in
// the list belongs to some other operation; `lock` keeps transactions that edit links apart, from
// the edit to the commit. It is the last lock to be taken.
//
// Deleted files that nobody holds any more are freed by a thread that lives as long as there is
// something to free, in transactions of bounded size. What a mount finds on the list is handed to
// that thread one after the other by a second one, so that a mount after a crash need not wait for
// it, however large it is. A file whose truncation was cut short keeps blocks beyond its end until
// then: whoever changes its content first finishes that (`hold_content` in file_content.h).
#pragma once

#include <deque>
#include <unordered_map>
#include <unordered_set>

#include "node.h"
#include "spindle/journal/transaction.h"
#include "spindle/thread/event.h"
#include "spindle/thread/mutex.h"

namespace spindle {

class Change;
class Volume;

class OrphanList {
 public:
  /// Log bytes that one `add` or `remove` takes.
  static constexpr std::size_t kLogBytes = 3 * log_cost::kRecord;

  explicit OrphanList(Volume& volume) : volume_(volume) {}

  /// Reads the list as a mount finds it. EUCLEAN if it loops or leaves the volume.
  Result<> load(InodeNo head);
  /// Begins to free or shorten what `load` found, beside the operations that come. At mount.
  Result<> begin_recovery();
  /// Frees or shortens all that is on the list. At the end, when nobody holds any of it.
  Result<> recover();

  /// Whether a truncation of the file was begun and not finished, by an earlier mount or because of
  /// an error. Its Node::change is held.
  [[nodiscard]] bool is_cut_short(InodeNo inode) const { return cut_short_.contains(inode); }
  /// A truncation frees the file's blocks in several transactions / has freed the last of them.
  void truncation_begins(InodeNo inode) { cut_short_.insert(inode); }
  void truncation_ended(InodeNo inode) { cut_short_.erase(inode); }

  [[nodiscard]] bool contains(InodeNo inode) const { return links_.contains(inode); }
  [[nodiscard]] std::size_t size() const { return links_.size(); }

  /// Puts the inode on the list (if it is not on it) / takes it off, when `change` commits. Its
  /// lock is held; `change` keeps the list's lock until then. One transaction calls one of them,
  /// once.
  Result<> add(Change& change, InodeNo inode);
  Result<> remove(Change& change, InodeNo inode);

  /// Hands over a node without names that nobody holds.
  void abandon(NodeRef node);
  /// True if something was freed, so that trying again may find space. Also waits, for a tenth of
  /// a second at most, for what was deleted in the last second and is still held: the kernel tells
  /// of a close after close(2) has returned, and whoever deletes a file counts on its space.
  bool wait_for_space();
  /// Waits until the threads have nothing left to do.
  void drain();
  [[nodiscard]] bool busy() const { return running_ || recovering_; }
  /// What the threads will have freed when they have nothing left to do.
  struct Owed {
    std::uint64_t blocks = 0;
    std::uint64_t inodes = 0;
  };
  [[nodiscard]] Owed owed() const;
  /// Forgets the nodes that could not be freed and were kept for the life of the volume.
  void drop_stuck() { stuck_.clear(); }

  /// Frees all blocks and the inode. `node.change` is held.
  Result<> free_node(Node& node);

  thread::Mutex lock{"orphan list"};

 private:
  struct Neighbours {
    InodeNo previous;  ///< kNoInode: the list's head is before it
    InodeNo next;
  };
  /// What a mount finds on the list.
  struct Found {
    InodeNo inode;
    std::uint64_t blocks = 0;
    bool has_name = false;
  };
  /// EUCLEAN unless it is on the list: a damaged link count may claim that it is.
  [[nodiscard]] Result<> check_listed(InodeNo inode) const;
  Result<> set_link(Transaction& tx, InodeNo from, InodeNo to);
  Result<> recover_one(InodeNo inode);
  void recover_found();
  Result<> recover_beside(const Found& found);
  Result<> free_inode(Change& change, Node& node);
  Result<bool> free_attributes(Change& change, Node& node, std::size_t& budget);
  void run();
  void free_queued(const NodeRef& node);
  /// Whether something that was put on the list in the last second is still there.
  bool expects_release();

  struct Addition {
    InodeNo inode;
    std::int64_t at_ns;  ///< monotonic
  };

  Volume& volume_;
  std::unordered_map<InodeNo, Neighbours> links_;
  InodeNo head_;
  std::vector<Found> found_;  ///< what is still to be recovered
  std::unordered_set<InodeNo> cut_short_;
  NodeRef being_freed_;
  std::deque<NodeRef> queue_;
  std::vector<NodeRef> stuck_;
  std::deque<Addition> recent_;  ///< in the order of time
  bool running_ = false;
  bool recovering_ = false;
  std::uint64_t freed_ = 0;
  thread::Event idle_{"orphans freed"};
  thread::Event recovered_{"orphans recovered"};
  thread::Event freed_one_{"an orphan freed"};  ///< set and reset at once
};

}  // namespace spindle
