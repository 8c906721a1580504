// NumberTable: from a 64-bit number (of a block, of an inode) to a 32-bit index, by open
// addressing.
//
// Linear probing over a power of two of slots, at most half full; erasing shifts back what follows,
// so there are no tombstones. Four neighbouring numbers share a home of four slots, one line of the
// processor's cache: a range of blocks costs a quarter of the misses that single blocks would.
#pragma once

#include <bit>
#include <cstddef>
#include <cstdint>
#include <vector>

#include "spindle/base/check.h"

namespace spindle {

class NumberTable {
 public:
  static constexpr std::uint32_t kAbsent = UINT32_MAX;

  /// Room for `expected` numbers; it grows by itself beyond that.
  explicit NumberTable(std::size_t expected = 8)
      : slots_(std::bit_ceil(2 * expected + 2 * kNeighbours)) {
    set_shift();
  }

  [[nodiscard]] std::uint32_t find(std::uint64_t number) const {
    for (std::size_t at = home(number);; at = next(at)) {
      if (slots_[at].index_plus_one == 0) return kAbsent;
      if (slots_[at].number == number) return slots_[at].index_plus_one - 1;
    }
  }

  /// The number must be absent.
  void insert(std::uint64_t number, std::uint32_t index) {
    if (2 * (size_ + 1) > slots_.size()) grow();
    place(Slot{number, index + 1});
    ++size_;
  }

  /// The number must be present.
  void erase(std::uint64_t number) {
    std::size_t hole = home(number);
    while (slots_[hole].number != number || slots_[hole].index_plus_one == 0) {
      CHECK(slots_[hole].index_plus_one != 0);
      hole = next(hole);
    }
    for (std::size_t at = next(hole); slots_[at].index_plus_one != 0; at = next(at)) {
      const std::size_t from_home = distance(home(slots_[at].number), at);
      if (from_home < distance(hole, at)) continue;
      slots_[hole] = slots_[at];
      hole = at;
    }
    slots_[hole] = Slot{};
    --size_;
  }

  [[nodiscard]] std::size_t size() const { return size_; }

 private:
  struct Slot {
    std::uint64_t number = 0;
    std::uint32_t index_plus_one = 0;  ///< 0: empty
  };
  static constexpr std::size_t kNeighbours = 4;

  [[nodiscard]] std::size_t home(std::uint64_t number) const {
    const std::uint64_t group = (number / kNeighbours) * 0x9E3779B97F4A7C15ull;
    return static_cast<std::size_t>(group >> shift_) * kNeighbours + number % kNeighbours;
  }
  [[nodiscard]] std::size_t next(std::size_t at) const { return (at + 1) & (slots_.size() - 1); }
  [[nodiscard]] std::size_t distance(std::size_t from, std::size_t to) const {
    return (to - from) & (slots_.size() - 1);
  }

  void set_shift() {
    shift_ = 64 - static_cast<unsigned>(std::countr_zero(slots_.size() / kNeighbours));
  }
  void place(Slot slot) {
    std::size_t at = home(slot.number);
    while (slots_[at].index_plus_one != 0) at = next(at);
    slots_[at] = slot;
  }
  void grow() {
    std::vector<Slot> old(2 * slots_.size());
    old.swap(slots_);
    set_shift();
    for (const Slot& slot : old) {
      if (slot.index_plus_one != 0) place(slot);
    }
  }

  std::vector<Slot> slots_;
  std::size_t size_ = 0;
  unsigned shift_ = 0;
};

}  // namespace spindle
