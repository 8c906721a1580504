// The shadows agree with the cache that they watch, and, sampled, with the shadows that see all.
#include "spindle/cache/replacement_what_if.h"

#include <array>
#include <cmath>

#include "cache_fixture.h"
#include "spindle/policy/replacement_policy.h"

namespace spindle {
namespace {

using Size = ReplacementWhatIf::Size;
using Basis = ReplacementWhatIf::Basis;

const ReplacementWhatIf::Row& row_of(const std::vector<ReplacementWhatIf::Row>& rows,
                                     std::string_view policy, Size size) {
  for (const auto& row : rows) {
    if (row.policy == policy && row.size == size) return row;
  }
  ADD_FAILURE() << "no row for " << policy;
  return rows.front();
}

/// Some blocks are used far more often than others, and now and then a range is scanned.
BlockNo pick(Random& random, std::uint64_t blocks) {
  const double skewed = std::pow(random.unit(), 4.0) * static_cast<double>(blocks);
  return BlockNo{std::min(blocks - 1, static_cast<std::uint64_t>(skewed))};
}

void use(BufferCache& cache, Random& random, std::uint64_t blocks) {
  switch (random.below(40)) {
    case 0:
      // All are held at once: the block that the policy chooses may not go.
      EXPECT_TRUE(cache.read_range({BlockNo{random.below(blocks - 30)}, 30}).ok());
      return;
    case 1:
      // Not one that is held: its frame would be nobody's for a while.
      cache.forget({BlockNo{blocks - blocks / 4 + random.below(blocks / 4 - 3)}, 3});
      return;
    case 2:
    case 3:
      EXPECT_TRUE(cache.blank(pick(random, blocks)).ok());
      return;
    default:
      EXPECT_TRUE(cache.read(pick(random, blocks)).ok());
  }
}

/// Some are held for a while, some are dirty for a while.
class Holder {
 public:
  explicit Holder(BufferCache& cache, std::size_t most_dirty = 20)
      : cache_(cache), most_dirty_(most_dirty) {}

  void change(Random& random, std::uint64_t blocks) {
    auto block = cache_.read(pick(random, blocks * 3 / 4));
    ASSERT_TRUE(block.ok());
    const std::size_t place = random.below(held_.size());
    held_[place] = std::move(block).value();
    if (!random.one_in(4)) return;
    cache_.write_access(held_[place]);
    cache_.mark_dirty(held_[place], InodeNo{1});
    if (cache_.statistics().dirty_blocks > most_dirty_) ASSERT_TRUE(cache_.flush_all().ok());
  }

