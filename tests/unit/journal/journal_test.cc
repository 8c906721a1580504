// Each test is about one promise of the journal to its users. Crashes are in crash_test.cc.
#include "spindle/journal/journal.h"

#include <gtest/gtest.h>

#include <functional>
#include <set>
#include <utility>

#include "journal_test_volume.h"
#include "spindle/base/random.h"
#include "spindle/cache/cache_observer.h"
#include "spindle/device/fault_device.h"
#include "spindle/device/recording_device.h"
#include "spindle/thread/thread.h"
#include "support/suspending_device.h"

namespace spindle {
namespace {

using format::BlockKind;
using format::kHeaderSize;

// A mounted volume whose writes and flushes are counted.
struct Mounted {
  explicit Mounted(test::VolumeOptions volume = {}, Journal::Options options = {},
                   std::size_t cache_bytes = 4u << 20)
      : layout(test::make_layout(volume)), image(layout.block_size, layout.block_count) {
    test::make_volume(image, layout);
    cache = BufferCache::create(recording, {.capacity_bytes = cache_bytes}).take();
    journal = Journal::open(*cache, layout, options).take();
  }
  [[nodiscard]] BlockNo data(std::uint64_t index) const {
    return layout.data(GroupNo{0}).start + index;
  }
  [[nodiscard]] BlockNo inodes(std::uint64_t index = 0) const {
    return layout.inode_table(GroupNo{0}).start + index;
  }
  Transaction begin(std::size_t bytes = 4096) { return journal->begin(bytes).take(); }
  void set_value(std::size_t offset, std::uint64_t value) {
    Transaction tx = begin();
    *tx.edit<le64>(inodes(), BlockKind::kInodeTable, offset).take() = value;
    tx.commit();
  }
  std::uint64_t value(std::size_t offset) {
    CachedReader reader(*cache, layout.seed);
    return reader.read(inodes(), BlockKind::kInodeTable).take().at<le64>(offset);
  }
  void write_data(BlockNo block, char fill, InodeNo owner) {
    const BlockRef frame = cache->blank(block).take();
    cache->write_access(frame);
    std::ranges::fill(frame.writable(), static_cast<std::byte>(fill));
    cache->mark_dirty(frame, owner);
  }
  std::size_t flushes() const {
    return static_cast<std::size_t>(
        std::ranges::count(recording.log().events, WriteEvent::Kind::kFlush, &WriteEvent::kind));
  }
  std::size_t writes_to(Run run) const {
    return static_cast<std::size_t>(
        std::ranges::count_if(recording.log().events, [&](const WriteEvent& e) {
          return e.kind == WriteEvent::Kind::kWrite && e.run.start < run.end() &&
                 run.start < e.run.end();
        }));
  }

