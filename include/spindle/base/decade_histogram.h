// DecadeHistogram: how often values of which size came, between round numbers.
//
// The limits are 0, 1, 2, 5, 10, 20, 50, 100 ...: three to a decade, up to 5 * 10^18. A counter
// holds the values above the limit before it, up to its own. Adding costs a few nanoseconds, and
// what is counted can be drawn as it is, on an axis that people read.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>

namespace spindle {

class DecadeHistogram {
 public:
  /// 0, and three limits for each power of ten below 10^19; larger values count in the last.
  static constexpr std::size_t kCounters = 1 + 3 * 19;

  void add(std::uint64_t value, std::uint64_t times = 1) { counters_[index_of(value)] += times; }

  [[nodiscard]] std::uint64_t counter(std::size_t index) const { return counters_[index]; }
  /// The largest value that the counter holds.
  [[nodiscard]] static std::uint64_t limit(std::size_t index);
  /// The counter in which the value is counted.
  [[nodiscard]] static std::size_t index_of(std::uint64_t value);

 private:
  std::array<std::uint64_t, kCounters> counters_{};
};

}  // namespace spindle
