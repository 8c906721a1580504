// Layout and plan: what mkfs plans is a valid layout with what was asked for, and no two parts
// overlap.
#include "spindle/format/layout.h"

#include <gtest/gtest.h>

#include "spindle/base/random.h"

namespace spindle::format {
namespace {

constexpr std::uint64_t kMiB = 1u << 20;
constexpr std::uint64_t kGiB = 1u << 30;
constexpr std::uint64_t kTiB = 1ull << 40;

Layout layout_of(const LayoutRequest& request) {
  return Layout::of(plan(request).take()).take();
}

/// The groups follow one another without a gap, and so do the parts of each.
void expect_in_order(const Layout& layout) {
  EXPECT_LE(layout.group(GroupNo{layout.group_count - 1}).end(), layout.last_copy());
  for (const std::uint64_t g : {std::uint64_t{0}, layout.group_count / 2, layout.group_count - 1}) {
    const GroupNo group{g};
    const BlockNo start = layout.first_group() + g * layout.blocks_per_group();
    EXPECT_EQ(layout.block_bitmap(group).start, start);
    EXPECT_EQ(layout.block_bitmap(group).length, layout.bitmap_blocks_per_group);
    EXPECT_EQ(layout.inode_bitmap(group).start, layout.block_bitmap(group).end());
    EXPECT_GE(layout.inode_bitmap(group).length * layout.bits_per_block(), layout.inodes_per_group);
    EXPECT_EQ(layout.inode_table(group).start, layout.inode_bitmap(group).end());
    EXPECT_EQ(layout.fat(group).start, layout.inode_table(group).end());
    EXPECT_LE(layout.fat(group).length, 64 * layout.fat_unit());
    EXPECT_EQ(layout.data(group).start, layout.fat(group).end());
    EXPECT_EQ(layout.data(group).end(), layout.group(group).end());
    EXPECT_GE(layout.data(group).length, 1u);
    EXPECT_LE(layout.block_bitmap(group).length, 64 * layout.bitmap_unit());
    EXPECT_EQ(layout.block_index(layout.data(group).end() - 1), layout.group(group).length - 1);
    EXPECT_LT(layout.fat_place(layout.data(group).end() - 1).block, layout.fat(group).end());
    const InodeNo last{(g + 1) * layout.inodes_per_group};
    EXPECT_EQ(layout.group_of(last), group);
    EXPECT_EQ(layout.inode_index(last), layout.inodes_per_group - 1);
    EXPECT_LT(layout.inode_place(last).block, layout.inode_table(group).end());
    EXPECT_FALSE(layout.is_data(::spindle::Run{layout.data(group).end() - 1, 2}));
  }
}

TEST(LayoutTest, WhateverIsPlannedIsALayoutWithTheInodesAskedFor) {
  Random random(7);
  int planned = 0;
  for (int i = 0; i < 20'000; ++i) {
    LayoutRequest request;
    request.block_size = kMinBlockSize << random.below(7);
    request.image_size = kMinImageSize + random.below(1ull << (20 + random.below(25)));
    if (random.one_in(2)) request.inodes = 1 + random.below(request.image_size / 1024);
    if (random.one_in(3)) request.journal_size = random.below(request.image_size / 2);
    if (random.one_in(2)) request.group_size = random.below(request.image_size);
    const auto superblock = plan(request);
    if (!superblock.ok()) {
      EXPECT_EQ(superblock.code(), EINVAL);
      continue;
    }
    ++planned;
    SCOPED_TRACE(testing::Message()
                 << request.image_size << " bytes, blocks of " << request.block_size
                 << ", groups of " << request.group_size << ", inodes " << request.inodes);
    const auto layout = Layout::of(*superblock);
    ASSERT_TRUE(layout.ok()) << layout.error().what;
    EXPECT_GE(layout->inode_count(),
              request.inodes != 0 ? request.inodes : request.image_size / 16384);
    EXPECT_GE(layout->block_count + 1, request.image_size / request.block_size);
    if (layout->group_count > 1) {
      EXPECT_GE(layout->blocks_per_group() * layout->block_size, request.group_size);
    }
    expect_in_order(*layout);
    if (HasFailure()) return;
  }
  EXPECT_GT(planned, 5000);
}

TEST(LayoutTest, ThereAreAFewGroupsUntilTheyWouldBeTooLarge) {
  for (const std::uint32_t block_size : {1024u, 4096u, 65536u}) {
    for (const std::uint64_t size : {64 * kMiB, kGiB, 100 * kGiB, kTiB, kMaxImageSize}) {
      const Layout layout = layout_of({.image_size = size, .block_size = block_size});
      if (layout.bitmap_blocks_per_group < 64) {
        EXPECT_LE(layout.group_count, 4u);
      } else {
        EXPECT_EQ(layout.bitmap_blocks_per_group, 64u);
      }
    }
  }
}

TEST(LayoutTest, AGroupIsAsLargeAsAskedForIfItCanBe) {
  EXPECT_EQ(layout_of({.image_size = 10 * kGiB, .group_size = 10 * kGiB}).group_count, 1u);
  EXPECT_EQ(layout_of({.image_size = 10 * kGiB, .group_size = 1}).bitmap_blocks_per_group, 1u);
  EXPECT_EQ(layout_of({.image_size = 64 * kMiB, .group_size = kTiB / 16}).bitmap_blocks_per_group,
            1u);
  EXPECT_EQ(
      layout_of({.image_size = kTiB, .group_size = max_group_size(4096)}).bitmap_blocks_per_group,
      kMaxBitmapBlocks);
  EXPECT_EQ(plan({.image_size = kTiB, .group_size = max_group_size(4096) + 1}).code(), EINVAL);
}

TEST(LayoutTest, ImpossibleNumbersAreRefused) {
  const Superblock good = plan({.image_size = kGiB}).take();
  ASSERT_TRUE(Layout::of(good).ok());
  const auto refuses = [&](auto change) {
    Superblock bad = good;
    change(bad);
    return Layout::of(bad).code() == EUCLEAN;
  };
  EXPECT_TRUE(refuses([](auto& s) { s.block_size = 3000; }));
  EXPECT_TRUE(refuses([](auto& s) { s.block_size = 512; }));
  EXPECT_TRUE(refuses([](auto& s) { s.block_count = ~0ull; }));
  EXPECT_TRUE(refuses([](auto& s) { s.block_count = 100; }));
  EXPECT_TRUE(refuses([](auto& s) { s.group_count = s.group_count + 1; }));
  EXPECT_TRUE(refuses([](auto& s) { s.group_count = 0; }));
  EXPECT_TRUE(refuses([](auto& s) { s.group_count = ~0u; }));
  EXPECT_TRUE(refuses([](auto& s) { s.bitmap_blocks_per_group = 0; }));
  EXPECT_TRUE(refuses([](auto& s) { s.bitmap_blocks_per_group = kMaxBitmapBlocks + 1; }));
  EXPECT_TRUE(refuses([](auto& s) { s.bitmap_blocks_per_group = ~0u; }));
  EXPECT_TRUE(refuses([](auto& s) { s.inodes_per_group = 0; }));
  EXPECT_TRUE(refuses([](auto& s) { s.inodes_per_group = s.inodes_per_group + 1; }));
  EXPECT_TRUE(refuses([](auto& s) { s.inodes_per_group = 0xFFFF'FFF0u; }));
  EXPECT_TRUE(refuses([](auto& s) { s.journal_start = s.journal_start + 1; }));
  EXPECT_TRUE(refuses([](auto& s) { s.journal_blocks = 3; }));
  EXPECT_TRUE(refuses([](auto& s) { s.journal_blocks = ~0ull; }));
}

TEST(LayoutTest, TheLeastJournalGrowsWithTheBitmapOfAGroup) {
  EXPECT_EQ(min_journal_blocks(1024, 1), 56u);
  EXPECT_EQ(min_journal_blocks(4096, 1), 32u);
  EXPECT_EQ(min_journal_blocks(65536, 1), 25u);
  EXPECT_EQ(min_journal_blocks(4096, 1024), 32u + 32u);
}

}  // namespace
}  // namespace spindle::format
