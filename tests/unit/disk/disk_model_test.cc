#include "spindle/disk/disk_model.h"

#include <gtest/gtest.h>

#include "spindle/base/random.h"
#include "spindle/disk/drive.h"

namespace spindle {
namespace {

std::unique_ptr<ArmPolicy> policy(std::string_view name) {
  return make_arm_policy(name).take();
}

TEST(Geometry, EveryBlockHasAPlaceOfItsOwn) {
  for (std::uint64_t seed = 0; seed < 200; ++seed) {
    SCOPED_TRACE(seed);
    Random random(seed);
    const std::uint64_t blocks = 1 + random.below(5000);
    const Geometry geometry(blocks, 1 + random.below(300), 1 + random.below(40));
    for (std::uint64_t i = 0; i < blocks; ++i) {
      const PlatterAddress address = geometry.address_of(BlockNo{i});
      ASSERT_LT(address.cylinder.value, geometry.cylinders());
      ASSERT_LT(address.head, geometry.heads());
      ASSERT_LT(address.sector, geometry.blocks_per_track());
      ASSERT_EQ(address.cylinder, geometry.cylinder_of(BlockNo{i}));
      ASSERT_EQ(geometry.block_at(address), BlockNo{i});
    }
  }
}

TEST(DiskModel, KnowsItsPresetsAndNoOthers) {
  for (const std::string_view name : disk_preset_names()) {
    for (const std::uint64_t blocks : {1ull, 256ull, 100'000ull, 1ull << 34}) {
      const Result<DiskModel> model = make_disk_model(name, 1024, blocks);
      ASSERT_TRUE(model.ok());
      EXPECT_EQ(model->name, name);
      EXPECT_LT(model->geometry.cylinder_of(BlockNo{blocks - 1}).value,
                model->geometry.cylinders());
      EXPECT_EQ(model->is_timed(), name != "none");
    }
  }
  EXPECT_EQ(make_disk_model("floppy", 4096, 1000).code(), EINVAL);
}

TEST(DiskModel, TheTextbookDiskAlwaysHas200Cylinders) {
  for (const std::uint64_t blocks : {200ull, 256ull, 65536ull, 1ull << 32}) {
    const DiskModel model = make_disk_model("textbook", 4096, blocks).take();
    EXPECT_EQ(model.geometry.cylinders(), 200u);
    EXPECT_EQ(model.seek_time_ns(0), 0);
    for (std::uint64_t distance = 1; distance < 200; ++distance)
      EXPECT_EQ(model.seek_time_ns(distance), static_cast<std::int64_t>(distance) * 1'000'000);
    EXPECT_EQ(model.rotation_period_ns(), 10'000'000);
  }
}

TEST(DiskModel, ASeekCurveGrowsFromTheNextTrackToTheFullStroke) {
  for (const std::string_view name : {"textbook", "7200rpm", "15000rpm"}) {
    const DiskModel model = make_disk_model(name, 4096, 1 << 20).take();
    const std::uint64_t far = model.geometry.cylinders() - 1;
    EXPECT_EQ(model.seek_time_ns(1), model.seek.track_to_track_ns);
    EXPECT_EQ(model.seek_time_ns(far), model.seek.full_stroke_ns);
    for (std::uint64_t distance = 1; distance < far; ++distance)
      ASSERT_LE(model.seek_time_ns(distance), model.seek_time_ns(distance + 1));
  }
}

TEST(DiskModel, TurningBringsEveryBlockUnderTheHeadOnceATurn) {
  for (const std::string_view name : {"textbook", "7200rpm", "15000rpm"}) {
    const DiskModel model = make_disk_model(name, 4096, 1 << 20).take();
    const std::int64_t period = model.rotation_period_ns();
    Random random(1);
    for (int i = 0; i < 1000; ++i) {
      const BlockNo block{random.below(1 << 20)};
      const VirtualTime now{static_cast<std::int64_t>(random.below(1ull << 50))};
      const std::int64_t wait = model.rotation_time_ns(block, now);
      ASSERT_GE(wait, 0);
      ASSERT_LT(wait, period);
      ASSERT_EQ(model.rotation_time_ns(block, now + VirtualTime{wait}), 0);
      ASSERT_EQ(model.rotation_time_ns(block, now + VirtualTime{period}), wait);
    }
  }
}

TEST(Drive, ReadingOnFromBlockToBlockNeverWaitsForThePlatter) {
  for (const std::string_view name : {"textbook", "7200rpm", "15000rpm"}) {
    constexpr std::uint64_t kBlocks = 50'000;
    Drive drive(make_disk_model(name, 4096, kBlocks).take(), policy("fcfs"));
    Random random(2);
    std::uint64_t at = 0;
    while (at < kBlocks) {
      const std::uint64_t length = std::min(kBlocks - at, 1 + random.below(300));
      drive.arrive(0, {BlockNo{at}, length}, false);
      const Service service = drive.serve_next();
      ASSERT_EQ(service.rotation_ns, 0) << name << " block " << at;
      at += length;
    }
    // The arm has gone over the disk once; time is that of the blocks and of the steps.
    const auto steps = static_cast<std::int64_t>(drive.arm().at.value);
    EXPECT_EQ(drive.now().ns, static_cast<std::int64_t>(kBlocks) * drive.model().block_time_ns +
                                  steps * drive.model().seek_time_ns(1));
  }
}

TEST(Drive, WhatAServiceTakesIsWhatTheClockMoves) {
  for (const std::string_view disk : disk_preset_names()) {
    for (const std::string_view arm : arm_policy_names()) {
      Random random(3);
      constexpr std::uint64_t kBlocks = 100'000;
      Drive drive(make_disk_model(disk, 4096, kBlocks).take(), policy(arm));
      std::uint64_t waiting = 0;
      for (int i = 0; i < 2000; ++i) {
        if (waiting < 20 && random.one_in(2)) {
          const std::uint64_t start = random.below(kBlocks);
          drive.arrive(7, {BlockNo{start}, 1 + random.below(std::min(kBlocks - start, 2000ul))},
                       random.one_in(2));
          ++waiting;
        } else if (waiting != 0) {
          const VirtualTime before = drive.now();
          const Cylinder from = drive.arm().at;
          const Service service = drive.serve_next();
          ASSERT_EQ(service.depth, waiting--);
          ASSERT_EQ(service.begin, before);
          ASSERT_EQ(service.finish(), drive.now());
          ASSERT_GE(service.response_ns(), service.total_ns());
          ASSERT_EQ(service.from, from);
          ASSERT_EQ(service.end, drive.arm().at);
          ASSERT_EQ(service.end, drive.model().geometry.cylinder_of(service.run.end() - 1));
          std::uint64_t way = 0;
          Cylinder at = from;
          const auto go = [&](Cylinder to) {
            way += at < to ? to - at : at - to;
            at = to;
          };
          for (const Cylinder turn : service.by_way_of) go(turn);
          go(service.to);
          go(service.end);
          ASSERT_EQ(service.distance, way) << disk << " " << arm;
        }
      }
    }
  }
}

TEST(Drive, AChangeOfDiskKeepsTheBlocksOfThoseWhoWait) {
  constexpr std::uint64_t kBlocks = 1 << 20;
  Drive drive(make_disk_model("textbook", 4096, kBlocks).take(), policy("fcfs"));
  drive.arrive(1, {BlockNo{kBlocks - 1}, 1}, false);
  drive.arrive(2, {BlockNo{kBlocks / 2}, 1}, false);
  drive.serve_next();
  EXPECT_EQ(drive.arm().at.value, 199u);
  drive.set_model(make_disk_model("7200rpm", 4096, kBlocks).take());
  const std::uint64_t cylinders = drive.model().geometry.cylinders();
  EXPECT_GE(drive.arm().at.value, cylinders * 198 / 200);
  const Service service = drive.serve_next();
  EXPECT_EQ(service.run.start.value, kBlocks / 2);
  EXPECT_EQ(service.to.value, cylinders / 2);
  drive.set_model(make_disk_model("ssd", 4096, kBlocks).take());
  EXPECT_EQ(drive.arm().at.value, 0u);
}

}  // namespace
}  // namespace spindle
