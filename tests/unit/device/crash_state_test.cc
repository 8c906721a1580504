#include "spindle/device/crash_state.h"

#include <gtest/gtest.h>

#include <cstring>
#include <set>
#include <vector>

#include "device_fixture.h"
#include "spindle/base/random.h"
#include "spindle/device/fault_device.h"
#include "spindle/device/recording_device.h"
#include "spindle/thread/thread.h"
#include "support/in_runtime.h"
#include "support/suspending_device.h"

namespace spindle {
namespace {

constexpr std::uint64_t kMediumBlocks = 64;
using Version = std::uint32_t;

/// Every sector of a block carries the number of the write that made it.
std::vector<std::byte> stamped(Version version, std::uint64_t blocks) {
  std::vector<std::byte> bytes(blocks * kBlockSize);
  for (std::size_t i = 0; i < bytes.size(); i += sizeof version)
    std::memcpy(bytes.data() + i, &version, sizeof version);
  return bytes;
}

/// The version in a sector; fails the test if the sector itself is torn.
Version version_at(const MemoryDevice& image, std::uint64_t sector) {
  std::vector<std::byte> bytes(kSectorSize);
  image.peek(sector * kSectorSize, bytes);
  Version version;
  std::memcpy(&version, bytes.data(), sizeof version);
  EXPECT_TRUE(std::memcmp(bytes.data(), bytes.data() + 4, kSectorSize - 4) == 0);
  return version;
}

struct Workload {
  MemoryDevice start{kBlockSize, kMediumBlocks};
  MemoryDevice image{kBlockSize, kMediumBlocks};
  RecordingDevice device{image};

