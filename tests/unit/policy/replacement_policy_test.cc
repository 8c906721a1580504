// The replacement policies: textbook strings, each policy against a second implementation that
// keeps plain vectors of keys, and what must hold whatever the algorithm.

#include "spindle/policy/replacement_policy.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <map>
#include <set>
#include <string>

#include "naive_replacement.h"
#include "policies_by_name.h"
#include "spindle/base/random.h"

namespace spindle {
namespace {

/// A cache that owns the frames, as the buffer cache does: the least free frame is filled first.
class Cache {
 public:
  Cache(std::unique_ptr<ReplacementPolicy> policy, std::size_t capacity)
      : policy_(std::move(policy)), keys_(capacity) {}

  /// The result of a reference.
  struct Outcome {
    bool hit = false;
    std::optional<PageKey> evicted;
    bool operator==(const Outcome&) const = default;
  };

  Outcome use(PageKey key) {
    if (const auto found = frames_.find(key); found != frames_.end()) {
      policy_->touched(FrameNo{found->second});
      return {.hit = true, .evicted = {}};
    }
    Outcome outcome;
    if (frames_.size() == keys_.size()) {
      const std::optional<FrameNo> frame = policy_->victim({}, key);
      EXPECT_TRUE(frame && keys_[frame->value]);
      EXPECT_EQ(policy_->victim({}, key), frame);
      outcome.evicted = keys_[frame->value];
      drop(*outcome.evicted);
    }
    std::size_t frame = 0;
    while (keys_[frame]) ++frame;
    keys_[frame] = key;
    frames_[key] = frame;
    policy_->inserted(FrameNo{frame}, key);
    return outcome;
  }

  void drop(PageKey key) {
    const std::size_t frame = frames_.at(key);
    policy_->erased(FrameNo{frame});
    keys_[frame].reset();
    frames_.erase(key);
  }

  [[nodiscard]] std::vector<PageKey> resident() const {
    std::vector<PageKey> keys;
    for (const auto& [key, frame] : frames_) keys.push_back(key);
    return keys;
  }
  [[nodiscard]] std::size_t frame_of(PageKey key) const { return frames_.at(key); }
  ReplacementPolicy& policy() { return *policy_; }

