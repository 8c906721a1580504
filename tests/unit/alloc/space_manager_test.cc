// SpaceManager: what is free, who gets it, and when it comes back.
#include "spindle/alloc/space_manager.h"

#include <algorithm>

#include "alloc_fixture.h"
#include "spindle/alloc/space_map.h"
#include "spindle/base/random.h"
#include "spindle/policy/fit_policy.h"
#include "spindle/thread/thread.h"

namespace spindle::test {
namespace {

/// Takes one block after another until the volume is full.
std::vector<BlockNo> fill(Volume& volume, InodeNo owner = kNoInode) {
  std::vector<BlockNo> taken;
  BlockNo hint = volume.layout.data(GroupNo{0}).start;
  for (;;) {
    Transaction tx = volume.begin();
    const Result<BlockRun> run = volume.space->allocate(tx, {.want = 1, .hint = hint}, owner);
    if (!run.ok()) {
      EXPECT_EQ(run.code(), ENOSPC);
      return taken;
    }
    EXPECT_EQ(run->length, 1u);
    taken.push_back(run->start);
    hint = run->end();
    tx.commit();
  }
}

void free_run(Volume& volume, BlockRun run) {
  Transaction tx = volume.begin();
  volume.space->free(tx, run).take();
  tx.commit();
}

TEST(SpaceManagerTest, IsFullExactlyWhenEveryBlockIsTaken) {
  for (const std::string_view fit : fit_policy_names()) {
    SCOPED_TRACE(fit);
    in_runtime([&] {
      Volume volume({.image_size = 18u << 20, .fit = std::string(fit)});
      ASSERT_GE(volume.layout.group_count, 3u);
      const std::vector<BlockNo> taken = fill(volume, InodeNo{5});
      EXPECT_EQ(taken.size(), volume.fresh_free_blocks);
      EXPECT_EQ(std::set<BlockNo>(taken.begin(), taken.end()).size(), taken.size());
      EXPECT_EQ(volume.space->statistics().free_blocks, 0u);
      EXPECT_EQ(volume.blocks_in_use(), volume.data_blocks());
    });
  }
}

TEST(SpaceManagerTest, TellsHowMuchOfEachPartFilesOwn) {
  in_runtime([] {
    Volume volume({.image_size = 18u << 20});
    constexpr std::uint64_t kPerCell = 16;
    Random random(3);
    std::vector<std::uint64_t> wanted(volume.layout.block_count / kPerCell);
    // The root directory has the first block.
    ++wanted[volume.layout.data(GroupNo{0}).start.value / kPerCell];
    std::vector<BlockRun> taken;
    for (int i = 0; i < 300; ++i) {
      Transaction tx = volume.begin();
      const BlockNo hint{random.below(volume.layout.block_count)};
      const auto run = volume.space->allocate(tx, {.want = 1 + random.below(30), .hint = hint});
      tx.commit();
      taken.push_back(run.value());
    }
    for (std::size_t i = 0; i < taken.size(); ++i) {
      if (i % 3 == 0) free_run(volume, taken[i]);
      for (BlockNo b = taken[i].start; i % 3 != 0 && b < taken[i].end(); ++b)
        ++wanted[b.value / kPerCell];
    }
    const auto in_files = blocks_in_files(*volume.cache, volume.layout, kPerCell);
    EXPECT_EQ(in_files, wanted);
  });
}

TEST(SpaceManagerTest, AFullVolumeWaitsForFreedBlocksRatherThanSayItIsFull) {
  in_runtime([] {
    Volume volume({});
    const std::vector<BlockNo> taken = fill(volume);
    for (std::size_t i = 0; i < taken.size(); i += 2) free_run(volume, {taken[i], 1});
    EXPECT_GT(volume.space->statistics().pending_blocks, 0u);
    EXPECT_EQ(volume.space->statistics().free_blocks, (taken.size() + 1) / 2);
    EXPECT_EQ(fill(volume).size(), (taken.size() + 1) / 2);
  });
}

TEST(SpaceManagerTest, WhatAnOpenTransactionFreesIsNotGivenOut) {
  in_runtime([] {
    // The volume is so small that no block is kept back, which would be given out first.
    Volume volume({.block_size = 65536, .image_size = 8u << 20, .journal_size = 2u << 20});
    ASSERT_EQ(volume.space->statistics().kept_blocks, 0u);
    const std::vector<BlockNo> taken = fill(volume);
    Transaction freeing = volume.begin();
    volume.space->free(freeing, {taken[3], 1}).take();
    EXPECT_TRUE(fill(volume).empty());
    const EpochNo epoch = freeing.commit();
    Transaction tx = volume.begin();
    EXPECT_EQ(volume.space->allocate(tx, {.want = 1}).take(), (BlockRun{taken[3], 1}));
    EXPECT_GE(volume.journal->durable_epoch(), epoch);
  });
}

TEST(SpaceManagerTest, ADroppedTransactionChangesNothing) {
  in_runtime([] {
    Volume volume({});
    const BlockRun first = [&] {
      Transaction tx = volume.begin();
      const BlockRun run = volume.space->allocate(tx, {.want = 100}).take();
      EXPECT_EQ(volume.space->statistics().free_blocks, volume.fresh_free_blocks - run.length);
      return run;
    }();
    EXPECT_EQ(volume.space->statistics().free_blocks, volume.fresh_free_blocks);
    Transaction again = volume.begin();
    const BlockRun second = volume.space->allocate(again, {.want = 100}).take();
    EXPECT_EQ(first, second);
    again.commit();
    {
      Transaction tx = volume.begin();
      volume.space->free(tx, second).take();
    }
    free_run(volume, second);
    EXPECT_EQ(volume.space->statistics().free_blocks, volume.fresh_free_blocks);
  });
}

TEST(SpaceManagerTest, RefusesToFreeWhatIsFreeOrNobodys) {
  in_runtime([] {
    Volume volume({.image_size = 18u << 20});
    Transaction tx = volume.begin();
    const BlockRun run = volume.space->allocate(tx, {.want = 10}).take();
    const auto code_of = [&](BlockRun r) { return volume.space->free(tx, r).code(); };
    EXPECT_EQ(code_of({run.start, 11}), EUCLEAN);
    EXPECT_EQ(code_of({volume.layout.block_bitmap(GroupNo{1}).start, 1}), EUCLEAN);
    EXPECT_EQ(code_of({volume.layout.state(), 1}), EUCLEAN);
    EXPECT_EQ(code_of({volume.layout.last_copy(), 1}), EUCLEAN);
    EXPECT_EQ(code_of({volume.layout.data(GroupNo{1}).end() - 1, 2}), EUCLEAN);
    EXPECT_EQ(code_of({BlockNo{~0ull}, 2}), EUCLEAN);
    EXPECT_EQ(code_of(run), 0);
    EXPECT_EQ(code_of({run.start + 4, 1}), EUCLEAN);
  });
}

TEST(SpaceManagerTest, AllocateAtTakesExactlyThere) {
  in_runtime([] {
    Volume volume({});
    Transaction tx = volume.begin();
    const BlockNo at = volume.layout.data(GroupNo{0}).start + 500;
    EXPECT_EQ(volume.space->allocate_at(tx, at, 10).take(), (BlockRun{at, 10}));
    EXPECT_EQ(volume.space->allocate_at(tx, at + 9, 10).take().length, 0u);
    EXPECT_EQ(volume.space->allocate_at(tx, at - 5, 10).take(), (BlockRun{at - 5, 5}));
    EXPECT_EQ(volume.space->allocate_at(tx, volume.layout.last_copy(), 1).take().length, 0u);
  });
}

// Tanenbaum's exercise: holes of these sizes in this order; requests of 12, 10 and 9.
struct Textbook {
  const char* fit;
  std::uint64_t holes[3];
};

TEST(SpaceManagerTest, FitPoliciesChooseAsInTheTextbook) {
  constexpr std::uint64_t kHoles[] = {10, 4, 20, 18, 7, 9, 12, 15};
  for (const Textbook& book : {Textbook{"first", {20, 10, 18}}, Textbook{"best", {12, 10, 9}},
                               Textbook{"worst", {20, 18, 15}}, Textbook{"next", {20, 18, 9}}}) {
    SCOPED_TRACE(book.fit);
    in_runtime([&] {
      Volume volume({.fit = book.fit});
      ASSERT_EQ(volume.layout.group_count, 1u);
      fill(volume);
      std::map<BlockNo, std::uint64_t> holes;
      BlockNo at = volume.layout.data(GroupNo{0}).start + 50;
      for (const std::uint64_t size : kHoles) {
        free_run(volume, {at, size});
        holes[at] = size;
        at += size + 3;
      }
      volume.journal->sync().take();
      // A policy with a memory begins anew.
      volume.space->set_fit_policy(book.fit).take();
      Transaction tx = volume.begin();
      const std::uint64_t requests[] = {12, 10, 9};
      for (int i = 0; i < 3; ++i) {
        const BlockRun run =
            volume.space->allocate(tx, {.want = requests[i], .must_be_whole = true}).take();
        EXPECT_EQ(run.length, requests[i]);
        EXPECT_EQ(std::prev(holes.upper_bound(run.start))->second, book.holes[i]) << requests[i];
      }
    });
  }
}

TEST(SpaceManagerTest, WhatMustBeWholeIsWholeOrNotAtAll) {
  in_runtime([] {
    Volume volume({.image_size = 18u << 20});
    const std::uint64_t group = volume.layout.data(GroupNo{1}).length;
    Transaction tx = volume.begin();
    EXPECT_EQ(volume.space->allocate(tx, {.want = group, .must_be_whole = true}).take(),
              volume.layout.data(GroupNo{1}));
    EXPECT_EQ(volume.space->allocate(tx, {.want = group, .must_be_whole = true}).code(), ENOSPC);
    EXPECT_EQ(volume.space->allocate(tx, {.want = group * 9, .must_be_whole = true}).code(),
              ENOSPC);
    // Otherwise a request longer than any free piece gets the longest piece.
    EXPECT_GT(volume.space->allocate(tx, {.want = group * 9}).take().length, group / 2);
  });
}

TEST(SpaceManagerTest, FilesThatGrowInTurnsDoNotInterleave) {
  in_runtime([] {
    Volume volume({.image_size = 16u << 20});
    constexpr std::uint64_t kBlocks = 600;
    std::vector<BlockNo> ends(4, volume.layout.data(GroupNo{0}).start);
    std::vector<int> pieces(4);
    for (std::uint64_t i = 0; i < kBlocks; ++i) {
      for (std::size_t f = 0; f < ends.size(); ++f) {
        Transaction tx = volume.begin();
        const BlockRun run =
            volume.space->allocate(tx, {.want = 1, .hint = ends[f]}, InodeNo{f + 3}).take();
        if (run.start != ends[f]) ++pieces[f];
        ends[f] = run.end();
        tx.commit();
      }
    }
    // Windows double: after n blocks there are about log n pieces.
    for (const int count : pieces) EXPECT_LE(count, 12);
    EXPECT_EQ(volume.space->statistics().free_blocks, volume.fresh_free_blocks - 4 * kBlocks);
  });
}

TEST(SpaceManagerTest, EveryInodeCanBeTakenOnceAndFilesStayInTheirDirectorysGroup) {
  in_runtime([] {
    Volume volume({.image_size = 20u << 20});
    const format::Layout& layout = volume.layout;
    ASSERT_GE(layout.group_count, 3u);
    const InodeNo directory{layout.inodes_per_group + 7};
    std::set<InodeNo> taken;
    for (;;) {
      Transaction tx = volume.begin();
      const Result<InodeNo> inode = volume.space->allocate_inode(tx, directory, InodeFor::kOther);
      if (!inode.ok()) {
        EXPECT_EQ(inode.code(), ENOSPC);
        break;
      }
      ASSERT_TRUE(volume.space->is_inode_written(*inode).take());
      ASSERT_TRUE(taken.insert(*inode).second);
      if (taken.size() <= layout.inodes_per_group) {
        ASSERT_EQ(layout.group_of(*inode), GroupNo{1});
        ASSERT_EQ(inode->value, layout.inodes_per_group + taken.size());  // the lowest first
      }
      tx.commit();
    }
    EXPECT_EQ(taken.size(), volume.fresh_free_inodes);
    EXPECT_EQ(volume.space->statistics().free_inodes, 0u);
    volume.unmount();
    volume.mount();
    Transaction tx = volume.begin();
    EXPECT_EQ(volume.space->allocate_inode(tx, directory, InodeFor::kOther).code(), ENOSPC);
    volume.space->free_inode(tx, InodeNo{11}, InodeFor::kOther).take();
    EXPECT_EQ(volume.space->free_inode(tx, InodeNo{11}, InodeFor::kOther).code(), EUCLEAN);
    tx.commit();
    Transaction next = volume.begin();
    EXPECT_EQ(volume.space->allocate_inode(next, directory, InodeFor::kOther).take(), InodeNo{11});
  });
}

TEST(SpaceManagerTest, DirectoriesOfTheRootAreSpreadAndDeeperOnesStayNearTheirParent) {
  in_runtime([] {
    Volume volume({.image_size = 100u << 20});
    const std::uint64_t before = volume.space->statistics().directories;
    std::set<GroupNo> groups;
    Transaction tx = volume.begin();
    for (int i = 0; i < 8; ++i) {
      const InodeNo top =
          volume.space->allocate_inode(tx, format::kRootInode, InodeFor::kDirectory).take();
      const InodeNo below = volume.space->allocate_inode(tx, top, InodeFor::kDirectory).take();
      EXPECT_EQ(volume.layout.group_of(below), volume.layout.group_of(top));
      groups.insert(volume.layout.group_of(top));
    }
    EXPECT_GE(groups.size(), 6u);
    EXPECT_EQ(volume.space->statistics().directories, before + 16);
    { const Transaction dropped = std::move(tx); }
    EXPECT_EQ(volume.space->statistics().directories, before);
    EXPECT_EQ(volume.space->statistics().free_inodes, volume.fresh_free_inodes);
  });
}

TEST(SpaceManagerTest, FatEntriesOfFreshGroupsAreZeroAndKeepWhatIsSet) {
  in_runtime([] {
    Volume volume({.image_size = 18u << 20});
    CachedReader reader(*volume.cache, volume.layout.seed);
    const BlockNo block = volume.layout.data(GroupNo{1}).start + 1000;
    EXPECT_EQ(volume.space->fat_entry(reader, block).take(), 0u);
    Transaction tx = volume.begin();
    volume.space->set_fat_entry(tx, block, 0x123456789A).take();
    EXPECT_EQ(volume.space->fat_entry(tx, block).take(), 0x123456789Au);
    EXPECT_EQ(volume.space->fat_entry(reader, block).take(), 0u);
    tx.commit();
    volume.unmount();
    volume.mount();
    CachedReader again(*volume.cache, volume.layout.seed);
    EXPECT_EQ(volume.space->fat_entry(again, block).take(), 0x123456789Au);
    EXPECT_EQ(volume.space->fat_entry(again, block + 1).take(), 0u);
    EXPECT_EQ(volume.space->fat_entry(again, volume.layout.state()).code(), EUCLEAN);
  });
}

/// Changes a metadata block without the volume's knowledge, and seals it.
void damage(Volume& volume, BlockNo block, std::size_t offset, std::uint32_t value) {
  std::vector<std::byte> bytes(volume.layout.block_size);
  volume.device.read(block, bytes).take();
  format::at<le32>(bytes, offset) = value;
  format::seal_block(bytes, volume.layout.seed, block, EpochNo{1});
  volume.device.write(block, bytes).take();
}

TEST(SpaceManagerTest, CountsThatDisagreeWithTheBitmapAreAnError) {
  in_runtime([] {
    Volume volume({});
    volume.unmount();
    const auto place = volume.layout.descriptor_place(GroupNo{0});
    const std::size_t member = offsetof(format::GroupDescriptor, free_blocks);
    damage(volume, place.block, place.offset + member, 77);
    volume.mount();
    {
      Transaction tx = volume.begin();
      EXPECT_EQ(volume.space->allocate(tx, {.want = 1}).code(), EUCLEAN);
    }
    volume.unmount();
    damage(volume, place.block, place.offset + member, 0x7FFF'FFFF);
    auto cache = BufferCache::create(volume.device, {}).take();
    auto journal = Journal::open(*cache, volume.layout, {}).take();
    EXPECT_EQ(SpaceManager::open(*cache, *journal, volume.layout).code(), EUCLEAN);
    journal->close().take();
  });
}

/// Takes and frees at random, in a thread of its own, beside others that do the same.
class Worker {
 public:
  Worker(Volume& volume, std::uint64_t seed, std::map<BlockNo, InodeNo>& owners)
      : volume_(volume), random_(seed), me_{seed + 10}, owners_(owners) {}

  void run(int steps) {
    for (int i = 0; i < steps; ++i) {
      Transaction tx = volume_.begin();
      const std::size_t changes = 1 + random_.below(4);
      std::vector<BlockRun> taken;
      std::vector<BlockRun> given;
      for (std::size_t k = 0; k < changes; ++k) change(tx, taken, given);
      if (random_.one_in(16)) thread::yield();
      if (random_.one_in(4)) {
        drop(std::move(tx), taken, given);
        continue;
      }
      for (const BlockRun& run : given) forget(run);
      runs_.insert(runs_.end(), taken.begin(), taken.end());
      tx.commit();
    }
  }
  [[nodiscard]] const std::vector<BlockRun>& runs() const { return runs_; }

 private:
  void change(Transaction& tx, std::vector<BlockRun>& taken, std::vector<BlockRun>& given) {
    if (!runs_.empty() && random_.one_in(2)) {
      std::swap(runs_.back(), runs_[random_.below(runs_.size())]);
      given.push_back(runs_.back());
      runs_.pop_back();
      volume_.space->free(tx, given.back()).take();
      return;
    }
    const FitRequest request{.want = 1 + random_.below(random_.one_in(5) ? 900 : 30),
                             .hint = hint_,
                             .must_be_whole = random_.one_in(6)};
    const Result<BlockRun> run = volume_.space->allocate(tx, request, me_);
    if (!run.ok()) {
      ASSERT_EQ(run.code(), ENOSPC) << run.error().describe();
      return;
    }
    hint_ = run->end();
    for (BlockNo b = run->start; b < run->end(); ++b) {
      ASSERT_TRUE(owners_.emplace(b, me_).second) << "block " << b.value << " was given twice";
    }
    taken.push_back(*run);
  }
  void drop(Transaction&& tx, const std::vector<BlockRun>& taken,
            const std::vector<BlockRun>& given) {
    runs_.insert(runs_.end(), given.begin(), given.end());
    for (const BlockRun& run : taken) forget(run);
    const Transaction dropped = std::move(tx);
  }
  void forget(BlockRun run) {
    for (BlockNo b = run.start; b < run.end(); ++b) owners_.erase(b);
  }

  Volume& volume_;
  Random random_;
  InodeNo me_;
  BlockNo hint_;
  std::map<BlockNo, InodeNo>& owners_;
  std::vector<BlockRun> runs_;
};

TEST(SpaceManagerTest, ManyAtOnceNeverGetTheSameBlock) {
  for (std::uint64_t seed = 1; seed <= 3; ++seed) {
    SCOPED_TRACE("seed " + std::to_string(seed));
    in_runtime([&] {
      Volume volume({.image_size = 18u << 20});
      std::map<BlockNo, InodeNo> owners;
      std::vector<std::unique_ptr<Worker>> workers;
      std::vector<thread::Thread> threads;
      for (std::uint64_t i = 0; i < 6; ++i) {
        workers.push_back(std::make_unique<Worker>(volume, seed * 100 + i, owners));
        threads.push_back(thread::spawn("worker", [&w = *workers.back()] { w.run(400); }));
      }
      for (thread::Thread& t : threads) t.join().take();
      std::uint64_t held = 0;
      for (const auto& worker : workers) {
        for (const BlockRun& run : worker->runs()) held += run.length;
      }
      EXPECT_EQ(owners.size(), held);
      EXPECT_EQ(volume.space->statistics().free_blocks, volume.fresh_free_blocks - held);
      EXPECT_EQ(volume.blocks_in_use(), volume.data_blocks() - volume.fresh_free_blocks + held);
      volume.unmount();
      volume.mount();
      std::uint64_t runs = 0;
      for (const std::uint64_t count : volume.space->free_run_histogram().take()) runs += count;
      EXPECT_GT(runs, 0u);
      EXPECT_EQ(fill(volume).size(), volume.fresh_free_blocks - held);
    });
  }
}

}  // namespace
}  // namespace spindle::test
