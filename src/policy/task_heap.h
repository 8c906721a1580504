// TaskHeap: ready tasks in order of a key, the lowest first; of equal keys the one queued first, or
// one that was put in front of its equals. A binary heap in one array.
//
// The places of the tasks in the array are recorded only once one has been removed out of turn, or
// its key was asked for; a caller that never does that does not pay for it.
#pragma once

#include <algorithm>
#include <cstdint>
#include <tuple>
#include <unordered_map>
#include <vector>

#include "spindle/base/check.h"
#include "spindle/base/id.h"

namespace spindle {

/// A key is time by weight: 1,024 ns for each that a task of weight 1 runs. That does not fit into
/// a key for ever: beyond this key all are counted anew.
inline constexpr std::int64_t kFarthestKey = std::int64_t{1} << 61;
/// The key, counted from `start`. It lags behind by kFarthestKey at most.
inline std::int64_t counted_from(std::int64_t start, std::int64_t key) {
  return std::max(key, start - kFarthestKey) - start;
}

/// Places of tasks among equals, in the order in which they are queued.
class PlaceCounter {
 public:
  std::int64_t next(bool in_front = false) { return in_front ? --front_ : ++back_; }

 private:
  std::int64_t front_ = 0;
  std::int64_t back_ = 0;
};

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
    push_at(key, queued_.next(in_front), task);
  }

  /// The key of the task, which must be there. O(1), but linear the first time.
  [[nodiscard]] std::int64_t key_of(TaskId task) const { return entries_[place_of(task)].key; }

  /// Puts the task at a place of the caller's choice among the equal keys; not to be mixed with
  /// `push`.
  void push_at(std::int64_t key, std::int64_t place, TaskId task) {
    entries_.emplace_back();
    move_up(entries_.size() - 1, {key, place, task});
  }

  /// Lowers all keys by `by`; their order stays.
  void lower_all(std::int64_t by) {
    for (Entry& entry : entries_) entry.key -= by;
  }

  Entry pop() {
    const Entry first = entries_.front();
    take_out(0);
    return first;
  }

  /// O(log n), but linear the first time.
  void remove(TaskId task) { take_out(place_of(task)); }

 private:
  [[nodiscard]] std::size_t place_of(TaskId task) const {
    if (!writes_places_) {
      writes_places_ = true;
      for (std::size_t at = 0; at < entries_.size(); ++at) places_[entries_[at].task] = at;
    }
    const auto found = places_.find(task);
    CHECK(found != places_.end());
    return found->second;
  }

  static bool is_before(const Entry& a, const Entry& b) {
    return std::tie(a.key, a.place) < std::tie(b.key, b.place);
  }

  void put(std::size_t at, const Entry& entry) {
    entries_[at] = entry;
    if (writes_places_) places_[entry.task] = at;
  }

  void move_up(std::size_t at, const Entry& entry) {
    for (std::size_t parent = 0; at != 0; at = parent) {
      parent = (at - 1) / 2;
      if (!is_before(entry, entries_[parent])) break;
      put(at, entries_[parent]);
    }
    put(at, entry);
  }

  /// Removes the entry; the last one takes its place, and moves to its own.
  void take_out(std::size_t at) {
    if (writes_places_) places_.erase(entries_[at].task);
    const Entry last = entries_.back();
    entries_.pop_back();
    const std::size_t size = entries_.size();
    if (at == size) return;
    // Down to the bottom along the lower child, and up again: the last one seldom stays high.
    for (std::size_t child = 2 * at + 1; child < size; child = 2 * at + 1) {
      if (child + 1 < size && is_before(entries_[child + 1], entries_[child])) ++child;
      put(at, entries_[child]);
      at = child;
    }
    move_up(at, last);
  }

  std::vector<Entry> entries_;
  PlaceCounter queued_;
  mutable bool writes_places_ = false;
  mutable std::unordered_map<TaskId, std::size_t> places_;
};

}  // namespace spindle
