// TimeHistogram: how long things took, in a fixed number of counters.
//
// A value falls into one of 16 equal parts of its power of two, so percentiles are exact to a
// sixteenth; the mean and the largest are exact. Adding costs a few nanoseconds.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>

namespace spindle {

class TimeHistogram {
 public:
  /// Negative values count as 0.
  void add(std::int64_t ns, std::uint64_t times = 1);

  [[nodiscard]] std::uint64_t count() const { return count_; }
  [[nodiscard]] std::int64_t sum_ns() const { return sum_ns_; }
  [[nodiscard]] std::int64_t longest_ns() const { return longest_ns_; }
  /// 0 if nothing was added.
  [[nodiscard]] std::int64_t mean_ns() const;
  /// The upper bound of the counter in which the percentile (0 to 100) lies, but no more than the
  /// longest; 0 if nothing was added.
  [[nodiscard]] std::int64_t percentile_ns(double percent) const;

  static constexpr std::size_t kCounters = 960;
  [[nodiscard]] std::uint64_t counter(std::size_t index) const { return counters_[index]; }
  /// The largest value that the counter holds.
  static std::int64_t upper_bound_ns(std::size_t index);

 private:
  std::array<std::uint64_t, kCounters> counters_{};
  std::uint64_t count_ = 0;
  std::int64_t sum_ns_ = 0;
  std::int64_t longest_ns_ = 0;
};

}  // namespace spindle