 private:
  BufferCache& cache_;
  std::size_t most_dirty_;
  std::array<BlockRef, 12> held_;
};

void expect_counted_and_simulated_alike(const ReplacementWhatIf& what_if, const BufferCache& cache,
                                        std::string_view policy) {
  const CacheStatistics counts = cache.statistics();
  const auto rows = what_if.rows();
  const auto& row = row_of(rows, policy, Size::kSame);
  EXPECT_GT(counts.hits, 0u);
  EXPECT_GT(counts.misses, 0u);
  EXPECT_EQ(row.reads, counts.reads);
  EXPECT_EQ(row.hits, counts.hits);
  EXPECT_EQ(row.basis, Basis::kCounted);
  EXPECT_EQ(row.error, 0);
  const double ratio = static_cast<double>(counts.hits) / static_cast<double>(counts.reads);
  EXPECT_EQ(row.hit_ratio, ratio);
  // The shadow's own count, without any correction.
  EXPECT_EQ(std::llround(row.shadow_hit_ratio * static_cast<double>(counts.reads)),
            static_cast<long long>(counts.hits));
  EXPECT_EQ(row_of(rows, policy == "lru" ? "arc" : "lru", Size::kSame).basis, Basis::kSimulated);
}

TEST(ReplacementWhatIf, WithoutSamplingTheShadowOfThePolicyInUseCountsWhatTheCacheCounts) {
  const auto names = replacement_policy_names();
  for (std::size_t which = 0; which < names.size(); ++which) {
    for (std::uint64_t seed : {1, 3}) {
      SCOPED_TRACE(std::string(names[which]) + ", seed " + std::to_string(seed));
      SlowDevice device(kBlockSize, 1000);
      device.bad_reads = {400};
      ReplacementWhatIf what_if;
      auto cache = make_cache(device, 100, names[which]);
      cache->set_observer(&what_if);
      Random random(seed);
      {
        Holder holder(*cache);
        for (int step = 0; step < 5'000; ++step) {
          if (step == 2'000) cache->drop_clean();
          if (step == 3'000) cache->reset_statistics();
          if (random.one_in(50)) {
            EXPECT_EQ(cache->read(BlockNo{400}).code(), EIO);
          } else if (random.one_in(20)) {
            holder.change(random, 400);
          } else {
            use(*cache, random, 400);
          }
        }
        expect_counted_and_simulated_alike(what_if, *cache, names[which]);
        // Another one, which begins with what is there, in the frames in which it is.
        const std::string_view next = names[(which + seed) % names.size()];
        ASSERT_TRUE(cache->set_policy(next).ok());
        cache->reset_statistics();
        for (int step = 0; step < 2'000; ++step) {
          if (step % 500 == 499) cache->drop_clean();
          random.one_in(20) ? holder.change(random, 400) : use(*cache, random, 400);
        }
        expect_counted_and_simulated_alike(what_if, *cache, next);
      }
      EXPECT_EQ(what_if.sampled_one_in(), 1u);
      cache->set_observer(nullptr);
    }
  }
}

// So many may not go that the policy is not offered them until they may.
TEST(ReplacementWhatIf, ParkedBlocksAreParkedInTheShadowOfThePolicyInUse) {
  for (std::string_view policy : replacement_policy_names()) {
    for (std::uint64_t seed : {1}) {
      SCOPED_TRACE(std::string(policy) + ", seed " + std::to_string(seed));
      SlowDevice device(kBlockSize, 2000);
      ReplacementWhatIf what_if;
      auto cache = make_cache(device, 300, policy);
      cache->set_observer(&what_if);
      Random random(seed);
      {
        Holder holder(*cache, 150);
        for (int step = 0; step < 3'000; ++step) {
          if (step == 1'500) cache->reset_statistics();
          random.one_in(3) ? holder.change(random, 1000) : use(*cache, random, 1000);
        }
      }
      expect_counted_and_simulated_alike(what_if, *cache, policy);
      cache->set_observer(nullptr);
    }
  }
}

TEST(ReplacementWhatIf, ReadAheadIsSeenToo) {
  test::in_runtime([] {
    SlowDevice device(kBlockSize, 1000);
    for (std::string_view policy : replacement_policy_names()) {
      ReplacementWhatIf what_if;
      auto cache = make_cache(device, 100, policy);
      cache->set_observer(&what_if);
      Random random(5);
      for (int step = 0; step < 3'000; ++step) {
        use(*cache, random, 400);
        if (step % 10 == 0) cache->read_ahead({pick(random, 400), 1});
        while (cache->statistics().pinned_blocks > 0) thread::yield();
      }
      const CacheStatistics counts = cache->statistics();
      const auto rows = what_if.rows();
      EXPECT_GT(counts.read_ahead_used, 0u);
      EXPECT_NEAR(row_of(rows, policy, Size::kSame).shadow_hit_ratio,
                  row_of(rows, policy, Size::kSame).hit_ratio, 1e-12)
          << policy;
      EXPECT_EQ(row_of(rows, policy, Size::kSame).hits, counts.hits) << policy;
      EXPECT_EQ(row_of(rows, policy, Size::kSame).reads, counts.reads) << policy;
    }
  });
}

TEST(ReplacementWhatIf, OtherSizesAreWhatACacheOfThatSizeCounts) {
  ReplacementWhatIf what_if;
  SlowDevice device(kBlockSize, 1000);
  auto watched = make_cache(device, 100, "lru");
  auto half = make_cache(device, 50, "arc");
  auto twice = make_cache(device, 200, "s3-fifo");
  watched->set_observer(&what_if);
  Random random(7);
  for (int step = 0; step < 20'000; ++step) {
    const BlockNo block = pick(random, 400);
    for (BufferCache* cache : {watched.get(), half.get(), twice.get()}) {
      ASSERT_TRUE(cache->read(block).ok());
    }
  }
  const auto rows = what_if.rows();
  EXPECT_EQ(rows.size(), 3 * replacement_policy_names().size());
  EXPECT_EQ(row_of(rows, "arc", Size::kHalf).hits, half->statistics().hits);
  EXPECT_EQ(row_of(rows, "arc", Size::kHalf).capacity_blocks, 50u);
  EXPECT_EQ(row_of(rows, "s3-fifo", Size::kDouble).hits, twice->statistics().hits);
}

/// The streams that textbooks know: some blocks used far more often than others, all in turn, and
/// some with now and then a scan.
using Stream = BlockNo (*)(Random& random, int step);
constexpr std::pair<const char*, Stream> kStreams[] = {
    {"skewed", [](Random& random, int) { return pick(random, 20'000); }},
    {"loop", [](Random&, int step) { return BlockNo{static_cast<std::uint64_t>(step) % 6'000}; }},
    {"scans", [](Random& random, int step) {
       const bool scans = step / 2'500 % 4 == 3;
       return scans ? BlockNo{50'000 + static_cast<std::uint64_t>(step)} : pick(random, 10'000);
     }}};

TEST(ReplacementWhatIf, ASampleIsAsNearToWhatAllBlocksShowAsItSays) {
  for (const auto& [name, stream] : kStreams) {
    SCOPED_TRACE(name);
    ReplacementWhatIf all({.events = SIZE_MAX});
    ReplacementWhatIf sampled({.events = 5'000, .fewest_frames = 512});
    ReplacementWhatIf fed({.events = 1 << 11, .fewest_frames = 512});
    for (auto* each : {&all, &sampled, &fed}) each->restarted({.capacity = 4096});
    Random random(11);
    for (int step = 0; step < 75'000; ++step) {
      const BlockNo block = stream(random, step);
      for (auto* each : {&all, &sampled, &fed}) each->accessed(block, CacheAccess::kMiss);
      // Asking in between changes nothing.
      if (step == 30'000) EXPECT_EQ(sampled.rows().size(), fed.rows().size());
    }
    EXPECT_EQ(all.sampled_one_in(), 1u);
    EXPECT_EQ(sampled.sampled_one_in(), 16u);
    EXPECT_EQ(fed.sampled_one_in(), 16u);
    const auto exact = all.rows();
    const auto near = sampled.rows();
    const auto as_near = fed.rows();
    std::size_t within_error = 0;
    for (std::size_t i = 0; i < exact.size(); ++i) {
      SCOPED_TRACE(std::string(exact[i].policy) + " of " +
                   std::to_string(exact[i].capacity_blocks));
      EXPECT_EQ(exact[i].error, 0);
      EXPECT_EQ(near[i].basis, Basis::kSampled);
      EXPECT_EQ(near[i].reads, as_near[i].reads);
      EXPECT_EQ(near[i].hits, as_near[i].hits);
      EXPECT_EQ(near[i].error, as_near[i].error);
      const double off = std::abs(near[i].hit_ratio - exact[i].hit_ratio);
      if (exact[i].policy == "lru") EXPECT_LE(off, near[i].error);
      within_error += off <= near[i].error ? 1 : 0;
      EXPECT_LT(near[i].error, 0.2);
    }
    EXPECT_GE(within_error, exact.size() * 9 / 10);
    const auto whole_curve = all.lru_curve(100'000);
    for (const auto& point : sampled.lru_curve(12)) {
      double ratio = 0;
      for (const auto& whole : whole_curve)
        if (whole.capacity_blocks <= point.capacity_blocks) ratio = whole.hit_ratio;
      if (point.capacity_blocks < 256) continue;
      EXPECT_NEAR(point.hit_ratio, ratio, 0.05) << point.capacity_blocks;
    }
  }
}

// All blocks of a small cache count for ever, fed once the log is full: as if it had not been.
TEST(ReplacementWhatIf, FedShadowsCountWhatThoseThatAreAskedLaterCount) {
  for (std::uint64_t seed : {1, 2}) {
    SlowDevice device(kBlockSize, 1000);
    ReplacementWhatIf what_if({.events = 1000});
    ReplacementWhatIf later;
    auto cache = make_cache(device, 31, "clock");
    auto twin = make_cache(device, 31, "clock");
    cache->set_observer(&what_if);
    twin->set_observer(&later);
    for (auto* each : {cache.get(), twin.get()}) {
      Random random(seed);
      for (int step = 0; step < 8'000; ++step) use(*each, random, 100);
    }
    EXPECT_EQ(what_if.sampled_one_in(), 1u);
    const auto rows = what_if.rows();
    const auto as_rows = later.rows();
    ASSERT_EQ(rows.size(), as_rows.size());
    for (std::size_t i = 0; i < rows.size(); ++i) {
      EXPECT_EQ(rows[i].hits, as_rows[i].hits) << rows[i].policy;
      EXPECT_EQ(rows[i].reads, as_rows[i].reads) << rows[i].policy;
    }
    expect_counted_and_simulated_alike(what_if, *cache, "clock");
    cache->set_observer(nullptr);
    twin->set_observer(nullptr);
  }
}

TEST(ReplacementWhatIf, ResetLetsAllBeginWithWhatIsInTheCache) {
  for (std::string_view policy : {"lru", "arc", "lfu", "clock"}) {
    SCOPED_TRACE(policy);
    SlowDevice device(kBlockSize, 1000);
    ReplacementWhatIf what_if({.events = 2000, .fewest_frames = 16});
    auto cache = make_cache(device, 64, policy);
    cache->set_observer(&what_if);
    Random random(4);
    for (int step = 0; step < 9'000; ++step) use(*cache, random, 400);
    EXPECT_GT(what_if.sampled_one_in(), 1u);
    cache->reset_statistics();
    for (int step = 0; step < 1'000; ++step) use(*cache, random, 400);
    EXPECT_EQ(what_if.sampled_one_in(), 1u);
    expect_counted_and_simulated_alike(what_if, *cache, policy);
    cache->set_observer(nullptr);
  }
}

// Dirty blocks stay, for the other policies too.
TEST(ReplacementWhatIf, DirtyBlocksAreNoVictims) {
  SlowDevice device(kBlockSize, 1000);
  ReplacementWhatIf what_if;
  auto cache = make_cache(device, 8, "lru");
  cache->set_observer(&what_if);
  for (std::uint64_t block : {1, 2, 3}) {
    auto held = cache->read(BlockNo{block});
    ASSERT_TRUE(held.ok());
    cache->write_access(*held);
    cache->mark_dirty(*held, InodeNo{1});
  }
  for (std::uint64_t block = 10; block < 40; ++block) ASSERT_TRUE(cache->read(BlockNo{block}).ok());
  for (std::uint64_t block : {1, 2, 3}) ASSERT_TRUE(cache->read(BlockNo{block}).ok());
  ASSERT_TRUE(cache->flush_all().ok());
  for (std::uint64_t block = 10; block < 40; ++block) ASSERT_TRUE(cache->read(BlockNo{block}).ok());
  for (std::uint64_t block : {1, 2, 3}) ASSERT_TRUE(cache->read(BlockNo{block}).ok());
  const auto rows = what_if.rows();
  for (std::string_view policy : {"lru", "fifo", "clock"})
    EXPECT_EQ(row_of(rows, policy, Size::kSame).hits, 3u) << policy;
  cache->set_observer(nullptr);
}

// However many they are, they take frames from the others in a shadow as in the cache itself.
TEST(ReplacementWhatIf, DirtyBlocksTakeFramesFromTheOthers) {
  ReplacementWhatIf what_if;
  SlowDevice device(kBlockSize, 1000);
  auto watched = make_cache(device, 100, "lru");
  auto fifo = make_cache(device, 100, "fifo");
  auto half = make_cache(device, 50, "fifo");
  watched->set_observer(&what_if);
  Random random(3);
  const auto use_all = [&](BlockNo block, bool changes) {
    for (BufferCache* cache : {watched.get(), fifo.get(), half.get()}) {
      auto held = cache->read(block);
      ASSERT_TRUE(held.ok());
      if (!changes) continue;
      cache->write_access(*held);
      cache->mark_dirty(*held, InodeNo{1});
    }
  };
  for (std::uint64_t block = 900; block < 930; ++block) use_all(BlockNo{block}, true);
  for (int step = 0; step < 5'000; ++step) use_all(pick(random, 400), false);
  for (BufferCache* cache : {watched.get(), fifo.get(), half.get()})
    EXPECT_EQ(cache->statistics().dirty_blocks, 30u);
  for (const bool is_again : {false, true}) {
    const auto rows = what_if.rows();
    const double reads = static_cast<double>(watched->statistics().reads);
    for (const auto& [size, cache] :
         {std::pair(Size::kSame, fifo.get()), {Size::kHalf, half.get()}})
      EXPECT_NEAR(static_cast<double>(row_of(rows, "fifo", size).hits) / reads,
                  static_cast<double>(cache->statistics().hits) / reads, 0.003);
    if (is_again) break;
    for (BufferCache* cache : {watched.get(), fifo.get(), half.get()})
      ASSERT_TRUE(cache->flush_all().ok());
    for (int step = 0; step < 5'000; ++step) use_all(pick(random, 400), false);
  }
  watched->set_observer(nullptr);
}

// With a small sample, and blocks that are held and cannot go, however far a shadow is off.
TEST(ReplacementWhatIf, ThePolicyInUseIsCorrectedToWhatTheCacheCounts) {
  for (std::string_view policy : {"lru", "arc", "clock"}) {
    SCOPED_TRACE(policy);
    SlowDevice device(kBlockSize, 1000);
    ReplacementWhatIf what_if({.events = 512, .fewest_frames = 16});
    auto cache = make_cache(device, 128, policy);
    cache->set_observer(&what_if);
    Random random(9);
    for (int step = 0; step < 10'000; ++step) {
      if (step == 5'000) cache->reset_statistics();
      use(*cache, random, 400);
      const auto held = cache->read_range({pick(random, 350), 20});
      ASSERT_TRUE(held.ok());
    }
    const CacheStatistics counts = cache->statistics();
    const double ratio = static_cast<double>(counts.hits) / static_cast<double>(counts.reads);
    const auto rows = what_if.rows();
    const auto& in_use = row_of(rows, policy, Size::kSame);
    EXPECT_EQ(in_use.hit_ratio, ratio);
    EXPECT_NE(in_use.shadow_hit_ratio, ratio);
    for (const auto& row : rows) {
      EXPECT_EQ(row.hit_ratio < ratio, row.shadow_hit_ratio < in_use.shadow_hit_ratio);
      EXPECT_TRUE(row.hit_ratio >= 0 && row.hit_ratio <= 1) << row.hit_ratio;
    }
    const auto curve = what_if.lru_curve(1000);
    for (std::size_t i = 1; i < curve.size(); ++i)
      EXPECT_GE(curve[i].hit_ratio, curve[i - 1].hit_ratio);
    cache->set_observer(nullptr);
  }
}

TEST(ReplacementWhatIf, CountsAnewUnderAnotherPolicy) {
  SlowDevice device(kBlockSize, 1000);
  ReplacementWhatIf what_if;
  auto cache = make_cache(device, 4, "lru");
  cache->set_observer(&what_if);
  for (std::uint64_t block : {1, 2, 3}) ASSERT_TRUE(cache->read(BlockNo{block}).ok());
  ASSERT_TRUE(cache->set_policy("fifo").ok());
  for (std::uint64_t block : {1, 9}) ASSERT_TRUE(cache->read(BlockNo{block}).ok());
  const auto rows = what_if.rows();
  EXPECT_EQ(row_of(rows, "fifo", Size::kSame).reads, 2u);
  EXPECT_EQ(row_of(rows, "fifo", Size::kSame).hit_ratio, 0.5);
  cache->set_observer(nullptr);
  ASSERT_TRUE(cache->read(BlockNo{1}).ok());
  cache->set_observer(&what_if);
  ASSERT_TRUE(cache->read(BlockNo{7}).ok());
  const auto again = what_if.rows();
  EXPECT_EQ(row_of(again, "fifo", Size::kSame).reads, 1u);
  cache->set_observer(nullptr);
}

TEST(ReplacementWhatIf, TheCurveIsWhatLruCountsAtEverySize) {
  ReplacementWhatIf what_if;
  SlowDevice device(kBlockSize, 1000);
  auto watched = make_cache(device, 100, "arc");
  std::vector<std::unique_ptr<BufferCache>> caches;
  for (std::size_t size = 1; size < 400; size += 37)
    caches.push_back(make_cache(device, size, "lru"));
  watched->set_observer(&what_if);
  Random random(3);
  for (int step = 0; step < 8'000; ++step) {
    const BlockNo block = pick(random, 400);
    ASSERT_TRUE(watched->read(block).ok());
    for (auto& cache : caches) ASSERT_TRUE(cache->read(block).ok());
  }
  const auto curve = what_if.lru_curve(1000);
  for (auto& cache : caches) {
    const CacheStatistics counts = cache->statistics();
    double ratio = 0;
    for (const auto& point : curve)
      if (point.capacity_blocks <= counts.capacity_blocks) ratio = point.hit_ratio;
    EXPECT_NEAR(ratio, static_cast<double>(counts.hits) / static_cast<double>(counts.reads), 1e-9)
        << counts.capacity_blocks;
  }
  EXPECT_LE(what_if.lru_curve(10).size(), 10u);
  EXPECT_EQ(what_if.lru_curve(10).back().capacity_blocks, curve.back().capacity_blocks);
  what_if.restarted({.capacity = 100});
  EXPECT_TRUE(what_if.lru_curve(10).empty());
  what_if.forgotten({BlockNo{0}, 1000});
  what_if.accessed(BlockNo{5}, CacheAccess::kMiss);
  what_if.accessed(BlockNo{5}, CacheAccess::kBlank);
  EXPECT_EQ(what_if.lru_curve(10).size(), 0u);  // a miss at every size
  what_if.accessed(BlockNo{5}, CacheAccess::kHit);
  ASSERT_EQ(what_if.lru_curve(10).size(), 1u);
  EXPECT_DOUBLE_EQ(what_if.lru_curve(10)[0].hit_ratio, 0.5);
}

TEST(ReplacementWhatIf, BeginsWithWhatIsInTheCache) {
  SlowDevice device(kBlockSize, 1000);
  auto cache = make_cache(device, 4, "lru");
  for (std::uint64_t block : {1, 2, 3, 4, 1}) ASSERT_TRUE(cache->read(BlockNo{block}).ok());
  ReplacementWhatIf what_if;
  cache->set_observer(&what_if);
  for (std::uint64_t block : {4, 1, 3}) ASSERT_TRUE(cache->read(BlockNo{block}).ok());
  const auto rows = what_if.rows();
  EXPECT_EQ(row_of(rows, "lru", Size::kSame).hits, 3u);
  EXPECT_EQ(row_of(rows, "lru", Size::kHalf).hits, 2u);
}

}  // namespace
}  // namespace spindle
