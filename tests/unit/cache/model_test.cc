// The cache against a trivial model: the version that each block was last given. Several threads do
// random things to a few files in a tiny cache over a slow device that fails now and then.
#include <algorithm>
#include <array>
#include <cstring>
#include <optional>

#include "cache_fixture.h"
#include "spindle/policy/replacement_policy.h"

namespace spindle {
namespace {

constexpr std::uint64_t kBlocks = 320;
constexpr std::uint64_t kBlocksPerFile = 40;
constexpr std::size_t kThreads = 6;
constexpr std::size_t kMostHeld = 3;
constexpr std::uint64_t kLongestRange = 12;
/// By all threads, or by one that looks at a file's dirty blocks, and by four read-aheads.
constexpr std::size_t kMostPinned =
    kThreads * (kLongestRange + kMostHeld + 1) + kBlocksPerFile + 4 * kLongestRange;

struct Setting {
  std::uint64_t seed;
  std::size_t capacity;
  bool faults;
  bool background;
};

/// What a block's bytes are at a version: the version, then words made of it and of their place.
void paint(std::span<std::byte> bytes, std::uint64_t version) {
  std::memcpy(bytes.data(), &version, 8);
  for (std::size_t at = 8; at < bytes.size(); at += 8) {
    const std::uint64_t word = version * 0x9E3779B97F4A7C15ull + at;
    std::memcpy(bytes.data() + at, &word, 8);
  }
}
bool is_painted(std::span<const std::byte> bytes, std::uint64_t version) {
  std::array<std::byte, kBlockSize> expected{};
  paint(expected, version);
  return std::ranges::equal(expected, bytes);
}
std::uint64_t version_of(std::span<const std::byte> bytes) {
  std::uint64_t version = 0;
  std::memcpy(&version, bytes.data(), 8);
  return version;
}

class ModelRun {
 public:
  explicit ModelRun(const Setting& setting)
      : setting_(setting), random_(setting.seed), device_(kBlockSize, kBlocks, setting.seed) {
    device_.most_yields = 5;
    for (std::uint64_t block = 0; block < kBlocks; ++block) {
      std::vector<std::byte> bytes(kBlockSize);
      paint(bytes, 1);
      device_.memory.poke(block * kBlockSize, bytes);
      blocks_.push_back({.version = 1});
    }
  }

  void run() {
    SCOPED_TRACE("seed " + std::to_string(setting_.seed));
    test::in_runtime([&] {
      cache_ = BufferCache::create(device_, {.capacity_bytes = 0,
                                             .least_blocks = setting_.capacity,
                                             .policy = pick_policy(),
                                             .dirty_age_ns = 1'000'000})
                   .take();
      if (setting_.background) cache_->start_write_back().take();
      {
        std::vector<thread::Thread> threads;
        for (std::size_t i = 0; i < kThreads; ++i) {
          threads.push_back(thread::spawn("user", [this, i] { use(setting_.seed * 100 + i); }));
        }
        for (thread::Thread& each : threads) each.join().take();
      }
      finish();
      cache_.reset();
    });
  }

 private:
  struct Block {
    std::optional<std::uint64_t> version;  ///< none: forgotten, its content is unknown
    std::uint64_t forgotten = 0;           ///< how often
  };
  struct Held {
    BlockRef ref;
    std::uint64_t forgotten;
  };

  std::string_view pick_policy() {
    const auto names = replacement_policy_names();
    return names[random_.below(names.size())];
  }
  BlockNo pick_block(Random& random) const { return BlockNo{random.below(kBlocks)}; }
  Run pick_run(Random& random) const {
    const BlockNo start = pick_block(random);
    return {start, std::min(random.below(kLongestRange) + 1, kBlocks - start.value)};
  }
  static InodeNo owner_of(BlockNo block) { return InodeNo{100 + block.value / kBlocksPerFile}; }
  static BlockNo first_of(InodeNo owner) { return BlockNo{(owner.value - 100) * kBlocksPerFile}; }

  void use(std::uint64_t seed) {
    Random random(seed);
    std::vector<Held> held;
    for (int step = 0; step < 400; ++step) {
      act(random, held);
      if (random.one_in(4)) thread::yield();
      if (held.size() > kMostHeld || random.one_in(10)) let_go(held);
    }
    let_go(held);
  }

