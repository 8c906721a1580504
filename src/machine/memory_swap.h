// SwapSlots: the pages of the swap file.
//
// A slot is held by each page-table entry or page of a segment that leads to it, and by the frame
// that has the same content. What was written to it is kept here too, so that the simulation can go
// on without a real file.
#pragma once

#include <set>
#include <vector>

#include "memory_page.h"
#include "spindle/base/check.h"
#include "spindle/base/result.h"

namespace spindle {

struct Slot {
  std::uint32_t holders = 0;
  FrameIndex frame = kNoFrame;  ///< the frame that has the same content, or will have it
  TransferId writing{};         ///< the transfer that writes to it, if one does
  PageKey key = 0;
  PageContent content;
};

class SwapSlots {
 public:
  explicit SwapSlots(std::uint64_t capacity) : capacity_(capacity) {}

  [[nodiscard]] std::uint64_t capacity() const { return capacity_; }
  [[nodiscard]] std::uint64_t used() const { return slots_.size() - free_.size(); }
  [[nodiscard]] bool is_full() const { return used() >= capacity_; }
  Slot& operator[](SlotIndex slot) { return slots_[slot]; }
  const Slot& operator[](SlotIndex slot) const { return slots_[slot]; }

  /// The lowest free slot, for the page with this key; there must be one. The caller holds it.
  SlotIndex take(PageKey key = 0) {
    CHECK(!is_full());
    SlotIndex slot = static_cast<SlotIndex>(slots_.size());
    if (free_.empty())
      slots_.emplace_back();
    else
      slot = free_.extract(free_.begin()).value();
    slots_[slot].key = key;
    hold(slot);
    return slot;
  }
  void hold(SlotIndex slot) { ++slots_[slot].holders; }
  /// Ends one hold. The slot is free when nobody holds it, and nothing is on its way there.
  void let_go(SlotIndex slot) {
    CHECK(slots_[slot].holders > 0);
    --slots_[slot].holders;
    free_if_unused(slot);
  }
  void written(SlotIndex slot) {
    slots_[slot].writing = TransferId{};
    free_if_unused(slot);
  }
  /// EBUSY if a slot that would go is in use.
  Result<> resize(std::uint64_t capacity) {
    while (slots_.size() > capacity && free_.contains(static_cast<SlotIndex>(slots_.size() - 1))) {
      free_.erase(static_cast<SlotIndex>(slots_.size() - 1));
      slots_.pop_back();
    }
    if (slots_.size() > capacity) return Error{EBUSY, "pages are stored there"};
    capacity_ = capacity;
    return {};
  }

 private:
  void free_if_unused(SlotIndex slot) {
    if (slots_[slot].holders > 0 || slots_[slot].writing) return;
    slots_[slot] = Slot{};
    free_.insert(slot);
  }

  std::uint64_t capacity_;
  std::vector<Slot> slots_;  ///< those that were ever used
  std::set<SlotIndex> free_;
};

}  // namespace spindle
