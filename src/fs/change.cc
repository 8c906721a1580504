#include "change.h"

#include <sys/stat.h>

#include <algorithm>

#include "volume.h"

namespace spindle {
namespace {

using format::BlockKind;

/// An inode is stored as two records, so that the link of the orphan list, which stands between
/// them, belongs to whoever edits that list (orphans.h).
template <std::size_t kSize>
struct Bytes {
  std::byte value[kSize];
};
using FrontBytes = Bytes<offsetof(format::Inode, next_orphan)>;
using RootBytes = Bytes<format::kMapRootSize>;

}  // namespace

Change::Change(Volume& volume, Transaction transaction)
    : tx(std::move(transaction)), volume_(&volume) {}

Result<Change> Change::begin(Volume& volume, std::size_t log_bytes) {
  TRY(volume.writable());
  // The bounds add up worst cases that seldom meet. On the smallest volumes their sum is more than
  // the log, but the whole log is enough for what is really edited.
  const std::size_t most = volume.journal->largest_transaction();
  return Change(volume, TRY(volume.journal->begin(std::min(log_bytes, most))));
}

Change::~Change() {
  if (!done_) {
    // The transaction gives back what it took before anybody else may look at the inodes.
    Transaction dropped = std::move(tx);
  }
  if (orphan_lock.owns_lock()) orphan_lock.unlock();
  unlock_all();
}

void Change::lock(std::initializer_list<NodeRef> nodes) {
  std::vector<NodeRef> sorted(nodes);
  std::erase_if(sorted, [](const NodeRef& node) { return !node; });
  std::ranges::sort(sorted, {}, [](const NodeRef& node) { return node->number; });
  sorted.erase(std::unique(sorted.begin(), sorted.end()), sorted.end());
  for (NodeRef& node : sorted) {
    node->lock.lock();
    locked_.push_back(std::move(node));
  }
}

bool Change::try_lock(const NodeRef& node) {
  if (std::ranges::find(locked_, node) != locked_.end()) return true;
  if (!node->lock.try_lock()) return false;
  locked_.push_back(node);
  return true;
}

void Change::unlock_all() {
  for (const NodeRef& node : locked_) node->lock.unlock();
  locked_.clear();
}

Change::Edit* Change::find(InodeNo number) {
  for (Edit& edit : edits_)
    if (edit.number == number) return &edit;
  return nullptr;
}

format::Inode& Change::edit(Node& node) {
  if (Edit* edit = find(node.number)) return edit->inode;
  edits_.push_back({.number = node.number, .node = &node, .inode = node.inode});
  return edits_.back().inode;
}

format::Inode& Change::create(InodeNo number) {
  CHECK(find(number) == nullptr);
  edits_.push_back({.number = number});
  return edits_.back().inode;
}

void Change::erase(Node& node) {
  const std::uint32_t generation = node.inode.generation;
  edit(node) = {};
  edit(node).generation = generation;
  find(node.number)->is_erased = true;
  kept_.emplace_back(&node);
}

void Change::touches_content(Node& node) {
  edit(node);
  find(node.number)->touches_content = true;
}

MapFile Change::map_file(Node& node) {
  format::Inode& inode = edit(node);
  return MapFile{.inode = node.content_owner(),
                 .generation = inode.generation,
                 .root = inode.map_root,
                 .blocks = inode.blocks};
}

Result<> Change::store(Edit& edit) {
  const format::Layout::Place place = volume_->layout.inode_place(edit.number);
  auto* front = TRY(tx.edit<FrontBytes>(place.block, BlockKind::kInodeTable, place.offset));
  std::memcpy(front, &edit.inode, sizeof *front);
  if (edit.node != nullptr &&
      std::memcmp(edit.node->inode.map_root, edit.inode.map_root, format::kMapRootSize) == 0) {
    return {};
  }
  auto* root = TRY(tx.edit<RootBytes>(place.block, BlockKind::kInodeTable,
                                      place.offset + offsetof(format::Inode, map_root)));
  std::memcpy(root, edit.inode.map_root, sizeof *root);
  return {};
}

void Change::publish(Edit& edit, EpochNo epoch) {
  if (edit.node == nullptr) {
    created_ = volume_->nodes.insert(edit.number);
    edit.node = &*created_;
    edit.touches_content = true;
  }
  edit.node->inode = edit.inode;
  edit.node->changed = epoch;
  if (edit.touches_content) edit.node->content_changed = epoch;
  ChangeWatch* watch = edit.node->watch;
  if (edit.touches_content && watch != nullptr) watch->was_mapped_anew = true;
  volume_->pending_times.drop(*edit.node);
  if (edit.is_erased) volume_->nodes.erase(*edit.node);
}

Result<EpochNo> Change::commit_part() {
  for (Edit& edit : edits_) TRY(store(edit));
  const EpochNo epoch = tx.commit();
  for (Edit& edit : edits_) publish(edit, epoch);
  done_ = true;
  if (orphan_lock.owns_lock()) orphan_lock.unlock();
  unlock_all();
  kept_.clear();
  return epoch;
}

bool Change::must_be_durable() const {
  const FileSystem::Options& options = volume_->options;
  return options.sync ||
         (options.sync_directories && std::ranges::any_of(edits_, [](const Edit& edit) {
            return (edit.inode.mode & S_IFMT) == S_IFDIR;
          }));
}

Result<EpochNo> Change::commit() {
  const bool waits = must_be_durable();
  const EpochNo epoch = TRY(commit_part());
  if (waits) TRY(volume_->journal->sync(epoch));
  return epoch;
}

}  // namespace spindle
