// PageNumbers: pages by any key, as small numbers, and how many different ones there are.
//
// A small key is its own number, so that the trace of a program or of an exercise costs a bit a
// page here, and nothing to look up. Other keys are numbered in the order in which they first
// appear, found by open addressing (Fibonacci hashing, at most half full).
#pragma once

#include <algorithm>
#include <cstdint>
#include <span>
#include <utility>

#include "spindle/base/zero_table.h"
#include "spindle/policy/page_memory.h"

namespace spindle {

class PageNumbers {
 public:
  PageNumbers() : seen_(kSmall / 64), slots_(std::size_t{1} << 12) {}

  [[nodiscard]] std::uint64_t count() const { return small_ + large_; }
  /// All numbers so far are lower.
  [[nodiscard]] std::size_t bound() const { return bound_; }

  /// The numbers of as many keys.
  void of(std::span<const PageKey> keys, std::span<PageNumber> numbers) {
    PageKey all_bits = 0;
    for (const PageKey key : keys) all_bits |= key;
    if (all_bits >= kSmall) return of_any(keys, numbers);
    for (std::size_t i = 0; i < keys.size(); ++i) numbers[i] = of_small(keys[i]);
    bound_ = std::max<std::size_t>(bound_, all_bits + 1);
  }

 private:
  static constexpr PageKey kSmall = PageKey{1} << 22;
  struct Slot {
    PageKey key = 0;
    PageNumber number = 0;  ///< 0: empty; no key here has it
  };

  void of_any(std::span<const PageKey> keys, std::span<PageNumber> numbers) {
    constexpr std::size_t kAhead = 32;
    for (std::size_t i = 0; i < keys.size(); ++i) {
      __builtin_prefetch(&slots_[home_of(keys[std::min(i + kAhead, keys.size() - 1)])]);
      numbers[i] = keys[i] < kSmall ? of_small(keys[i]) : of_large(keys[i]);
    }
    bound_ = kSmall + large_;
  }

  PageNumber of_small(PageKey key) {
    std::uint64_t& word = seen_[key / 64];
    const std::uint64_t bit = std::uint64_t{1} << (key % 64);
    if ((word & bit) == 0) {
      word |= bit;
      ++small_;
    }
    return static_cast<PageNumber>(key);
  }

  [[nodiscard]] std::size_t home_of(PageKey key) const {
    return static_cast<std::size_t>((key * 0x9E3779B97F4A7C15ull) >> shift_);
  }

  PageNumber of_large(PageKey key) {
    const std::size_t mask = slots_.size() - 1;
    std::size_t at = home_of(key);
    for (; slots_[at].number != 0; at = (at + 1) & mask)
      if (slots_[at].key == key) return slots_[at].number;
    if (2 * (large_ + 1) > slots_.size()) return rehash(), of_large(key);
    slots_[at] = {key, static_cast<PageNumber>(kSmall + large_++)};
    return slots_[at].number;
  }

  void rehash() {
    const ZeroTable<Slot> old = std::exchange(slots_, ZeroTable<Slot>(2 * slots_.size()));
    slots_.prefer_large_pages();
    --shift_;
    const std::size_t mask = slots_.size() - 1;
    for (std::size_t i = 0; i < old.size(); ++i) {
      const Slot& slot = old[i];
      if (slot.number == 0) continue;
      std::size_t at = home_of(slot.key);
      while (slots_[at].number != 0) at = (at + 1) & mask;
      slots_[at] = slot;
    }
  }

  ZeroTable<std::uint64_t> seen_;  ///< a bit for each small key
  ZeroTable<Slot> slots_;
  int shift_ = 64 - 12;
  std::uint64_t small_ = 0;
  std::uint64_t large_ = 0;
  std::size_t bound_ = 0;
};

}  // namespace spindle
