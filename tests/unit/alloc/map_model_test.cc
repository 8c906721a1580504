// Every strategy against a model of what is mapped, with which content, over random operations,
// with transactions dropped at random and new mounts; and every block is owned once.
#include <algorithm>

#include "alloc_fixture.h"

namespace spindle::test {
namespace {

struct Content {
  std::uint64_t stamp = 0;
  bool unwritten = false;
};

struct ModelFile {
  TestFile file;
  std::map<std::uint64_t, Content> blocks;
};

struct Case {
  std::string map;
  std::uint32_t block_size = 1024;
  std::uint64_t seed = 1;
};

class Model {
 public:
  explicit Model(const Case& c)
      : random_(c.seed * 7919 + c.block_size),
        map_(*file_map(std::string_view(c.map))),
        volume_({.block_size = c.block_size,
                 .image_size = std::uint64_t{c.block_size} * 2600,
                 .fit = kFits[c.seed % std::size(kFits)],
                 .journal_size = std::max<std::uint64_t>(256u << 10, 64 * c.block_size)}) {
    for (std::uint64_t i = 0; i < 3; ++i) {
      files_.emplace_back();
      files_.back().file.map = &map_;
      files_.back().file.inode = InodeNo{i + 3};
    }
  }

  void run(int steps) {
    for (int i = 0; i < steps && !::testing::Test::HasFailure(); ++i) {
      SCOPED_TRACE("step " + std::to_string(i));
      step();
      if (random_.one_in(8)) check_everything();
    }
    for (ModelFile& m : files_) shrink(m, 0, false);
    volume_.journal->sync().take();
    check_everything();
    EXPECT_EQ(volume_.space->statistics().free_blocks, volume_.fresh_free_blocks);
    EXPECT_EQ(volume_.space->statistics().pending_blocks, 0u);
  }

 private:
  static constexpr const char* kFits[] = {"near",  "first", "best", "near",
                                          "worst", "next",  "buddy"};

  void step() {
    ModelFile& m = files_[random_.below(files_.size())];
    const bool drops = random_.one_in(5);
    switch (random_.below(12)) {
      case 0:
        return shrink(m, pick_end(m), drops);
      case 1:
      case 2:
        return map_.has_holes() ? punch(m, drops) : extend(m, drops);
      case 3:
        return map_.has_unwritten() ? mark_written(m, drops) : extend(m, drops);
      case 4:
        return random_.one_in(4) ? remount() : volume_.journal->sync().take();
      default:
        return extend(m, drops);
    }
  }

  std::uint64_t pick_end(const ModelFile& m) {
    if (m.blocks.empty() || random_.one_in(6)) return 0;
    return random_.below(m.blocks.rbegin()->first + 2);
  }

  /// A place: for strategies with holes mostly near the start, at times far out.
  std::uint64_t pick_place(const ModelFile& m) {
    if (!map_.has_holes()) return m.blocks.size();
    const std::uint64_t most = map_.max_file_blocks(volume_.layout);
    if (random_.one_in(3) && !m.blocks.empty())
      return std::min(most - 1, m.blocks.rbegin()->first + 1);
    if (random_.one_in(12)) return random_.below(most);
    return random_.below(std::min<std::uint64_t>(most, random_.one_in(4) ? 6000 : 400));
  }

  Transaction begin() { return volume_.begin(map_.log_bytes_per_call(volume_.layout) + 1); }

  /// Commits or drops a transaction after a successful call; true if it was committed.
  bool finish(Transaction&& tx, ModelFile& m, const MapFile& open, bool drops,
              std::span<const std::byte> root_before) {
    EXPECT_GE(tx.log_bytes_left(), 1u) << "the call logged more than it said";
    if (drops) {
      std::copy(root_before.begin(), root_before.end(), m.file.root.begin());
      { const Transaction dropped = std::move(tx); }
      return false;
    }
    m.file.blocks = open.blocks;
    tx.commit();
    return true;
  }

