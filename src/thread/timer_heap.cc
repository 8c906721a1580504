#include "thread/timer_heap.h"

#include <algorithm>
#include <utility>

#include "spindle/base/check.h"

namespace spindle::thread {
namespace {
constexpr std::size_t kArity = 4;
}

void TimerHeap::place(std::size_t at, const Entry& entry) {
  entries_[at] = entry;
  places_[entry.number] = static_cast<std::uint32_t>(at);
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
  if (free_numbers_.empty()) {
    free_numbers_.push_back(static_cast<std::uint32_t>(nodes_.size()));
    nodes_.push_back(nullptr);
    places_.push_back(0);
  }
  const Entry entry{deadline_ns, ++inserted_, free_numbers_.back()};
  free_numbers_.pop_back();
  nodes_[entry.number] = &node;
  node.timer_index = entry.number + std::size_t{1};
  entries_.push_back(entry);
  sift_up(entries_.size() - 1, entry);
}

void TimerHeap::remove(WaitNode& node) {
  CHECK(node.timer_index > 0 && node.timer_index <= nodes_.size());
  const auto number = static_cast<std::uint32_t>(std::exchange(node.timer_index, 0) - 1);
  CHECK(nodes_[number] == &node);
  const std::size_t at = places_[number];
  free_numbers_.push_back(number);
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
  WaitNode* const node = nodes_[entries_.front().number];
  remove(*node);
  return node;
}

}  // namespace spindle::thread