  format::Layout layout;
  MemoryDevice image;
  RecordingDevice recording{image};
  std::unique_ptr<BufferCache> cache;
  std::unique_ptr<Journal> journal;
};

TEST(Journal, DroppedTransactionDidNothing) {
  test::in_runtime([] {
    Mounted m;
    bool dropped = false;
    {
      Transaction tx = m.begin();
      *tx.edit<le64>(m.inodes(), BlockKind::kInodeTable, kHeaderSize).take() = 7;
      tx.create_block(m.data(3), BlockKind::kDirectory, InodeNo{5}).take();
      tx.on_drop([&] { dropped = true; });
    }
    EXPECT_TRUE(dropped);
    EXPECT_EQ(m.value(kHeaderSize), 0u);
    m.journal->sync().take();
    EXPECT_EQ(m.journal->durable_epoch(), EpochNo{0});
    EXPECT_EQ(m.recording.events(), 0u);
  });
}

TEST(Journal, CommitShowsAtOnceAndSyncMakesItDurableWithOneFlush) {
  test::in_runtime([] {
    Mounted m;
    m.set_value(kHeaderSize, 7);
    EXPECT_EQ(m.value(kHeaderSize), 7u);
    EXPECT_EQ(m.recording.events(), 0u);
    m.journal->sync().take();
    EXPECT_EQ(m.flushes(), 1u);
    EXPECT_EQ(m.recording.events(), 2u);
    m.journal->sync().take();
    EXPECT_EQ(m.recording.events(), 2u) << "nothing new: nothing to do";
    EXPECT_EQ(m.writes_to({m.inodes(), 1}), 0u);
    m.journal->close().take();
    EXPECT_EQ(m.writes_to({m.inodes(), 1}), 1u);
    EXPECT_EQ(m.journal->statistics().log_used_bytes, 0u);
  });
}

/// Which blocks observers are told must stay.
struct KeptBlocks final : CacheObserver {
  void accessed(BlockNo, CacheAccess) override {}
  void kept(BlockNo block, bool is_kept) override {
    EXPECT_EQ(is_kept ? 0u : 1u, blocks.count(block));
    is_kept ? void(blocks.insert(block)) : void(blocks.erase(block));
  }
  void settled(BlockNo) override {}
  void forgotten(Run) override {}
  void emptied() override {}
  void restarted(const CacheContents& contents) override {
    blocks.clear();
    for (const CacheContents::Present& each : contents.present)
      if (each.kept) blocks.insert(each.block);
  }

