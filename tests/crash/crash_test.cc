// The power fails at every write and flush of random workloads, with what was not flushed arrived,
// lost, in another order, and torn. Each image must mount, agree with itself, and hold what was
// promised; after an unmount a check finds nothing.

#include <gtest/gtest.h>

#include "judge.h"
#include "model/strategies.h"
#include "spindle/device/crash_state.h"
#include "workload.h"

namespace spindle::test {
namespace {

constexpr int kCrashOperations = 60;
constexpr std::size_t kStates = 4200;     // for each strategy
constexpr std::size_t kChecksOneIn = 16;  // states that are unmounted and given to fsck

std::uint64_t base_seed() {
  return from_environment("SPINDLE_SEED", 500);
}

/// Some keep no inode that nobody refers to; some commit and write back whenever they can, so that
/// what was not synced arrives in any order.
std::unique_ptr<FileSystem> mounted_for(BlockDevice& device, FileSystem::Options options,
                                        std::uint64_t seed) {
  BufferCache::Options cache{.capacity_bytes = 4u << 20};
  if (seed % 2 == 0) options.cached_nodes = 1;
  if (seed % 3 == 0) options.commit_interval_ns = cache.dirty_age_ns = 0;
  return must(FileSystem::mount(device, cache, std::move(options)));
}

// Records one workload and tries every cut of it; returns the number of states.
std::size_t try_all_cuts(const VolumeOptions& format, const FileSystem::Options& options,
                         std::uint64_t seed, std::string& wrong) {
  MemoryDevice image = formatted(format);
  RecordingDevice device(image);
  History history;
  auto volume = mounted_for(device, options, seed);
  device.restart();
  const MemoryDevice start = image;
  Workload(*volume, device, history, seed, {.sync = options.sync}).run(kCrashOperations);
  volume.reset();

  const CrashStates states(start, device.log());
  std::size_t tried = 0;
  for (std::size_t cut = 0; cut <= states.events(); ++cut) {
    for (const CrashMode mode : kCrashModes) {
      MemoryDevice after = states.at(cut, mode, seed + cut);
      wrong = judge(after, cut, history, tried++ % kChecksOneIn == 0);
      if (wrong.empty()) continue;
      wrong = "seed " + std::to_string(seed) + ", cut " + std::to_string(cut) + " of " +
              std::to_string(states.events()) + ", mode " + std::to_string(static_cast<int>(mode)) +
              ": " + wrong;
      return tried;
    }
  }
  return tried;
}

class Crash : public testing::TestWithParam<format::MapKind> {
 protected:
  static void try_cuts(const FileSystem::Options& options, std::size_t states,
                       VolumeOptions format = {.size = 1u << 20}) {
    format.map_kind = GetParam();
    in_runtime([&] {
      std::size_t tried = 0;
      std::string wrong;
      for (std::uint64_t seed = base_seed(); tried < states / one_in() && wrong.empty(); ++seed) {
        tried += try_all_cuts(format, options, seed, wrong);
      }
      EXPECT_EQ(wrong, "");
      RecordProperty("states", static_cast<int>(tried));
    });
  }
};

TEST_P(Crash, LosesNothingThatWasPromised) {
  try_cuts({}, kStates);
}

TEST_P(Crash, LosesNothingThatWasPromisedWithDataInTheLog) {
  try_cuts({.data_in_log = true}, kStates / 3);
}

// Here the effect of an operation is promised as soon as it has returned.
TEST_P(Crash, LosesNothingThatWasAnsweredWhenEachOperationIsDurable) {
  try_cuts({.sync = true}, kStates / 3);
}

// So many inodes that their table ends just before the blocks of the first bitmap block do: the
// files have their bits in that one and the next, which is written when it is first needed.
TEST_P(Crash, LosesNothingWhereTheBitmapHasManyBlocks) {
  try_cuts({}, kStates / 10, {.size = 12u << 20, .inodes = 31'200, .group_size = 12u << 20});
}

INSTANTIATE_TEST_SUITE_P(Strategies, Crash, every_strategy(), strategy_name);

}  // namespace
}  // namespace spindle::test
