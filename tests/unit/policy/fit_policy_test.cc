// The fit policies: classic lists of holes, and each policy against a second implementation that
// looks at every hole.

#include "spindle/policy/fit_policy.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <bit>
#include <string>

#include "policies_by_name.h"
#include "spindle/base/random.h"
#include "spindle/policy/run_set.h"

namespace spindle {
namespace {

using Sizes = std::vector<std::uint64_t>;

/// Holes of these sizes, one used block between each two.
RunSet holes_of(const Sizes& sizes) {
  RunSet free;
  BlockNo at{1};
  for (std::uint64_t size : sizes) {
    EXPECT_TRUE(free.add({at, size}));
    at += size + 1;
  }
  return free;
}

/// The sizes of the holes that requests of these sizes go to (0: none), as the policy places them.
Sizes holes_taken(std::string_view name, const Sizes& holes, const Sizes& requests) {
  RunSet free = holes_of(holes);
  const auto policy = fit_policy_named(name);
  Sizes taken;
  for (std::uint64_t want : requests) {
    const auto run = policy->choose(free, {.want = want, .hint = {}, .must_be_whole = true});
    taken.push_back(run ? free.at_or_after(run->start)->length : 0);
    if (run) {
      EXPECT_TRUE(free.remove(*run));
    }
  }
  return taken;
}

TEST(FitPolicy, PlacesTheTextbookProcesses) {
  const Sizes holes = {100, 500, 200, 300, 600};
  const Sizes requests = {212, 417, 112, 426};
  EXPECT_EQ(holes_taken("first", holes, requests), (Sizes{500, 600, 288, 0}));
  EXPECT_EQ(holes_taken("best", holes, requests), (Sizes{300, 500, 200, 600}));
  EXPECT_EQ(holes_taken("worst", holes, requests), (Sizes{600, 500, 388, 0}));
  EXPECT_EQ(holes_taken("next", holes, requests), (Sizes{500, 600, 183, 0}));
}

TEST(FitPolicy, PlacesTheSecondTextbookProcesses) {
  const Sizes holes = {10, 4, 20, 18, 7, 9, 12, 15};
  const Sizes requests = {12, 10, 9};
  EXPECT_EQ(holes_taken("first", holes, requests), (Sizes{20, 10, 18}));
  EXPECT_EQ(holes_taken("best", holes, requests), (Sizes{12, 10, 9}));
  EXPECT_EQ(holes_taken("worst", holes, requests), (Sizes{20, 18, 15}));
  EXPECT_EQ(holes_taken("next", holes, requests), (Sizes{20, 18, 9}));
}

TEST(FitPolicy, NearContinuesAtTheHint) {
  RunSet free;
  ASSERT_TRUE(free.add({BlockNo{10}, 5}));
  ASSERT_TRUE(free.add({BlockNo{20}, 100}));
  const auto near = fit_policy_named("near");
  const auto chosen = [&](std::uint64_t want, std::uint64_t hint, bool whole = false) {
    return near->choose(free, {.want = want, .hint = BlockNo{hint}, .must_be_whole = whole});
  };
  EXPECT_EQ(chosen(8, 30), (spindle::Run{BlockNo{30}, 8}));  // from the middle of a run
  EXPECT_EQ(chosen(8, 10), (spindle::Run{BlockNo{10}, 5}));  // the file's next blocks, though few
  EXPECT_EQ(chosen(8, 10, true), (spindle::Run{BlockNo{20}, 8}));  // unless it must be whole
  EXPECT_EQ(chosen(8, 12), (spindle::Run{BlockNo{20}, 8}));        // too short, and follows nothing
  EXPECT_EQ(chosen(8, 15), (spindle::Run{BlockNo{20}, 8}));        // the hint is used: after it
  EXPECT_EQ(chosen(4, 119), (spindle::Run{BlockNo{20}, 4}));     // in that run, if not at the hint
  EXPECT_EQ(chosen(4, 130), (spindle::Run{BlockNo{10}, 4}));     // wraps to the start
  EXPECT_EQ(chosen(4, 0), (spindle::Run{BlockNo{10}, 4}));       // no hint: the first
  EXPECT_EQ(chosen(500, 15), (spindle::Run{BlockNo{20}, 100}));  // else the longest
  EXPECT_EQ(chosen(500, 15, true), std::nullopt);
}

TEST(FitPolicy, BuddyAlignsToThePowerOfTwo) {
  RunSet free;
  ASSERT_TRUE(free.add({BlockNo{3}, 7}));    // 3..9: 4..7 is aligned for 4
  ASSERT_TRUE(free.add({BlockNo{17}, 30}));  // 17..46: 32..39 is aligned for 8
  const auto buddy = fit_policy_named("buddy");
  const auto chosen = [&](std::uint64_t want) { return buddy->choose(free, {.want = want}); };
  EXPECT_EQ(chosen(3), (spindle::Run{BlockNo{4}, 3}));
  EXPECT_EQ(chosen(5), (spindle::Run{BlockNo{24}, 5}));
  EXPECT_EQ(chosen(20), (spindle::Run{BlockNo{17}, 20}));  // no aligned 32: best fit
  EXPECT_EQ(chosen(60), (spindle::Run{BlockNo{17}, 30}));  // nor 60 at all: the longest
  EXPECT_EQ(chosen(~std::uint64_t{0}), (spindle::Run{BlockNo{17}, 30}));
}

// The second implementation: a loop over all holes in order of place.

std::optional<Run> naive_first(const std::vector<Run>& holes, std::uint64_t want, BlockNo from) {
  for (Run hole : holes)
    if (hole.length >= want && from < hole.end()) return Run{hole.start, want};
  for (Run hole : holes)
    if (hole.length >= want) return Run{hole.start, want};
  return std::nullopt;
}

std::optional<Run> naive_best(const std::vector<Run>& holes, std::uint64_t want) {
  const Run* best = nullptr;
  for (const Run& hole : holes)
    if (hole.length >= want && (best == nullptr || hole.length < best->length)) best = &hole;
  return best == nullptr ? std::nullopt : std::optional(Run{best->start, want});
}

std::optional<Run> naive_longest(const std::vector<Run>& holes, std::uint64_t want) {
  const auto longest = std::ranges::max_element(holes, {}, &Run::length);
  if (longest == holes.end()) return std::nullopt;
  return Run{longest->start, std::min(want, longest->length)};
}

std::optional<Run> naive_near(const std::vector<Run>& holes, const FitRequest& request) {
  for (Run hole : holes) {
    if (!request.hint || !hole.contains(request.hint)) continue;
    const std::uint64_t rest = hole.end() - request.hint;
    if (rest >= request.want) return Run{request.hint, request.want};
    if (hole.start == request.hint && !request.must_be_whole) return Run{request.hint, rest};
  }
  return naive_first(holes, request.want, request.hint);
}

std::optional<Run> naive_buddy(const std::vector<Run>& holes, std::uint64_t want) {
  const std::uint64_t power = std::bit_ceil(want);
  std::vector<Run> sorted = holes;
  std::ranges::stable_sort(sorted, {}, &Run::length);
  std::uint64_t last = 0;
  for (Run hole : sorted) {
    // Of each length only the first hole counts.
    if (hole.length == std::exchange(last, hole.length) || hole.length < power) continue;
    const BlockNo aligned{(hole.start.value + power - 1) / power * power};
    if (aligned + power <= hole.end()) return Run{aligned, want};
  }
  return naive_best(holes, want);
}

class Naive {
 public:
  explicit Naive(std::string_view name) : name_(name) {}