  std::set<BlockNo> blocks;
};

TEST(Journal, ObserversOfTheCacheKnowWhatMustStayUntilItIsHome) {
  test::in_runtime([] {
    Mounted m;
    KeptBlocks kept;
    m.cache->set_observer(&kept);
    m.set_value(kHeaderSize, 7);
    m.set_value(kHeaderSize, 8);
    const std::set<BlockNo> expected = {m.inodes()};
    EXPECT_EQ(kept.blocks, expected);
    m.journal->sync().take();
    EXPECT_EQ(kept.blocks, expected);
    m.cache->reset_statistics();
    EXPECT_EQ(kept.blocks, expected);
    m.journal->checkpoint().take();
    EXPECT_EQ(kept.blocks, std::set<BlockNo>());
    m.cache->set_observer(nullptr);
  });
}

TEST(Journal, CleanCloseLeavesNothingToReplay) {
  test::in_runtime([] {
    Mounted m;
    for (std::uint64_t i = 0; i < 50; ++i) {
      m.set_value(kHeaderSize + 8 * i, i + 1);
      if (i % 7 == 0) m.journal->sync().take();
    }
    m.journal->close().take();
    const ReplayReport report = replay(m.image, m.layout).take();
    EXPECT_EQ(report.epochs, 0u);
    EXPECT_EQ(report.last_epoch, m.journal->durable_epoch().value);
  });
}

TEST(Journal, TransactionsShareABlockAndEvenARecord) {
  test::in_runtime([] {
    Mounted m;
    struct Pair {
      le64 a, b;
    };
    Transaction one = m.begin();
    Transaction two = m.begin();
    one.edit<Pair>(m.inodes(), BlockKind::kInodeTable, kHeaderSize).take()->a = 1;
    two.edit<Pair>(m.inodes(), BlockKind::kInodeTable, kHeaderSize).take()->b = 2;
    const std::size_t counter = kHeaderSize + 64;
    one.add(m.inodes(), BlockKind::kInodeTable, counter, 10).take();
    two.add(m.inodes(), BlockKind::kInodeTable, counter, -3).take();
    two.add(m.inodes(), BlockKind::kInodeTable, counter, 5).take();
    EXPECT_EQ(two.read(m.inodes(), BlockKind::kInodeTable).take().at<le32>(counter), 2u);
    two.commit();
    one.commit();
    EXPECT_EQ(m.value(kHeaderSize), 1u);
    EXPECT_EQ(m.value(kHeaderSize + 8), 2u);
    CachedReader reader(*m.cache, m.layout.seed);
    EXPECT_EQ(reader.read(m.inodes(), BlockKind::kInodeTable).take().at<le32>(counter), 12u);
  });
}

TEST(Journal, ABlockOfAnotherKindIsRefused) {
  test::in_runtime([] {
    Mounted m;
    CachedReader reader(*m.cache, m.layout.seed);
    EXPECT_EQ(reader.read(m.inodes(), BlockKind::kDirectory).code(), EUCLEAN);
    EXPECT_TRUE(reader.read(m.inodes(), BlockKind::kInodeTable).ok());
    EXPECT_EQ(reader.read(m.inodes(), BlockKind::kDirectory).code(), EUCLEAN);
    EXPECT_EQ(reader.read(BlockNo{m.layout.block_count}, BlockKind::kDirectory).code(), EUCLEAN);
    Transaction tx = m.begin();
    tx.create_block(m.data(0), BlockKind::kDirectory, InodeNo{2}).take();
    EXPECT_EQ(tx.read(m.data(0), BlockKind::kXattr).code(), EUCLEAN);
  });
}

TEST(Journal, AnOverdrawnTransactionIsGivenMoreWhileThereIsRoom) {
  test::in_runtime([] {
    Mounted m;
    Transaction tx = m.journal->begin(64).take();
    int code = 0;
    std::uint64_t edited = 0;
    for (; code == 0 && edited < 1000; ++edited) {
      code = tx.edit_block(m.inodes(edited % m.layout.inode_table_blocks()), BlockKind::kInodeTable)
                 .code();
      if (edited + 1 >= m.layout.inode_table_blocks()) break;
    }
    EXPECT_GT(edited, 3u);
    EXPECT_EQ(m.journal->begin(m.journal->largest_transaction() + 1).code(), EFBIG);
  });
}

TEST(Journal, ConcurrentSyncsShareCommits) {
  test::in_runtime([] {
    Mounted m;
    std::vector<thread::Thread> threads;
    for (std::size_t i = 0; i < 20; ++i) {
      threads.push_back(thread::spawn("writer", [&m, i] {
        m.set_value(kHeaderSize + 8 * i, i);
        m.journal->sync().take();
      }));
    }
    for (auto& t : threads) t.join().take();
    EXPECT_LE(m.journal->statistics().epochs, 3u);
    m.journal->close().take();
  });
}

TEST(Journal, ThoseWhoSyncOverAndOverShareEachCommit) {
  test::in_runtime([] {
    Mounted m;
    m.recording.set_observer([](const WriteEvent& event) {
      if (event.kind == WriteEvent::Kind::kFlush) thread::sleep_for(2'000'000);
    });
    std::uint64_t syncs = 0;
    // If the first to come were served alone, and the others next, there would be a commit for
    // every two syncs.
    const auto is_shared = [&] { return 3 * m.journal->statistics().epochs < syncs; };
    std::vector<thread::Thread> threads;
    for (std::size_t i = 0; i < 4; ++i) {
      threads.push_back(thread::spawn("writer", [&, i] {
        for (std::uint64_t round = 1; round < 200 && (syncs < 100 || !is_shared()); ++round) {
          m.set_value(kHeaderSize + 8 * i, round);
          m.journal->sync().take();
          ++syncs;
        }
      }));
    }
    for (auto& t : threads) t.join().take();
    EXPECT_TRUE(is_shared()) << m.journal->statistics().epochs << " commits, " << syncs << " syncs";
    m.journal->close().take();
  });
}

TEST(Journal, SmallDataGoesByTheLogAndLargeDataGoesHomeFirst) {
  test::in_runtime([] {
    Mounted m({.image_size = 8u << 20, .journal_size = 512 * 1024}, {.small_data_bytes = 4096});
    m.write_data(m.data(0), 'a', InodeNo{9});
    Transaction tx = m.begin();
    tx.order_data(InodeNo{9});
    *tx.edit<le64>(m.inodes(), BlockKind::kInodeTable, kHeaderSize).take() = 1;
    const EpochNo epoch = tx.commit();
    m.journal->sync_file(InodeNo{9}, epoch).take();
    EXPECT_EQ(m.flushes(), 1u);
    EXPECT_EQ(m.writes_to({m.data(0), 1}), 0u);
    EXPECT_EQ(m.journal->statistics().data_logged_blocks, 1u);
    m.journal->sync_file(InodeNo{9}, epoch).take();
    EXPECT_EQ(m.flushes(), 1u) << "the log has the data, with the content it has now";

    for (std::uint64_t i = 10; i < 30; ++i) m.write_data(m.data(i), 'b', InodeNo{8});
    tx = m.begin();
    tx.order_data(InodeNo{8});
    *tx.edit<le64>(m.inodes(), BlockKind::kInodeTable, kHeaderSize).take() = 2;
    tx.commit();
    m.journal->sync().take();
    EXPECT_EQ(m.flushes(), 3u) << "one for the data, one for the log";
    EXPECT_GT(m.writes_to({m.data(10), 20}), 0u);
    m.journal->close().take();
    EXPECT_GT(m.writes_to({m.data(0), 1}), 0u);
  });
}

TEST(Journal, AnFsyncOfLittleDataGoesByTheLogEvenIfNoMetadataChanged) {
  test::in_runtime([] {
    Mounted m({.image_size = 8u << 20, .journal_size = 512 * 1024},
              {.small_overwrite_bytes = 8192});
    m.write_data(m.data(0), 'a', InodeNo{9});
    m.write_data(m.data(40), 'a', InodeNo{9});
    m.journal->sync_file(InodeNo{9}, EpochNo{}).take();
    EXPECT_EQ(m.journal->statistics().data_logged_blocks, 2u);
    EXPECT_EQ(m.writes_to({m.data(0), 41}), 0u);
    EXPECT_EQ(m.flushes(), 1u);

    for (std::uint64_t i = 10; i < 30; ++i) m.write_data(m.data(i), 'b', InodeNo{8});
    m.journal->sync_file(InodeNo{8}, EpochNo{}).take();
    EXPECT_EQ(m.journal->statistics().data_logged_blocks, 2u);
    EXPECT_GT(m.writes_to({m.data(10), 20}), 0u);
    EXPECT_EQ(m.flushes(), 2u);
    m.journal->close().take();
  });
}

// The most blocks that waited for a checkpoint while many synced files of which only data changes.
std::uint64_t most_that_waits(const format::Layout& layout, BufferCache& cache,
                              Journal::Options options) {
  const auto journal = Journal::open(cache, layout, options).take();
  std::uint64_t most = 0;
  const auto write_and_sync = [&](std::uint64_t owner) {
    Random random(owner);
    for (std::uint64_t i = 0; i < 200; ++i) {
      for (std::uint64_t n = random.below(10); n > 0; --n) thread::yield();
      const BlockNo block = layout.data(GroupNo{0}).start + owner * 200 + i;
      cache.mark_dirty(cache.blank(block).take(), InodeNo{owner});
      journal->sync_file(InodeNo{owner}, EpochNo{}).take();
      most = std::max(most, journal->statistics().blocks_to_checkpoint);
    }
  };
  std::vector<thread::Thread> threads;
  for (std::uint64_t owner = 8; owner < 16; ++owner) {
    threads.push_back(thread::spawn("writer", [&, owner] { write_and_sync(owner); }));
  }
  for (auto& t : threads) t.join().take();
  journal->close().take();
  return most;
}

// What the log has stays in memory until it is home, and a journal that is asked for one sync after
// the other has no time to bring it there.
TEST(Journal, FsyncsOfDataAloneDoNotFillTheCacheWithWhatTheLogHas) {
  const auto layout = test::make_layout({.image_size = 16u << 20, .journal_size = 8u << 20});
  for (const bool data_in_log : {false, true}) {
    test::in_runtime([&] {
      MemoryDevice image(layout.block_size, layout.block_count);
      test::make_volume(image, layout);
      test::SuspendingDevice host(image, 1);
      const auto cache = BufferCache::create(host, {.capacity_bytes = 256u << 10}).take();
      const std::uint64_t most = most_that_waits(layout, *cache, {.data_in_log = data_in_log});
      EXPECT_GT(most, 0u);
      EXPECT_LT(most, cache->statistics().capacity_blocks);
    });
  }
}

TEST(Journal, InitialiseHappensOnceAndIsLogged) {
  test::in_runtime([] {
    Mounted m;
    const BlockNo block = m.layout.fat(GroupNo{0}).start;
    const auto place = m.layout.descriptor_place(GroupNo{0});
    int filled = 0;
    const auto initialise = [&] {
      m.journal
          ->initialise({block, BlockKind::kFat,
                        [&](std::span<std::byte> bytes) {
                          ++filled;
                          format::at<le64>(bytes, kHeaderSize + 16) = 5;
                        }},
                       {place, [](format::GroupDescriptor& d) { d.fat_blocks_written = 1; }})
          .take();
    };
    std::vector<thread::Thread> threads;
    for (int i = 0; i < 3; ++i) threads.push_back(thread::spawn("initialise", initialise));
    for (auto& t : threads) t.join().take();
    EXPECT_EQ(filled, 1);
    m.journal->sync().take();
    MemoryDevice crashed = m.image;
    EXPECT_EQ(replay(crashed, m.layout).take().epochs, 1u);
    std::vector<std::byte> bytes(m.layout.block_size);
    crashed.read(block, bytes).take();
    EXPECT_TRUE(format::verify_block(bytes, BlockKind::kFat, m.layout.seed, block).ok());
    EXPECT_EQ(format::at<le64>(std::span(bytes), kHeaderSize + 16), 5u);
  });
}

TEST(Journal, OpenRefusesALogThatWasNotReplayed) {
  test::in_runtime([] {
    Mounted m;
    m.set_value(kHeaderSize, 7);
    m.journal->sync().take();
    MemoryDevice crashed = m.image;
    auto cache = BufferCache::create(crashed, {}).take();
    EXPECT_EQ(Journal::open(*cache, m.layout, {}).code(), EBUSY);
    replay(crashed, m.layout).take();
    EXPECT_TRUE(Journal::open(*cache, m.layout, {}).ok());
  });
}

// The blocks that fill half the cache are freed in the epoch that made them. So its commit makes
// room, and no checkpoint has to.
TEST(Journal, ACommitThatMakesRoomWakesWhoWaitsForIt) {
  const format::Layout layout =
      test::make_layout({.image_size = 4u << 20, .journal_size = 1u << 20});
  const std::uint64_t first = layout.data(GroupNo{0}).start.value;
  test::in_runtime([&] {
    MemoryDevice image(layout.block_size, layout.block_count);
    test::make_volume(image, layout);
    std::function<void()> once;
    test::SuspendingDevice host(image, [&] {
      if (const auto now = std::exchange(once, {})) now();
    });
    const auto cache = BufferCache::create(host, {.capacity_bytes = 1u << 20}).take();
    const std::uint64_t blocks = cache->statistics().capacity_blocks / 2 + 1;
    const auto journal = Journal::open(*cache, layout, {}).take();
    Transaction frees = journal->begin(4096).take();
    for (std::uint64_t i = 0; i < blocks; ++i) {
      Transaction tx = journal->begin(4096).take();
      tx.create_block(BlockNo{first + i}, BlockKind::kDirectory, InodeNo{1}).take();
      tx.commit();
    }
    frees.revoke({BlockNo{first}, blocks});
    frees.commit();
    thread::Thread waiter;
    once = [&] {
      waiter = thread::spawn("waiter", [&] { journal->begin(4096).take().commit(); });
      thread::yield();
    };
    journal->sync().take();
    waiter.join().take();
    journal->close().take();
  });
}

class ForgottenRuns final : public CacheObserver {
 public:
  void accessed(BlockNo, CacheAccess) override {}
  void kept(BlockNo, bool) override {}
  void settled(BlockNo) override {}
  void forgotten(Run run) override { runs.push_back(run); }
  void emptied() override {}
  void restarted(const CacheContents&) override {}

