#include "spindle/disk/simulated_disk.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cstring>
#include <map>
#include <string>
#include <vector>

#include "disk_fixture.h"
#include "spindle/base/clock.h"
#include "spindle/base/random.h"
#include "spindle/device/fault_device.h"
#include "spindle/device/memory_device.h"
#include "spindle/device/recording_device.h"
#include "spindle/thread/thread.h"
#include "support/in_runtime.h"
#include "support/suspending_device.h"

namespace spindle {
namespace {

std::unique_ptr<SimulatedDisk> make_disk(BlockDevice& backing, std::string_view arm,
                                         std::string_view disk, double pace = 0) {
  return SimulatedDisk::create(backing, {.arm_policy = arm, .disk = disk, .pace = pace}).take();
}

/// Checks what always holds when nothing waits.
void expect_counters_add_up(const SimulatedDisk& disk, VirtualTime since = {}) {
  const DiskStatistics& counted = disk.statistics();
  EXPECT_EQ(counted.requests(), counted.responses.count());
  EXPECT_EQ(counted.services + counted.merged, counted.requests());
  EXPECT_EQ(counted.busy_ns(), (disk.drive().now() - since).ns);
}

/// Reads one block of each cylinder of a 200-cylinder disk, from a thread each, all at once.
std::vector<std::uint64_t> serve_cylinders(SimulatedDisk& disk,
                                           const std::vector<std::uint64_t>& cylinders) {
  std::vector<std::uint64_t> order;
  const std::uint64_t per_cylinder = disk.drive().model().geometry.blocks_per_cylinder();
  test::in_runtime([&] {
    std::vector<thread::Thread> threads;
    for (const std::uint64_t cylinder : cylinders) {
      threads.push_back(thread::spawn("reader", [&, cylinder] {
        std::vector<std::byte> block(kBlockSize);
        ASSERT_TRUE(disk.read(BlockNo{cylinder * per_cylinder}, block).ok());
        order.push_back(cylinder);
      }));
    }
  });
  return order;
}

const std::vector<std::uint64_t> kTextbookQueue = {98, 183, 37, 122, 14, 124, 65, 67};

struct TextbookCase {
  std::string_view arm;
  bool up;
  std::uint64_t distance;
  std::vector<std::uint64_t> order;
};

TEST(SimulatedDisk, ServesTheTextbookQueueAsTheTextbooksDo) {
  const std::vector<TextbookCase> cases = {
      {"fcfs", true, 640, {98, 183, 37, 122, 14, 124, 65, 67}},
      {"sstf", true, 236, {65, 67, 37, 14, 98, 122, 124, 183}},
      {"scan", false, 236, {37, 14, 65, 67, 98, 122, 124, 183}},
      {"scan", true, 331, {65, 67, 98, 122, 124, 183, 37, 14}},
      {"c-scan", true, 382, {65, 67, 98, 122, 124, 183, 14, 37}},
      {"look", false, 208, {37, 14, 65, 67, 98, 122, 124, 183}},
      {"look", true, 299, {65, 67, 98, 122, 124, 183, 37, 14}},
      {"c-look", true, 322, {65, 67, 98, 122, 124, 183, 14, 37}},
  };
  for (const TextbookCase& each : cases) {
    SCOPED_TRACE(std::string(each.arm) + (each.up ? " up" : " down"));
    MemoryDevice memory(kBlockSize, 2000);
    auto disk = make_disk(memory, each.arm, "textbook");
    ASSERT_TRUE(
        disk->place_arm(Cylinder{53}, each.up ? ArmDirection::kUp : ArmDirection::kDown).ok());
    EXPECT_EQ(serve_cylinders(*disk, kTextbookQueue), each.order);
    EXPECT_EQ(disk->statistics().arm_distance, each.distance);
    EXPECT_EQ(disk->statistics().seek_ns, static_cast<std::int64_t>(each.distance) * 1'000'000);
    EXPECT_EQ(disk->statistics().depth_max, 8u);
    EXPECT_EQ(disk->statistics().depth_sum, 36u);
    expect_counters_add_up(*disk);
  }
}

TEST(SimulatedDisk, LetsALongBatchInPieceByPiece) {
  MemoryDevice memory(kBlockSize, 2000);
  auto disk = make_disk(memory, "sptf", "textbook");
  std::vector<std::byte> bytes(kBlockSize);
  const std::span<std::byte> buffer(bytes);
  std::vector<IoRequest> batch;
  for (std::uint64_t i = 0; i < 500; ++i)
    batch.push_back({IoRequest::Kind::kWrite, BlockNo{i * 997 % 2000}, {&buffer, 1}});
  ASSERT_TRUE(disk->submit(batch).ok());
  EXPECT_EQ(disk->statistics().depth_max, SimulatedDisk::kMostOfABatch);
  EXPECT_EQ(disk->statistics().requests(), batch.size());
  expect_counters_add_up(*disk);
}

TEST(SimulatedDisk, RefusesWhatItDoesNotKnow) {
  MemoryDevice memory(kBlockSize, 2000);
  EXPECT_EQ(SimulatedDisk::create(memory, {.arm_policy = "lift"}).code(), EINVAL);
  EXPECT_EQ(SimulatedDisk::create(memory, {.disk = "floppy"}).code(), EINVAL);
  EXPECT_EQ(SimulatedDisk::create(memory, {.pace = -1}).code(), EINVAL);
  auto disk = make_disk(memory, "look", "textbook");
  EXPECT_EQ(disk->set_arm_policy("lift").code(), EINVAL);
  EXPECT_EQ(disk->set_disk("floppy").code(), EINVAL);
  EXPECT_EQ(disk->set_pace(1e9).code(), EINVAL);
  EXPECT_EQ(disk->set_pace(std::stod("nan")).code(), EINVAL);
  EXPECT_EQ(disk->place_arm(Cylinder{200}, ArmDirection::kUp).code(), EINVAL);
  EXPECT_EQ(disk->arm_policy(), "look");
  EXPECT_EQ(disk->disk(), "textbook");
  std::vector<std::byte> block(kBlockSize);
  EXPECT_EQ(disk->read(BlockNo{2000}, block).code(), EINVAL);
  EXPECT_EQ(disk->statistics().requests(), 0u);
}

TEST(SimulatedDisk, MergesNeighboursOfABatchAndCountsThemAll) {
  MemoryDevice memory(kBlockSize, 2000);
  auto disk = make_disk(memory, "look", "textbook");
  std::vector<std::byte> bytes(kBlockSize * 2);
  const std::span<std::byte> buffer(bytes);
  using Kind = IoRequest::Kind;
  const IoRequest batch[] = {{Kind::kWrite, BlockNo{10}, {&buffer, 1}, IoPurpose::kData},
                             {Kind::kWrite, BlockNo{12}, {&buffer, 1}, IoPurpose::kData},
                             {Kind::kWrite, BlockNo{14}, {&buffer, 1}, IoPurpose::kJournal},
                             {Kind::kRead, BlockNo{16}, {&buffer, 1}, IoPurpose::kData},
                             {Kind::kRead, BlockNo{16}, {}, IoPurpose::kData},
                             {Kind::kRead, BlockNo{18}, {&buffer, 1}, IoPurpose::kData}};
  ASSERT_TRUE(disk->submit(batch).ok());
  const DiskStatistics& counted = disk->statistics();
  EXPECT_EQ(counted.requests(), 5u);
  EXPECT_EQ(counted.merged, 2u);
  EXPECT_EQ(counted.services, 3u);
  EXPECT_EQ(counted.requests(Kind::kWrite), 3u);
  EXPECT_EQ(counted.blocks(Kind::kWrite), 6u);
  EXPECT_EQ(counted.blocks(Kind::kRead), 4u);
  EXPECT_EQ(counted.requests_by_purpose[1][static_cast<int>(IoPurpose::kJournal)], 1u);
  expect_counters_add_up(*disk);
}

/// Many threads, all kinds of requests; content as a model says; counters add up; the whole thing
/// repeats to the bit.
struct Outcome {
  std::uint64_t distance = 0;
  std::int64_t now_ns = 0;
  std::int64_t longest_ns = 0;
  bool operator==(const Outcome&) const = default;
};

Outcome random_workload(std::uint64_t seed, std::string_view arm, std::string_view preset) {
  constexpr std::uint64_t kThreads = 12;
  constexpr std::uint64_t kBlocksEach = 500;
  MemoryDevice memory(kBlockSize, kThreads * kBlocksEach);
  auto disk = make_disk(memory, arm, preset);
  std::uint64_t reads = 0;
  std::uint64_t writes = 0;
  std::uint64_t blocks = 0;
  test::in_runtime([&] {
    std::vector<thread::Thread> threads;
    for (std::uint64_t t = 0; t < kThreads; ++t) {
      threads.push_back(thread::spawn("client", [&, t] {
        Random random(seed * 100 + t);
        std::map<std::uint64_t, std::byte> model;
        for (int step = 0; step < 60; ++step) {
          const std::uint64_t length = 1 + random.below(8);
          const std::uint64_t start = t * kBlocksEach + random.below(kBlocksEach - length + 1);
          std::vector<std::byte> bytes(length * kBlockSize);
          blocks += length;
          if (random.one_in(2)) {
            const auto mark = static_cast<std::byte>(random());
            std::ranges::fill(bytes, mark);
            for (std::uint64_t b = 0; b < length; ++b) model[start + b] = mark;
            ASSERT_TRUE(disk->write(BlockNo{start}, bytes).ok());
            ++writes;
          } else {
            ASSERT_TRUE(disk->read(BlockNo{start}, bytes).ok());
            for (std::uint64_t b = 0; b < length; ++b)
              ASSERT_EQ(bytes[b * kBlockSize], model[start + b]);
            ++reads;
          }
          if (random.one_in(15)) {
            ASSERT_TRUE(disk->flush().ok());
          }
        }
      }));
    }
  });
  expect_counters_add_up(*disk);
  const DiskStatistics& counted = disk->statistics();
  EXPECT_EQ(counted.requests(IoRequest::Kind::kRead), reads);
  EXPECT_EQ(counted.requests(IoRequest::Kind::kWrite), writes);
  EXPECT_EQ(counted.blocks(IoRequest::Kind::kRead) + counted.blocks(IoRequest::Kind::kWrite),
            blocks);
  EXPECT_EQ(counted.errors, 0u);
  return {counted.arm_distance, disk->drive().now().ns, counted.responses.longest_ns()};
}

TEST(SimulatedDisk, ServesManyThreadsRightlyWithEveryPolicyAndDiskAndRepeats) {
  for (const std::string_view preset : disk_preset_names()) {
    for (const std::string_view arm : arm_policy_names()) {
      SCOPED_TRACE(std::string(preset) + " " + std::string(arm));
      EXPECT_EQ(random_workload(5, arm, preset), random_workload(5, arm, preset));
    }
  }
}

TEST(SimulatedDisk, QueuesFillAndAGoodPolicyTravelsLess) {
  EXPECT_LT(random_workload(1, "look", "textbook").distance * 2,
            random_workload(1, "fcfs", "textbook").distance);
}

TEST(SimulatedDisk, CountsInEachPartOfTheDiskWhatWasReadAndWritten) {
  for (const std::string_view model : {"none", "textbook"}) {
    constexpr std::uint64_t kBlocks = 5000;
    MemoryDevice memory(kBlockSize, kBlocks);
    auto disk = make_disk(memory, "look", model);
    const BlockActivity& activity = disk->activity();
    EXPECT_EQ(activity.blocks_per_cell(), 8u);
    std::vector<std::uint64_t> read(activity.read_blocks().size());
    std::vector<std::uint64_t> written(read);
    EXPECT_EQ(read.size(), kBlocks / 8);
    Random random(11);
    for (int i = 0; i < 500; ++i) {
      std::vector<std::byte> bytes(kBlockSize * (1 + random.below(40)));
      const BlockNo start{random.below(kBlocks - 40)};
      const bool is_write = random.one_in(2);
      ASSERT_TRUE(is_write ? disk->write(start, bytes).ok() : disk->read(start, bytes).ok());
      for (std::uint64_t b = 0; b < bytes.size() / kBlockSize; ++b)
        ++(is_write ? written : read)[(start.value + b) / 8];
    }
    EXPECT_TRUE(std::ranges::equal(activity.read_blocks(), read));
    EXPECT_TRUE(std::ranges::equal(activity.written_blocks(), written));
  }
  EXPECT_EQ(BlockActivity(1).written_blocks().size(), 1u);
  EXPECT_EQ(BlockActivity(BlockActivity::kMostCells + 1).blocks_per_cell(), 2u);
}

TEST(SimulatedDisk, NoneCostsNoTimeAndMovesNothing) {
  EXPECT_EQ(random_workload(1, "look", "none"), Outcome{});
}

/// While others keep the arm busy nearby, one request waits at the far end: all policies except
/// those that go by distance or time alone serve it within a few sweeps.
TEST(SimulatedDisk, NoRequestStarvesButWhereTheNearestGoesFirst) {
  for (const std::string_view arm : arm_policy_names()) {
    SCOPED_TRACE(std::string(arm));
    MemoryDevice memory(kBlockSize, 2000);
    auto disk = make_disk(memory, arm, "textbook");
    std::uint64_t served_before_the_far_one = 0;
    test::in_runtime([&] {
      bool far_is_done = false;
      std::vector<thread::Thread> threads;
      for (std::uint64_t t = 0; t < 4; ++t) {
        threads.push_back(thread::spawn("near", [&, t] {
          Random random(t);
          std::vector<std::byte> block(kBlockSize);
          for (int i = 0; i < 500 && !far_is_done; ++i) {
            ASSERT_TRUE(disk->read(BlockNo{random.below(200)}, block).ok());
            ++served_before_the_far_one;
          }
        }));
      }
      threads.push_back(thread::spawn("far", [&] {
        std::vector<std::byte> block(kBlockSize);
        ASSERT_TRUE(disk->read(BlockNo{1999}, block).ok());
        far_is_done = true;
      }));
    });
    if (arm == "sstf" || arm == "sptf" || arm == "v-r")
      EXPECT_EQ(served_before_the_far_one, 2000u);
    else
      EXPECT_LT(served_before_the_far_one, 60u);
  }
}

TEST(SimulatedDisk, AFlushComesAfterTheWritesBeforeIt) {
  for (const std::string_view preset : {"textbook", "none"}) {
    MemoryDevice memory(kBlockSize, 2000);
    RecordingDevice recorder(memory);
    auto disk = make_disk(recorder, "sstf", preset);
    test::in_runtime([&] {
      std::uint64_t done = 0;
      std::vector<thread::Thread> threads;
      for (std::uint64_t t = 0; t < 10; ++t) {
        threads.push_back(thread::spawn("writer", [&, t] {
          const std::vector<std::byte> block(kBlockSize, std::byte{1});
          ASSERT_TRUE(disk->write(BlockNo{(t * 777) % 2000}, block).ok());
          ++done;
        }));
      }
      threads.push_back(thread::spawn("flusher", [&] {
        ASSERT_TRUE(disk->flush().ok());
        EXPECT_EQ(done, 10u);
      }));
      // A later write does not delay the flush, and need not wait for it.
      threads.push_back(thread::spawn("late writer", [&] {
        const std::vector<std::byte> block(kBlockSize, std::byte{2});
        ASSERT_TRUE(disk->write(BlockNo{5}, block).ok());
      }));
    });
    const auto& events = recorder.log().events;
    ASSERT_EQ(events.size(), 12u);
    std::size_t flush = 0;
    while (events[flush].kind != WriteEvent::Kind::kFlush) ++flush;
    EXPECT_GE(flush, 10u);
    EXPECT_EQ(disk->statistics().flushes, 1u);
  }
}

TEST(SimulatedDisk, AFaultReachesItsOwnerOnly) {
  for (const std::string_view preset : {"textbook", "none"}) {
    MemoryDevice memory(kBlockSize, 2000);
    FaultDevice faults(memory);
    faults.add({.on = FaultRule::kReads,
                .where = {BlockNo{1000}, 1},
                .times = FaultRule::kForever,
                .code = EIO});
    auto disk = make_disk(faults, "look", preset);
    test::in_runtime([&] {
      for (std::uint64_t start = 990; start < 1010; ++start) {
        thread::spawn_detached("reader", [&, start] {
          std::vector<std::byte> block(kBlockSize);
          const Result<> result = disk->read(BlockNo{start}, block);
          EXPECT_EQ(result.code(), start == 1000 ? EIO : 0) << start;
          if (!result.ok()) {
            EXPECT_EQ(result.error().subject.number, 1000u);
          }
        }).take();
      }
    });
    EXPECT_EQ(disk->statistics().errors, 1u);
    faults.add({.on = FaultRule::kFlushes, .code = ENOSPC});
    EXPECT_EQ(disk->flush().code(), ENOSPC);
    EXPECT_TRUE(disk->flush().ok());
    EXPECT_EQ(disk->statistics().errors, 2u);
    expect_counters_add_up(*disk);
  }
}

TEST(SimulatedDisk, EverythingCanBeChangedWhileRequestsWait) {
  MemoryDevice memory(kBlockSize, 20'000);
  auto disk = make_disk(memory, "fcfs", "textbook");
  test::in_runtime([&] {
    std::uint64_t done = 0;
    for (std::uint64_t t = 0; t < 20; ++t) {
      thread::spawn_detached("client", [&, t] {
        Random random(t);
        std::vector<std::byte> block(kBlockSize);
        for (int i = 0; i < 200; ++i) {
          ASSERT_TRUE(disk->read(BlockNo{random.below(20'000)}, block).ok());
          ++done;
        }
      }).take();
    }
    Random random(99);
    std::vector<std::byte> block(kBlockSize);
    while (done < 20 * 200) {
      ASSERT_TRUE(disk->read(BlockNo{7}, block).ok());  // others wait while this thread goes on
      const auto arms = arm_policy_names();
      const auto presets = disk_preset_names();
      switch (random.below(4)) {
        case 0:
          ASSERT_TRUE(disk->set_arm_policy(arms[random.below(arms.size())]).ok());
          break;
        case 1:
          ASSERT_TRUE(disk->set_disk(presets[random.below(presets.size())]).ok());
          break;
        case 2:
          ASSERT_TRUE(disk->set_pace(random.one_in(2) ? 0 : 1e-6).ok());
          break;
        default:
          disk->reset_statistics();
          ASSERT_EQ(disk->statistics().requests(), disk->drive().queue().size());
      }
      if (!disk->drive().model().is_timed()) thread::yield();
    }
  });
  const DiskStatistics& counted = disk->statistics();
  EXPECT_EQ(counted.requests(), counted.responses.count());
}

TEST(SimulatedDisk, WhatTheDeviceBelowTakesItsTimeForIsServedAllTheSame) {
  for (const std::string_view preset : {"none", "textbook", "ssd"}) {
    MemoryDevice memory(kBlockSize, 2000);
    test::SuspendingDevice slow(memory, [random = Random(1)]() mutable {
      for (std::uint64_t turns = random.below(8); turns != 0; --turns) {
        if (random.one_in(4))
          thread::sleep_for(20'000);
        else
          thread::yield();
      }
    });
    RecordingDevice recorder(slow);
    auto disk = make_disk(recorder, "c-look", preset);
    std::uint64_t unflushed = 0;
    test::in_runtime([&] {
      for (std::uint64_t t = 0; t < 30; ++t) {
        thread::spawn_detached("client", [&, t] {
          Random random(t);
          for (int i = 0; i < 20; ++i) {
            const std::vector<std::byte> mark(kBlockSize, static_cast<std::byte>(i));
            std::vector<std::byte> block(kBlockSize);
            ASSERT_TRUE(disk->write(BlockNo{t * 50 + random.below(10)}, mark).ok());
            ASSERT_TRUE(disk->write(BlockNo{t * 50 + 20}, mark).ok());
            ASSERT_TRUE(disk->read(BlockNo{t * 50 + 20}, block).ok());
            ASSERT_EQ(block, mark);
            if (!random.one_in(5)) continue;
            // Every write that was submitted before the flush is complete when it is passed on.
            const auto& events = recorder.log().events;
            const std::size_t before = events.size();
            ASSERT_TRUE(disk->flush().ok());
            for (std::size_t e = 0; e < before; ++e)
              unflushed += events[e].moment == WriteEvent::kNever ? 1 : 0;
          }
        }).take();
      }
    });
    EXPECT_EQ(unflushed, 0u);
    EXPECT_EQ(disk->statistics().requests(), 30u * 20 * 3);
    expect_counters_add_up(*disk);
  }
}

TEST(SimulatedDisk, PaceMakesTheOwnerWaitAsLongAsVirtualTimeSays) {
  MemoryDevice memory(kBlockSize, 2000);
  auto disk = make_disk(memory, "look", "textbook", 0.5);
  const auto timed = [&](const std::function<void()>& body) {
    const std::int64_t wall = monotonic_ns();
    const VirtualTime before = disk->drive().now();
    body();
    const std::int64_t asked = (disk->drive().now() - before).ns / 2;
    EXPECT_GT(asked, 20'000'000);
    EXPECT_GE(monotonic_ns() - wall, asked);
  };
  std::vector<std::byte> block(kBlockSize);
  timed([&] { ASSERT_TRUE(disk->read(BlockNo{1000}, block).ok()); });
  timed([&] { EXPECT_EQ(serve_cylinders(*disk, {10, 60, 90}).size(), 3u); });
}

TEST(SimulatedDisk, WhileThePacedArmIsBusyTheQueueFills) {
  MemoryDevice memory(kBlockSize, 2000);
  auto disk = make_disk(memory, "sstf", "textbook", 0.01);
  ASSERT_TRUE(disk->place_arm(Cylinder{53}, ArmDirection::kUp).ok());
  std::vector<std::uint64_t> order;
  test::in_runtime([&] {
    for (const std::uint64_t cylinder : kTextbookQueue) {
      thread::spawn_detached("reader", [&, cylinder] {
        std::vector<std::byte> block(kBlockSize);
        ASSERT_TRUE(disk->read(BlockNo{cylinder * 10}, block).ok());
        order.push_back(cylinder);
      }).take();
    }
  });
  EXPECT_EQ(order, (std::vector<std::uint64_t>{65, 67, 37, 14, 98, 122, 124, 183}));
}

TEST(SimulatedDisk, AChangeOfPaceEndsTheWait) {
  MemoryDevice memory(kBlockSize, 2000);
  auto disk = make_disk(memory, "look", "textbook", 1000);  // over a minute for the first request
  test::in_runtime([&] {
    bool done = false;
    thread::Thread reader = thread::spawn("reader", [&] {
      std::vector<std::byte> block(kBlockSize * 2);
      ASSERT_TRUE(disk->read(BlockNo{1000}, block).ok());
      ASSERT_TRUE(disk->read(BlockNo{1500}, block).ok());
      done = true;
    });
    thread::sleep_for(5'000'000);
    EXPECT_FALSE(done);
    ASSERT_TRUE(disk->set_pace(0).ok());
    reader.join().take();
    EXPECT_TRUE(done);
  });
}

}  // namespace
}  // namespace spindle
