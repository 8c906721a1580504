// Power cuts at every write and flush of random workloads, and at every write of the replays.
#include <gtest/gtest.h>

#include "journal_workload.h"
#include "spindle/device/crash_state.h"
#include "spindle/device/fault_device.h"

namespace spindle {
namespace {

using test::Promise;
using test::Snapshot;
using test::Workload;
using test::WorkloadOptions;

// A workload that has been run on a recorded device, and what it promised.
struct RecordedRun {
  format::Layout layout;
  MemoryDevice start;
  WriteLog recording;
  std::vector<Snapshot> snapshots;
  std::vector<Promise> promises;
  JournalStatistics statistics;
  bool closed = false;
};

WorkloadOptions random_options(Random& random) {
  WorkloadOptions options;
  options.volume.block_size = random.one_in(4) ? 4096 : 1024;
  if (random.one_in(3)) options.volume.journal_size = 160 * 1024;
  options.journal.commit_interval_ns = random.one_in(3) ? 0 : INT64_MAX / 4;
  options.journal.data_in_log = random.one_in(4);
  options.journal.small_data_bytes = random.below(3) * 4096;
  options.journal.small_overwrite_bytes = random.below(3) * 4096;
  options.cache_blocks = random.one_in(3) ? 80 : 1024;
  options.threads = 1 + static_cast<unsigned>(random.below(4));
  return options;
}

RecordedRun run_workload(const WorkloadOptions& options, std::uint64_t seed,
                         const std::function<void(FaultDevice&)>& faults = {}) {
  const format::Layout layout = test::make_layout(options.volume);
  MemoryDevice image(layout.block_size, layout.block_count);
  test::make_volume(image, layout);
  RecordedRun result{layout, image, {}, {}, {}, {}, false};
  test::in_runtime([&] {
    test::SuspendingDevice suspending(image, seed);
    RecordingDevice recording(suspending);
    FaultDevice faulty(recording, seed);
    auto cache =
        BufferCache::create(faulty, {.capacity_bytes = options.cache_blocks * layout.block_size})
            .take();
    auto journal = Journal::open(*cache, layout, options.journal).take();
    if (faults) faults(faulty);
    Workload workload(*cache, *journal, layout, recording, options, seed);
    workload.run();
    result.closed = journal->close().ok();
    result.snapshots = workload.snapshots();
    result.promises = workload.promises();
    result.statistics = journal->statistics();
    if (result.closed) {
      result.promises.push_back({recording.events(), result.snapshots.size() - 1, {}});
    }
    result.recording = recording.log();
  });
  return result;
}

std::vector<std::byte> read_block(BlockDevice& device, BlockNo block) {
  std::vector<std::byte> bytes(device.block_size());
  device.read(block, bytes).take();
  return bytes;
}

// Finds which prefix of transactions the replayed image is, and checks that it is just that.
std::size_t check_prefix(const RecordedRun& run, BlockDevice& image) {
  const auto state = read_block(image, run.layout.state());
  const std::size_t prefix = format::at<le32>(std::span(state), format::kHeaderSize);
  if (prefix >= run.snapshots.size()) {
    ADD_FAILURE() << "no such prefix: " << prefix;
    return 0;
  }
  const Snapshot& snapshot = run.snapshots[prefix];
  for (const auto& [block, meta] : snapshot.meta) {
    const auto bytes = read_block(image, block);
    const Result<> good = format::verify_block(bytes, meta.kind, run.layout.seed, block);
    EXPECT_TRUE(good.ok()) << "prefix " << prefix << ": " << good.error().describe();
    EXPECT_TRUE(std::ranges::equal(std::span(bytes).subspan(format::kHeaderSize),
                                   std::span(*meta.payload).subspan(format::kHeaderSize)))
        << "prefix " << prefix << ", block " << block.value;
  }
  for (const auto& [block, data] : snapshot.data) {
    const auto bytes = read_block(image, block);
    for (std::size_t at = 0; at < bytes.size(); at += 8) {
      const std::uint64_t word = format::at<le64>(std::span(bytes), at);
      EXPECT_EQ(word >> 32, data.life) << "prefix " << prefix << ", block " << block.value;
      EXPECT_GE(word & 0xFFFFFFFF, data.version)
          << "prefix " << prefix << ", block " << block.value;
      if (testing::Test::HasFailure()) return prefix;
    }
  }
  return prefix;
}

void check_promises(const RecordedRun& run, BlockDevice& image, std::size_t prefix,
                    std::size_t cut) {
  const Snapshot& snapshot = run.snapshots[prefix];
  for (const Promise& promise : run.promises) {
    if (promise.events > cut) continue;
    EXPECT_GE(prefix, promise.transactions);
    for (const auto& [block, data] : promise.data) {
      const auto now = snapshot.data.find(block);
      // Freed since, or has not even come to be: `transactions` covers that.
      if (now == snapshot.data.end() || now->second.life != data.life) continue;
      const auto bytes = read_block(image, block);
      for (std::size_t at = 0; at < bytes.size(); at += 512) {
        const std::uint64_t word = format::at<le64>(std::span(bytes), at);
        EXPECT_GE(word & 0xFFFFFFFF, data.version) << "synced data of block " << block.value;
      }
    }
  }
}

// Replays, checks, and replays again. Returns the prefix.
std::size_t check_state(const RecordedRun& run, MemoryDevice& image, std::size_t cut) {
  const auto report = replay(image, run.layout);
  EXPECT_TRUE(report.ok()) << report.error().describe();
  if (!report.ok()) return 0;
  EXPECT_TRUE(report->mismatched.empty());
  const std::size_t prefix = check_prefix(run, image);
  check_promises(run, image, prefix, cut);
  const auto again = replay(image, run.layout);
  EXPECT_TRUE(again.ok());
  EXPECT_EQ(again->epochs, 0u);
  EXPECT_EQ(again->last_epoch, report->last_epoch);
  return prefix;
}

// Cuts the power at each write and flush of the replay of `image`.
void check_cuts_of_replay(const RecordedRun& run, const MemoryDevice& image, std::size_t cut,
                          std::uint64_t seed) {
  MemoryDevice once = image;
  MemoryDevice target = image;
  RecordingDevice recording(target);
  ASSERT_TRUE(replay(recording, run.layout).ok());
  const std::size_t prefix = check_state(run, once, cut);
  const CrashStates states(image, recording.log());
  for (std::size_t at = 0; at <= states.events(); ++at) {
    for (CrashMode mode : {CrashMode::kSubset, CrashMode::kTorn}) {
      MemoryDevice crashed = states.at(at, mode, seed + at);
      EXPECT_EQ(check_state(run, crashed, cut), prefix);
      if (testing::Test::HasFailure()) return;
    }
  }
}

void check_all_cuts(const RecordedRun& run, std::uint64_t seed) {
  const CrashStates states(run.start, run.recording);
  Random random(seed);
  for (std::size_t cut = 0; cut <= states.events(); ++cut) {
    for (CrashMode mode : kCrashModes) {
      SCOPED_TRACE("seed " + std::to_string(seed) + ", cut " + std::to_string(cut) + ", mode " +
                   std::to_string(static_cast<int>(mode)));
      MemoryDevice image = states.at(cut, mode, seed);
      if (random.one_in(100)) check_cuts_of_replay(run, image, cut, seed);
      check_state(run, image, cut);
      if (testing::Test::HasFailure()) return;
    }
  }
}

TEST(JournalCrash, EveryCutLeavesAPrefixWithAllThatWasSynced) {
  std::size_t cuts = 0;
  JournalStatistics sum;
  for (std::uint64_t seed = 1; seed <= 40 && !HasFailure(); ++seed) {
    Random random(seed);
    const RecordedRun run = run_workload(random_options(random), seed);
    EXPECT_TRUE(run.closed) << "seed " << seed;
    check_all_cuts(run, seed);
    cuts += run.recording.events.size() + 1;
    sum.waits_for_space += run.statistics.waits_for_space;
    sum.checkpoints += run.statistics.checkpoints;
    sum.data_logged_blocks += run.statistics.data_logged_blocks;
    sum.epochs += run.statistics.epochs;
  }
  std::cout << cuts * kCrashModes.size() << " states, " << sum.epochs << " epochs, "
            << sum.checkpoints << " checkpoints, " << sum.waits_for_space << " waits for space, "
            << sum.data_logged_blocks << " data blocks logged\n";
  // The workloads must have reached all of these cases.
  EXPECT_GT(sum.waits_for_space, 0u);
  EXPECT_GT(sum.checkpoints, 0u);
  EXPECT_GT(sum.data_logged_blocks, 0u);
}

TEST(JournalCrash, AFailingDeviceLosesNothingThatWasAcknowledged) {
  for (std::uint64_t seed = 1; seed <= 60 && !HasFailure(); ++seed) {
    Random random(seed);
    WorkloadOptions options = random_options(random);
    const std::uint64_t nth = random.below(60);
    const bool flush = random.one_in(3);
    const RecordedRun run = run_workload(options, seed, [&](FaultDevice& device) {
      device.add({.on = flush ? FaultRule::kFlushes : FaultRule::kWrites,
                  .skip = nth,
                  .times = random.one_in(2) ? 1 : FaultRule::kForever});
    });
    SCOPED_TRACE("seed " + std::to_string(seed));
    const CrashStates states(run.start, run.recording);
    for (CrashMode mode : kCrashModes) {
      MemoryDevice image = states.at(states.events(), mode, seed);
      check_state(run, image, states.events());
    }
  }
}

}  // namespace
}  // namespace spindle