  std::optional<Run> choose(const std::vector<Run>& holes, const FitRequest& request) {
    std::optional<Run> run = whole(holes, request);
    if (!run && !request.must_be_whole) run = naive_longest(holes, request.want);
    if (run) rover_ = run->end();
    return run;
  }

 private:
  std::optional<Run> whole(const std::vector<Run>& holes, const FitRequest& request) const {
    if (name_ == "near") return naive_near(holes, request);
    if (name_ == "first") return naive_first(holes, request.want, BlockNo{0});
    if (name_ == "next") return naive_first(holes, request.want, rover_);
    if (name_ == "best") return naive_best(holes, request.want);
    if (name_ == "buddy") return naive_buddy(holes, request.want);
    const std::optional<Run> longest = naive_longest(holes, request.want);
    return longest && longest->length == request.want ? longest : std::nullopt;
  }

  std::string_view name_;
  BlockNo rover_;
};

/// Allocates and frees at random, asking both each time.
void compare_fits(std::string_view name, std::uint64_t seed) {
  Random random(seed);
  const auto policy = fit_policy_named(name);
  Naive naive(name);
  RunSet free;
  ASSERT_TRUE(free.add({BlockNo{1}, 150}));
  std::vector<Run> used;
  for (int step = 0; step < 200; ++step) {
    if (!used.empty() && random.one_in(3)) {
      const std::size_t which = random.below(used.size());
      ASSERT_TRUE(free.add(used[which]));
      used.erase(used.begin() + static_cast<std::ptrdiff_t>(which));
    }
    const FitRequest request{1 + random.below(16), BlockNo{random.below(160)}, random.one_in(2)};
    std::vector<Run> holes;
    free.for_each([&holes](Run run) { holes.push_back(run); });
    const std::optional<Run> run = policy->choose(free, request);
    ASSERT_EQ(run, naive.choose(holes, request)) << "step " << step;
    if (!run) continue;
    ASSERT_TRUE(free.remove(*run));
    used.push_back(*run);
  }
}

TEST(FitPolicy, ChoosesAsTheNaiveImplementationDoes) {
  for (std::string_view name : fit_policy_names())
    for (std::uint64_t seed = 1; seed <= 100; ++seed) {
      SCOPED_TRACE(std::string(name) + ", seed " + std::to_string(seed));
      ASSERT_NO_FATAL_FAILURE(compare_fits(name, seed));
    }
}

TEST(FitPolicy, IsMadeByItsNameOrNotAtAll) {
  for (std::string_view name : fit_policy_names()) {
    EXPECT_EQ(fit_policy_named(name)->name(), name);
    EXPECT_EQ(fit_policy_named(name)->choose(RunSet(), {.want = 1}), std::nullopt);
  }
  EXPECT_EQ(make_fit_policy("last").code(), EINVAL);
}

}  // namespace
}  // namespace spindle
