// What happens when several threads of a runtime meet in the cache, step by step: the device stops
// in the middle of a batch and lets the test do something.
#include <array>

#include "cache_fixture.h"
#include "spindle/base/clock.h"
#include "spindle/thread/event.h"

namespace spindle {
namespace {

constexpr BlockNo kBlock{20};

class CacheConcurrencyTest : public ::testing::Test {
 protected:
  void SetUp() override {
    device.memory.poke(kBlock.value * kBlockSize, std::array{std::byte{20}});
  }

  /// Lets batches wait until `gate` is opened.
  void close_gate() {
    gate.reset();
    device.while_under_way = [this] {
      ++arrived;
      gate.wait();
    };
  }
  void await_arrivals(std::size_t count) {
    while (arrived < count) thread::yield();
  }
  static void yield_often() {
    for (int i = 0; i < 20; ++i) thread::yield();
  }

  SlowDevice device{kBlockSize, 4096};
  thread::Event gate;
  std::size_t arrived = 0;
};

TEST_F(CacheConcurrencyTest, SeveralWhoMissShareOneLoad) {
  test::in_runtime([&] {
    auto cache = make_cache(device, 64);
    close_gate();
    std::vector<thread::Thread> readers;
    for (int i = 0; i < 5; ++i) {
      readers.push_back(
          thread::spawn("reader", [&] { EXPECT_EQ(first_byte(cache->read(kBlock).take()), 20); }));
    }
    yield_often();
    gate.set();
    readers.clear();
    EXPECT_EQ(device.batches, 1u);
    EXPECT_EQ(cache->statistics().misses, 1u);
    EXPECT_EQ(cache->statistics().hits, 4u);
  });
}

TEST_F(CacheConcurrencyTest, AFailedLoadIsToldToAllWhoWait) {
  test::in_runtime([&] {
    auto cache = make_cache(device, 64);
    device.bad_reads = {kBlock.value};
    close_gate();
    int failed = 0;
    std::vector<thread::Thread> readers;
    for (int i = 0; i < 5; ++i) {
      readers.push_back(
          thread::spawn("reader", [&] { failed += cache->read(kBlock).code() == EIO; }));
    }
    yield_often();
    gate.set();
    readers.clear();
    EXPECT_EQ(failed, 5);
    EXPECT_EQ(device.batches, 1u);
    EXPECT_EQ(cache->statistics().used_blocks, 0u);
  });
}

TEST_F(CacheConcurrencyTest, ABadNeighbourDoesNotFailWhoWaitsForAGoodBlock) {
  test::in_runtime([&] {
    auto cache = make_cache(device, 64);
    device.bad_reads = {kBlock.value + 1};
    close_gate();
    thread::Thread range = thread::spawn(
        "range", [&] { EXPECT_EQ(cache->read_range(run_of(kBlock, 2)).code(), EIO); });
    thread::Thread reader =
        thread::spawn("reader", [&] { EXPECT_EQ(first_byte(cache->read(kBlock).take()), 20); });
    yield_often();
    gate.set();
  });
}

TEST_F(CacheConcurrencyTest, WhatIsOnItsWayIsNotChanged) {
  test::in_runtime([&] {
    auto cache = make_cache(device, 64);
    write_block(*cache, kBlock, 1, kFile);
    close_gate();
    thread::Thread flusher =
        thread::spawn("flusher", [&] { EXPECT_TRUE(cache->flush_file(kFile).ok()); });
    await_arrivals(1);
    bool written = false;
    thread::Thread writer = thread::spawn("writer", [&] {
      const BlockRef ref = cache->read(kBlock).take();
      cache->write_access(ref);
      fill(ref.writable(), 2);
      cache->mark_dirty(ref, kFile);
      written = true;
    });
    yield_often();
    EXPECT_FALSE(written);
    gate.set();
    writer.join().take();
    flusher.join().take();
    EXPECT_EQ(first_byte(device.memory, kBlock), 1);
    EXPECT_EQ(cache->dirty_count(kFile), 1u);
    EXPECT_TRUE(cache->flush_file(kFile).ok());
    EXPECT_EQ(first_byte(device.memory, kBlock), 2);
  });
}

TEST_F(CacheConcurrencyTest, DirtiedAgainOnTheWayStaysDirtyAndIsFlushed) {
  test::in_runtime([&] {
    auto cache = make_cache(device, 64);
    write_block(*cache, kBlock, 1, kFile);
    close_gate();
    thread::Thread flusher =
        thread::spawn("flusher", [&] { EXPECT_TRUE(cache->flush_all().ok()); });
    await_arrivals(1);
    cache->mark_dirty(cache->peek(kBlock), kOtherFile);
    thread::Thread second =
        thread::spawn("second", [&] { EXPECT_TRUE(cache->flush_file(kOtherFile).ok()); });
    yield_often();
    gate.set();
    flusher.join().take();
    EXPECT_EQ(cache->dirty_count(kFile), 0u);
    second.join().take();
    EXPECT_EQ(cache->dirty_count(kOtherFile), 0u);
    EXPECT_EQ(cache->data_writes(), 2u);
  });
}

TEST_F(CacheConcurrencyTest, AFlushWaitsForTheWriteBackThatIsUnderWayAndTellsItsFailure) {
  test::in_runtime([&] {
    auto cache = make_cache(device, 64);
    write_block(*cache, kBlock, 1, kFile);
    device.bad_writes = {kBlock.value};
    close_gate();
    thread::Thread all = thread::spawn("all", [&] { EXPECT_EQ(cache->flush_all().code(), EIO); });
    await_arrivals(1);
    device.while_under_way = nullptr;
    thread::Thread file =
        thread::spawn("file", [&] { EXPECT_EQ(cache->flush_file(kFile).code(), EIO); });
    yield_often();
    gate.set();
    file.join().take();
    all.join().take();
    device.bad_writes.clear();
    EXPECT_TRUE(cache->flush_file(kFile).ok());
  });
}

TEST_F(CacheConcurrencyTest, ForgettingABlockThatIsBeingLoaded) {
  test::in_runtime([&] {
    auto cache = make_cache(device, 64);
    close_gate();
    thread::Thread reader =
        thread::spawn("reader", [&] { EXPECT_EQ(first_byte(cache->read(kBlock).take()), 20); });
    await_arrivals(1);
    cache->forget(run_of(kBlock, 1));
    write_block(*cache, kBlock, 7, kFile);
    gate.set();
    reader.join().take();
    EXPECT_EQ(first_byte(cache->read(kBlock).take()), 7);
    EXPECT_EQ(cache->statistics().used_blocks, 1u);
  });
}

TEST_F(CacheConcurrencyTest, OldContentOfAForgottenBlockDoesNotArriveLast) {
  test::in_runtime([&] {
    auto cache = make_cache(device, 64);
    write_block(*cache, kBlock, 1, kFile);
    close_gate();
    thread::Thread old = thread::spawn("old", [&] { EXPECT_TRUE(cache->flush_all().ok()); });
    await_arrivals(1);
    cache->forget(run_of(kBlock, 1));
    write_block(*cache, kBlock, 2, kOtherFile);
    thread::Thread fresh =
        thread::spawn("new", [&] { EXPECT_TRUE(cache->flush_file(kOtherFile).ok()); });
    thread::Thread flush = thread::spawn("flush", [&] {
      EXPECT_TRUE(cache->flush_device().ok());
      EXPECT_EQ(first_byte(device.memory, kBlock), 1);
    });
    yield_often();
    EXPECT_EQ(arrived, 1u);
    EXPECT_EQ(device.flushes, 0u);
    device.while_under_way = [] { yield_often(); };
    gate.set();
    fresh.join().take();
    EXPECT_EQ(first_byte(device.memory, kBlock), 2);
  });
}

TEST_F(CacheConcurrencyTest, WhoNeedsAFrameWaitsForATransferRatherThanGoOverCapacity) {
  test::in_runtime([&] {
    auto cache = make_cache(device, 4);
    for (std::uint64_t i = 0; i < 4; ++i) write_block(*cache, BlockNo{100 + i}, 1, kFile);
    close_gate();
    thread::Thread flusher =
        thread::spawn("flusher", [&] { EXPECT_TRUE(cache->flush_all().ok()); });
    await_arrivals(1);
    device.while_under_way = nullptr;
    thread::Thread reader =
        thread::spawn("reader", [&] { EXPECT_EQ(first_byte(cache->read(kBlock).take()), 20); });
    yield_often();
    EXPECT_FALSE(cache->peek(kBlock));
    gate.set();
    reader.join().take();
    EXPECT_EQ(cache->statistics().over_capacity, 0u);
  });
}

TEST_F(CacheConcurrencyTest, ReadAheadIsUsedAndCounted) {
  test::in_runtime([&] {
    auto cache = make_cache(device, 64);
    cache->read_ahead(run_of(kBlock, 8));
    EXPECT_EQ(cache->statistics().read_ahead_blocks, 8u);
    const auto blocks = cache->read_range(run_of(kBlock, 4)).take();
    EXPECT_EQ(first_byte(blocks[0]), 20);
    EXPECT_EQ(device.batches, 1u);
    EXPECT_EQ(cache->statistics().read_ahead_used, 4u);
    EXPECT_EQ(cache->statistics().misses, 0u);
  });
}

TEST_F(CacheConcurrencyTest, ReadAheadNeverCoversWhatIsNewer) {
  test::in_runtime([&] {
    auto cache = make_cache(device, 64);
    write_block(*cache, kBlock + 1, 9, kFile);
    close_gate();
    cache->read_ahead(run_of(kBlock, 3));
    await_arrivals(1);
    thread::Thread writer = thread::spawn("writer", [&] { write_block(*cache, kBlock, 8, kFile); });
    yield_often();
    gate.set();
    writer.join().take();
    EXPECT_EQ(first_byte(cache->read(kBlock).take()), 8);
    EXPECT_EQ(first_byte(cache->read(kBlock + 1).take()), 9);
  });
}

TEST_F(CacheConcurrencyTest, ReadAheadsAreFewAndFailSilently) {
  test::in_runtime([&] {
    auto cache = make_cache(device, 64);
    device.bad_reads = {kBlock.value};
    close_gate();
    for (std::uint64_t i = 0; i < 20; ++i) cache->read_ahead(run_of(kBlock + 8 * i, 4));
    yield_often();
    EXPECT_EQ(arrived, 8u);
    gate.set();
    while (cache->statistics().pinned_blocks > 0) thread::yield();
    EXPECT_EQ(cache->statistics().used_blocks, 28u);
    EXPECT_EQ(cache->read(kBlock).code(), EIO);
  });
}

TEST_F(CacheConcurrencyTest, TheCacheMayGoWhileAReadAheadIsUnderWay) {
  test::in_runtime([&] {
    auto cache = make_cache(device, 64);
    device.most_yields = 10;
    cache->read_ahead(run_of(kBlock, 8));
    cache.reset();
  });
}

TEST_F(CacheConcurrencyTest, WritesBackByAge) {
  test::in_runtime([&] {
    auto cache = BufferCache::create(device, {.dirty_age_ns = 2'000'000}).take();
    cache->start_write_back().take();
    write_block(*cache, kBlock, 1, kFile);
    const std::int64_t patience_ns = monotonic_ns() + 60'000'000'000;
    while (cache->dirty_count(kFile) > 0 && monotonic_ns() < patience_ns) {
      thread::sleep_for(1'000'000);
    }
    EXPECT_EQ(first_byte(device.memory, kBlock), 1);
    cache->stop_write_back();
  });
}

TEST_F(CacheConcurrencyTest, WritesBackByShareWithoutWaitingForAge) {
  test::in_runtime([&] {
    auto cache = make_cache(device, 100);
    cache->start_write_back().take();
    for (std::uint64_t i = 0; i < 10; ++i) write_block(*cache, BlockNo{i}, 1, kFile);
    yield_often();
    EXPECT_EQ(cache->dirty_count(kFile), 10u);
    write_block(*cache, BlockNo{10}, 1, kFile);
    yield_often();
    EXPECT_EQ(cache->dirty_count(kFile), 0u);
    cache->stop_write_back();
  });
}

TEST_F(CacheConcurrencyTest, ASecondBatchIsOnItsWayWhileTheFirstIsWritten) {
  test::in_runtime([&] {
    auto cache = make_cache(device, 64);  // 10 percent are 6 blocks
    cache->start_write_back().take();
    close_gate();
    const auto write_share_from = [&](std::uint64_t first) {
      for (std::uint64_t i = 0; i < 7; ++i) write_block(*cache, BlockNo{first + i}, 1, kFile);
      yield_often();
    };
    write_share_from(100);
    EXPECT_EQ(arrived, 1u);
    write_share_from(200);
    EXPECT_EQ(arrived, 2u);
    write_share_from(300);
    EXPECT_EQ(arrived, 2u);
    // What is forgotten on its way no longer counts.
    cache->forget(run_of(BlockNo{100}, 7));
    gate.set();
    yield_often();
    EXPECT_EQ(cache->statistics().dirty_blocks, 0u);
    write_share_from(400);
    EXPECT_EQ(cache->statistics().dirty_blocks, 0u);
    EXPECT_EQ(first_byte(device.memory, BlockNo{406}), 1);
    cache->stop_write_back();
  });
}

TEST_F(CacheConcurrencyTest, AFailingDeviceDoesNotKeepTheWriteBackBusy) {
  test::in_runtime([&] {
    auto cache = make_cache(device, 100);
    for (std::uint64_t i = 0; i < 20; ++i) {
      device.bad_writes.insert(i);
      write_block(*cache, BlockNo{i}, 1, kFile);
    }
    cache->start_write_back().take();
    for (int i = 0; i < 500; ++i) thread::yield();
    EXPECT_LE(device.batches, 4u);
    EXPECT_EQ(cache->flush_file(kFile).code(), EIO);
    cache->stop_write_back();
  });
}

TEST_F(CacheConcurrencyTest, ThrottledWritersFinishWhenTheDeviceDoes) {
  test::in_runtime([&] {
    auto cache = make_cache(device, 64);
    device.most_yields = 3;
    std::vector<thread::Thread> writers;
    for (std::uint64_t writer = 0; writer < 4; ++writer) {
      writers.push_back(thread::spawn("writer", [&, writer] {
        for (std::uint64_t i = 0; i < 200; ++i) {
          write_block(*cache, BlockNo{writer * 200 + i}, 1, InodeNo{writer});
          EXPECT_TRUE(cache->throttle().ok());
        }
      }));
    }
    writers.clear();
    EXPECT_LE(cache->statistics().dirty_blocks, 25u);
    EXPECT_EQ(cache->statistics().over_capacity, 0u);
  });
}

TEST_F(CacheConcurrencyTest, ReservationsAreGivenInTheOrderOfCallsAndNotTooManyAtOnce) {
  test::in_runtime([&] {
    auto cache = make_cache(device, 64);
    std::size_t held = 0;
    std::vector<int> order;
    std::vector<thread::Thread> threads;
    const auto reserve = [&](int name, std::size_t frames, std::size_t most_by_others) {
      threads.push_back(thread::spawn("holder", [&, name, frames, most_by_others] {
        const FrameReservation reserved = cache->reserve(frames);
        EXPECT_LE(held, most_by_others);
        held += frames;
        order.push_back(name);
        yield_often();
        held -= frames;
      }));
      thread::yield();
    };
    constexpr std::size_t kHalf = BufferCache::kMaxRange / 2;
    reserve(1, 1, 0);
    reserve(2, 10 * BufferCache::kMaxRange, 0);  // more than there are: alone
    for (int name = 3; name < 9; ++name) reserve(name, kHalf / 2, kHalf / 2);
    threads.clear();
    EXPECT_EQ(order, (std::vector<int>{1, 2, 3, 4, 5, 6, 7, 8}));
  });
}

}  // namespace
}  // namespace spindle
