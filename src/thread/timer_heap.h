// TimerHeap: the waits that have a deadline, the next one first.
//
// A 4-ary heap: half as deep as a binary one, and the four children lie in one or two cache lines.
// A wait that ends before its deadline is taken out in O(log n): each node has a number by which
// its place is known. The places stand together, for the nodes lie on as many stacks and would be
// out of the cache. Equal deadlines come out in the order in which they went in. Not thread-safe.
#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

#include "spindle/thread/wait_queue.h"

namespace spindle::thread {

class TimerHeap {
 public:
  void insert(WaitNode& node, std::int64_t deadline_ns);
  /// The node must be in the heap.
  void remove(WaitNode& node);
  /// Takes out the first node if it is due; else null.
  WaitNode* take_due(std::int64_t now_ns);

  [[nodiscard]] bool empty() const { return entries_.empty(); }
  /// kNever if empty.
  [[nodiscard]] std::int64_t next_deadline_ns() const {
    return entries_.empty() ? kNever : entries_.front().deadline_ns;
  }

 private:
  struct Entry {
    std::int64_t deadline_ns;
    std::uint64_t turn;
    std::uint32_t number;  // of the node
    [[nodiscard]] bool before(const Entry& other) const {
      return deadline_ns != other.deadline_ns ? deadline_ns < other.deadline_ns : turn < other.turn;
    }
  };
  void place(std::size_t at, const Entry& entry);
  void sift_up(std::size_t at, const Entry& entry);
  void sift_down(std::size_t at, const Entry& entry);

  std::vector<Entry> entries_;
  // By the number of a node.
  std::vector<WaitNode*> nodes_;
  std::vector<std::uint32_t> places_;
  std::vector<std::uint32_t> free_numbers_;
  std::uint64_t inserted_ = 0;
};

}  // namespace spindle::thread
