// File maps: what each strategy promises beyond the model: full volumes, order, damage.
#include <algorithm>
#include <cstring>

#include "alloc_fixture.h"

namespace spindle::test {
namespace {

using format::BlockKind;

/// Maps `want` blocks at `at` in a transaction of its own; returns how many were mapped, or the
/// error.
Result<std::uint64_t> extend(Volume& volume, TestFile& file, std::uint64_t at, std::uint64_t want,
                             bool unwritten = false) {
  const std::vector<std::byte> root = file.root;
  Transaction tx = volume.begin(file.map->log_bytes_per_call(volume.layout));
  MapFile open = file.open();
  const Result<Extent> piece =
      file.map->extend({tx, *volume.space, open}, FileBlock{at}, want,
                       unwritten ? NewBlocks::kUnwritten : NewBlocks::kWritten);
  if (!piece.ok()) {
    file.root = root;
    return piece.error();
  }
  file.blocks = open.blocks;
  tx.commit();
  return piece->length;
}

void shrink(Volume& volume, TestFile& file, std::uint64_t end) {
  for (bool done = false; !done;) {
    Transaction tx = volume.begin(file.map->log_bytes_per_call(volume.layout));
    MapFile open = file.open();
    done = file.map->shrink({tx, *volume.space, open}, FileBlock{end}).take();
    file.blocks = open.blocks;
    tx.commit();
  }
}

TestFile make_file(std::string_view map, std::uint64_t inode = 3) {
  TestFile file;
  file.map = file_map(map);
  file.inode = InodeNo{inode};
  return file;
}

/// Takes all blocks but every `step`-th.
void leave_scattered_blocks(Volume& volume, std::uint64_t step) {
  Transaction tx = volume.begin(64 * 1024);
  const BlockRun data = volume.layout.data(GroupNo{0});
  for (BlockNo b = data.start; b < data.end(); b += step) {
    volume.space->allocate_at(tx, b + 1, step - 1).take();
    if ((b - data.start) / step % 100 == 99) {
      tx.commit();
      tx = volume.begin(64 * 1024);
    }
  }
  tx.commit();
}

class MapTest : public ::testing::TestWithParam<std::string_view> {};

TEST_P(MapTest, IsInTheTableByNameAndByKind) {
  const FileMap* map = file_map(GetParam());
  ASSERT_NE(map, nullptr);
  EXPECT_EQ(map->name(), GetParam());
  EXPECT_EQ(file_map(map->kind()), map);
  EXPECT_EQ(file_map(format::MapKind::kInline), nullptr);
  EXPECT_EQ(file_map("nothing"), nullptr);
}

TEST_P(MapTest, FillsAFragmentedVolumeToTheLastBlockAndGivesAllBack) {
  in_runtime([&] {
    Volume volume({.image_size = 2u << 20});
    leave_scattered_blocks(volume, 3);
    const std::uint64_t free = volume.space->statistics().free_blocks;
    TestFile file = make_file(GetParam());
    std::uint64_t mapped = 0;
    int code = 0;
    for (;;) {
      const Result<std::uint64_t> more = extend(volume, file, mapped, 7);
      code = more.code();
      if (!more.ok()) break;
      mapped += *more;
    }
    EXPECT_EQ(code, ENOSPC);
    const std::uint64_t left = volume.space->statistics().free_blocks;
    if (file.map->name() == "contiguous") {
      EXPECT_EQ(mapped, 1u);
    } else {
      // A block that stays free would have to be one of the map's own and one of data at once.
      EXPECT_LE(left, file.map->name() == "linked" || file.map->name() == "fat" ? 0u : 3u);
    }
    const Owned owned = owned_by(volume, file);
    EXPECT_EQ(owned.data.size(), mapped);
    EXPECT_EQ(file.blocks, free - left);
    shrink(volume, file, mapped / 2);
    EXPECT_EQ(owned_by(volume, file).data.size(), mapped / 2);
    shrink(volume, file, 0);
    EXPECT_EQ(file.blocks, 0u);
    EXPECT_TRUE(std::ranges::all_of(file.root, [](std::byte b) { return b == std::byte{}; }));
    EXPECT_EQ(volume.space->statistics().free_blocks, free);
  });
}

TEST_P(MapTest, AFileWrittenInOrderLiesInOnePiece) {
  in_runtime([&] {
    Volume volume({.block_size = 4096, .image_size = 64u << 20, .journal_size = 1u << 20});
    TestFile file = make_file(GetParam());
    for (std::uint64_t at = 0; at < 16 * 256;) {
      at += extend(volume, file, at, 256 - at % 256).take();
    }
    const Owned owned = owned_by(volume, file);
    std::uint64_t pieces = 0;
    BlockNo expected;
    for (const auto& [at, data] : owned.data) {
      if (data.block != expected) ++pieces;
      expected = data.block + 1;
    }
    // Indirect blocks may lie between the pieces of an indexed file.
    EXPECT_LE(pieces, file.map->name() == "indexed" ? 10u : 1u);
    EXPECT_TRUE(file.map->name() != "extent" || owned.nodes.empty());
  });
}

// Punching holes can always make room on a full disk, though each hole makes the map longer.
TEST(ExtentMapTest, HolesArePunchedOnAFullDisk) {
  in_runtime([] {
    Volume volume({});
    TestFile file = make_file("extent");
    TestFile other = make_file("extent", 4);
    std::uint64_t length = 0;
    while (length < 2000) length += extend(volume, file, length, 2000 - length).take();
    for (std::uint64_t at = 0;;) {
      const Result<std::uint64_t> more = extend(volume, other, at, 500);
      if (!more.ok()) break;
      at += *more;
    }
    ASSERT_EQ(volume.space->statistics().free_blocks, 0u);
    for (std::uint64_t at = 1; at + 1 < length; at += 2) {
      Transaction tx = volume.begin(file.map->log_bytes_per_call(volume.layout));
      MapFile open = file.open();
      const Result<std::uint64_t> done =
          file.map->punch({tx, *volume.space, open}, FileBlock{at}, 1);
      ASSERT_TRUE(done.ok()) << at << " " << done.error().what;
      file.blocks = open.blocks;
      tx.commit();
    }
    EXPECT_EQ(owned_by(volume, file).data.size(), length / 2 + 1);
    EXPECT_EQ(volume.blocks_in_use(),
              volume.data_blocks() - volume.space->statistics().free_blocks);
  });
}

// If few of many small extents are left, so are few nodes.
TEST(ExtentMapTest, NodesThatBecomeSparseAreJoined) {
  in_runtime([] {
    for (const std::uint64_t keep_each : {20, 97}) {
      Volume volume({.image_size = 8u << 20, .group_size = 8u << 20});
      TestFile file = make_file("extent");
      constexpr std::uint64_t kExtents = 2000;
      for (std::uint64_t i = 0; i < kExtents; ++i) extend(volume, file, 2 * i, 1).take();
      const std::size_t nodes = owned_by(volume, file).nodes.size();
      ASSERT_GT(nodes, kExtents / format::extents_per_node(1024));
      for (std::uint64_t i = 0; i < kExtents; ++i) {
        if (i % keep_each == 0) continue;
        Transaction tx = volume.begin(file.map->log_bytes_per_call(volume.layout));
        MapFile open = file.open();
        EXPECT_EQ(file.map->punch({tx, *volume.space, open}, FileBlock{2 * i}, 1).take(), 1u);
        file.blocks = open.blocks;
        tx.commit();
      }
      const Owned left = owned_by(volume, file);
      EXPECT_EQ(left.data.size(), (kExtents + keep_each - 1) / keep_each);
      EXPECT_EQ(file.blocks, left.data.size() + left.nodes.size());
      // A node and its neighbour together hold more than half a node.
      EXPECT_LE(left.nodes.size(), 6 + 5 * left.data.size() / format::extents_per_node(1024));
      shrink(volume, file, 0);
      EXPECT_EQ(file.blocks, 0u);
    }
  });
}

TEST_P(MapTest, BeyondTheLargestFileIsRefused) {
  in_runtime([&] {
    Volume volume({});
    TestFile file = make_file(GetParam());
    const std::uint64_t most = file.map->max_file_blocks(volume.layout);
    CachedReader reader(*volume.cache, volume.layout.seed);
    EXPECT_TRUE(file.map->find(reader, *volume.space, file.open(), FileBlock{most}, 9)->is_hole());
    if (!file.map->has_holes()) return;
    EXPECT_EQ(extend(volume, file, most, 1).code(), EFBIG);
    EXPECT_EQ(extend(volume, file, most - 1, 5).take(), 1u);
    EXPECT_EQ(extend(volume, file, 0, 1).take(), 1u);
    const Owned owned = owned_by(volume, file);
    EXPECT_TRUE(owned.data.contains(0));
    EXPECT_TRUE(owned.data.contains(most - 1));
    shrink(volume, file, 0);
    EXPECT_EQ(volume.space->statistics().free_blocks, volume.fresh_free_blocks);
  });
}

/// A file in many pieces, on the disk, with nothing in memory.
TestFile make_fragmented(Volume& volume, std::string_view map) {
  TestFile file = make_file(map);
  Random random(5);
  for (std::uint64_t at = 0; at < 300;) {
    if (file.map->has_holes() && random.one_in(3)) at += 1 + random.below(40);
    at +=
        extend(volume, file, at, 1 + random.below(3), file.map->has_unwritten() && random.one_in(4))
            .take();
  }
  volume.unmount();
  return file;
}

/// The blocks whose bytes say how the file is mapped.
std::vector<BlockNo> map_blocks(Volume& volume, TestFile& file) {
  const Owned owned = owned_by(volume, file);
  std::set<BlockNo> blocks(owned.nodes.begin(), owned.nodes.end());
  for (const auto& [at, data] : owned.data) {
    if (file.map->name() == "linked") blocks.insert(data.block);
    if (file.map->name() == "fat") blocks.insert(volume.layout.fat_place(data.block).block);
  }
  return {blocks.begin(), blocks.end()};
}

/// A value that damage is likely to produce, or that a careless reader would trust.
std::uint64_t pick_value(Random& random, const Volume& volume, std::span<const BlockNo> blocks) {
  switch (random.below(6)) {
    case 0:
      return 0;
    case 1:
      return ~0ull;
    case 2:
      return random();
    case 3:
      return blocks.empty() ? 1 : blocks[random.below(blocks.size())].value;
    case 4:
      return random.below(volume.layout.block_count);
    default:
      return random.below(400);
  }
}

void damage_bytes(Random& random, std::span<std::byte> bytes, std::uint64_t value) {
  if (bytes.size() < sizeof value) return;
  // Fields are aligned to four from the start of root and payload.
  const std::size_t at = random.below((bytes.size() - sizeof value) / 4 + 1) * 4;
  const std::size_t length = random.one_in(2) ? sizeof value : 1 + random.below(sizeof value);
  std::memcpy(bytes.data() + at, &value, length);
}

/// Seals whatever is sealed in the block.
void seal(const Volume& volume, std::string_view map, std::span<std::byte> bytes, BlockNo block) {
  if (map == "linked") {
    auto& header = format::at<format::LinkHeader>(bytes, 0);
    header.checksum = format::link_checksum(header, volume.layout.seed, block);
  } else {
    format::seal_block(bytes, volume.layout.seed, block, EpochNo{1});
  }
}

/// Everything that reads or changes a map, on a damaged one: any answer will do.
void use_damaged(Volume& volume, TestFile& file, Random& random) {
  std::uint64_t visited = 0;
  const MapVisitor visitor{.data = [&](const Extent& piece) -> Result<> {
    EXPECT_TRUE(volume.layout.is_data(BlockRun{piece.block, piece.length}));
    visited += piece.length;
    EXPECT_LE(visited, std::uint64_t{1} << 40);
    return {};
  }};
  (void)walk_file(volume, file, visitor);
  CachedReader reader(*volume.cache, volume.layout.seed);
  const std::vector<std::byte> root = file.root;
  const std::size_t log_bytes = file.map->log_bytes_per_call(volume.layout);
  for (int i = 0; i < 6; ++i) {
    const FileBlock at{random.below(400)};
    const auto piece = file.map->find(reader, *volume.space, file.open(), at, 50);
    if (piece.ok() && !piece->is_hole()) {
      EXPECT_TRUE(volume.layout.is_data(BlockRun{piece->block, piece->length}));
    }
    Transaction tx = volume.begin(log_bytes);
    MapFile open = file.open();
    switch (random.below(3)) {
      case 0:
        (void)file.map->shrink({tx, *volume.space, open}, at);
        break;
      case 1:
        (void)file.map->punch({tx, *volume.space, open}, at, 30);
        break;
      default:
        if (piece.ok() && piece->is_hole() && file.map->has_holes()) {
          (void)file.map->extend({tx, *volume.space, open}, at, 5, NewBlocks::kWritten);
        } else if (piece.ok() && piece->unwritten) {
          (void)file.map->mark_written({tx, *volume.space, open}, at, 1);
        }
    }
    std::ranges::copy(root, file.root.begin());
  }
}

TEST_P(MapTest, DamagedMapsAreAnsweredWithErrorsNotCrashes) {
  in_runtime([&] {
    Volume volume({.image_size = 2u << 20});
    TestFile file = make_fragmented(volume, GetParam());
    volume.mount();
    const std::vector<BlockNo> blocks = map_blocks(volume, file);
    volume.unmount();
    const MemoryDevice good = volume.device;
    const std::vector<std::byte> good_root = file.root;
    int refused = 0;
    for (std::uint64_t seed = 0; seed < 250; ++seed) {
      SCOPED_TRACE("seed " + std::to_string(seed));
      Random random(seed);
      volume.device = good;
      file.root = good_root;
      for (std::uint64_t n = 1 + random.below(3); n > 0; --n) {
        const std::uint64_t value = pick_value(random, volume, blocks);
        if (blocks.empty() || random.one_in(4)) {
          damage_bytes(random, file.root, value);
          continue;
        }
        const BlockNo block = blocks[random.below(blocks.size())];
        std::vector<std::byte> bytes(volume.layout.block_size);
        volume.device.read(block, bytes).take();
        const bool linked = file.map->name() == "linked";
        const std::span<std::byte> payload = std::span(bytes).subspan(linked ? 8 : 32);
        damage_bytes(random, payload.first(random.one_in(3) && !linked ? payload.size() : 24),
                     value);
        seal(volume, GetParam(), bytes, block);
        volume.device.write(block, bytes).take();
      }
      volume.mount();
      if (!walk_file(volume, file, {.data = [](const Extent&) -> Result<> { return {}; }}).ok()) {
        ++refused;
      }
      use_damaged(volume, file, random);
      volume.unmount();
    }
    // Much of the damage must be noticed.
    EXPECT_GT(refused, 30);
  });
}

INSTANTIATE_TEST_SUITE_P(AllStrategies, MapTest, ::testing::ValuesIn(format::strategy_names()),
                         [](const auto& test) { return std::string(test.param); });

TEST(ContiguousMapTest, SaysInWordsWhyAFileCannotGrow) {
  in_runtime([] {
    Volume volume({.image_size = 2u << 20});
    leave_scattered_blocks(volume, 3);
    TestFile file = make_file("contiguous");
    extend(volume, file, 0, 1).take();
    const auto more = extend(volume, file, 1, 1);
    ASSERT_EQ(more.code(), ENOSPC);
    EXPECT_STREQ(more.error().what, "no free run is long enough for the contiguous file");
  });
}

TEST(LinkedMapTest, LinksOnAShrunkChainOnlyWhenTheShrinkIsDurable) {
  in_runtime([] {
    Volume volume({});
    TestFile file = make_file("linked");
    extend(volume, file, 0, 20).take();
    volume.journal->sync().take();
    const EpochNo before = volume.journal->open_epoch();
    shrink(volume, file, 5);
    EXPECT_LT(volume.journal->durable_epoch(), before);
    extend(volume, file, 5, 1).take();
    EXPECT_GE(volume.journal->durable_epoch(), before);

    Transaction tx = volume.begin();
    MapFile open = file.open();
    EXPECT_TRUE(file.map->shrink({tx, *volume.space, open}, FileBlock{2}).take());
    EXPECT_EQ(
        file.map->extend({tx, *volume.space, open}, FileBlock{2}, 1, NewBlocks::kWritten).code(),
        EBUSY);
  });
}

TEST(LinkedMapTest, GrowsWhileTheFormerBlocksOfTheFileAreFreed) {
  in_runtime([] {
    Volume volume({});
    TestFile former = make_file("linked", 3);
    TestFile file = make_file("linked", 3);
    extend(volume, former, 0, 10).take();
    extend(volume, file, 0, 5).take();
    Transaction tx = volume.begin();
    MapFile open = former.open();
    EXPECT_TRUE(former.map->shrink({tx, *volume.space, open}, FileBlock{2}).take());
    EXPECT_EQ(extend(volume, file, 5, 1).code(), 0);
  });
}

TEST(LinkedMapTest, ABlockOfAnotherFileIsNotTakenForTheChains) {
  in_runtime([] {
    Volume volume({});
    TestFile file = make_file("linked", 3);
    TestFile other = make_file("linked", 4);
    extend(volume, file, 0, 3).take();
    extend(volume, other, 0, 3).take();
    const std::vector<std::byte> root = file.root;
    file.root = other.root;
    const MapVisitor visitor{.data = [](const Extent&) -> Result<> { return {}; }};
    EXPECT_EQ(walk_file(volume, file, visitor).code(), EUCLEAN);
    file.root = root;
    EXPECT_EQ(walk_file(volume, file, visitor).code(), 0);
  });
}

TEST(FatMapTest, HolesTooLongForALinkAreBridgedByZeros) {
  in_runtime([] {
    Volume volume({});
    TestFile file = make_file("fat");
    extend(volume, file, 0, 1).take();
    const std::uint64_t far = 3 * format::kFatMaxSkip;
    extend(volume, file, far, 1).take();
    const Owned owned = owned_by(volume, file);
    EXPECT_EQ(owned.data.size(), 4u);
    for (const auto& [at, data] : owned.data) {
      if (at == 0 || at == far) continue;
      const BlockRef block = volume.cache->read(data.block).take();
      EXPECT_TRUE(std::ranges::all_of(block.bytes(), [](std::byte b) { return b == std::byte{}; }));
    }
  });
}

TEST(ExtentMapTest, WritingIntoAllocatedSpaceNeedsNoSpace) {
  in_runtime([] {
    Volume volume({.image_size = 2u << 20});
    TestFile file = make_file("extent");
    extend(volume, file, 0, 400, true).take();
    for (;;) {
      Transaction tx = volume.begin();
      if (!volume.space->allocate(tx, {.want = 64}).ok()) break;
      tx.commit();
    }
    ASSERT_EQ(volume.space->statistics().free_blocks, 0u);
    CachedReader reader(*volume.cache, volume.layout.seed);
    const auto find = [&](std::uint64_t at) {
      return file.map->find(reader, *volume.space, file.open(), FileBlock{at}, 1).take();
    };
    for (const std::uint64_t at : {200u, 10u, 390u, 100u, 300u}) {
      if (!find(at).unwritten) continue;
      Transaction tx = volume.begin(file.map->log_bytes_per_call(volume.layout));
      MapFile open = file.open();
      file.map->mark_written({tx, *volume.space, open}, FileBlock{at}, 1).take();
      file.blocks = open.blocks;
      tx.commit();
      EXPECT_FALSE(find(at).unwritten);
    }
    EXPECT_EQ(file.blocks, 400u);
    // Blocks that nobody wrote read as zeros, by their mark or by their content.
    for (std::uint64_t at = 0; at < 400; ++at) {
      const Extent piece = find(at);
      ASSERT_FALSE(piece.is_hole());
      if (piece.unwritten || at % 10 == 0) continue;
      const BlockRef block = volume.cache->read(piece.block).take();
      ASSERT_TRUE(std::ranges::all_of(block.bytes(), [](std::byte b) { return b == std::byte{}; }));
    }
  });
}

TEST(ExtentMapTest, TheTreeGrowsDeepAndCollapsesAgain) {
  in_runtime([] {
    Volume volume({.image_size = 6u << 20});
    TestFile file = make_file("extent");
    // Every second block, in a scattered order, so that nothing joins.
    constexpr std::uint64_t kExtents = 1800;
    for (std::uint64_t i = 0; i < kExtents; ++i) {
      extend(volume, file, i * 1201 % kExtents * 2, 1).take();
    }
    const auto& root = format::at<format::ExtentRoot>(file.root, 0);
    EXPECT_GE(root.head.level, 2u);
    const Owned owned = owned_by(volume, file);
    EXPECT_EQ(owned.data.size(), kExtents);
    EXPECT_EQ(owned.nodes.size(), root.node_count);
    for (std::uint64_t at = 0; at < kExtents * 2 - 4; at += 2) {
      Transaction tx = volume.begin(file.map->log_bytes_per_call(volume.layout));
      MapFile open = file.open();
      EXPECT_EQ(file.map->punch({tx, *volume.space, open}, FileBlock{at}, 1).take(), 1u);
      file.blocks = open.blocks;
      tx.commit();
    }
    EXPECT_EQ(root.head.level, 0u);
    EXPECT_EQ(root.node_count, 0u);
    EXPECT_EQ(file.blocks, 2u);
  });
}

}  // namespace
}  // namespace spindle::test