  explicit Workload(std::uint64_t seed) {
    Random random(seed);
    for (Version version = 1; version <= 60; ++version) {
      const std::uint64_t length = 1 + random.below(5);
      const BlockNo at{random.below(kMediumBlocks - length)};
      device.write(at, stamped(version, length)).take();
      if (random.one_in(6)) device.flush().take();
    }
  }
};

/// For each sector, the versions that may be found there after `cut` events.
std::vector<std::set<Version>> allowed_versions(const WriteLog& recording, std::size_t cut) {
  std::vector<std::set<Version>> allowed(kMediumBlocks * kBlockSize / kSectorSize, {0});
  std::size_t covered = 0;
  for (std::size_t i = 0; i < cut; ++i)
    if (recording.events[i].kind == WriteEvent::Kind::kFlush) covered = i;
  for (std::size_t i = 0; i < cut; ++i) {
    const WriteEvent& event = recording.events[i];
    if (event.kind != WriteEvent::Kind::kWrite) continue;
    Version version;
    std::memcpy(&version, recording.contents[i].data(), sizeof version);
    for (std::uint64_t s = event.run.start.value * 2; s < event.run.end().value * 2; ++s) {
      if (i < covered) allowed[s].clear();
      allowed[s].insert(version);
    }
  }
  return allowed;
}

TEST(CrashStates, ReplayingEverythingGivesTheFinalContent) {
  for (std::uint64_t seed = 0; seed < 20; ++seed) {
    SCOPED_TRACE(seed);
    Workload load(seed);
    const CrashStates states(load.start, load.device.log());
    EXPECT_TRUE(states.at(states.events(), CrashMode::kAll).same_content(load.image));
    load.device.flush().take();
    const CrashStates flushed(load.start, load.device.log());
    for (const CrashMode mode : kCrashModes)
      EXPECT_TRUE(flushed.at(flushed.events(), mode, seed).same_content(load.image));
  }
}

TEST(CrashStates, WhatAFlushCoversSurvivesAndNothingComesFromNowhere) {
  for (std::uint64_t seed = 0; seed < 10; ++seed) {
    Workload load(seed);
    const CrashStates states(load.start, load.device.log());
    for (std::size_t cut = 0; cut <= states.events(); ++cut) {
      const auto allowed = allowed_versions(load.device.log(), cut);
      for (const CrashMode mode : kCrashModes) {
        const MemoryDevice image = states.at(cut, mode, seed * 1000 + cut);
        for (std::uint64_t sector = 0; sector < allowed.size(); ++sector)
          ASSERT_TRUE(allowed[sector].contains(version_at(image, sector)))
              << "seed " << seed << " cut " << cut << " mode " << static_cast<int>(mode);
      }
    }
  }
}

TEST(CrashStates, EveryModeReachesWhatItPromises) {
  MemoryDevice start(kBlockSize, kMediumBlocks);
  MemoryDevice image = start;
  RecordingDevice device(image);
  device.write(BlockNo{10}, stamped(1, 2)).take();
  device.write(BlockNo{11}, stamped(2, 2)).take();
  const CrashStates states(start, device.log());
  const auto outcomes = [&](CrashMode mode) {
    std::set<std::vector<Version>> all;
    for (std::uint64_t seed = 0; seed < 2000; ++seed) {
      const MemoryDevice state = states.at(2, mode, seed);
      std::vector<Version> found;
      for (std::uint64_t sector = 20; sector < 26; ++sector)
        found.push_back(version_at(state, sector));
      all.insert(found);
    }
    return all.size();
  };
  EXPECT_EQ(outcomes(CrashMode::kAll), 1u);
  EXPECT_EQ(outcomes(CrashMode::kNone), 1u);
  EXPECT_EQ(outcomes(CrashMode::kSubset), 4u);
  EXPECT_EQ(outcomes(CrashMode::kReordered), 2u * 3 * 2);
  EXPECT_EQ(outcomes(CrashMode::kTorn), 4u * 9 * 4);
}

TEST(CrashStates, TheSameSeedGivesTheSameImage) {
  Workload load(3);
  const CrashStates states(load.start, load.device.log());
  for (const CrashMode mode : kCrashModes)
    EXPECT_TRUE(states.at(50, mode, 9).same_content(states.at(50, mode, 9)));
}

TEST(CrashStates, AFlushCoversOnlyWhatWasCompleteWhenItBegan) {
  MemoryDevice start(kBlockSize, kMediumBlocks);
  MemoryDevice image = start;
  test::SuspendingDevice slow(image, [] {
    for (int i = 0; i < 3 && thread::current_thread::exists(); ++i) thread::yield();
  });
  RecordingDevice device(slow);
  test::in_runtime([&] {
    device.write(BlockNo{1}, stamped(1, 1)).take();
    auto flusher = thread::spawn("flusher", [&] { device.flush().take(); });
    thread::yield();  // now the flush has begun
    device.write(BlockNo{2}, stamped(2, 1)).take();
    flusher.join().take();
  });
  const CrashStates states(start, device.log());
  ASSERT_EQ(states.events(), 3u);
  EXPECT_EQ(states.uncovered(3).size(), 1u);
  const MemoryDevice left = states.at(3, CrashMode::kNone);
  EXPECT_EQ(version_at(left, 2), 1u);
  EXPECT_EQ(version_at(left, 4), 0u);
  device.flush().take();
  const CrashStates flushed(start, device.log());
  EXPECT_EQ(version_at(flushed.at(4, CrashMode::kNone), 4), 2u);
}

// A failed write may be found on the medium, but not over data that was written later and flushed.
TEST(CrashStates, AFailedWriteDoesNotComeBackOverALaterOneThatIsDurable) {
  MemoryDevice start(kBlockSize, kMediumBlocks);
  MemoryDevice image = start;
  FaultDevice faulty(image);
  faulty.add({.on = FaultRule::kWrites});
  RecordingDevice device(faulty);
  EXPECT_EQ(device.write(BlockNo{10}, stamped(1, 4)).code(), EIO);
  device.write(BlockNo{11}, stamped(2, 2)).take();
  device.flush().take();
  const CrashStates states(start, device.log());
  ASSERT_EQ(states.uncovered(3).size(), 1u);
  for (const CrashMode mode : kCrashModes) {
    for (std::uint64_t seed = 0; seed < 20; ++seed) {
      const MemoryDevice left = states.at(3, mode, seed);
      for (const std::uint64_t block : {11, 12}) {
        for (const std::uint64_t sector : {0, 1}) {
          EXPECT_EQ(version_at(left, block * 2 + sector), 2u) << static_cast<int>(mode);
        }
      }
    }
  }
  const MemoryDevice all = states.at(3, CrashMode::kAll);
  EXPECT_EQ(version_at(all, 20), 1u);
  EXPECT_EQ(version_at(all, 27), 1u);
  EXPECT_EQ(version_at(states.at(3, CrashMode::kNone), 20), 0u);
}

}  // namespace
}  // namespace spindle
