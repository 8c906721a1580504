// PageNumbers: pages by any key, numbered 0, 1, 2 ... in the order in which they first appear.
//
// Small keys are looked up in a table of their own, others by open addressing (Fibonacci hashing,
// at most half full).
#pragma once

#include <algorithm>
#include <cstdint>
#include <vector>

#include "spindle/policy/replacement_policy.h"

namespace spindle {

class PageNumbers {
 public:
  using Number = std::uint32_t;

  PageNumbers() : slots_(std::size_t{1} << 12) {}

  [[nodiscard]] Number count() const { return count_; }

  Number of(PageKey key) {
    if (key < small_.size()) {
      Number& number = small_[key];
      if (number == 0) number = ++count_;
      return number - 1;
    }
    if (key < kSmall) return grow_small(key), of(key);
    return of_large(key);
  }

  void prefetch(PageKey key) const {
    if (key < small_.size())
      __builtin_prefetch(&small_[key]);
    else
      __builtin_prefetch(&slots_[home_of(key)]);
  }

 private:
  static constexpr PageKey kSmall = PageKey{1} << 22;
  struct Slot {
    PageKey key = 0;
    Number number = 0;  ///< + 1; 0: empty
  };

  void grow_small(PageKey key) {
    small_.resize(std::min<std::size_t>(kSmall, std::max<std::size_t>(1024, 2 * (key + 1))));
  }

  [[nodiscard]] std::size_t home_of(PageKey key) const {
    return static_cast<std::size_t>((key * 0x9E3779B97F4A7C15ull) >> shift_);
  }

  Number of_large(PageKey key) {
    const std::size_t mask = slots_.size() - 1;
    std::size_t at = home_of(key);
    for (; slots_[at].number != 0; at = (at + 1) & mask)
      if (slots_[at].key == key) return slots_[at].number - 1;
    if (2 * ++large_ > slots_.size()) return --large_, rehash(), of_large(key);
    slots_[at] = {key, ++count_};
    return count_ - 1;
  }

  void rehash() {
    std::vector<Slot> old(2 * slots_.size());
    old.swap(slots_);
    --shift_;
    const std::size_t mask = slots_.size() - 1;
    for (const Slot& slot : old) {
      if (slot.number == 0) continue;
      std::size_t at = home_of(slot.key);
      while (slots_[at].number != 0) at = (at + 1) & mask;
      slots_[at] = slot;
    }
  }

  std::vector<Number> small_;  ///< by key, + 1; 0: not seen
  std::vector<Slot> slots_;
  int shift_ = 64 - 12;
  std::size_t large_ = 0;
  Number count_ = 0;
};

}  // namespace spindle