  void extend(ModelFile& m, bool drops) {
    std::uint64_t at = pick_place(m);
    while (m.blocks.contains(at)) ++at;
    if (at >= map_.max_file_blocks(volume_.layout)) return;
    const std::uint64_t want = 1 + random_.below(random_.one_in(5) ? 200 : 12);
    const bool unwritten = map_.has_unwritten() && random_.one_in(3);
    const std::vector<std::byte> root = m.file.root;
    Transaction tx = begin();
    MapFile open = m.file.open();
    const Result<Extent> got = map_.extend({tx, *volume_.space, open}, FileBlock{at}, want,
                                           unwritten ? NewBlocks::kUnwritten : NewBlocks::kWritten);
    if (!got.ok()) {
      m.file.root = root;
      ASSERT_EQ(got.code(), ENOSPC) << got.error().describe();
      if (map_.kind() != format::MapKind::kContiguous) {
        EXPECT_LE(volume_.space->statistics().free_blocks, 12u);
      }
      return;
    }
    ASSERT_EQ(got->at, FileBlock{at});
    ASSERT_GE(got->length, 1u);
    ASSERT_LE(got->length, want);
    ASSERT_EQ(got->unwritten, unwritten);
    std::map<std::uint64_t, Content> added;
    for (std::uint64_t i = 0; i < got->length; ++i) {
      ASSERT_FALSE(m.blocks.contains(at + i));
      added[at + i] = {unwritten ? 0 : random_() | 1, unwritten};
      if (!unwritten) write_stamp(m.file.inode, got->block + i, added[at + i].stamp);
    }
    tx.order_data(m.file.inode);
    if (!finish(std::move(tx), m, open, drops, root)) return;
    m.blocks.merge(added);
  }

  void shrink(ModelFile& m, std::uint64_t end, bool drops) {
    for (int calls = 0;; ++calls) {
      ASSERT_LT(calls, 3000);
      const std::vector<std::byte> root = m.file.root;
      Transaction tx = begin();
      MapFile open = m.file.open();
      const Result<bool> done = map_.shrink({tx, *volume_.space, open}, FileBlock{end});
      ASSERT_TRUE(done.ok()) << done.error().describe();
      if (!finish(std::move(tx), m, open, drops, root)) return;
      if (*done) break;
    }
    m.blocks.erase(m.blocks.lower_bound(end), m.blocks.end());
  }

  void punch(ModelFile& m, bool drops) {
    std::uint64_t from = pick_place(m);
    std::uint64_t length = 1 + random_.below(random_.one_in(4) ? std::uint64_t{1} << 27 : 50);
    for (int calls = 0; length != 0; ++calls) {
      ASSERT_LT(calls, 3000);
      const std::vector<std::byte> root = m.file.root;
      Transaction tx = begin();
      MapFile open = m.file.open();
      const Result<std::uint64_t> done =
          map_.punch({tx, *volume_.space, open}, FileBlock{from}, length);
      if (!done.ok()) {
        m.file.root = root;
        ASSERT_EQ(done.code(), ENOSPC) << done.error().describe();
        return;
      }
      ASSERT_GE(*done, 1u);
      ASSERT_LE(*done, length);
      if (!finish(std::move(tx), m, open, drops, root)) return;
      m.blocks.erase(m.blocks.lower_bound(from), m.blocks.lower_bound(from + *done));
      from += *done;
      length -= *done;
    }
  }

  void mark_written(ModelFile& m, bool drops) {
    CachedReader reader(*volume_.cache, volume_.layout.seed);
    const auto place = std::find_if(m.blocks.lower_bound(random_.below(400)), m.blocks.end(),
                                    [](const auto& entry) { return entry.second.unwritten; });
    if (place == m.blocks.end()) return;
    const std::uint64_t from = place->first;
    const Extent piece =
        map_.find(reader, *volume_.space, m.file.open(), FileBlock{from}, 100).take();
    ASSERT_TRUE(piece.unwritten);
    const std::uint64_t skip = random_.below(piece.length);
    const std::uint64_t length = 1 + random_.below(piece.length - skip);
    const std::vector<std::byte> root = m.file.root;
    Transaction tx = begin();
    MapFile open = m.file.open();
    const Result<> done =
        map_.mark_written({tx, *volume_.space, open}, FileBlock{from + skip}, length);
    if (!done.ok()) {
      m.file.root = root;
      ASSERT_EQ(done.code(), ENOSPC) << done.error().describe();
      return;
    }
    std::vector<std::uint64_t> stamps(length);
    if (!drops) {
      for (std::uint64_t i = 0; i < length; ++i) {
        stamps[i] = random_() | 1;
        write_stamp(m.file.inode, piece.block + skip + i, stamps[i]);
      }
      tx.order_data(m.file.inode);
    }
    if (!finish(std::move(tx), m, open, drops, root)) return;
    for (std::uint64_t i = 0; i < length; ++i) m.blocks[from + skip + i] = {stamps[i], false};
  }

  void remount() {
    volume_.unmount();
    volume_.mount();
  }

  /// The whole content of a block.
  [[nodiscard]] std::vector<std::byte> content_of(std::uint64_t stamp) const {
    std::vector<std::byte> content(map_.content_size(volume_.layout.block_size));
    for (std::size_t i = 0; i + sizeof stamp <= content.size(); i += sizeof stamp) {
      std::memcpy(&content[i], &stamp, sizeof stamp);
    }
    return content;
  }

