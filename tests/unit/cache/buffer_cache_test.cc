// Each test is about one promise of the buffer cache; it runs outside of a runtime if nothing
// waits.
#include "spindle/cache/buffer_cache.h"

#include <algorithm>
#include <array>

#include "cache_fixture.h"
#include "spindle/policy/replacement_policy.h"

namespace spindle {
namespace {

class BufferCacheTest : public ::testing::Test {
 protected:
  void SetUp() override {
    for (std::uint64_t block = 0; block < device.block_count(); ++block) {
      const std::byte mark{static_cast<std::uint8_t>(block)};
      device.memory.poke(block * kBlockSize, {&mark, 1});
    }
  }
  SlowDevice device{kBlockSize, 8192};
};

unsigned faults(BufferCache& cache, std::span<const int> reference_string) {
  for (int page : reference_string) {
    EXPECT_TRUE(cache.read(BlockNo{static_cast<std::uint64_t>(page)}).ok());
  }
  const CacheStatistics counts = cache.statistics();
  EXPECT_EQ(counts.reads, counts.hits + counts.misses);
  EXPECT_EQ(counts.reads, reference_string.size());
  return static_cast<unsigned>(counts.misses);
}

TEST_F(BufferCacheTest, BeladysReferenceStringFaultsAsInTheTextbook) {
  constexpr std::array kString{1, 2, 3, 4, 1, 2, 5, 1, 2, 3, 4, 5};
  EXPECT_EQ(faults(*make_cache(device, 3, "fifo"), kString), 9u);
  EXPECT_EQ(faults(*make_cache(device, 4, "fifo"), kString), 10u);  // the anomaly
  EXPECT_EQ(faults(*make_cache(device, 3, "lru"), kString), 10u);
  EXPECT_EQ(faults(*make_cache(device, 4, "lru"), kString), 8u);
}

TEST_F(BufferCacheTest, ReadsWhatTheDeviceHasAndReadsItOnce) {
  auto cache = make_cache(device, 64);
  EXPECT_EQ(first_byte(cache->read(BlockNo{7}).take()), 7);
  EXPECT_EQ(first_byte(cache->read(BlockNo{7}).take()), 7);
  EXPECT_EQ(device.batches, 1u);
}

TEST_F(BufferCacheTest, ARangeIsReadInFewRequestsAroundWhatIsThere) {
  auto cache = make_cache(device, 4096);
  const BlockRef held = cache->read(BlockNo{100}).take();
  device.requests.clear();
  const auto blocks = cache->read_range(run_of(BlockNo{50}, 3000)).take();
  ASSERT_EQ(blocks.size(), 3000u);
  for (std::size_t i = 0; i < blocks.size(); ++i) {
    ASSERT_EQ(blocks[i].block(), BlockNo{50 + i});
    ASSERT_EQ(first_byte(blocks[i]), static_cast<std::uint8_t>(50 + i));
  }
  // 50 before the hole, 2949 after it, at most 1 MiB (1024 blocks) each.
  EXPECT_EQ(device.requests.size(), 1u + 3u);
  EXPECT_EQ(cache->statistics().hits, 1u);
}

TEST_F(BufferCacheTest, ARangeLargerThanTheCacheIsReadAndTheCacheShrinksBack) {
  auto cache = make_cache(device, 64);
  {
    const auto blocks = cache->read_range(run_of(BlockNo{0}, BufferCache::kMaxRange)).take();
    EXPECT_EQ(first_byte(blocks[300]), static_cast<std::uint8_t>(300));
    EXPECT_EQ(cache->statistics().over_capacity, BufferCache::kMaxRange - 64);
    EXPECT_EQ(cache->statistics().pinned_blocks, BufferCache::kMaxRange);
  }
  EXPECT_LE(cache->statistics().used_blocks, 64u);
  EXPECT_EQ(cache->statistics().pinned_blocks, 0u);
}

TEST_F(BufferCacheTest, WhenEverythingIsHeldTheAnswerIsAnErrorNotAHang) {
  auto cache = make_cache(device, 64);
  auto held = cache->read_range(run_of(BlockNo{0}, BufferCache::kMaxRange)).take();
  const auto more = cache->read_range(run_of(BlockNo{4096}, 64)).take();
  EXPECT_EQ(cache->read(BlockNo{5000}).code(), ENOMEM);
  EXPECT_EQ(cache->read_range(run_of(BlockNo{4150}, 100)).code(), ENOMEM);
  held.clear();
  EXPECT_TRUE(cache->read(BlockNo{5000}).ok());
}

TEST_F(BufferCacheTest, BlocksOutsideOfTheDeviceAreRefused) {
  auto cache = make_cache(device, 64);
  EXPECT_EQ(cache->read(BlockNo{8192}).code(), EINVAL);
  EXPECT_EQ(cache->blank(BlockNo{UINT64_MAX}).code(), EINVAL);
  EXPECT_EQ(cache->read_range(run_of(BlockNo{8190}, 3)).code(), EINVAL);
  EXPECT_EQ(cache->read_range(run_of(BlockNo{UINT64_MAX}, 2)).code(), EINVAL);
  EXPECT_EQ(cache->read_range(run_of(BlockNo{0}, BufferCache::kMaxRange + 1)).code(), EINVAL);
  EXPECT_EQ(cache->statistics().used_blocks, 0u);
  EXPECT_EQ(cache->statistics().reads, cache->statistics().hits + cache->statistics().misses);
}

TEST_F(BufferCacheTest, BlankReadsNothingAndIsZero) {
  auto cache = make_cache(device, 64);
  EXPECT_EQ(first_byte(cache->blank(BlockNo{5}).take()), 0);
  EXPECT_EQ(first_byte(cache->read(BlockNo{6}).take()), 6);
  EXPECT_EQ(first_byte(cache->blank(BlockNo{6}).take()), 0);
  EXPECT_EQ(device.batches, 1u);
}

TEST_F(BufferCacheTest, AReplacedBlockIsNotReadAndHoldsWhatIsPutThere) {
  auto cache = make_cache(device, 64);
  EXPECT_EQ(first_byte(cache->read(BlockNo{6}).take()), 6);
  for (const BlockNo block : {BlockNo{5}, BlockNo{6}}) {
    const BlockRef frame = cache->replace(block).take();
    EXPECT_EQ(cache->verified_kind(frame), 0);
    std::ranges::fill(frame.writable(), std::byte{77});
    cache->mark_dirty(frame, kFile);
  }
  EXPECT_EQ(device.batches, 1u);
  EXPECT_TRUE(cache->flush_file(kFile).ok());
  cache->drop_clean();
  EXPECT_EQ(first_byte(cache->read(BlockNo{5}).take()), 77);
  EXPECT_EQ(first_byte(cache->read(BlockNo{6}).take()), 77);
}

TEST_F(BufferCacheTest, AFailedLoadLeavesNoFrameAndIsTriedAgain) {
  auto cache = make_cache(device, 64);
  device.bad_reads = {9};
  EXPECT_EQ(cache->read(BlockNo{9}).code(), EIO);
  EXPECT_EQ(cache->read_range(run_of(BlockNo{5}, 10)).code(), EIO);
  EXPECT_EQ(cache->statistics().used_blocks, 0u);
  EXPECT_FALSE(cache->peek(BlockNo{9}));
  device.bad_reads.clear();
  EXPECT_EQ(first_byte(cache->read(BlockNo{9}).take()), 9);
}

TEST_F(BufferCacheTest, DirtyDataGoesHomeSortedAndMerged) {
  auto cache = make_cache(device, 64);
  for (std::uint64_t block : {23, 20, 22, 21, 30}) write_block(*cache, BlockNo{block}, 1, kFile);
  write_block(*cache, BlockNo{24}, 1, kOtherFile);
  EXPECT_EQ(cache->dirty_count(kFile), 5u);
  const auto dirty = cache->unlogged_dirty_blocks(kFile);
  ASSERT_EQ(dirty.size(), 5u);
  EXPECT_EQ(dirty[0].block(), BlockNo{20});
  EXPECT_EQ(dirty[4].block(), BlockNo{30});
  ASSERT_TRUE(cache->flush_file(kFile).ok());
  ASSERT_EQ(device.requests.size(), 2u);
  EXPECT_EQ(device.requests[0].run, (run_of(BlockNo{20}, 4)));
  EXPECT_EQ(device.requests[1].run, (run_of(BlockNo{30}, 1)));
  EXPECT_EQ(cache->dirty_count(kFile), 0u);
  EXPECT_EQ(cache->statistics().dirty_blocks, 1u);
  EXPECT_EQ(cache->statistics().written_back, 5u);
}

TEST_F(BufferCacheTest, AChangedBlockOfTheLogIsToldOfOnce) {
  auto cache = make_cache(device, 64);
  const auto logged = [&](std::uint64_t block) {
    write_block(*cache, BlockNo{block}, 1, kFile);
    cache->set_logged(cache->peek(BlockNo{block}), true);
  };
  for (std::uint64_t block : {20, 21, 22}) logged(block);
  EXPECT_TRUE(cache->take_changed_logged().empty());
  for (int i = 0; i < 2; ++i) write_block(*cache, BlockNo{21}, 2, kFile);
  write_block(*cache, BlockNo{23}, 2, kFile);
  EXPECT_EQ(cache->take_changed_logged(), std::vector{BlockNo{21}});
  const auto unlogged = cache->unlogged_dirty_blocks(kFile);
  ASSERT_EQ(unlogged.size(), 1u);
  EXPECT_EQ(unlogged[0].block(), BlockNo{23});
  // That its home is up to date does not mean that it is what the log has.
  ASSERT_TRUE(cache->flush_file(kFile).ok());
  write_block(*cache, BlockNo{22}, 2, kFile);
  EXPECT_EQ(cache->take_changed_logged(), std::vector{BlockNo{22}});
  logged(21);
  write_block(*cache, BlockNo{21}, 3, kFile);
  EXPECT_EQ(cache->take_changed_logged(), std::vector{BlockNo{21}});
  cache->set_logged(cache->peek(BlockNo{20}), false);
  write_block(*cache, BlockNo{20}, 2, kFile);
  EXPECT_TRUE(cache->take_changed_logged().empty());
}

TEST_F(BufferCacheTest, NeighboursOfDifferentFilesShareARequest) {
  auto cache = make_cache(device, 64);
  for (std::uint64_t i = 0; i < 20; ++i) write_block(*cache, BlockNo{40 + i}, 1, InodeNo{100 + i});
  ASSERT_TRUE(cache->flush_all().ok());
  EXPECT_EQ(device.requests.size(), 1u);
}

TEST_F(BufferCacheTest, DirtyDataIsWrittenBeforeItsFrameIsTaken) {
  auto cache = make_cache(device, 64);
  for (std::uint64_t i = 0; i < 500; ++i) {
    write_block(*cache, BlockNo{1000 + i}, static_cast<std::uint8_t>(i % 250 + 1), kFile);
  }
  EXPECT_EQ(cache->statistics().over_capacity, 0u);
  EXPECT_LE(cache->statistics().used_blocks, 64u);
  ASSERT_TRUE(cache->flush_all().ok());
  for (std::uint64_t i = 0; i < 500; ++i) {
    ASSERT_EQ(first_byte(device.memory, BlockNo{1000 + i}), i % 250 + 1);
  }
}

TEST_F(BufferCacheTest, DirtyDataOfSeveralFilesGoesHomeTogether) {
  auto cache = make_cache(device, 64);
  for (std::uint64_t block = 20; block < 30; ++block)
    write_block(*cache, BlockNo{block}, 1, block % 2 == 0 ? kFile : kOtherFile);
  const std::array owners{kOtherFile, kFile};
  ASSERT_TRUE(cache->flush_files(owners).ok());
  ASSERT_EQ(device.requests.size(), 1u);
  EXPECT_EQ(device.requests[0].run, (run_of(BlockNo{20}, 10)));
  EXPECT_EQ(cache->statistics().dirty_blocks, 0u);
}

TEST_F(BufferCacheTest, AFlushOfSeveralFilesFailsForWhatCannotBeWrittenNow) {
  auto cache = make_cache(device, 64);
  write_block(*cache, BlockNo{20}, 1, kFile);
  write_block(*cache, BlockNo{21}, 2, kOtherFile);
  device.bad_writes = {20};
  EXPECT_EQ(cache->flush_all().code(), EIO);
  const std::array owners{kFile, kOtherFile};
  EXPECT_EQ(cache->flush_files(owners).code(), EIO);
  EXPECT_EQ(first_byte(device.memory, BlockNo{21}), 2);
  device.bad_writes.clear();
  EXPECT_TRUE(cache->flush_files(owners).ok());
  EXPECT_EQ(first_byte(device.memory, BlockNo{20}), 1);
  EXPECT_TRUE(cache->flush_file(kFile).ok());  // there is nothing left to be told
}

TEST_F(BufferCacheTest, AFailedWriteBackIsReportedToItsOwnerOnceAndTriedAgain) {
  auto cache = make_cache(device, 64);
  write_block(*cache, BlockNo{20}, 1, kFile);
  write_block(*cache, BlockNo{21}, 2, kOtherFile);
  device.bad_writes = {20};
  EXPECT_EQ(cache->flush_all().code(), EIO);
  // The other file's block was in the same request; its write-back succeeded alone.
  EXPECT_EQ(cache->dirty_count(kOtherFile), 0u);
  EXPECT_EQ(first_byte(device.memory, BlockNo{21}), 2);
  EXPECT_TRUE(cache->flush_file(kOtherFile).ok());
  EXPECT_EQ(cache->dirty_count(kFile), 1u);
  device.bad_writes.clear();
  EXPECT_EQ(cache->flush_file(kFile).code(), EIO);  // of the attempt before; this one succeeded
  EXPECT_EQ(first_byte(device.memory, BlockNo{20}), 1);
  EXPECT_TRUE(cache->flush_file(kFile).ok());
}

TEST_F(BufferCacheTest, AFlushThatFailsItselfIsReportedOnce) {
  auto cache = make_cache(device, 64);
  write_block(*cache, BlockNo{20}, 1, kFile);
  device.bad_writes = {20};
  EXPECT_EQ(cache->flush_file(kFile).code(), EIO);
  device.bad_writes.clear();
  EXPECT_TRUE(cache->flush_file(kFile).ok());
  EXPECT_EQ(first_byte(device.memory, BlockNo{20}), 1);
}

TEST_F(BufferCacheTest, ErrorsOfAFreedInodeAreForgotten) {
  auto cache = make_cache(device, 64);
  write_block(*cache, BlockNo{20}, 1, kFile);
  device.bad_writes = {20};
  EXPECT_EQ(cache->flush_all().code(), EIO);
  cache->forget(run_of(BlockNo{20}, 1));
  cache->forget_errors(kFile);
  EXPECT_TRUE(cache->flush_file(kFile).ok());
}

TEST_F(BufferCacheTest, DirtyDataThatCannotBeWrittenStopsTheWriterNotTheCache) {
  auto cache = make_cache(device, 64);
  for (std::uint64_t block = 0; block < device.block_count(); ++block) {
    device.bad_writes.insert(block);
  }
  for (std::uint64_t i = 0; i < 26; ++i) write_block(*cache, BlockNo{i}, 1, kFile);
  EXPECT_EQ(cache->throttle().code(), EIO);  // 40 percent of 64 are 25
  const std::size_t batches = device.batches;
  EXPECT_EQ(cache->throttle().code(), EIO);
  EXPECT_EQ(device.batches, batches);  // not tried again at once
  EXPECT_TRUE(cache->read(BlockNo{4000}).ok());
  EXPECT_EQ(cache->flush_file(kFile).code(), EIO);
}

TEST_F(BufferCacheTest, ThrottleWritesUntilTheShareIsKept) {
  auto cache = make_cache(device, 64);
  for (std::uint64_t i = 0; i < 40; ++i) write_block(*cache, BlockNo{i}, 1, kFile);
  ASSERT_TRUE(cache->throttle().ok());
  EXPECT_LE(cache->statistics().dirty_blocks, 25u);
}

TEST_F(BufferCacheTest, ForgottenBlocksAreNeverWrittenAndReadAnew) {
  auto cache = make_cache(device, 64);
  const BlockRef held = cache->read(BlockNo{20}).take();
  for (std::uint64_t i = 0; i < 4; ++i) write_block(*cache, BlockNo{20 + i}, 99, kFile);
  cache->forget(run_of(BlockNo{20}, 4));
  EXPECT_EQ(cache->dirty_count(kFile), 0u);
  EXPECT_EQ(first_byte(held), 99);  // the frame lives on under nobody's number
  cache->mark_dirty(held, kFile);
  ASSERT_TRUE(cache->flush_all().ok());
  EXPECT_EQ(first_byte(cache->read(BlockNo{20}).take()), 20);
  EXPECT_EQ(first_byte(device.memory, BlockNo{21}), 21);
}

TEST_F(BufferCacheTest, ForgettingAHugeRunCostsNoMoreThanTheCacheIsLarge) {
  auto cache = make_cache(device, 64);
  write_block(*cache, BlockNo{20}, 99, kFile);
  cache->forget(run_of(BlockNo{10}, std::uint64_t{1} << 60));
  EXPECT_EQ(cache->statistics().used_blocks, 0u);
}

TEST_F(BufferCacheTest, MarksEndWhenTheContentDoes) {
  auto cache = make_cache(device, 64);
  const BlockNo block{20};
  auto mark = [&] { cache->set_verified_kind(cache->read(block).take(), 5); };
  auto kind = [&] { return cache->verified_kind(cache->read(block).take()); };
  mark();
  EXPECT_EQ(kind(), 5);
  cache->forget(run_of(block, 1));
  EXPECT_EQ(kind(), 0);
  mark();
  EXPECT_TRUE(cache->blank(block).ok());
  EXPECT_EQ(kind(), 0);
  mark();
  cache->drop_clean();
  EXPECT_EQ(kind(), 0);
}

TEST_F(BufferCacheTest, LoggedBlocksStayInMemory) {
  auto cache = make_cache(device, 64);
  cache->set_logged(cache->read(BlockNo{20}).take(), true);
  cache->drop_clean();
  for (std::uint64_t i = 0; i < 500; ++i) ASSERT_TRUE(cache->read(BlockNo{100 + i}).ok());
  ASSERT_TRUE(cache->peek(BlockNo{20}));
  EXPECT_TRUE(cache->is_logged(cache->peek(BlockNo{20})));
  cache->set_logged(cache->peek(BlockNo{20}), false);
  cache->drop_clean();
  EXPECT_FALSE(cache->peek(BlockNo{20}));
}

/// The hand of CLOCK goes through the frames in their order, which is that in which they were
/// filled, also when the cache was emptied before.
TEST_F(BufferCacheTest, AnEmptiedCacheFillsFromItsLowestFrame) {
  auto cache = make_cache(device, 64, "clock");
  for (std::uint64_t i = 0; i < 64; ++i) ASSERT_TRUE(cache->read(BlockNo{i}).ok());
  cache->drop_clean();
  for (std::uint64_t i = 0; i < 66; ++i) ASSERT_TRUE(cache->read(BlockNo{100 + i}).ok());
  EXPECT_FALSE(cache->peek(BlockNo{100}));
  EXPECT_FALSE(cache->peek(BlockNo{101}));
  EXPECT_TRUE(cache->peek(BlockNo{102}));
}

TEST_F(BufferCacheTest, ACacheFullOfHeldBlocksStillTurnsOver) {
  for (std::string_view policy : replacement_policy_names()) {
    auto cache = make_cache(device, 1000, policy);
    const auto held = cache->read_range(run_of(BlockNo{0}, 990)).take();
    for (std::uint64_t i = 0; i < 3000; ++i) {
      ASSERT_EQ(first_byte(cache->read(BlockNo{2000 + i}).take()),
                static_cast<std::uint8_t>(2000 + i));
    }
    EXPECT_EQ(cache->statistics().over_capacity, 0u) << policy;
    EXPECT_EQ(cache->statistics().used_blocks, 1000u) << policy;
  }
}

TEST_F(BufferCacheTest, ADeviceFlushIsLeftOutWhenNothingWasWritten) {
  auto cache = make_cache(device, 64);
  ASSERT_TRUE(cache->flush_device().ok());
  EXPECT_EQ(device.flushes, 0u);
  write_block(*cache, BlockNo{20}, 1, kFile);
  ASSERT_TRUE(cache->flush_file(kFile).ok());
  device.fail_flushes = true;
  EXPECT_EQ(cache->flush_device().code(), EIO);
  device.fail_flushes = false;
  ASSERT_TRUE(cache->flush_device().ok());
  ASSERT_TRUE(cache->flush_device().ok());
  EXPECT_EQ(device.flushes, 2u);
}

TEST_F(BufferCacheTest, UnknownPoliciesAndSharesAreRefused) {
  EXPECT_EQ(BufferCache::create(device, {.policy = "psychic"}).code(), EINVAL);
  EXPECT_EQ(BufferCache::create(device, {.dirty_percent = 101}).code(), EINVAL);
  auto cache = make_cache(device, 64, "sieve");
  EXPECT_EQ(cache->set_policy("psychic").code(), EINVAL);
  EXPECT_EQ(cache->policy(), "sieve");
}

TEST_F(BufferCacheTest, ANewPolicyLearnsTheOrderOfRecency) {
  auto cache = make_cache(device, 3, "fifo");
  for (std::uint64_t block : {1, 2, 3, 1}) ASSERT_TRUE(cache->read(BlockNo{block}).ok());
  ASSERT_TRUE(cache->set_policy("lru").ok());
  ASSERT_TRUE(cache->read(BlockNo{4}).ok());  // FIFO would have evicted 1
  EXPECT_TRUE(cache->peek(BlockNo{1}));
  EXPECT_FALSE(cache->peek(BlockNo{2}));
}

}  // namespace
}  // namespace spindle
