// PlaceSet: a set of numbers below a bound, as bits, with the highest found in a few steps.
//
// Above the bits stands a tree of bits, 64 below each, which says where there are any: four levels
// for 16 million numbers. So each operation touches one word a level, whatever the set holds.
#pragma once

#include <bit>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <vector>

namespace spindle {

class PlaceSet {
 public:
  /// Of numbers below `bound`.
  explicit PlaceSet(std::size_t bound) {
    do {
      bound = bound / 64 + 1;
      levels_.emplace_back(bound);
    } while (bound > 1);
  }

  void insert(std::size_t number) {
    for (std::vector<std::uint64_t>& level : levels_) {
      std::uint64_t& word = level[number / 64];
      const bool had_any = word != 0;
      word |= std::uint64_t{1} << (number % 64);
      if (had_any) return;
      number /= 64;
    }
  }

  void erase(std::size_t number) {
    for (std::vector<std::uint64_t>& level : levels_) {
      std::uint64_t& word = level[number / 64];
      word &= ~(std::uint64_t{1} << (number % 64));
      if (word != 0) return;
      number /= 64;
    }
  }

  [[nodiscard]] std::optional<std::size_t> last() const {
    return levels_.back()[0] == 0 ? std::nullopt : std::optional(descend(levels_.size(), 0));
  }

  /// The highest number in the set that is lower than `number`.
  [[nodiscard]] std::optional<std::size_t> last_before(std::size_t number) const {
    for (std::size_t level = 0; level < levels_.size(); ++level, number /= 64) {
      const std::uint64_t below =
          levels_[level][number / 64] & ((std::uint64_t{1} << (number % 64)) - 1);
      if (below != 0) return descend(level, number / 64 * 64 + highest(below));
    }
    return std::nullopt;
  }

 private:
  static std::size_t highest(std::uint64_t word) {
    return 63 - static_cast<std::size_t>(std::countl_zero(word));
  }

  /// From the bit `at` of a level, which is set, to the highest number below it.
  [[nodiscard]] std::size_t descend(std::size_t level, std::size_t at) const {
    while (level-- > 0) at = at * 64 + highest(levels_[level][at]);
    return at;
  }

  std::vector<std::vector<std::uint64_t>> levels_;  ///< the numbers' own first
};

}  // namespace spindle
