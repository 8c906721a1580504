// GhostList: the keys of pages that are gone, in the order in which they went.
//
// A bounded list with a hash index beside it: push_front, pop_back, erase and contains are O(1).
// 2Q, ARC and S3-FIFO use it to know again what they evicted. The index is open addressing with
// linear probing, at most half full, and closes its gaps on erasure, so it needs no tombstones and
// never grows: nothing is allocated after construction. About 32 bytes a key.
//
// A key stands in it once at most. It holds up to `capacity` keys; pushing beyond that first drops
// the oldest.
#pragma once

#include <bit>
#include <cstdint>
#include <vector>

#include "spindle/policy/replacement_policy.h"

namespace spindle {

class GhostList {
 public:
  explicit GhostList(std::size_t capacity)
      : capacity_(capacity),
        nodes_(capacity + 1),
        table_(std::bit_ceil(2 * capacity + 2), kNone),
        shift_(64 - std::countr_zero(table_.size())) {
    for (std::uint32_t node = 1; node <= capacity; ++node) nodes_[node].next = node + 1;
    nodes_[capacity].next = kNone;
    free_ = capacity == 0 ? kNone : 1;
    nodes_[kSentinel] = {0, kSentinel, kSentinel};
  }

  [[nodiscard]] std::size_t size() const { return size_; }
  [[nodiscard]] bool contains(PageKey key) const { return table_[slot_of(key)] != kNone; }

  void push_front(PageKey key) {
    if (capacity_ == 0) return;
    std::size_t slot = slot_of(key);
    if (table_[slot] != kNone) return;
    if (size_ == capacity_) {
      pop_back();
      slot = slot_of(key);  // closing the gap may have moved it
    }
    const std::uint32_t node = free_;
    free_ = nodes_[node].next;
    const std::uint32_t first = nodes_[kSentinel].next;
    nodes_[node] = {key, kSentinel, first};
    nodes_[first].previous = node;
    nodes_[kSentinel].next = node;
    table_[slot] = node;
    ++size_;
  }

  void pop_back() {
    if (size_ != 0) erase(nodes_[nodes_[kSentinel].previous].key);
  }

  /// True if the key was there.
  bool erase(PageKey key) {
    const std::size_t slot = slot_of(key);
    const std::uint32_t node = table_[slot];
    if (node == kNone) return false;
    nodes_[nodes_[node].previous].next = nodes_[node].next;
    nodes_[nodes_[node].next].previous = nodes_[node].previous;
    nodes_[node].next = free_;
    free_ = node;
    --size_;
    close_gap(slot);
    return true;
  }

 private:
  struct Node {
    PageKey key = 0;
    std::uint32_t previous = 0;
    std::uint32_t next = 0;
  };
  static constexpr std::uint32_t kSentinel = 0;
  static constexpr std::uint32_t kNone = ~std::uint32_t{0};

  [[nodiscard]] std::size_t home_of(PageKey key) const {
    return static_cast<std::size_t>((key * 0x9E3779B97F4A7C15ull) >> shift_);
  }

  /// The slot that holds the key, or the empty one where it would go.
  [[nodiscard]] std::size_t slot_of(PageKey key) const {
    const std::size_t mask = table_.size() - 1;
    std::size_t slot = home_of(key);
    while (table_[slot] != kNone && nodes_[table_[slot]].key != key) slot = (slot + 1) & mask;
    return slot;
  }

  /// Moves back the keys of a probe sequence that the emptied slot would cut in two.
  void close_gap(std::size_t gap) {
    const std::size_t mask = table_.size() - 1;
    table_[gap] = kNone;
    for (std::size_t slot = (gap + 1) & mask; table_[slot] != kNone; slot = (slot + 1) & mask) {
      const std::size_t home = home_of(nodes_[table_[slot]].key);
      if (((slot - home) & mask) < ((slot - gap) & mask)) continue;
      table_[gap] = table_[slot];
      table_[slot] = kNone;
      gap = slot;
    }
  }

  std::size_t capacity_;
  std::size_t size_ = 0;
  std::vector<Node> nodes_;
  std::vector<std::uint32_t> table_;
  int shift_;
  std::uint32_t free_ = kNone;
};

}  // namespace spindle
