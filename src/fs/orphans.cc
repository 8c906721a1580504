#include "orphans.h"

#include <algorithm>
#include <optional>

#include "change.h"
#include "directory.h"
#include "file_content.h"
#include "spindle/base/clock.h"
#include "spindle/thread/thread.h"
#include "volume.h"
#include "xattr.h"

namespace spindle {
namespace {

using format::BlockKind;

constexpr std::size_t kLinkOffset = offsetof(format::Inode, next_orphan);
constexpr std::int64_t kLongestReleaseNs = 100'000'000;

bool is_recent(std::int64_t at_ns) {
  return monotonic_ns() - at_ns < 1'000'000'000;
}

}  // namespace

Result<> OrphanList::load(InodeNo head) {
  InodeNo previous = kNoInode;
  head_ = head;
  for (InodeNo at = head; at;) {
    const Subject subject = Subject::inode(at);
    if (!volume_.layout.is_inode(at)) return corrupt("the orphan list leaves the volume", subject);
    if (links_.contains(at)) return corrupt("the orphan list loops", subject);
    const auto place = volume_.layout.inode_place(at);
    const BlockView view = TRY(volume_.reader->read(place.block, BlockKind::kInodeTable));
    const auto& inode = view.at<format::Inode>(place.offset);
    const InodeNo next{inode.next_orphan};
    links_.emplace(at, Neighbours{previous, next});
    found_.push_back({.inode = at, .blocks = inode.blocks, .has_name = inode.links != 0});
    if (inode.links != 0) truncation_begins(at);
    previous = at;
    at = next;
  }
  return {};
}

Result<> OrphanList::set_link(Transaction& tx, InodeNo from, InodeNo to) {
  const auto edit_link = [&]() -> Result<le64*> {
    if (!from) {
      return tx.edit<le64>(volume_.layout.state(), BlockKind::kState,
                           format::kHeaderSize + offsetof(format::State, orphan_head));
    }
    const auto place = volume_.layout.inode_place(from);
    return tx.edit<le64>(place.block, BlockKind::kInodeTable, place.offset + kLinkOffset);
  };
  *TRY(edit_link()) = to.value;
  return {};
}

Result<> OrphanList::add(Change& change, InodeNo inode) {
  if (!change.orphan_lock.owns_lock()) change.orphan_lock = std::unique_lock(lock);
  if (contains(inode)) return {};
  TRY(set_link(change.tx, inode, head_));
  TRY(set_link(change.tx, kNoInode, inode));
  change.tx.on_commit([this, inode](EpochNo) {
    if (head_) links_.at(head_).previous = inode;
    links_.emplace(inode, Neighbours{kNoInode, head_});
    head_ = inode;
    while (!recent_.empty() && !is_recent(recent_.front().at_ns)) recent_.pop_front();
    recent_.push_back({inode, monotonic_ns()});
  });
  return {};
}

Result<> OrphanList::check_listed(InodeNo inode) const {
  if (contains(inode)) return {};
  return corrupt("an inode without names is not on the orphan list", Subject::inode(inode));
}

Result<> OrphanList::remove(Change& change, InodeNo inode) {
  if (!change.orphan_lock.owns_lock()) change.orphan_lock = std::unique_lock(lock);
  TRY(check_listed(inode));
  const auto [previous, next] = links_.at(inode);
  TRY(set_link(change.tx, previous, next));
  TRY(set_link(change.tx, inode, kNoInode));
  change.tx.on_commit([this, inode, previous = previous, next = next](EpochNo) {
    if (next) links_.at(next).previous = previous;
    (previous ? links_.at(previous).next : head_) = next;
    links_.erase(inode);
    truncation_ended(inode);
  });
  return {};
}

Result<> OrphanList::begin_recovery() {
  if (found_.empty()) return {};
  recovering_ = true;
  recovered_.reset();
  const auto spawned = thread::spawn_detached({.name = "recover", .stack_size = 128 * 1024},
                                              [this] { recover_found(); });
  recovering_ = spawned.ok();
  return spawned.ok() ? Result<>{} : spawned.error();
}

void OrphanList::recover_found() {
  while (!found_.empty() && volume_.writable().ok()) {
    const Result<> recovered = recover_beside(found_.back());
    found_.pop_back();
    if (!recovered.ok()) volume_.failed("free", recovered.error());
    // One at a time, so that not all of their nodes are in memory.
    while (running_) idle_.wait();
  }
  found_.clear();
  recovering_ = false;
  recovered_.set();
}

Result<> OrphanList::recover_beside(const Found& found) {
  // Somebody may have needed it before; its number may be another file's by now.
  const bool is_done = found.has_name ? !is_cut_short(found.inode) : !contains(found.inode);
  if (is_done) return {};
  const NodeRef node = TRY(volume_.nodes.get(found.inode));
  // A node without names goes to the thread that frees when it is let go of here.
  if (!found.has_name) return {};
  TRY(hold_content(volume_, *node));
  ++freed_;
  return {};
}

Result<> OrphanList::recover() {
  // Recovering one takes it off the list, so the numbers are collected first.
  std::vector<InodeNo> found;
  for (const auto& [inode, neighbours] : links_) found.push_back(inode);
  std::ranges::sort(found);
  for (const InodeNo inode : found) TRY(recover_one(inode));
  return {};
}

Result<> OrphanList::recover_one(InodeNo inode) {
  NodeRef node = TRY(volume_.nodes.get(inode));
  const std::lock_guard guard(node->change);
  if (node->inode.links == 0) return free_node(*node);
  return finish_truncation(volume_, *node);
}

Result<> OrphanList::free_node(Node& node) {
  TRY(check_listed(node.number));
  std::optional<Content> content;
  if (node.map_kind() != format::MapKind::kInline) {
    content.emplace(TRY(Content::of(volume_, node)));
  }
  std::size_t budget = XattrChain::log_bytes(volume_.layout.block_size, 0);
  for (bool done = false; !done;) {
    const std::size_t rest = budget + kLogBytes + Change::kInodeLogBytes + log_cost::kFreeInode;
    const std::size_t map_bytes = content ? map_log_bytes(volume_, *content->map, 1) : 0;
    Change change = TRY(Change::begin(volume_, map_bytes + rest));
    change.lock({NodeRef(&node)});
    const bool is_empty = !content || TRY(content->shrink_map(change, FileBlock{0}));
    if (!content || (is_empty && change.tx.log_bytes_left() >= rest)) {
      const Result<bool> freed = free_attributes(change, node, budget);
      if (freed.code() == kNeedsRoom) continue;
      done = TRY(freed);
      if (done) TRY(free_inode(change, node));
    }
    TRY(change.commit_part());
    if (is_empty) content.reset();
  }
  return {};
}

Result<> OrphanList::free_inode(Change& change, Node& node) {
  TRY(remove(change, node.number));
  TRY(volume_.space->free_inode(change.tx, node.number,
                                node.is_directory() ? InodeFor::kDirectory : InodeFor::kOther));
  change.erase(node);
  return {};
}

// Frees as many extended attributes as the budget allows; true if all are freed. What it needs
// comes back in `budget`.
Result<bool> OrphanList::free_attributes(Change& change, Node& node, std::size_t& budget) {
  format::Inode& inode = change.edit(node);
  if (inode.xattr_block == 0) return true;
  XattrFile attributes{.inode = node.number,
                       .space = *volume_.space,
                       .first_block = BlockNo{inode.xattr_block},
                       .log_budget = budget};
  const Result<bool> freed = XattrChain(attributes).remove_all(change.tx);
  budget = attributes.log_budget;
  if (!freed.ok()) return freed;
  inode.xattr_block = attributes.first_block.value;
  inode.blocks += static_cast<std::uint64_t>(attributes.block_delta);
  return freed;
}

void OrphanList::abandon(NodeRef node) {
  queue_.push_back(std::move(node));
  if (running_) return;
  running_ = true;
  idle_.reset();
  const auto spawned =
      thread::spawn_detached({.name = "free", .stack_size = 128 * 1024}, [this] { run(); });
  if (!spawned.ok()) {
    running_ = false;  // The list on the disk still has it; the next call tries again.
    idle_.set();
  }
}

void OrphanList::run() {
  while (!queue_.empty()) {
    being_freed_ = std::move(queue_.front());
    queue_.pop_front();
    free_queued(being_freed_);
    being_freed_ = {};
  }
  running_ = false;
  idle_.set();
}

void OrphanList::free_queued(const NodeRef& node) {
  Result<> freed;
  {
    const std::lock_guard guard(node->change);
    if (node->references > 0 || node->inode.links > 0) return;
    freed = free_node(*node);
  }
  ++freed_;
  freed_one_.set();
  freed_one_.reset();
  if (freed.ok()) return;
  volume_.failed("free", freed.error());
  stuck_.push_back(node);
}

OrphanList::Owed OrphanList::owed() const {
  Owed owed;
  const auto add = [&](const NodeRef& node) {
    const bool will_be_freed = node && node->inode.mode != 0 && node->inode.links == 0;
    if (!will_be_freed || node->references > 0) return;
    owed.blocks += node->inode.blocks;
    owed.inodes += 1;
  };
  add(being_freed_);
  std::ranges::for_each(queue_, add);
  for (const Found& found : found_) {
    if (found.has_name) continue;
    owed.blocks += found.blocks;
    owed.inodes += 1;
  }
  return owed;
}

bool OrphanList::expects_release() {
  const auto is_over = [this](const Addition& addition) {
    return !is_recent(addition.at_ns) || !contains(addition.inode);
  };
  while (!recent_.empty() && is_over(recent_.front())) recent_.pop_front();
  return !recent_.empty();
}

bool OrphanList::wait_for_space() {
  const std::uint64_t before = freed_;
  const std::int64_t deadline_ns = monotonic_ns() + kLongestReleaseNs;
  while (expects_release() && freed_one_.wait_until(deadline_ns)) {
  }
  // What is still held then is held for long, and is not waited for again.
  recent_.clear();
  drain();
  return freed_ != before;
}

void OrphanList::drain() {
  while (busy()) (recovering_ ? recovered_ : idle_).wait();
}

}  // namespace spindle