  std::vector<Run> runs;
};

// The cache may look through all that it has for each: a large file is freed in very many parts.
TEST(Journal, WhatOneEpochFreesSideBySideIsForgottenAsOneRun) {
  test::in_runtime([] {
    Mounted m;
    ForgottenRuns forgotten;
    m.cache->set_observer(&forgotten);
    for (const std::uint64_t first : {10, 5, 15, 30}) {
      Transaction tx = m.begin();
      tx.revoke({m.data(first), 5});
      tx.commit();
    }
    m.journal->sync().take();
    const spindle::Run joined{m.data(5), 15};
    const spindle::Run alone{m.data(30), 5};
    EXPECT_FALSE(forgotten.runs.empty());
    for (std::size_t i = 0; i < forgotten.runs.size(); ++i) {
      EXPECT_EQ(forgotten.runs[i], i % 2 == 0 ? joined : alone);
    }
    m.cache->set_observer(nullptr);
  });
}

// An image of only holes on a host that allocates blocks where it is written to, or told to.
class SparseImage final : public BlockDevice {
 public:
  SparseImage(BlockDevice& backing, Run log)
      : backing_(backing), log_(log), has_room_(backing.block_count()) {}

  [[nodiscard]] std::uint32_t block_size() const override { return backing_.block_size(); }
  [[nodiscard]] std::uint64_t block_count() const override { return backing_.block_count(); }
  Result<> submit(std::span<const IoRequest> batch) override {
    for (const IoRequest& request : batch) {
      if (request.kind != IoRequest::Kind::kWrite || !log_.contains(request.start)) continue;
      const Run run{request.start, request.bytes() / block_size()};
      for (BlockNo b = run.start; b < run.end(); ++b) log_writes_to_holes += !has_room_[b.value];
      find_room(run);
    }
    return backing_.submit(batch);
  }
  Result<> flush() override { return backing_.flush(); }
  void fill_holes(Run run) override {
    filled.push_back(run);
    find_room(run);
  }

