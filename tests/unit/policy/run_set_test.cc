// RunSet against a plain array of bits.

#include "spindle/policy/run_set.h"

#include <gtest/gtest.h>

#include <bit>
#include <string>

#include "spindle/base/random.h"

namespace spindle {
namespace {

/// The second implementation: one flag per block, and a loop for every question.
class NaiveRuns final : public FreeRuns {
 public:
  explicit NaiveRuns(std::size_t blocks) : free_(blocks, false) {}

  bool set(Run run, bool to) {
    if (run.length == 0 || run.end().value > free_.size()) return false;
    for (std::uint64_t b = run.start.value; b < run.end().value; ++b)
      if (free_[b] == to) return false;
    for (std::uint64_t b = run.start.value; b < run.end().value; ++b) free_[b] = to;
    return true;
  }

  [[nodiscard]] std::vector<Run> runs() const {
    std::vector<Run> runs;
    for (std::uint64_t b = 0; b < free_.size(); ++b) {
      if (!free_[b]) continue;
      if (b != 0 && free_[b - 1])
        ++runs.back().length;
      else
        runs.push_back({BlockNo{b}, 1});
    }
    return runs;
  }

  [[nodiscard]] std::optional<Run> at_or_after(BlockNo at) const override {
    for (Run run : runs())
      if (run.contains(at) || at < run.start) return run;
    return std::nullopt;
  }
  [[nodiscard]] std::optional<Run> first_of(std::uint64_t length, BlockNo from) const override {
    for (Run run : runs())
      if (run.length >= length && from < run.end()) return run;
    return std::nullopt;
  }
  [[nodiscard]] std::optional<Run> shortest_of(std::uint64_t length) const override {
    std::optional<Run> best;
    for (Run run : runs())
      if (run.length >= length && (!best || run.length < best->length)) best = run;
    return best;
  }
  [[nodiscard]] std::optional<Run> longest() const override {
    std::optional<Run> best;
    for (Run run : runs())
      if (!best || run.length > best->length) best = run;
    return best;
  }

 private:
  std::vector<bool> free_;
};

std::vector<Run> runs_of(const RunSet& set) {
  std::vector<Run> runs;
  set.for_each([&runs](Run run) { runs.push_back(run); });
  return runs;
}

void expect_same_answers(const RunSet& set, const NaiveRuns& naive, Random& random,
                         std::uint64_t blocks) {
  const std::vector<Run> runs = naive.runs();
  ASSERT_EQ(runs_of(set), runs);
  ASSERT_EQ(set.count(), runs.size());
  std::uint64_t total = 0;
  std::array<std::uint64_t, 64> histogram{};
  for (Run run : runs) {
    total += run.length;
    ++histogram[static_cast<std::size_t>(std::bit_width(run.length)) - 1];
  }
  ASSERT_EQ(set.total(), total);
  ASSERT_EQ(set.histogram(), histogram);
  ASSERT_EQ(set.longest(), naive.longest());
  for (int i = 0; i < 4; ++i) {
    const BlockNo at{random.below(blocks + 2)};
    const std::uint64_t length = 1 + random.below(12);
    ASSERT_EQ(set.at_or_after(at), naive.at_or_after(at));
    ASSERT_EQ(set.first_of(length, at), naive.first_of(length, at));
    ASSERT_EQ(set.shortest_of(length), naive.shortest_of(length));
  }
}

TEST(RunSet, AnswersAsAnArrayOfBitsDoes) {
  for (std::uint64_t seed = 1; seed <= 60; ++seed) {
    SCOPED_TRACE("seed " + std::to_string(seed));
    Random random(seed);
    const std::uint64_t blocks = 1 + random.below(200);
    const std::uint64_t longest = 1 + random.below(12);
    NaiveRuns naive(blocks);
    RunSet set;
    for (int step = 0; step < 300; ++step) {
      const BlockNo start{random.below(blocks)};
      const spindle::Run run{start, random.below(std::min(longest, blocks - start.value) + 1)};
      const bool add = random.one_in(2);
      ASSERT_EQ(add ? set.add(run) : set.remove(run), naive.set(run, add));
      ASSERT_NO_FATAL_FAILURE(expect_same_answers(set, naive, random, blocks));
    }
  }
}

TEST(RunSet, RefusesADoubleFreeAndWhatIsNotFree) {
  RunSet set;
  ASSERT_TRUE(set.add({BlockNo{10}, 5}));
  EXPECT_FALSE(set.add({BlockNo{14}, 3}));
  EXPECT_FALSE(set.add({BlockNo{8}, 3}));
  EXPECT_FALSE(set.add({BlockNo{5}, 20}));
  EXPECT_FALSE(set.add({BlockNo{20}, 0}));
  EXPECT_FALSE(set.add({BlockNo{~std::uint64_t{0}}, 2}));
  EXPECT_FALSE(set.remove({BlockNo{14}, 2}));
  EXPECT_FALSE(set.remove({BlockNo{9}, 2}));
  EXPECT_FALSE(set.remove({BlockNo{12}, ~std::uint64_t{0}}));
  EXPECT_EQ(runs_of(set), (std::vector<spindle::Run>{{BlockNo{10}, 5}}));
}

TEST(RunSet, WhatTouchesGrowsTogether) {
  RunSet set;
  ASSERT_TRUE(set.add({BlockNo{0}, 2}));
  ASSERT_TRUE(set.add({BlockNo{4}, 2}));
  EXPECT_EQ(set.count(), 2u);
  ASSERT_TRUE(set.add({BlockNo{2}, 2}));
  EXPECT_EQ(runs_of(set), (std::vector<spindle::Run>{{BlockNo{0}, 6}}));
  ASSERT_TRUE(set.remove({BlockNo{1}, 4}));
  EXPECT_EQ(runs_of(set), (std::vector<spindle::Run>{{BlockNo{0}, 1}, {BlockNo{5}, 1}}));
  EXPECT_TRUE(set.contains({BlockNo{5}, 1}));
  EXPECT_FALSE(set.contains({BlockNo{4}, 2}));
  set.clear();
  EXPECT_EQ(set.total(), 0u);
  EXPECT_FALSE(set.longest());
}

/// Many runs, added in order as a volume's bitmaps give them, and taken out in any order.
TEST(RunSet, HoldsManyRuns) {
  RunSet set;
  constexpr std::uint64_t kRuns = 200'000;
  for (std::uint64_t i = 0; i < kRuns; ++i) ASSERT_TRUE(set.add({BlockNo{i * 4}, 1 + i % 3}));
  EXPECT_EQ(set.count(), kRuns);
  Random random(7);
  for (int i = 0; i < 100'000; ++i) {
    const std::uint64_t length = 1 + random.below(3);
    const std::optional<spindle::Run> run = set.first_of(length, BlockNo{random.below(kRuns * 4)});
    if (!run) continue;
    ASSERT_GE(run->length, length);
    ASSERT_TRUE(set.remove(*run));
  }
  std::uint64_t total = 0;
  set.for_each([&total](spindle::Run run) { total += run.length; });
  EXPECT_EQ(set.total(), total);
}

}  // namespace
}  // namespace spindle
