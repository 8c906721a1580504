#include "spindle/base/time_histogram.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <vector>

#include "spindle/base/decade_histogram.h"
#include "spindle/base/folded_history.h"
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

TEST(DecadeHistogram, ValuesCountBetweenRoundNumbers) {
  DecadeHistogram histogram;
  for (const std::uint64_t value : {0, 1, 2, 3, 5, 6, 10, 11, 20}) histogram.add(value);
  histogram.add(UINT64_MAX, 7);
  std::vector<std::pair<std::uint64_t, std::uint64_t>> found;
  for (std::size_t i = 0; i < DecadeHistogram::kCounters; ++i) {
    if (i != 0) {
      EXPECT_LT(DecadeHistogram::limit(i - 1), DecadeHistogram::limit(i));
    }
    if (histogram.counter(i) != 0)
      found.emplace_back(DecadeHistogram::limit(i), histogram.counter(i));
  }
  const decltype(found) wanted = {
      {0, 1}, {1, 1}, {2, 1}, {5, 2}, {10, 2}, {20, 2}, {5'000'000'000'000'000'000u, 7}};
  EXPECT_EQ(found, wanted);
}

TEST(FoldedHistory, SamplesAreOfEqualLengthAndAddUp) {
  struct Sample {
    std::uint64_t count = 0, first = 0, last = 0;
    void merge(const Sample& next) {
      EXPECT_EQ(next.first, last + 1);
      count += next.count;
      last = next.last;
    }
  };
  FoldedHistory<Sample> history(8);
  for (std::uint64_t i = 0; i < 1000; ++i) {
    history.add({1, i, i});
    const auto& samples = history.samples();
    ASSERT_LE(samples.size(), 8u);
    ASSERT_GE(samples.size(), std::min<std::size_t>(i + 1, 5));
    std::uint64_t next = 0;
    for (const Sample& sample : samples) {
      ASSERT_EQ(sample.first, next);
      next = sample.last + 1;
      ASSERT_TRUE(&sample == &samples.back() || sample.count == history.stride());
    }
    ASSERT_EQ(next, i + 1);
  }
  history.clear();
  EXPECT_TRUE(history.samples().empty());
  EXPECT_EQ(history.stride(), 1u);
}

}  // namespace
}  // namespace spindle
