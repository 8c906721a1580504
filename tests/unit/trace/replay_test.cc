// Replays, compared with loops over vectors; and what must hold between policies.
#include <algorithm>
#include <map>
#include <set>

#include "spindle/policy/arm_policy.h"
#include "spindle/trace/disk_replay.h"
#include "spindle/trace/generator.h"
#include "spindle/trace/page_replay.h"
#include "trace_fixture.h"

namespace spindle {
namespace {

std::vector<PageKey> references_of(const PageRecipe& recipe) {
  PageGenerator generator(recipe);
  std::vector<PageKey> pages;
  for (std::uint64_t i = 0; i < recipe.count; ++i) pages.push_back(generator.next());
  return pages;
}

std::vector<PageRecipe> recipes(std::uint64_t count) {
  using Kind = PageRecipe::Kind;
  return {{.kind = Kind::kUniform, .count = count, .pages = 50},
          {.kind = Kind::kZipf, .count = count, .pages = 300, .skew = 0.8},
          {.kind = Kind::kSequential, .count = count, .pages = 70},
          {.kind = Kind::kLoop, .count = count, .pages = 40, .loop = 21},
          {.kind = Kind::kPhases, .count = count, .pages = 500, .loop = 15, .phase = 100}};
}

/// Misses of a memory that keeps its pages in a vector, the next victim in front.
std::uint64_t naive_misses(const std::vector<PageKey>& references, std::size_t frames, bool lru) {
  std::vector<PageKey> pages;
  std::uint64_t misses = 0;
  for (PageKey page : references) {
    const auto found = std::ranges::find(pages, page);
    if (found != pages.end()) {
      if (lru) std::rotate(found, found + 1, pages.end());
      continue;
    }
    ++misses;
    if (pages.size() == frames) pages.erase(pages.begin());
    pages.push_back(page);
  }
  return misses;
}

/// OPT by looking ahead from each fault.
std::uint64_t naive_optimum(const std::vector<PageKey>& references, std::size_t frames) {
  std::vector<PageKey> pages;
  std::uint64_t misses = 0;
  for (std::size_t i = 0; i < references.size(); ++i) {
    if (std::ranges::find(pages, references[i]) != pages.end()) continue;
    ++misses;
    if (pages.size() == frames) {
      const auto next = [&](PageKey page) {
        return std::find(references.begin() + static_cast<std::ptrdiff_t>(i), references.end(),
                         page);
      };
      pages.erase(std::ranges::max_element(pages, {}, next));
    }
    pages.push_back(references[i]);
  }
  return misses;
}

TEST(PageReplay, CountsWhatPlainLoopsCount) {
  for (const PageRecipe& recipe : recipes(3000)) {
    const std::vector<PageKey> references = references_of(recipe);
    auto replay =
        PageReplay::make({.policies = {"lru", "fifo", "opt"}, .frames = {1, 7, 20}}).take();
    replay.refer(references);
    for (const PageReplay::Row& row : replay.finish())
      EXPECT_EQ(row.misses, row.policy == "opt"
                                ? naive_optimum(references, row.frames)
                                : naive_misses(references, row.frames, row.policy == "lru"))
          << row.policy << " " << row.frames;
    EXPECT_EQ(replay.different_pages(),
              std::set<PageKey>(references.begin(), references.end()).size());
  }
}

TEST(PageReplay, KeysMayBeAnywhere) {
  std::vector<PageKey> near =
      references_of({.kind = PageRecipe::Kind::kZipf, .count = 20'000, .pages = 5000});
  std::vector<PageKey> far = near;
  for (PageKey& page : far) page = page % 2 == 0 ? page : page * 0x9E3779B97F4A7C15ull;
  // Alone, and beside others, when pages have other numbers.
  for (const std::vector<std::string>& policies :
       {std::vector<std::string>{"sieve"}, {"opt"}, {"lru", "sieve", "opt"}}) {
    std::vector<std::uint64_t> misses[2];
    for (const auto& [references, into] : {std::pair(&near, &misses[0]), {&far, &misses[1]}}) {
      auto replay = PageReplay::make({.policies = policies, .frames = {100}}).take();
      // In pieces of all sizes, as a reader gives them.
      for (std::size_t from = 0, size = 1; from < references->size(); from += size, size += 613)
        replay.refer(
            std::span(*references).subspan(from, std::min(size, references->size() - from)));
      for (const PageReplay::Row& row : replay.finish()) into->push_back(row.misses);
      EXPECT_EQ(replay.different_pages(),
                std::set<PageKey>(references->begin(), references->end()).size());
    }
    EXPECT_EQ(misses[0], misses[1]);
  }
}

/// Misses of a memory that asks the policy about each reference, from outside.
std::uint64_t misses_by_calls(std::string_view name, const std::vector<PageKey>& references,
                              std::size_t frames) {
  const auto policy = make_replacement_policy(name, frames).take();
  std::map<PageKey, FrameNo> frame_of;
  std::uint64_t misses = 0;
  for (PageKey page : references) {
    if (const auto found = frame_of.find(page); found != frame_of.end()) {
      policy->touched(found->second);
      continue;
    }
    ++misses;
    FrameNo frame{frame_of.size()};
    if (frame_of.size() == frames) {
      frame = policy->victim({}, page).value();
      policy->erased(frame);
      std::erase_if(frame_of, [&](const auto& entry) { return entry.second == frame; });
    }
    frame_of[page] = frame;
    policy->inserted(frame, page);
  }
  return misses;
}

TEST(PageReplay, APolicyWithALoopOfItsOwnAnswersAsItsCallsDo) {
  const std::vector<PageKey> references =
      references_of({.kind = PageRecipe::Kind::kZipf, .count = 5000, .pages = 300, .skew = 0.8});
  for (const std::string_view name : replacement_policy_names()) {
    auto replay = PageReplay::make({.policies = {std::string(name)}, .frames = {30}}).take();
    replay.refer(references);
    EXPECT_EQ(replay.finish().front().misses, misses_by_calls(name, references, 30)) << name;
  }
}

TEST(PageReplay, TheCurveIsLruAtEverySize) {
  for (const PageRecipe& recipe : recipes(200'000)) {
    const std::vector<PageKey> references = references_of(recipe);
    std::vector<std::size_t> sizes;
    for (std::size_t frames = 1; frames < 350; frames += 1 + frames / 4) sizes.push_back(frames);
    auto replay = PageReplay::make({.policies = {"lru"}, .frames = sizes, .curve = true}).take();
    replay.refer(references);
    std::map<std::size_t, std::uint64_t> curve;
    for (const PageReplay::CurvePoint& point : replay.curve(100'000))
      curve[point.frames] = point.misses;
    for (const PageReplay::Row& row : replay.finish()) {
      const auto above = curve.upper_bound(row.frames);
      ASSERT_NE(above, curve.begin());
      EXPECT_EQ(std::prev(above)->second, row.misses) << row.frames << " frames";
    }
  }
}

TEST(PageReplay, NothingBeatsTheOptimum) {
  std::vector<std::string> all = {"opt"};
  for (std::string_view name : replacement_policy_names()) all.emplace_back(name);
  for (const PageRecipe& recipe : recipes(30'000)) {
    auto replay = PageReplay::make({.policies = all, .frames = {5, 19}}).take();
    replay.refer(references_of(recipe));
    const std::vector<PageReplay::Row> rows = replay.finish();
    for (std::size_t i = 2; i < rows.size(); ++i)
      EXPECT_GE(rows[i].misses, rows[i % 2].misses) << rows[i].policy;
  }
}

TEST(PageReplay, BeladysAnomalyIsFifos) {
  const std::vector<PageKey> string = {1, 2, 3, 4, 1, 2, 5, 1, 2, 3, 4, 5};
  auto replay = PageReplay::make({.policies = {"fifo", "lru"}, .frames = {3, 4}}).take();
  replay.refer(string);
  const auto rows = replay.finish();
  EXPECT_EQ(rows[0].misses, 9u);
  EXPECT_EQ(rows[1].misses, 10u);
  EXPECT_EQ(rows[2].misses, 10u);
  EXPECT_EQ(rows[3].misses, 8u);
}

TEST(PageReplay, RefusesWhatIsNone) {
  EXPECT_EQ(PageReplay::make({.policies = {"nope"}, .frames = {3}}).code(), EINVAL);
  EXPECT_EQ(PageReplay::make({.policies = {"lru"}, .frames = {0}}).code(), EINVAL);
  EXPECT_EQ(PageReplay::make({.policies = {"opt"}, .frames = {0}}).code(), EINVAL);
}

std::vector<TracedRequest> random_requests(std::uint64_t count, std::uint64_t bytes) {
  Random random(3);
  std::vector<TracedRequest> requests;
  for (std::uint64_t i = 0; i < count; ++i)
    requests.push_back({{}, random.below(bytes / 4096) * 4096, 4096, 0, random.one_in(3)});
  return requests;
}

/// The same by a queue that is searched from end to end.
std::uint64_t naive_movement(const std::vector<TracedRequest>& requests, bool nearest,
                             std::size_t depth, std::uint64_t bytes_per_cylinder) {
  std::vector<std::uint64_t> queue;
  std::uint64_t at = 0;
  bool up = true;
  std::uint64_t movement = 0;
  const auto serve = [&] {
    std::size_t best = 0;
    const auto far = [&](std::size_t i) { return queue[i] < at ? at - queue[i] : queue[i] - at; };
    const auto is_better = [&](std::size_t i) {
      if (far(i) != far(best)) return far(i) < far(best);
      return queue[i] != queue[best] && (queue[i] > at) == up;
    };
    for (std::size_t i = 1; nearest && i < queue.size(); ++i)
      if (is_better(i)) best = i;
    movement += far(best);
    if (queue[best] != at) up = at < queue[best];
    at = queue[best];
    queue.erase(queue.begin() + static_cast<std::ptrdiff_t>(best));
  };
  for (const TracedRequest& request : requests) {
    if (queue.size() == depth) serve();
    queue.push_back(request.start / bytes_per_cylinder);
  }
  while (!queue.empty()) serve();
  return movement;
}

TEST(DiskReplay, MovesAsPlainLoopsMove) {
  const std::uint64_t bytes = 1000 * 4096;
  const auto requests = random_requests(5000, bytes);
  for (std::size_t depth : {1, 5, 64}) {
    auto replay =
        DiskReplay::make(
            {.policies = {"fcfs", "sstf"}, .bytes = bytes, .cylinders = 1000, .depth = depth})
            .take();
    replay.serve(std::span(requests).first(1234));
    replay.serve(std::span(requests).subspan(1234));
    const auto rows = replay.finish();
    EXPECT_EQ(rows[0].movement, naive_movement(requests, false, depth, 4096));
    EXPECT_EQ(rows[1].movement, naive_movement(requests, true, depth, 4096));
    EXPECT_EQ(rows[0].most_passed_by, 0u);
    for (const auto& row : rows) EXPECT_EQ(row.requests, requests.size());
  }
}

TEST(DiskReplay, TheFullModelTakesTimeForEachPart) {
  const std::uint64_t bytes = std::uint64_t{1} << 30;
  std::vector<std::string> all;
  for (std::string_view name : arm_policy_names()) all.emplace_back(name);
  auto replay = DiskReplay::make({.policies = all, .disk = "7200rpm", .bytes = bytes}).take();
  replay.serve(random_requests(2000, bytes));
  std::map<std::string, DiskReplay::Row> rows;
  for (const DiskReplay::Row& row : replay.finish()) rows[row.policy] = row;
  for (const auto& [name, row] : rows) {
    EXPECT_EQ(row.requests, 2000u) << name;
    EXPECT_GT(row.seek_ns, 0) << name;
    EXPECT_GT(row.rotation_ns, 0) << name;
    EXPECT_EQ(row.transfer_ns, rows["fcfs"].transfer_ns) << name;
    EXPECT_GE(row.longest_response_ns, row.response_sum_ns / 2000) << name;
  }
  EXPECT_LT(rows["sstf"].seek_ns, rows["fcfs"].seek_ns);
  EXPECT_LT(rows["look"].seek_ns, rows["fcfs"].seek_ns);
}

TEST(DiskReplay, RefusesWhatIsNone) {
  EXPECT_EQ(DiskReplay::make({.policies = {"nope"}, .bytes = 4096}).code(), EINVAL);
  EXPECT_EQ(DiskReplay::make({.policies = {"sstf"}, .disk = "nope", .bytes = 4096}).code(), EINVAL);
  EXPECT_EQ(DiskReplay::make({.policies = {"sstf"}, .bytes = 0}).code(), EINVAL);
  EXPECT_EQ(DiskReplay::make({.policies = {"sstf"}, .bytes = 4096, .depth = 0}).code(), EINVAL);
}

TEST(PageGenerator, FollowsItsRule) {
  std::map<PageKey, std::uint64_t> counts;
  for (PageKey page :
       references_of({.kind = PageRecipe::Kind::kZipf, .count = 200'000, .pages = 1000, .skew = 1}))
    ++counts[page];
  // The sum of 1/i up to 1000 is 7.485; page 0 has one part in that, page 9 a tenth of it.
  EXPECT_NEAR(static_cast<double>(counts[0]), 200'000 / 7.485, 600);
  EXPECT_NEAR(static_cast<double>(counts[9]), 20'000 / 7.485, 250);
  EXPECT_EQ(references_of({.kind = PageRecipe::Kind::kLoop, .count = 7, .loop = 3}),
            (std::vector<PageKey>{0, 1, 2, 0, 1, 2, 0}));
}

}  // namespace
}  // namespace spindle