 private:
  std::unique_ptr<ReplacementPolicy> policy_;
  std::vector<std::optional<PageKey>> keys_;
  std::map<PageKey, std::size_t> frames_;
};

using References = std::vector<PageKey>;

std::size_t faults(std::string_view name, std::size_t capacity, const References& references,
                   ReplacementConventions conventions = {}) {
  Cache cache(replacement_policy_named(name, capacity, conventions), capacity);
  std::size_t misses = 0;
  for (PageKey key : references) misses += cache.use(key).hit ? 0 : 1;
  return misses;
}

/// Belady's: evicts the page whose next use lies farthest ahead.
std::size_t optimal_faults(std::size_t capacity, const References& references) {
  std::set<PageKey> resident;
  std::size_t misses = 0;
  for (auto now = references.begin(); now != references.end(); ++now) {
    if (resident.contains(*now)) continue;
    ++misses;
    if (resident.size() == capacity)
      resident.erase(std::ranges::max_element(
          resident, {}, [&](PageKey key) { return std::find(now, references.end(), key); }));
    resident.insert(*now);
  }
  return misses;
}

/// Strings with some locality: a hot set, scans, and jumps.
References random_references(Random& random, std::size_t length) {
  References references;
  const std::uint64_t pages = 2 + random.below(40);
  while (references.size() < length) {
    const std::uint64_t kind = random.below(4);
    const PageKey start = random.below(pages);
    for (std::uint64_t i = 0; i <= random.below(12); ++i)
      references.push_back(kind == 0   ? (start + i) % pages
                           : kind == 1 ? random.below(1 + pages / 4)
                                       : random.below(pages));
  }
  references.resize(length);
  return references;
}

const References kBelady = {1, 2, 3, 4, 1, 2, 5, 1, 2, 3, 4, 5};
const References kTextbook = {7, 0, 1, 2, 0, 3, 0, 4, 2, 3, 0, 3, 2, 1, 2, 0, 1, 7, 0, 1};

TEST(ReplacementPolicy, TheTextbookStringHasItsKnownFaults) {
  EXPECT_EQ(faults("fifo", 3, kTextbook), 15u);
  EXPECT_EQ(faults("lru", 3, kTextbook), 12u);
  EXPECT_EQ(optimal_faults(3, kTextbook), 9u);
}

TEST(ReplacementPolicy, BeladysAnomalyAppearsInFifoAndNotInLru) {
  EXPECT_EQ(faults("fifo", 3, kBelady), 9u);
  EXPECT_EQ(faults("fifo", 4, kBelady), 10u);
  EXPECT_EQ(faults("lru", 3, kBelady), 10u);
  EXPECT_EQ(faults("lru", 4, kBelady), 8u);
}

TEST(ReplacementPolicy, LruHasTheStackProperty) {
  for (std::uint64_t seed = 1; seed <= 100; ++seed) {
    SCOPED_TRACE("seed " + std::to_string(seed));
    Random random(seed);
    const std::size_t capacity = 1 + random.below(12);
    Cache small(replacement_policy_named("lru", capacity), capacity);
    Cache large(replacement_policy_named("lru", capacity + 1), capacity + 1);
    for (PageKey key : random_references(random, 300)) {
      small.use(key);
      large.use(key);
      ASSERT_TRUE(std::ranges::includes(large.resident(), small.resident()));
    }
  }
}

TEST(ReplacementPolicy, NothingBeatsTheOptimum) {
  for (std::uint64_t seed = 1; seed <= 30; ++seed) {
    Random random(seed);
    const std::size_t capacity = 1 + random.below(12);
    const References references = random_references(random, 300);
    const std::size_t optimum = optimal_faults(capacity, references);
    for (std::string_view name : replacement_policy_names())
      ASSERT_GE(faults(name, capacity, references), optimum) << name << ", seed " << seed;
  }
}

/// The policy that knows the future evicts as well as the loop that looks for it.
TEST(ReplacementPolicy, OptimalReachesTheOptimum) {
  for (std::uint64_t seed = 1; seed <= 60; ++seed) {
    Random random(seed);
    const std::size_t capacity = 1 + random.below(12);
    const References references = random_references(random, 300);
    Cache cache(make_optimal_policy(capacity, references), capacity);
    std::size_t misses = 0;
    for (PageKey key : references) misses += cache.use(key).hit ? 0 : 1;
    ASSERT_EQ(misses, optimal_faults(capacity, references)) << "seed " << seed;
  }
}

/// A random life of a cache, with pages dropped by their owner now and then, beside the naive one.
void compare(std::string_view name, std::uint64_t seed, ReplacementConventions conventions) {
  Random random(seed);
  const std::size_t capacity = 1 + random.below(24);
  Cache cache(replacement_policy_named(name, capacity, conventions), capacity);
  const auto naive = make_naive_replacement(name, capacity, conventions);
  const bool drops = random.one_in(2);
  for (PageKey key : random_references(random, 600)) {
    const std::vector<PageKey> resident = cache.resident();
    if (drops && random.one_in(8) && !resident.empty()) {
      const PageKey dropped = resident[random.below(resident.size())];
      naive->drop(dropped, cache.frame_of(dropped));
      cache.drop(dropped);
    }
    const bool hit = std::ranges::binary_search(cache.resident(), key);
    const bool full = cache.resident().size() == capacity;
    std::optional<PageKey> evicted;
    if (hit) naive->touch(key);
    if (!hit && full) evicted = naive->evict(key);
    ASSERT_EQ(cache.use(key), (Cache::Outcome{hit, evicted}));
    if (!hit) naive->load(key, cache.frame_of(key));
  }
}

TEST(ReplacementPolicy, EvictsAsTheNaiveImplementationDoes) {
  using Tie = ReplacementConventions::Tie;
  for (std::string_view name : replacement_policy_names())
    for (std::uint64_t seed = 1; seed <= 150; ++seed) {
      SCOPED_TRACE(std::string(name) + ", seed " + std::to_string(seed));
      ASSERT_NO_FATAL_FAILURE(
          compare(name, seed,
                  {.clock_bit_on_load = seed % 2 == 0,
                   .frequency_tie = seed % 3 == 0 ? Tie::kFirstLoaded : Tie::kLeastRecent,
                   .keep_counts = seed % 5 == 0,
                   .seed = seed,
                   .tick_references = seed % 7,
                   .aging_bits = 1 + static_cast<unsigned>(seed % 9),
                   .working_set_references = seed % 11}));
    }
}

struct Pins {
  std::vector<bool> pinned;
  std::size_t asked = 0;
  Evictable evictable() {
    return {[](void* context, FrameNo frame) {
              Pins& pins = *static_cast<Pins*>(context);
              ++pins.asked;
              return !pins.pinned[frame.value];
            },
            this};
  }
};

/// With some frames pinned, a victim is found exactly if one is left, it is never a pinned one, and
/// the work is bounded.
TEST(ReplacementPolicy, PassesPinnedFramesBy) {
  for (std::string_view name : replacement_policy_names())
    for (std::uint64_t seed = 1; seed <= 60; ++seed) {
      SCOPED_TRACE(std::string(name) + ", seed " + std::to_string(seed));
      Random random(seed);
      const std::size_t capacity = 1 + random.below(16);
      const auto policy = replacement_policy_named(name, capacity);
      std::vector<bool> used(capacity, false);
      Pins pins{std::vector<bool>(capacity, false)};
      for (int step = 0; step < 400; ++step) {
        const std::size_t frame = random.below(capacity);
        pins.pinned[random.below(capacity)] = random.one_in(2);
        if (used[frame] && !random.one_in(10)) {
          policy->touched(FrameNo{frame});
        } else if (used[frame]) {
          policy->erased(FrameNo{frame});
          used[frame] = false;
        } else {
          policy->inserted(FrameNo{frame}, random.below(3 * capacity));
          used[frame] = true;
        }
        bool possible = false;
        for (std::size_t f = 0; f < capacity; ++f) possible |= used[f] && !pins.pinned[f];
        pins.asked = 0;
        const std::optional<FrameNo> victim =
            policy->victim(pins.evictable(), random.below(3 * capacity));
        ASSERT_EQ(victim.has_value(), possible);
        ASSERT_LE(pins.asked, 12 * capacity + 2);
        if (!victim) continue;
        ASSERT_TRUE(used[victim->value] && !pins.pinned[victim->value]);
        ASSERT_EQ(policy->victim(pins.evictable(), {}).has_value(), true);
        if (!random.one_in(3)) continue;
        policy->erased(*victim);
        used[victim->value] = false;
      }
    }
}

/// A search for a victim that finds none changes nothing: the decisions after it are the same.
TEST(ReplacementPolicy, AVainSearchChangesNothing) {
  for (std::string_view name : replacement_policy_names())
    for (std::uint64_t seed = 1; seed <= 40; ++seed) {
      SCOPED_TRACE(std::string(name) + ", seed " + std::to_string(seed));
      Random random(seed);
      const std::size_t capacity = 1 + random.below(16);
      Pins all{std::vector<bool>(capacity, true)};
      Cache asked(replacement_policy_named(name, capacity), capacity);
      Cache left(replacement_policy_named(name, capacity), capacity);
      for (PageKey key : random_references(random, 300)) {
        ASSERT_FALSE(asked.policy().victim(all.evictable()));
        ASSERT_EQ(asked.use(key), left.use(key));
      }
    }
}

TEST(ReplacementPolicy, TheScanResistantOnesKeepTheirHotPages) {
  const auto hits_of_hot_pages = [](std::string_view name) {
    Cache cache(replacement_policy_named(name, 100), 100);
    std::size_t hits = 0;
    PageKey cold = 1000;
    for (int round = 0; round < 200; ++round) {
      for (PageKey hot = 0; hot < 100; ++hot) hits += cache.use(hot % 50).hit;
      for (int i = 0; i < 60; ++i) cache.use(cold++);
    }
    return hits;
  };
  const std::size_t lru = hits_of_hot_pages("lru");
  for (std::string_view name : {"2q", "arc", "sieve", "s3-fifo"})
    EXPECT_GT(hits_of_hot_pages(name), lru + 5000) << name;
}

TEST(ReplacementPolicy, IsMadeByItsNameOrNotAtAll) {
  for (std::string_view name : replacement_policy_names()) {
    EXPECT_EQ(replacement_policy_named(name, 1)->name(), name);
    EXPECT_EQ(replacement_policy_named(name, 1)->victim({}), std::nullopt);
  }
  EXPECT_EQ(make_replacement_policy("belady", 4).code(), EINVAL);
  EXPECT_EQ(make_replacement_policy("lru", 0).code(), EINVAL);
}

}  // namespace
}  // namespace spindle
