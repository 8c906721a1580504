#include "spindle/base/time_histogram.h"

#include <algorithm>
#include <bit>
#include <cmath>

namespace spindle {
namespace {

constexpr unsigned kPartBits = 4;
constexpr std::uint64_t kParts = 1 << kPartBits;

/// Values below kParts have a counter each; then each power of two has kParts counters.
std::size_t index_of(std::uint64_t value) {
  if (value < kParts) return value;
  const auto exponent = static_cast<unsigned>(std::bit_width(value)) - 1 - kPartBits;
  return (exponent + 1) * kParts + ((value >> exponent) - kParts);
}

}  // namespace

void TimeHistogram::add(std::int64_t ns, std::uint64_t times) {
  const std::int64_t value = std::max<std::int64_t>(ns, 0);
  counters_[index_of(static_cast<std::uint64_t>(value))] += times;
  count_ += times;
  sum_ns_ += value * static_cast<std::int64_t>(times);
  longest_ns_ = std::max(longest_ns_, value);
}

std::int64_t TimeHistogram::mean_ns() const {
  return count_ == 0 ? 0 : sum_ns_ / static_cast<std::int64_t>(count_);
}

std::int64_t TimeHistogram::percentile_ns(double percent) const {
  const auto wanted = static_cast<std::uint64_t>(
      std::max(1.0, std::ceil(static_cast<double>(count_) * percent / 100)));
  std::uint64_t seen = 0;
  for (std::size_t i = 0; i < kCounters; ++i) {
    seen += counters_[i];
    if (counters_[i] != 0 && seen >= wanted) return std::min(upper_bound_ns(i), longest_ns_);
  }
  return longest_ns_;
}

std::int64_t TimeHistogram::upper_bound_ns(std::size_t index) {
  if (index < kParts) return static_cast<std::int64_t>(index);
  const std::size_t exponent = index / kParts - 1;
  const std::uint64_t first = (kParts + index % kParts) << exponent;
  return static_cast<std::int64_t>(first + (std::uint64_t{1} << exponent) - 1);
}

}  // namespace spindle
