// PageNumbers: gives pages with any keys small numbers, and counts how many different pages there
// are.
//
// Pages are numbered 0, 1, 2 ... in the order in which they first appear. Small keys are looked up
// in a table of their own, others by open addressing (Fibonacci hashing, at most half full).
//
// If only one table is indexed by the numbers, gaps in them do not matter: then small keys may be
// their own numbers, which costs one bit a page here and no look-up.
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
  enum class Small : std::uint8_t { kNumbered, kTheirOwnNumbers };

  explicit PageNumbers(Small small)
      : keeps_small_(small == Small::kTheirOwnNumbers),
        seen_(keeps_small_ ? kSmall / 64 : 0),
        small_(keeps_small_ ? 0 : kSmall),
        slots_(std::size_t{1} << 12),
        next_(keeps_small_ ? kSmall : 0) {}

  [[nodiscard]] std::uint64_t count() const { return count_; }
  /// All numbers that were given are below this.
  [[nodiscard]] std::size_t bound() const { return bound_; }

  /// Finds the numbers of so many keys.
  void of(std::span<const PageKey> keys, std::span<PageNumber> numbers) {
    PageKey all_bits = 0;
    for (const PageKey key : keys) all_bits |= key;
    if (!keeps_small_ || all_bits >= kSmall) return look_up(keys, numbers);
    for (std::size_t i = 0; i < keys.size(); ++i) numbers[i] = see(keys[i]);
    bound_ = std::max<std::size_t>(bound_, all_bits + 1);
  }

 private:
  static constexpr PageKey kSmall = PageKey{1} << 22;
  struct Slot {
    PageKey key = 0;
    PageNumber number = 0;  ///< the number + 1; 0: the slot is empty
  };

  void look_up(std::span<const PageKey> keys, std::span<PageNumber> numbers) {
    constexpr std::size_t kAhead = 32;
    for (std::size_t i = 0; i < keys.size(); ++i) {
      __builtin_prefetch(place_of(keys[std::min(i + kAhead, keys.size() - 1)]));
      if (keys[i] >= kSmall)
        numbers[i] = of_large(keys[i]);
      else
        numbers[i] = keeps_small_ ? see(keys[i]) : of_small(keys[i]);
    }
    bound_ = next_;
  }

  /// Where the key will be looked up, to be prefetched by the caller: GCC leaves out a function
  /// that does nothing but prefetch.
  [[nodiscard]] const void* place_of(PageKey key) const {
    if (key >= kSmall) return &slots_[home_of(key)];
    return keeps_small_ ? static_cast<const void*>(&seen_[key / 64]) : &small_[key];
  }

  /// Notes a small key that is its own number.
  PageNumber see(PageKey key) {
    std::uint64_t& word = seen_[key / 64];
    const std::uint64_t bit = std::uint64_t{1} << (key % 64);
    if ((word & bit) == 0) {
      word |= bit;
      ++count_;
    }
    return static_cast<PageNumber>(key);
  }

  PageNumber of_small(PageKey key) {
    PageNumber& number = small_[key];
    if (number == 0) number = new_number();
    return number - 1;
  }

  /// Gives out the next number; returns it plus 1.
  PageNumber new_number() {
    ++count_;
    return ++next_;
  }

  [[nodiscard]] std::size_t home_of(PageKey key) const {
    return static_cast<std::size_t>((key * 0x9E3779B97F4A7C15ull) >> shift_);
  }

  PageNumber of_large(PageKey key) {
    const std::size_t mask = slots_.size() - 1;
    std::size_t at = home_of(key);
    for (; slots_[at].number != 0; at = (at + 1) & mask)
      if (slots_[at].key == key) return slots_[at].number - 1;
    return add_large(key);
  }

  PageNumber add_large(PageKey key) {
    if (2 * ++large_ > slots_.size()) rehash();
    const std::size_t mask = slots_.size() - 1;
    std::size_t at = home_of(key);
    while (slots_[at].number != 0) at = (at + 1) & mask;
    slots_[at] = {key, new_number()};
    return slots_[at].number - 1;
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

  bool keeps_small_;
  ZeroTable<std::uint64_t> seen_;  ///< a bit for each small key
  ZeroTable<PageNumber> small_;    ///< the number + 1 of each small key; 0: not seen
  ZeroTable<Slot> slots_;
  int shift_ = 64 - 12;
  std::uint64_t large_ = 0;  ///< slots in use
  std::uint64_t count_ = 0;
  PageNumber next_;
  std::size_t bound_ = 0;
};

}  // namespace spindle
