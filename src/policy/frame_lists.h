// FrameLists: several doubly linked lists over the frames 0 .. capacity-1, in one array.
//
// A frame is in one list at most. A list is a ring through a sentinel that stands behind the last
// frame, so that linking has no branches. Front is where frames come in, back is where they go out;
// `towards_front` walks the way of the victims' search. `kEnd` is what a walk answers when it has
// passed the last frame.
//
// Nothing is allocated after construction. No operation checks that the frame is in the list it
// names: the policies keep that, in the tag that every frame carries here for them.
#pragma once

#include <array>
#include <cstdint>
#include <vector>

#include "spindle/base/check.h"

namespace spindle {

using FrameIndex = std::uint32_t;

template <std::size_t kLists>
class FrameLists {
 public:
  static constexpr FrameIndex kEnd = ~FrameIndex{0};

  explicit FrameLists(std::size_t capacity)
      : capacity_(static_cast<FrameIndex>(capacity)), links_(capacity + kLists), tags_(capacity) {
    for (FrameIndex list = 0; list < kLists; ++list)
      links_[capacity_ + list] = {capacity_ + list, capacity_ + list};
  }

  [[nodiscard]] FrameIndex capacity() const { return capacity_; }
  [[nodiscard]] std::size_t size(FrameIndex list) const { return sizes_[list]; }

  /// A byte of the policy's own for each frame; 0 at the start.
  [[nodiscard]] std::uint8_t& tag(FrameIndex frame) { return tags_[frame]; }
  [[nodiscard]] std::uint8_t tag(FrameIndex frame) const { return tags_[frame]; }

  void push_front(FrameIndex list, FrameIndex frame) {
    const FrameIndex sentinel = capacity_ + list;
    const FrameIndex first = links_[sentinel].next;
    links_[frame] = {sentinel, first};
    links_[first].previous = frame;
    links_[sentinel].next = frame;
    ++sizes_[list];
  }

  void remove(FrameIndex list, FrameIndex frame) {
    const Link link = links_[frame];
    links_[link.previous].next = link.next;
    links_[link.next].previous = link.previous;
    --sizes_[list];
  }

  void move_to_front(FrameIndex list, FrameIndex frame) {
    if (links_[frame].previous == capacity_ + list) return;
    remove(list, frame);
    push_front(list, frame);
  }

  [[nodiscard]] FrameIndex back(FrameIndex list) const {
    return or_end(links_[capacity_ + list].previous);
  }
  [[nodiscard]] FrameIndex front(FrameIndex list) const {
    return or_end(links_[capacity_ + list].next);
  }
  [[nodiscard]] FrameIndex towards_back(FrameIndex frame) const {
    return or_end(links_[frame].next);
  }
  [[nodiscard]] FrameIndex towards_front(FrameIndex frame) const {
    return or_end(links_[frame].previous);
  }

 private:
  struct Link {
    FrameIndex previous = 0;
    FrameIndex next = 0;
  };

  [[nodiscard]] FrameIndex or_end(FrameIndex node) const { return node < capacity_ ? node : kEnd; }

  FrameIndex capacity_;
  std::vector<Link> links_;
  std::vector<std::uint8_t> tags_;
  std::array<std::size_t, kLists> sizes_{};
};

/// The frame of a caller's number, which must be one of the policy's.
inline FrameIndex frame_index(std::uint64_t number, FrameIndex capacity) {
  CHECK(number < capacity);
  return static_cast<FrameIndex>(number);
}

}  // namespace spindle
