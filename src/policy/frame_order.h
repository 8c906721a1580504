// FrameOrder: which resident frame has the lowest key, and of equal keys the lowest number, where
// the keys are the policy's own and mostly rise.
//
// A heap of the keys as they were. A key that has risen since is put right when it comes to the
// top; the order must be told of one that may have fallen; and if all fall at once it forgets
// everything, and begins anew when it is asked. So a use of a frame costs nothing here.
#pragma once

#include <algorithm>
#include <functional>
#include <optional>
#include <utility>
#include <vector>

#include "frame_lists.h"
#include "spindle/policy/replacement_policy.h"

namespace spindle {

class FrameOrder {
 public:
  explicit FrameOrder(std::size_t capacity) : capacity_(static_cast<FrameIndex>(capacity)) {
    heap_.reserve(kMost * capacity + kMore);
    passed_.reserve(capacity);
  }

  void forget() { knows_ = false; }

  /// To be told when a page comes into the frame, too.
  void may_have_fallen(FrameIndex frame, std::uint64_t key) {
    // Entries of frames that were told of often pile up.
    if (heap_.size() == kMost * capacity_ + kMore) knows_ = false;
    if (knows_) push({key, frame});
  }

  /// The frame with the lowest key among those that may go.
  template <class IsResident, class KeyOf>
  std::optional<FrameIndex> lowest(IsResident&& is_resident, KeyOf&& key_of, Evictable evictable) {
    if (!knows_) begin_anew(is_resident, key_of);
    std::optional<FrameIndex> found;
    while (!found && !heap_.empty()) {
      const Entry first = heap_.front();
      const std::uint64_t key = is_resident(first.second) ? key_of(first.second) : 0;
      const bool is_right = is_resident(first.second) && key == first.first;
      if (is_right && evictable(FrameNo{first.second})) {
        found = first.second;
        break;
      }
      std::pop_heap(heap_.begin(), heap_.end(), std::greater<>());
      heap_.pop_back();
      if (is_right)
        passed_.push_back(first);
      else if (is_resident(first.second) && key > first.first)
        push({key, first.second});
      // What fell stands there a second time, with its lower key; what is gone is gone.
    }
    for (const Entry& entry : passed_) push(entry);
    passed_.clear();
    return found;
  }

 private:
  using Entry = std::pair<std::uint64_t, FrameIndex>;
  static constexpr std::size_t kMost = 2;
  static constexpr std::size_t kMore = 8;

  void push(const Entry& entry) {
    heap_.push_back(entry);
    std::push_heap(heap_.begin(), heap_.end(), std::greater<>());
  }

  template <class IsResident, class KeyOf>
  void begin_anew(IsResident&& is_resident, KeyOf&& key_of) {
    heap_.clear();
    for (FrameIndex frame = 0; frame < capacity_; ++frame)
      if (is_resident(frame)) heap_.emplace_back(key_of(frame), frame);
    std::make_heap(heap_.begin(), heap_.end(), std::greater<>());
    knows_ = true;
  }

  FrameIndex capacity_;
  bool knows_ = false;
  std::vector<Entry> heap_;    ///< the lowest first
  std::vector<Entry> passed_;  ///< the frames of one search that may not go
};

}  // namespace spindle
