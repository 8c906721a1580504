// TaskHeap: ready tasks in order of a key, the lowest first; of equal keys the one queued first, or
// one that was put in front of its equals. A binary heap in one array.
#pragma once

#include <algorithm>
#include <cstdint>
#include <tuple>
#include <vector>

#include "spindle/base/check.h"
#include "spindle/base/id.h"

namespace spindle {

class TaskHeap {
 public:
  struct Entry {
    std::int64_t key = 0;
    std::int64_t place = 0;  ///< among equal keys
    TaskId task;
  };

  [[nodiscard]] bool empty() const { return entries_.empty(); }
  [[nodiscard]] std::size_t size() const { return entries_.size(); }
  [[nodiscard]] const Entry& top() const { return entries_.front(); }

  void push(std::int64_t key, TaskId task, bool in_front = false) {
    push_at(key, in_front ? --front_ : ++back_, task);
  }

  /// For a place of the caller's choice among the equal keys; not to be mixed with `push`.
  void push_at(std::int64_t key, std::int64_t place, TaskId task) {
    entries_.push_back({key, place, task});
    std::push_heap(entries_.begin(), entries_.end(), after);
  }

  Entry pop() {
    std::pop_heap(entries_.begin(), entries_.end(), after);
    const Entry entry = entries_.back();
    entries_.pop_back();
    return entry;
  }

  /// Linear.
  void remove(TaskId task) {
    const auto found = std::find_if(entries_.begin(), entries_.end(),
                                    [task](const Entry& e) { return e.task == task; });
    CHECK(found != entries_.end());
    *found = entries_.back();
    entries_.pop_back();
    std::make_heap(entries_.begin(), entries_.end(), after);
  }

 private:
  static bool after(const Entry& a, const Entry& b) {
    return std::tie(b.key, b.place) < std::tie(a.key, a.place);
  }

  std::vector<Entry> entries_;
  std::int64_t front_ = 0;
  std::int64_t back_ = 0;
};

}  // namespace spindle