  void act(Random& random, std::vector<Held>& held) {
    switch (random.below(20)) {
      case 0:
      case 1:
      case 2:
      case 3:
        return read_one(random, held);
      case 4:
      case 5:
        return read_many(random);
      case 6:
      case 7:
      case 8:
      case 9:
        return overwrite(random);
      case 10:
      case 11:
      case 12:
        return change(random);
      case 13:
        return cache_->read_ahead(pick_run(random));
      case 14:
        return random.one_in(2)
                   ? flush_one(owner_of(pick_block(random)))
                   : flush_two(owner_of(pick_block(random)), owner_of(pick_block(random)));
      case 15:
        return flush_some(pick_run(random));
      case 16:
        return forget(pick_run(random));
      case 17:
        return look_at_dirty(owner_of(pick_block(random)));
      case 18:
        return static_cast<void>(must(cache_->throttle()));
      default:
        return turn_a_knob(random);
    }
  }

  /// Errors are fine only where faults are injected.
  template <class T>
  Result<T> must(Result<T> result) const {
    if (!setting_.faults) {
      EXPECT_TRUE(result.ok()) << (result.ok() ? "" : result.error().describe());
    }
    return result;
  }

  void expect_content(const BlockRef& ref, BlockNo block, std::uint64_t forgotten_before) const {
    const Block& model = blocks_[block.value];
    ASSERT_EQ(ref.block(), block);
    if (!model.version || model.forgotten != forgotten_before) return;
    EXPECT_TRUE(is_painted(ref.bytes(), *model.version))
        << "block " << block.value << " is not at version " << *model.version;
  }

  void read_one(Random& random, std::vector<Held>& held) {
    const BlockNo block = pick_block(random);
    const std::uint64_t forgotten = blocks_[block.value].forgotten;
    auto ref = must(cache_->read(block));
    if (!ref.ok()) return;
    expect_content(*ref, block, forgotten);
    if (random.one_in(3)) held.push_back({*ref, forgotten});
  }

  void let_go(std::vector<Held>& held) const {
    for (const Held& one : held) expect_content(one.ref, one.ref.block(), one.forgotten);
    held.clear();
  }

  void read_many(Random& random) {
    const Run run = pick_run(random);
    std::vector<std::uint64_t> forgotten;
    for (std::uint64_t i = 0; i < run.length; ++i) {
      forgotten.push_back(blocks_[run.start.value + i].forgotten);
    }
    auto refs = must(cache_->read_range(run));
    if (!refs.ok()) return;
    ASSERT_EQ(refs->size(), run.length);
    for (std::size_t i = 0; i < run.length; ++i) {
      expect_content((*refs)[i], run.start + i, forgotten[i]);
    }
  }

  void overwrite(Random& random) {
    const Run run = pick_run(random);
    for (std::uint64_t i = 0; i < run.length; ++i) {
      auto ref = must(cache_->blank(run.start + i));
      if (!ref.ok()) continue;
      // No other thread ran since: the block cannot have been forgotten.
      EXPECT_TRUE(std::ranges::all_of(ref->bytes(), [](std::byte b) { return b == std::byte{0}; }));
      install(*ref, run.start + i);
    }
  }

  void change(Random& random) {
    const BlockNo block = pick_block(random);
    const std::uint64_t forgotten = blocks_[block.value].forgotten;
    auto ref = must(cache_->read(block));
    if (!ref.ok()) return;
    if (random.one_in(2)) thread::yield();
    cache_->write_access(*ref);
    if (blocks_[block.value].forgotten != forgotten || !blocks_[block.value].version) return;
    expect_content(*ref, block, forgotten);
    install(*ref, block);
  }

  void install(const BlockRef& ref, BlockNo block) {
    const std::uint64_t version = ++versions_;
    paint(ref.writable(), version);
    cache_->mark_dirty(ref, owner_of(block));
    blocks_[block.value].version = version;
    EXPECT_TRUE(cache_->is_dirty(ref));
  }

  struct Promise {
    std::uint64_t block;
    Block then;
  };
  std::vector<Promise> promises_for(BlockNo first, std::uint64_t count) const {
    std::vector<Promise> promises;
    for (std::uint64_t i = first.value; i < first.value + count; ++i) {
      promises.push_back({i, blocks_[i]});
    }
    return promises;
  }
  /// What was there when the flush began, or something newer, is on the device.
  void expect_kept(const std::vector<Promise>& promises) {
    for (const auto& [block, then] : promises) {
      if (!then.version || blocks_[block].forgotten != then.forgotten) continue;
      std::vector<std::byte> bytes(kBlockSize);
      device_.memory.peek(block * kBlockSize, bytes);
      const std::uint64_t version = version_of(bytes);
      EXPECT_TRUE(version >= *then.version && is_painted(bytes, version))
          << "block " << block << " is not at version " << *then.version << " or later";
    }
  }