  std::uint64_t log_writes_to_holes = 0;
  std::vector<Run> filled;

 private:
  void find_room(Run run) {
    for (BlockNo b = run.start; b < run.end(); ++b) has_room_.at(b.value) = true;
  }

  BlockDevice& backing_;
  Run log_;
  std::vector<bool> has_room_;
};

TEST(Journal, SyncsWriteWhereTheHostHasRoomAlready) {
  const format::Layout layout =
      test::make_layout({.image_size = 4u << 20, .journal_size = 1u << 20});
  const spindle::Run ring{layout.journal.start + format::kJournalHeaderBlocks,
                          layout.journal.length - format::kJournalHeaderBlocks};
  test::in_runtime([&] {
    MemoryDevice image(layout.block_size, layout.block_count);
    test::make_volume(image, layout);
    SparseImage host(image, ring);
    const auto cache = BufferCache::create(host, {}).take();
    const auto journal = Journal::open(*cache, layout, {}).take();
    for (std::uint64_t i = 0; i < 3 * ring.length; ++i) {
      Transaction tx = journal->begin(4096).take();
      *tx.edit<le64>(layout.inode_table(GroupNo{0}).start, BlockKind::kInodeTable, kHeaderSize)
           .take() = i;
      tx.commit();
      journal->sync().take();
    }
    EXPECT_EQ(host.log_writes_to_holes, 1u) << "the first entry";
    std::uint64_t filled = 0;
    for (const auto& run : host.filled) {
      EXPECT_TRUE(run.start >= ring.start && run.end() <= ring.end());
      filled += run.length;
    }
    EXPECT_LE(filled, ring.length) << "once round is enough";
    journal->close().take();
  });
}

}  // namespace
}  // namespace spindle
