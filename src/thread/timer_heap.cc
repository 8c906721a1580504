#include "thread/timer_heap.h"

#include <algorithm>

#include "spindle/base/check.h"

namespace spindle::thread {
namespace {
constexpr std::size_t kArity = 4;
}

void TimerHeap::place(std::size_t at, const Entry& entry) {
  entries_[at] = entry;
  entry.node->timer_index = at + 1;
}

void TimerHeap::sift_up(std::size_t at, const Entry& entry) {
  while (at > 0) {
    const std::size_t parent = (at - 1) / kArity;
    if (!entry.before(entries_[parent])) break;
    place(at, entries_[parent]);
    at = parent;
  }
  place(at, entry);
}

void TimerHeap::sift_down(std::size_t at, const Entry& entry) {
  for (;;) {
    const std::size_t first = at * kArity + 1;
    if (first >= entries_.size()) break;
    const std::size_t end = std::min(first + kArity, entries_.size());
    std::size_t least = first;
    for (std::size_t child = first + 1; child < end; ++child) {
      if (entries_[child].before(entries_[least])) least = child;
    }
    if (!entries_[least].before(entry)) break;
    place(at, entries_[least]);
    at = least;
  }
  place(at, entry);
}

void TimerHeap::insert(WaitNode& node, std::int64_t deadline_ns) {
  const Entry entry{deadline_ns, ++inserted_, &node};
  entries_.push_back(entry);
  sift_up(entries_.size() - 1, entry);
}

void TimerHeap::remove(WaitNode& node) {
  CHECK(node.timer_index > 0 && node.timer_index <= entries_.size());
  const std::size_t at = node.timer_index - 1;
  node.timer_index = 0;
  const Entry last = entries_.back();
  entries_.pop_back();
  if (at == entries_.size()) return;
  if (at > 0 && last.before(entries_[(at - 1) / kArity])) {
    sift_up(at, last);
  } else {
    sift_down(at, last);
  }
}

WaitNode* TimerHeap::take_due(std::int64_t now_ns) {
  if (entries_.empty() || entries_.front().deadline_ns > now_ns) return nullptr;
  WaitNode* node = entries_.front().node;
  remove(*node);
  return node;
}

}  // namespace spindle::thread
