// Random operations, by several threads at once, on volumes of each strategy, with mounts in
// between and on a disk that is nearly full.

#include <gtest/gtest.h>

#include <cstdlib>

#include "mounted_volume.h"
#include "player.h"
#include "spindle/thread/thread.h"
#include "strategies.h"
#include "support/suspending_device.h"
#include "volume_check.h"

namespace spindle::test {
namespace {

// The stack size of a mount's requests.
constexpr std::size_t kStackSize = 256u << 10;

struct Round {
  VolumeOptions volume;
  Player::Options player;
  std::uint64_t seed = 0;
  int players = 3;
  int rounds = 3;
  int steps = 300;
  /// Each transfer lets the others run, and few blocks stay in memory: operations of several
  /// threads meet in their midst.
  bool interleaves = false;
};

// SPINDLE_SEED chooses another run; every failure's message names the seed.
std::uint64_t base_seed() {
  const char* text = std::getenv("SPINDLE_SEED");
  return text == nullptr ? 20'000 : std::strtoull(text, nullptr, 10);
}

std::string joined(const std::vector<std::string>& lines) {
  std::string text;
  for (const std::string& line : lines) text += "\n  " + line;
  return text;
}

class Game {
 public:
  explicit Game(const Round& round)
      : round_(round), image_(formatted(round.volume)), device_(image_, round.seed) {
    mount();
    for (int i = 0; i < round.players; ++i) {
      const auto made = must(volume_->make_directory({.umask = 022}, kRootNode, name(i), 0777));
      const Reference top = make_reference(made.mode, made.node);
      players_.push_back(std::make_unique<Player>(
          *volume_, top, round.seed + static_cast<unsigned>(i) * 1000, round.player));
    }
  }

  std::string play() {
    for (int r = 0; r < round_.rounds && error_.empty(); ++r) {
      play_round();
      check("while mounted");
      if (error_.empty()) remount();
      check("after a mount");
    }
    return error_;
  }

  std::string clear() {
    for (auto& player : players_) {
      if (!player->clear()) error_ = player->error();
    }
    check("when all is deleted");
    return error_;
  }
  FileSystem& volume() { return *volume_; }
  void unmount() { must(volume_->unmount()); }

 private:
  static std::string name(int player) { return "player" + std::to_string(player); }

  void mount() {
    if (!round_.interleaves) {
      volume_ = mounted(image_);
    } else {
      const BufferCache::Options cache{.capacity_bytes = 0, .dirty_age_ns = 0};
      volume_ =
          must(FileSystem::mount(device_, cache, {.commit_interval_ns = 0, .cached_nodes = 1}));
    }
  }

  void play_round() {
    std::vector<thread::Thread> threads;
    for (auto& player : players_) {
      threads.push_back(thread::spawn({.name = "player", .stack_size = kStackSize}, [&] {
        for (int i = 0; i < round_.steps && error_.empty(); ++i) {
          if (!player->step()) error_ = player->error();
          if (i % 8 == 0) thread::yield();
        }
      }));
    }
    for (auto& thread : threads) must(thread.join());
  }

  void check(const std::string& when) {
    if (!error_.empty()) return;
    std::uint64_t held = 0;
    for (auto& player : players_) {
      if (!player->compare()) error_ = player->error() + ", " + when;
      held += player->held();
    }
    if (error_.empty()) error_ = joined(check_volume(*volume_, held));
    if (!error_.empty()) error_ += " " + when;
  }

  void remount() {
    for (auto& player : players_) player->drop_held();
    must(volume_->unmount());
    mount();
    for (int i = 0; i < round_.players; ++i) {
      players_[static_cast<std::size_t>(i)]->remounted(
          *volume_, must(volume_->lookup(kRootNode, name(i))).node);
    }
  }

  Round round_;
  MemoryDevice image_;
  SuspendingDevice device_;
  std::unique_ptr<FileSystem> volume_;
  std::vector<std::unique_ptr<Player>> players_;
  std::string error_;
};

void play(const Round& round) {
  SCOPED_TRACE("SPINDLE_SEED=" + std::to_string(base_seed()));
  in_runtime([&] {
    Game game(round);
    ASSERT_EQ(game.play(), "");
    ASSERT_EQ(game.clear(), "");
    game.unmount();
  });
}

class Model : public testing::TestWithParam<format::MapKind> {};

TEST_P(Model, PlaysAsTheReference) {
  play({.volume = {.size = 40u << 20, .map_kind = GetParam()}, .player = {}, .seed = base_seed()});
}

TEST_P(Model, PlaysWithLargeBlocks) {
  play({.volume = {.size = 64u << 20, .block_size = 8192, .map_kind = GetParam()},
        .player = {},
        .seed = base_seed() + 1});
}

TEST_P(Model, PlaysOnAFullDisk) {
  play({.volume = {.size = 2u << 20, .map_kind = GetParam(), .journal_size = 128 << 10},
        .player = {.may_run_full = true},
        .seed = base_seed() + 2,
        .rounds = 4});
}

TEST_P(Model, PlaysWhereOperationsMeet) {
  play({.volume = {.size = 80u << 20, .map_kind = GetParam()},
        .player = {},
        .seed = base_seed() + 3,
        .players = 6,
        .rounds = 2,
        .interleaves = true});
}

TEST_P(Model, PlaysOnAFullDiskWhereOperationsMeet) {
  play({.volume = {.size = 3u << 20, .map_kind = GetParam(), .journal_size = 128 << 10},
        .player = {.may_run_full = true},
        .seed = base_seed() + 4,
        .players = 6,
        .rounds = 1,
        .steps = 120,
        .interleaves = true});
}

INSTANTIATE_TEST_SUITE_P(Strategies, Model, every_strategy(), strategy_name);

}  // namespace
}  // namespace spindle::test
