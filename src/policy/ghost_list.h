// GhostLists: the keys of pages that are gone, in the order in which they went; several lists, and
// one index to all of them.
//
// push_front, pop_back, erase and find are O(1). 2Q, ARC and S3-FIFO use it to recognise what they
// evicted. The index is open addressing with linear probing, at most half full, and closes its gaps
// on erasure, so it needs no tombstones and never grows: nothing is allocated after construction.
// A slot carries half of the key's hash, so that a page that is not remembered, the usual case,
// costs one access to memory. 32 to 48 bytes a key.
//
// A key stands in one list at most. All lists together hold `capacity` keys at most; the caller
// makes room before it pushes.
#pragma once

#include <algorithm>
#include <array>
#include <bit>
#include <cstdint>
#include <vector>

#include "spindle/base/check.h"
#include "spindle/policy/replacement_policy.h"

namespace spindle {

template <std::uint32_t kLists>
class GhostLists {
 public:
  static constexpr std::uint32_t kNoList = kLists;

  explicit GhostLists(std::size_t capacity)
      : nodes_(capacity + kLists),
        table_(std::bit_ceil(2 * capacity + 2)),
        shift_(std::max(0, 32 - std::countr_zero(table_.size()))) {
    for (std::uint32_t list = 0; list < kLists; ++list) nodes_[list] = {0, list, list};
    for (std::uint32_t node = kLists; node < nodes_.size(); ++node) nodes_[node].next = node + 1;
    nodes_.back().next = kNone;
    free_ = capacity == 0 ? kNone : kLists;
  }

  [[nodiscard]] std::size_t size(std::uint32_t list) const { return sizes_[list]; }

  /// In which list the key stands; `kNoList` if in none.
  [[nodiscard]] std::uint32_t find(PageKey key) const {
    const Slot& slot = table_[slot_of(key)];
    return slot.node == kNone ? kNoList : slot.hash & kListMask;
  }

  /// There must be room. A key that stands in a list stays where it is.
  void push_front(std::uint32_t list, PageKey key) {
    const std::size_t slot = slot_of(key);
    if (table_[slot].node != kNone) return;
    CHECK(free_ != kNone);
    const std::uint32_t node = free_;
    free_ = nodes_[node].next;
    const std::uint32_t first = nodes_[list].next;
    nodes_[node] = {key, list, first};
    nodes_[first].previous = node;
    nodes_[list].next = node;
    table_[slot] = {node, hash_of(key) | list};
    ++sizes_[list];
  }

  /// The list must not be empty.
  void pop_back(std::uint32_t list) {
    erase(nodes_[nodes_[list].previous].key);
    // The next one to go is known, and likely to go soon.
    const Node& next = nodes_[nodes_[list].previous];
    __builtin_prefetch(&table_[home_of(hash_of(next.key))]);
    __builtin_prefetch(&nodes_[next.previous]);
  }

  /// True if the key was there.
  bool erase(PageKey key) {
    const std::size_t slot = slot_of(key);
    const std::uint32_t number = table_[slot].node;
    if (number == kNone) return false;
    Node& node = nodes_[number];
    nodes_[node.previous].next = node.next;
    nodes_[node.next].previous = node.previous;
    --sizes_[table_[slot].hash & kListMask];
    node.next = free_;
    free_ = number;
    close_gap(slot);
    return true;
  }

 private:
  static constexpr std::uint32_t kNone = ~std::uint32_t{0};
  struct Node {
    PageKey key = 0;
    std::uint32_t previous = 0;
    std::uint32_t next = 0;
  };
  struct Slot {
    std::uint32_t node = kNone;
    std::uint32_t hash = 0;  ///< the hash of the key; its last bits are the list's number
  };
  static constexpr std::uint32_t kListMask = std::bit_ceil(kLists) - 1;

  static std::uint32_t hash_of(PageKey key) {
    return static_cast<std::uint32_t>((key * 0x9E3779B97F4A7C15ull) >> 32) & ~kListMask;
  }
  [[nodiscard]] std::size_t home_of(std::uint32_t hash) const { return hash >> shift_; }
  [[nodiscard]] std::size_t mask() const { return table_.size() - 1; }

  /// The slot that holds the key, or the empty one where it would go.
  [[nodiscard]] std::size_t slot_of(PageKey key) const {
    const std::uint32_t hash = hash_of(key);
    std::size_t slot = home_of(hash);
    while (table_[slot].node != kNone &&
           !((table_[slot].hash & ~kListMask) == hash && nodes_[table_[slot].node].key == key))
      slot = (slot + 1) & mask();
    return slot;
  }

  /// Moves back the keys of a probe sequence that the emptied slot would cut in two.
  void close_gap(std::size_t gap) {
    table_[gap].node = kNone;
    for (std::size_t slot = (gap + 1) & mask(); table_[slot].node != kNone;
         slot = (slot + 1) & mask()) {
      const std::size_t home = home_of(table_[slot].hash);
      if (((slot - home) & mask()) < ((slot - gap) & mask())) continue;
      table_[gap] = table_[slot];
      table_[slot].node = kNone;
      gap = slot;
    }
  }

  std::vector<Node> nodes_;  ///< the first of them are the lists' ends
  std::vector<Slot> table_;
  int shift_;
  std::uint32_t free_ = kNone;
  std::array<std::size_t, kLists> sizes_{};
};

}  // namespace spindle
