// TaskFifo: ready tasks in a row: they enter at the back or in front, and leave from the front.
//
// A ring that only grows, so that a decision costs a few instructions. The places of the tasks are
// recorded only once one has been removed out of turn: it leaves a gap, which is skipped when its
// turn comes.
#pragma once

#include <algorithm>
#include <cstdint>
#include <optional>
#include <unordered_map>
#include <vector>

#include "spindle/base/check.h"
#include "spindle/base/id.h"

namespace spindle {

class TaskFifo {
 public:
  [[nodiscard]] bool empty() const { return size_ == 0; }
  [[nodiscard]] std::size_t size() const { return size_; }

  void push_back(TaskId task) {
    if (end_ - begin_ == ring_.size()) grow();
    put(end_++, task);
  }
  void push_front(TaskId task) {
    if (end_ - begin_ == ring_.size()) grow();
    put(--begin_, task);
  }

  std::optional<TaskId> pop_front() {
    while (begin_ != end_) {
      const TaskId task = ring_[begin_ & mask()];
      if (writes_places_) {
        const auto found = places_.find(task);
        const bool is_gap = found == places_.end() || found->second != begin_;
        if (!is_gap) places_.erase(found);
        ++begin_;
        if (is_gap) continue;
      } else {
        ++begin_;
      }
      --size_;
      return task;
    }
    return std::nullopt;
  }

  /// O(1), but linear the first time. The task must be there.
  void remove(TaskId task) {
    if (!writes_places_) {
      writes_places_ = true;
      for (std::uint64_t at = begin_; at != end_; ++at) places_[ring_[at & mask()]] = at;
    }
    CHECK(places_.erase(task) == 1);
    --size_;
  }

 private:
  [[nodiscard]] std::uint64_t mask() const { return ring_.size() - 1; }

  void put(std::uint64_t at, TaskId task) {
    ring_[at & mask()] = task;
    if (writes_places_) places_[task] = at;
    ++size_;
  }

  /// Places are counted on without end, so they stay as they are in a longer ring.
  void grow() {
    std::vector<TaskId> larger(std::max<std::size_t>(64, 2 * ring_.size()));
    for (std::uint64_t at = begin_; at != end_; ++at)
      larger[at & (larger.size() - 1)] = ring_[at & mask()];
    ring_ = std::move(larger);
  }

  std::vector<TaskId> ring_;  ///< a power of two long
  std::uint64_t begin_ = std::uint64_t{1} << 62;
  std::uint64_t end_ = std::uint64_t{1} << 62;
  std::size_t size_ = 0;
  bool writes_places_ = false;
  std::unordered_map<TaskId, std::uint64_t> places_;
};

}  // namespace spindle
