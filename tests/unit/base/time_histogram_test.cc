#include "spindle/base/time_histogram.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <vector>

#include "spindle/base/random.h"

namespace spindle {
namespace {

TEST(TimeHistogram, EmptyIsZero) {
  const TimeHistogram histogram;
  EXPECT_EQ(histogram.percentile_ns(50), 0);
  EXPECT_EQ(histogram.mean_ns(), 0);
}

TEST(TimeHistogram, CountersTouchAndGrow) {
  for (std::size_t i = 1; i < TimeHistogram::kCounters; ++i) {
    const std::int64_t before = TimeHistogram::upper_bound_ns(i - 1);
    ASSERT_LT(before, TimeHistogram::upper_bound_ns(i));
    TimeHistogram below;
    TimeHistogram above;
    below.add(before);
    above.add(before + 1);
    ASSERT_EQ(below.counter(i - 1), 1u) << i;
    ASSERT_EQ(above.counter(i), 1u) << i;
  }
  EXPECT_EQ(TimeHistogram::upper_bound_ns(TimeHistogram::kCounters - 1), INT64_MAX);
}

TEST(TimeHistogram, PercentilesAreRightToASixteenth) {
  for (std::uint64_t seed = 0; seed < 30; ++seed) {
    SCOPED_TRACE(seed);
    Random random(seed);
    TimeHistogram histogram;
    std::vector<std::int64_t> values;
    std::int64_t sum = 0;
    for (std::uint64_t i = 1 + random.below(2000); i != 0; --i) {
      const auto value = static_cast<std::int64_t>(random() >> (1 + random.below(50)) >> 10);
      histogram.add(value);
      values.push_back(value);
      sum += value;
    }
    std::ranges::sort(values);
    EXPECT_EQ(histogram.count(), values.size());
    EXPECT_EQ(histogram.sum_ns(), sum);
    EXPECT_EQ(histogram.longest_ns(), values.back());
    EXPECT_EQ(histogram.percentile_ns(100), values.back());
    for (const double percent : {0.0, 1.0, 50.0, 90.0, 99.0}) {
      const auto rank = static_cast<std::size_t>(
          std::max(1.0, std::ceil(static_cast<double>(values.size()) * percent / 100)));
      const std::int64_t exact = values[rank - 1];
      EXPECT_GE(histogram.percentile_ns(percent), exact);
      EXPECT_LE(histogram.percentile_ns(percent), exact + exact / 16 + 1);
    }
  }
}

}  // namespace
}  // namespace spindle
