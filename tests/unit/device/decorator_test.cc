// RecordingDevice, FaultDevice and OverlayDevice.
#include <gtest/gtest.h>

#include <vector>

#include "spindle/base/random.h"
#include "spindle/device/fault_device.h"
#include "spindle/device/memory_device.h"
#include "spindle/device/overlay_device.h"
#include "spindle/device/recording_device.h"

namespace spindle {
namespace {

std::vector<std::byte> filled(std::size_t size, int value) {
  return std::vector<std::byte>(size, static_cast<std::byte>(value));
}

TEST(RecordingDevice, WritesDownWhatChangesTheMediumInOrder) {
  MemoryDevice memory(1024, 16);
  RecordingDevice device(memory);
  std::vector<WriteEvent::Kind> seen;
  device.set_observer([&](const WriteEvent& event) { seen.push_back(event.kind); });
  std::vector<std::byte> block(1024);
  ASSERT_TRUE(device.read(BlockNo{1}, block).ok());
  ASSERT_TRUE(device.write(BlockNo{2}, filled(2048, 5), IoPurpose::kJournal).ok());
  ASSERT_TRUE(device.flush().ok());
  ASSERT_TRUE(device.discard({BlockNo{3}, 1}).ok());
  EXPECT_EQ(device.write(BlockNo{15}, filled(2048, 1)).code(), EINVAL);

  const auto& events = device.log().events;
  ASSERT_EQ(events.size(), 3u);
  EXPECT_EQ(events[0].kind, WriteEvent::Kind::kWrite);
  EXPECT_EQ(events[0].run, (spindle::Run{BlockNo{2}, 2}));
  EXPECT_EQ(device.log().contents[0], filled(2048, 5));
  EXPECT_EQ(events[0].purpose, IoPurpose::kJournal);
  EXPECT_EQ(events[1].kind, WriteEvent::Kind::kFlush);
  EXPECT_EQ(events[2].kind, WriteEvent::Kind::kDiscard);
  EXPECT_LT(events[0].moment, events[1].moment);
  EXPECT_EQ(seen.size(), events.size());
  device.restart();
  EXPECT_EQ(device.events(), 0u);
}

TEST(RecordingDevice, WhatFailedPromisesNothing) {
  MemoryDevice memory(1024, 16);
  FaultDevice faults(memory);
  RecordingDevice device(faults);
  faults.add({.on = FaultRule::kWrites});
  faults.add({.on = FaultRule::kFlushes});
  EXPECT_EQ(device.write(BlockNo{2}, filled(1024, 5)).code(), EIO);
  EXPECT_EQ(device.flush().code(), EIO);
  ASSERT_EQ(device.events(), 1u);
  EXPECT_EQ(device.log().events[0].moment, WriteEvent::kNever);
}

TEST(FaultDevice, StrikesTheNthAndThenIsSpent) {
  MemoryDevice memory(1024, 16);
  FaultDevice device(memory);
  device.add({.on = FaultRule::kWrites, .skip = 2, .code = ENOSPC});
  std::vector<std::byte> block = filled(1024, 1);
  std::vector<int> codes;
  for (int i = 0; i < 5; ++i) {
    EXPECT_TRUE(device.read(BlockNo{0}, block).ok());
    EXPECT_TRUE(device.flush().ok());
    codes.push_back(device.write(BlockNo{1}, block).code());
  }
  EXPECT_EQ(codes, (std::vector<int>{0, 0, ENOSPC, 0, 0}));
  EXPECT_EQ(device.faults(), 1u);
}

TEST(FaultDevice, StrikesABadBlockForEver) {
  MemoryDevice memory(1024, 16);
  FaultDevice device(memory);
  device.add({.where = {BlockNo{5}, 2}, .times = FaultRule::kForever});
  std::vector<std::byte> three = filled(3072, 1);
  for (std::uint64_t start = 0; start < 14; ++start) {
    const bool touches = start + 3 > 5 && start < 7;
    EXPECT_EQ(device.read(BlockNo{start}, three).code(), touches ? EIO : 0) << start;
    EXPECT_EQ(device.write(BlockNo{start}, three).code(), touches ? EIO : 0) << start;
  }
  EXPECT_TRUE(device.flush().code() == EIO);  // a rule for anything strikes flushes, too
  device.clear();
  EXPECT_TRUE(device.read(BlockNo{5}, three).ok());
}

TEST(FaultDevice, InABatchWhatStandsBeforeTheFaultIsDone) {
  MemoryDevice memory(1024, 16);
  FaultDevice device(memory);
  device.add({.where = {BlockNo{4}, 1}});
  std::vector<std::byte> ones = filled(1024, 1);
  const std::span<std::byte> buffer(ones);
  const IoRequest batch[] = {{IoRequest::Kind::kWrite, BlockNo{2}, {&buffer, 1}},
                             {IoRequest::Kind::kWrite, BlockNo{4}, {&buffer, 1}},
                             {IoRequest::Kind::kWrite, BlockNo{6}, {&buffer, 1}}};
  const Result<> result = device.submit(batch);
  ASSERT_EQ(result.code(), EIO);
  EXPECT_EQ(result.error().subject.number, 4u);
  MemoryDevice expected(1024, 16);
  expected.poke(2048, ones);
  EXPECT_TRUE(memory.same_content(expected));
}

TEST(FaultDevice, ChanceIsRepeatable) {
  const auto strikes = [](std::uint64_t seed) {
    MemoryDevice memory(1024, 16);
    FaultDevice device(memory, seed);
    device.add({.one_in = 10, .times = FaultRule::kForever});
    std::vector<bool> struck;
    std::vector<std::byte> block(1024);
    for (int i = 0; i < 1000; ++i) struck.push_back(!device.read(BlockNo{1}, block).ok());
    EXPECT_GT(device.faults(), 50u);
    EXPECT_LT(device.faults(), 200u);
    return struck;
  };
  EXPECT_EQ(strikes(7), strikes(7));
  EXPECT_NE(strikes(7), strikes(8));
}

TEST(OverlayDevice, ShowsTheWritesAndLeavesTheBaseAlone) {
  for (std::uint64_t seed = 0; seed < 50; ++seed) {
    SCOPED_TRACE(seed);
    Random random(seed);
    MemoryDevice base(1024, 64);
    for (std::uint64_t i = 0; i < 64; ++i) base.poke(i * 1024, filled(1024, static_cast<int>(i)));
    const MemoryDevice before = base;
    MemoryDevice model = base;
    OverlayDevice device(base);
    for (int step = 0; step < 100; ++step) {
      const BlockNo start{random.below(60)};
      std::vector<std::byte> first = filled(random.below(3) * 1024, 0);
      std::vector<std::byte> second = filled(random.below(3) * 1024, 0);
      const std::span<std::byte> buffers[] = {first, second};
      IoRequest request{IoRequest::Kind::kWrite, start, buffers};
      if (random.one_in(3)) {
        for (auto& byte : first) byte = static_cast<std::byte>(random());
        for (auto& byte : second) byte = static_cast<std::byte>(random());
        ASSERT_TRUE(device.submit({&request, 1}).ok());
        ASSERT_TRUE(model.submit({&request, 1}).ok());
        continue;
      }
      request.kind = IoRequest::Kind::kRead;
      ASSERT_TRUE(device.submit({&request, 1}).ok());
      const auto first_read = first;
      const auto second_read = second;
      ASSERT_TRUE(model.submit({&request, 1}).ok());
      ASSERT_EQ(first_read, first);
      ASSERT_EQ(second_read, second);
    }
    EXPECT_TRUE(base.same_content(before));
    EXPECT_LE(device.written_blocks(), 64u);
  }
}

TEST(OverlayDevice, ABlockThatWasWrittenIsNotAskedOfABrokenBase) {
  MemoryDevice memory(1024, 8);
  FaultDevice base(memory);
  base.add({.where = {BlockNo{3}, 1}, .times = FaultRule::kForever});
  OverlayDevice device(base);
  std::vector<std::byte> blocks(4096);
  EXPECT_EQ(device.read(BlockNo{1}, blocks).code(), EIO);
  ASSERT_TRUE(device.write(BlockNo{3}, filled(1024, 9)).ok());
  EXPECT_TRUE(device.read(BlockNo{1}, blocks).ok());
  EXPECT_EQ(blocks[2048], std::byte{9});
  EXPECT_EQ(base.faults(), 1u);
}

}  // namespace
}  // namespace spindle
