#include "pending_times.h"

#include <algorithm>

#include "change.h"
#include "spindle/thread/thread.h"
#include "volume.h"

namespace spindle {
namespace {

constexpr std::size_t kMostPending = 1024;  // beyond it the thread does not wait for the interval
constexpr std::size_t kInTransaction = 16;

}  // namespace

void PendingTimes::add(Node& node) {
  // Nobody will see the times of a file without a name after a crash.
  if (node.inode.links == 0 || stopping_) return;
  if (!std::exchange(node.times_pending, true)) nodes_.emplace(&node, NodeRef(&node));
  if (nodes_.size() > kMostPending) hurry_.set();
  if (running_) return;
  const auto spawned = thread::spawn_detached("pending times", [this] { run(); });
  running_ = spawned.ok();  // if not, the next call tries again
}

void PendingTimes::drop(Node& node) {
  if (!std::exchange(node.times_pending, false)) return;
  const auto found = nodes_.find(&node);
  CHECK(found != nodes_.end());
  const NodeRef last = std::move(found->second);
  nodes_.erase(found);
}

Result<> PendingTimes::write(Node& node) {
  if (!node.times_pending) return {};
  return write_some({NodeRef(&node)});
}

Result<> PendingTimes::write_some(const std::vector<NodeRef>& nodes) {
  Change change = TRY(Change::begin(volume_, nodes.size() * Change::kInodeLogBytes));
  for (const NodeRef& node : nodes) change.lock({node});
  bool any = false;
  for (const NodeRef& node : nodes) {
    if (!node->times_pending) continue;
    change.edit(*node);
    any = true;
  }
  if (any) TRY(change.commit_part());
  return {};
}

Result<> PendingTimes::write_all() {
  std::vector<NodeRef> all;
  for (const auto& [node, ref] : nodes_) all.push_back(ref);
  std::ranges::sort(all, {}, [](const NodeRef& node) { return node->number; });
  for (std::size_t i = 0; i < all.size(); i += kInTransaction) {
    const auto begin = all.begin() + static_cast<std::ptrdiff_t>(i);
    const std::size_t count = std::min(kInTransaction, all.size() - i);
    TRY(write_some({begin, begin + static_cast<std::ptrdiff_t>(count)}));
  }
  return {};
}

void PendingTimes::run() {
  while (!stopping_ && !nodes_.empty()) {
    hurry_.reset();
    hurry_.wait_until(monotonic_ns() + volume_.options.commit_interval_ns);
    if (stopping_) break;
    const Result<> written = write_all();
    if (written.ok()) continue;
    volume_.failed("times", written.error());
    break;
  }
  running_ = false;
  ended_.set();
}

void PendingTimes::stop() {
  stopping_ = true;
  hurry_.set();
  while (running_) {
    ended_.reset();
    ended_.wait();
  }
  for (auto& [node, ref] : nodes_) node->times_pending = false;
  auto forgotten = std::move(nodes_);
  nodes_.clear();
}

}  // namespace spindle
