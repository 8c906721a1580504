// Groups with many bitmap blocks: runs that span several of them, and which parts of a group's
// bitmaps and FAT are written.
#include <algorithm>

#include "alloc_fixture.h"

namespace spindle::test {
namespace {

constexpr std::uint64_t kMiB = 1u << 20;
constexpr std::uint64_t kGiB = 1u << 30;

// Two groups, one of five bitmap blocks and a shorter one.
const VolumeShape kTwoGroups{.image_size = 64 * kMiB, .group_size = 32 * kMiB};

/// The block of group `g` whose bit is the first of block `index` of the bitmap.
BlockNo first_of_bitmap(const Volume& volume, GroupNo g, std::uint64_t index) {
  return volume.layout.group(g).start + index * volume.layout.bits_per_block();
}

std::uint64_t bitmaps_written(Volume& volume, GroupNo g) {
  CachedReader reader(*volume.cache, volume.layout.seed);
  const auto place = volume.layout.descriptor_place(g);
  const auto table = reader.read(place.block, format::BlockKind::kGroupTable).take();
  return table.at<format::GroupDescriptor>(place.offset).bitmap_blocks_written;
}

void remount(Volume& volume) {
  volume.unmount();
  volume.mount();
}

TEST(LargeGroupTest, AWholeRunLiesOverManyBlocksOfTheBitmap) {
  in_runtime([] {
    Volume volume(kTwoGroups);
    ASSERT_EQ(volume.layout.bitmap_blocks_per_group, 5u);
    ASSERT_EQ(volume.layout.group_count, 2u);
    const std::uint64_t bits = volume.layout.bits_per_block();
    const std::uint64_t used = volume.blocks_in_use();
    BlockRun run;
    {
      Transaction dropped = volume.begin();
      run = volume.space->allocate(dropped, {.want = 3 * bits, .must_be_whole = true}).take();
    }
    EXPECT_EQ(volume.space->statistics().free_blocks, volume.fresh_free_blocks);
    Transaction tx = volume.begin();
    EXPECT_EQ(volume.space->allocate(tx, {.want = 3 * bits, .must_be_whole = true}).take(), run);
    tx.commit();
    EXPECT_EQ(volume.blocks_in_use(), used + 3 * bits);
    remount(volume);
    EXPECT_EQ(volume.blocks_in_use(), used + 3 * bits);
    EXPECT_EQ(volume.space->statistics().free_blocks, volume.fresh_free_blocks - 3 * bits);
    Transaction freeing = volume.begin();
    volume.space->free(freeing, {run.start + 5, run.length - 5}).take();
    freeing.commit();
    EXPECT_EQ(volume.blocks_in_use(), used + 5);
  });
}

TEST(LargeGroupTest, ARunThatNeedNotBeWholeIsNoLongerThanABlockOfTheBitmap) {
  in_runtime([] {
    Volume volume(kTwoGroups);
    const std::uint64_t bits = volume.layout.bits_per_block();
    Transaction tx = volume.begin();
    EXPECT_EQ(volume.space->allocate(tx, {.want = 4 * bits}).take().length, bits);
    const BlockNo at = first_of_bitmap(volume, GroupNo{0}, 3) - 10;
    EXPECT_EQ(volume.space->allocate_at(tx, at, 4 * bits).take(), (BlockRun{at, bits}));
  });
}

TEST(LargeGroupTest, OnlyTheBlocksOfTheBitmapThatAreTouchedAreWritten) {
  in_runtime([] {
    Volume volume(kTwoGroups);
    const std::uint64_t fresh = bitmaps_written(volume, GroupNo{0});
    EXPECT_EQ(bitmaps_written(volume, GroupNo{1}), 0u);
    const BlockNo at = first_of_bitmap(volume, GroupNo{1}, 2) - 10;
    Transaction tx = volume.begin();
    EXPECT_EQ(volume.space->allocate_at(tx, at, 20).take(), (BlockRun{at, 20}));
    tx.commit();
    EXPECT_EQ(bitmaps_written(volume, GroupNo{0}), fresh);
    EXPECT_EQ(bitmaps_written(volume, GroupNo{1}), 0b110u);
    remount(volume);
    Transaction after = volume.begin();
    EXPECT_EQ(volume.space->allocate_at(after, at - 1, 20).take().length, 1u);
    EXPECT_EQ(volume.space->allocate_at(after, at + 20, 20).take().length, 20u);
    after.commit();
    EXPECT_EQ(bitmaps_written(volume, GroupNo{1}), 0b110u);
  });
}

TEST(LargeGroupTest, ManyBlocksOfABitmapAreWrittenTogetherWhereTheDescriptorHasTooFewBits) {
  in_runtime([] {
    // 300 bitmap blocks: five for each bit. The cache holds far fewer blocks than the FAT's unit.
    Volume volume({.image_size = 2300 * kMiB,
                   .journal_size = 512u << 10,
                   .group_size = 2300 * kMiB,
                   .cache_bytes = 300u << 10});
    ASSERT_EQ(volume.layout.group_count, 1u);
    ASSERT_EQ(volume.layout.bitmap_unit(), 5u);
    const std::uint64_t fresh = bitmaps_written(volume, GroupNo{0});
    const BlockNo at = first_of_bitmap(volume, GroupNo{0}, 204) - 1;
    Transaction tx = volume.begin();
    EXPECT_EQ(volume.space->allocate_at(tx, at, 2).take().length, 2u);
    tx.commit();
    EXPECT_EQ(bitmaps_written(volume, GroupNo{0}), fresh | std::uint64_t{1} << 40);
    Transaction chain = volume.begin();
    volume.space->set_fat_entry(chain, at, format::kFatEnd).take();
    chain.commit();
    remount(volume);
    CachedReader reader(*volume.cache, volume.layout.seed);
    EXPECT_EQ(volume.space->fat_entry(reader, at).take(), format::kFatEnd);
    EXPECT_EQ(volume.space->fat_entry(reader, at + 1).take(), 0u);
    EXPECT_EQ(volume.space->fat_entry(reader, at - 200'000).take(), 0u);
    EXPECT_EQ(volume.space->statistics().free_blocks, volume.fresh_free_blocks - 2);
    Transaction last = volume.begin();
    EXPECT_EQ(volume.space->allocate_at(last, at, 1).take().length, 0u);
  });
}

TEST(LargeGroupTest, InodesMayHaveManyBlocksOfBitmap) {
  in_runtime([] {
    Volume volume({.image_size = 64 * kMiB, .group_size = 64 * kMiB, .inodes = 30'000});
    const format::Layout& layout = volume.layout;
    ASSERT_EQ(layout.group_count, 1u);
    ASSERT_EQ(layout.inode_bitmap(GroupNo{0}).length, 4u);
    const std::uint64_t half = layout.bits_per_block() + 100;
    for (std::uint64_t i = volume.fresh_free_inodes; i > 0; --i) {
      Transaction tx = volume.begin();
      const InodeNo inode =
          volume.space->allocate_inode(tx, format::kRootInode, InodeFor::kOther).take();
      ASSERT_EQ(inode.value, layout.inodes_per_group - i + 1);
      tx.commit();
      if (inode.value == half) remount(volume);
    }
    Transaction tx = volume.begin();
    EXPECT_EQ(volume.space->allocate_inode(tx, format::kRootInode, InodeFor::kOther).code(),
              ENOSPC);
    volume.space->free_inode(tx, InodeNo{2 * half}, InodeFor::kOther).take();
    tx.commit();
    remount(volume);
    EXPECT_EQ(volume.space->statistics().free_inodes, 1u);
    Transaction again = volume.begin();
    EXPECT_EQ(volume.space->allocate_inode(again, format::kRootInode, InodeFor::kOther).take(),
              InodeNo{2 * half});
  });
}

TEST(LargeGroupTest, RunsOfAnyLengthComeAndGoOverBitmapBlocksAndGroups) {
  in_runtime([] {
    Random random(41);
    Volume volume({.image_size = 100 * kMiB, .group_size = 24 * kMiB});
    ASSERT_GE(volume.layout.group_count, 3u);
    const std::uint64_t base = volume.blocks_in_use();
    std::vector<BlockRun> owned;
    std::uint64_t used = 0;
    for (int i = 0; i < 600; ++i) {
      const bool drops = random.one_in(4);
      Transaction tx = volume.begin();
      if (owned.size() < 8 || random.one_in(2)) {
        const std::uint64_t want = 1 + random.below(random.one_in(3) ? 30'000 : 500);
        const BlockNo hint{random.below(volume.layout.block_count)};
        const auto run = volume.space->allocate(
            tx, {.want = want, .hint = hint, .must_be_whole = random.one_in(2)});
        if (run.ok() && !drops) {
          owned.push_back(*run);
          used += run->length;
        }
      } else {
        const std::size_t pick = random.below(owned.size());
        const BlockRun whole = owned[pick];
        const std::uint64_t keep = random.one_in(2) ? 0 : random.below(whole.length);
        volume.space->free(tx, {whole.start + keep, whole.length - keep}).take();
        if (!drops) {
          used -= whole.length - keep;
          owned[pick].length = keep;
          if (keep == 0) owned.erase(owned.begin() + static_cast<std::ptrdiff_t>(pick));
        }
      }
      if (drops) continue;
      tx.commit();
      if (i % 50 < 2) {
        EXPECT_EQ(volume.blocks_in_use(), base + used);
        remount(volume);
        EXPECT_EQ(volume.space->statistics().free_blocks, volume.fresh_free_blocks - used);
      }
    }
    std::ranges::sort(owned, {}, &BlockRun::start);
    for (std::size_t i = 1; i < owned.size(); ++i) {
      EXPECT_LE(owned[i - 1].end(), owned[i].start);
    }
  });
}

TEST(LargeGroupTest, AContiguousFileIsAsLongAsItsGroup) {
  in_runtime([] {
    Volume volume({.block_size = 4096, .image_size = 3 * kGiB, .group_size = 3 * kGiB});
    ASSERT_EQ(volume.layout.group_count, 1u);
    const FileMap& map = *file_map("contiguous");
    TestFile file{.map = &map, .inode = InodeNo{3}};
    const std::uint64_t length = volume.fresh_free_blocks;
    ASSERT_GT(length * 4096, 2 * kGiB);
    const std::uint64_t used = volume.blocks_in_use();
    for (std::uint64_t mapped = 0; mapped < length;) {
      Transaction tx = volume.begin(map.log_bytes_per_call(volume.layout));
      MapFile open = file.open();
      mapped += map.extend({tx, *volume.space, open}, FileBlock{mapped}, length - mapped,
                           NewBlocks::kWritten)
                    .take()
                    .length;
      file.blocks = open.blocks;
      tx.commit();
    }
    EXPECT_EQ(file.blocks, length);
    EXPECT_EQ(owned_by(volume, file).data.size(), length);
    EXPECT_EQ(volume.blocks_in_use(), used + length);
    Transaction tx = volume.begin(map.log_bytes_per_call(volume.layout));
    MapFile open = file.open();
    EXPECT_TRUE(map.shrink({tx, *volume.space, open}, FileBlock{7}).take());
    tx.commit();
    EXPECT_EQ(volume.blocks_in_use(), used + 7);
  });
}

TEST(LargeGroupTest, AnExtentOverManyBlocksOfTheBitmapIsPunchedAndCutPieceByPiece) {
  in_runtime([] {
    Volume volume({.image_size = 300 * kMiB, .group_size = 300 * kMiB});
    const FileMap& map = *file_map("extent");
    const std::uint64_t bits = volume.layout.bits_per_block();
    const std::uint64_t length = 25 * bits;
    const std::uint64_t used = volume.blocks_in_use();
    TestFile file{.map = &map, .inode = InodeNo{3}};
    const std::size_t log_bytes = map.log_bytes_per_call(volume.layout);
    const auto change = [&](auto&& body) {
      Transaction tx = volume.begin(log_bytes);
      MapFile open = file.open();
      const auto done = body(tx, open);
      file.blocks = open.blocks;
      EXPECT_GT(tx.log_bytes_left(), 0u);
      tx.commit();
      return done;
    };
    for (std::uint64_t at = 0; at < length;) {
      at += change([&](Transaction& tx, MapFile& open) {
        return map
            .extend({tx, *volume.space, open}, FileBlock{at}, length - at, NewBlocks::kUnwritten)
            .take()
            .length;
      });
    }
    std::uint64_t runs = 0;
    walk_file(volume, file, {.data = [&](const Extent&) -> Result<> {
                ++runs;
                return {};
              }})
        .take();
    EXPECT_EQ(runs, 1u);  // what was given piece by piece has grown together
    for (std::uint64_t at = bits / 2; at < length - bits;) {
      at += change([&](Transaction& tx, MapFile& open) {
        return map.punch({tx, *volume.space, open}, FileBlock{at}, length - bits - at).take();
      });
    }
    EXPECT_EQ(volume.blocks_in_use(), used + bits / 2 + bits);
    for (bool done = false; !done;) {
      done = change([&](Transaction& tx, MapFile& open) {
        return map.shrink({tx, *volume.space, open}, FileBlock{0}).take();
      });
    }
    EXPECT_EQ(volume.blocks_in_use(), used);
  });
}

}  // namespace
}  // namespace spindle::test