  void flush_one(InodeNo owner) {
    const auto promises = promises_for(first_of(owner), kBlocksPerFile);
    if (must(cache_->flush_file(owner)).ok()) expect_kept(promises);
  }
  void flush_two(InodeNo one, InodeNo other) {
    if (one == other) return flush_one(one);
    const auto of_one = promises_for(first_of(one), kBlocksPerFile);
    const auto of_other = promises_for(first_of(other), kBlocksPerFile);
    const std::array owners{one, other};
    if (!must(cache_->flush_files(owners)).ok()) return;
    expect_kept(of_one);
    expect_kept(of_other);
  }
  void flush_some(Run run) {
    std::vector<BlockNo> numbers;
    for (std::uint64_t i = run.length; i > 0; --i) numbers.push_back(run.start + (i - 1));
    const auto promises = promises_for(run.start, run.length);
    if (must(cache_->flush_blocks(numbers)).ok()) expect_kept(promises);
  }

  void forget(Run run) {
    cache_->forget(run);
    for (std::uint64_t i = 0; i < run.length; ++i) {
      Block& model = blocks_[run.start.value + i];
      model.version.reset();
      ++model.forgotten;
      EXPECT_FALSE(cache_->peek(run.start + i));
    }
  }

  void look_at_dirty(InodeNo owner) {
    const auto dirty = cache_->unlogged_dirty_blocks(owner);
    EXPECT_EQ(dirty.size(), cache_->dirty_count(owner));
    for (std::size_t i = 0; i < dirty.size(); ++i) {
      EXPECT_EQ(owner_of(dirty[i].block()), owner);
      if (i > 0) {
        EXPECT_LT(dirty[i - 1].block(), dirty[i].block());
      }
      expect_content(dirty[i], dirty[i].block(), blocks_[dirty[i].block().value].forgotten);
    }
  }

  void turn_a_knob(Random& random) {
    switch (random.below(5)) {
      case 0:
        return cache_->set_policy(pick_policy()).take();
      case 1:
        return cache_->drop_clean();
      case 2:
        return static_cast<void>(must(cache_->flush_device()));
      case 3: {
        const CacheStatistics counts = cache_->statistics();
        EXPECT_EQ(counts.reads, counts.hits + counts.misses);
        EXPECT_LE(counts.read_ahead_used, counts.read_ahead_blocks);
        EXPECT_LE(counts.pinned_blocks, counts.used_blocks);
        return;
      }
      default:
        return break_or_mend(random);
    }
  }

  void break_or_mend(Random& random) {
    if (!setting_.faults) return;
    auto& bad = random.one_in(2) ? device_.bad_reads : device_.bad_writes;
    if (bad.size() > 6) return bad.clear();
    bad.insert(random.below(kBlocks));
  }

  void finish() {
    device_.bad_reads.clear();
    device_.bad_writes.clear();
    cache_->stop_write_back();
    ASSERT_TRUE(cache_->flush_all().ok());
    expect_all_home();
    while (cache_->statistics().pinned_blocks > 0) thread::yield();  // a read-ahead is under way
    const CacheStatistics counts = cache_->statistics();
    EXPECT_EQ(counts.reads, counts.hits + counts.misses);
    EXPECT_EQ(counts.dirty_blocks, 0u);
    EXPECT_LE(counts.used_blocks, setting_.capacity);
    const bool roomy = setting_.capacity >= kMostPinned;
    if (roomy && !setting_.faults) {
      EXPECT_EQ(counts.over_capacity, 0u);
    }
    cache_->drop_clean();
    EXPECT_EQ(cache_->statistics().used_blocks, 0u);
  }

  void expect_all_home() {
    for (std::uint64_t block = 0; block < kBlocks; ++block) {
      if (!blocks_[block].version) continue;
      std::vector<std::byte> bytes(kBlockSize);
      device_.memory.peek(block * kBlockSize, bytes);
      EXPECT_TRUE(is_painted(bytes, *blocks_[block].version)) << "block " << block;
    }
  }

  Setting setting_;
  Random random_;
  SlowDevice device_;
  std::unique_ptr<BufferCache> cache_;
  std::vector<Block> blocks_;
  std::uint64_t versions_ = 1;
};

void run_seeds(std::uint64_t first_seed, bool faults) {
  constexpr std::size_t kCapacities[] = {8, 24, 64, 200};
  for (std::uint64_t i = 0; i < 40 && !::testing::Test::HasFailure(); ++i) {
    ModelRun({.seed = first_seed + i,
              .capacity = kCapacities[i % std::size(kCapacities)],
              .faults = faults,
              .background = i % 3 != 0})
        .run();
  }
}

TEST(CacheModel, ThreadsOverASlowDevice) {
  run_seeds(1000, false);
}
TEST(CacheModel, ThreadsOverASlowDeviceThatFails) {
  run_seeds(2000, true);
}

}  // namespace
}  // namespace spindle