  void write_stamp(InodeNo inode, BlockNo block, std::uint64_t stamp) {
    const BlockRef ref = volume_.cache->read(block, IoPurpose::kData).take();
    volume_.cache->write_access(ref);
    const std::size_t from = map_.content_offset(volume_.layout.block_size);
    std::ranges::copy(content_of(stamp), ref.writable().subspan(from).begin());
    volume_.cache->mark_dirty(ref, inode);
  }

  void check_content(BlockNo block, std::uint64_t stamp) {
    const BlockRef ref = volume_.cache->read(block, IoPurpose::kData).take();
    const auto bytes = ref.bytes().subspan(map_.content_offset(volume_.layout.block_size));
    ASSERT_TRUE(std::ranges::equal(bytes, content_of(stamp))) << "block " << block.value;
  }

  void check_everything() {
    std::set<BlockNo> seen;
    std::uint64_t all = 0;
    for (ModelFile& m : files_) {
      SCOPED_TRACE("inode " + std::to_string(m.file.inode.value));
      const Owned owned = owned_by(volume_, m.file);
      EXPECT_EQ(m.file.blocks, owned.data.size() + owned.nodes.size());
      all += m.file.blocks;
      for (const BlockNo node : owned.nodes) EXPECT_TRUE(seen.insert(node).second);
      for (const auto& [at, data] : owned.data) EXPECT_TRUE(seen.insert(data.block).second) << at;
      check_mapping(m, owned);
    }
    EXPECT_EQ(volume_.space->statistics().free_blocks, volume_.fresh_free_blocks - all);
    const std::uint64_t used_at_first = volume_.data_blocks() - volume_.fresh_free_blocks;
    EXPECT_EQ(volume_.blocks_in_use(), used_at_first + all);
  }

  void check_mapping(ModelFile& m, const Owned& owned) {
    const bool is_fat = map_.kind() == format::MapKind::kFat;
    for (const auto& [at, data] : owned.data) {
      const auto known = m.blocks.find(at);
      if (known == m.blocks.end()) {
        // The reserve of a contiguous file; zeros that bridge a hole.
        if (map_.kind() == format::MapKind::kContiguous && at >= m.blocks.size()) continue;
        ASSERT_TRUE(is_fat) << "block " << at << " is mapped";
        check_content(data.block, 0);
        m.blocks[at] = {};
        continue;
      }
      ASSERT_EQ(known->second.unwritten, data.unwritten) << at;
      if (!data.unwritten) check_content(data.block, known->second.stamp);
    }
    for (const auto& [at, content] : m.blocks) ASSERT_TRUE(owned.data.contains(at)) << at;
    check_find(m, owned);
  }

  /// `find` tells the same as `walk`, at and around some places.
  void check_find(ModelFile& m, const Owned& owned) {
    CachedReader reader(*volume_.cache, volume_.layout.seed);
    for (int i = 0; i < 12; ++i) {
      const std::uint64_t at =
          owned.data.empty() || random_.one_in(3)
              ? random_.below(6000)
              : std::next(owned.data.begin(),
                          static_cast<std::ptrdiff_t>(random_.below(owned.data.size())))
                        ->first +
                    random_.below(2);
      const std::uint64_t max = 1 + random_.below(60);
      const Extent piece =
          map_.find(reader, *volume_.space, m.file.open(), FileBlock{at}, max).take();
      ASSERT_EQ(piece.at, FileBlock{at});
      ASSERT_GE(piece.length, 1u);
      ASSERT_LE(piece.length, max);
      for (std::uint64_t k = 0; k < piece.length; ++k) {
        const auto known = owned.data.find(at + k);
        ASSERT_EQ(piece.is_hole(), known == owned.data.end()) << at << "+" << k;
        if (piece.is_hole()) continue;
        ASSERT_EQ(known->second.block, piece.block + k);
        ASSERT_EQ(known->second.unwritten, piece.unwritten);
      }
    }
  }

  Random random_;
  const FileMap& map_;
  Volume volume_;
  std::vector<ModelFile> files_;
};

class MapModelTest : public ::testing::TestWithParam<std::tuple<std::string, std::uint32_t>> {};

TEST_P(MapModelTest, DoesWhatTheModelDoes) {
  for (std::uint64_t seed = 1; seed <= 7 && !HasFailure(); ++seed) {
    SCOPED_TRACE("seed " + std::to_string(seed));
    const Case c{std::get<0>(GetParam()), std::get<1>(GetParam()), seed};
    in_runtime([&] { Model(c).run(400); });
  }
}

INSTANTIATE_TEST_SUITE_P(AllStrategies, MapModelTest,
                         ::testing::Combine(::testing::Values("contiguous", "linked", "fat",
                                                              "indexed", "extent"),
                                            ::testing::Values(1024u, 4096u)),
                         [](const auto& test) {
                           return std::get<0>(test.param) + "_" +
                                  std::to_string(std::get<1>(test.param));
                         });

}  // namespace
}  // namespace spindle::test
