// The mark of a mount: nothing else may be durable before it is, and a mount that changes nothing
// needs no flush.

#include <gtest/gtest.h>

#include <algorithm>

#include "model/mounted_volume.h"
#include "spindle/device/fault_device.h"
#include "spindle/device/recording_device.h"
#include "support/in_runtime.h"

namespace spindle::test {
namespace {

bool is_flush(const WriteEvent& event) {
  return event.kind == WriteEvent::Kind::kFlush;
}

bool is_superblock(const WriteEvent& event) {
  return event.kind == WriteEvent::Kind::kWrite && event.run.start.value <= 1;
}

// Which of the events come before the first flush, and whether they are writes of the superblock.
bool only_superblock_until_flush(const WriteLog& log) {
  const auto flush = std::ranges::find_if(log.events, is_flush);
  return flush != log.events.end() && flush != log.events.begin() &&
         std::all_of(log.events.begin(), flush, is_superblock);
}

std::uint32_t state_of(BlockDevice& device) {
  return must(read_superblock(device)).state;
}

TEST(Mark, NeedsNoFlushWhereNothingChanges) {
  in_runtime([] {
    MemoryDevice image = formatted({});
    RecordingDevice device(image);
    auto volume = mounted(device);
    EXPECT_EQ(state_of(image) & format::kClean, 0u);
    must(volume->attributes(kRootNode));
    must(volume->sync(kRootNode, SyncOf::kFile));
    must(volume->unmount());
    EXPECT_NE(state_of(image) & format::kClean, 0u);
    EXPECT_TRUE(std::ranges::all_of(device.log().events, is_superblock));
    EXPECT_EQ(device.events(), 2u);
  });
}

TEST(Mark, IsDurableBeforeAnythingElseIsWritten) {
  in_runtime([] {
    MemoryDevice image = formatted({});
    RecordingDevice device(image);
    auto volume = mounted(device);
    EXPECT_EQ(std::ranges::count_if(device.log().events, is_flush), 0);
    must(volume->create({}, kRootNode, "a", 0644));
    must(volume->sync_all());
    EXPECT_TRUE(only_superblock_until_flush(device.log()));
    EXPECT_GE(std::ranges::count_if(device.log().events, is_flush), 2);
    must(volume->unmount());
    EXPECT_TRUE(is_flush(device.log().events.back()));
  });
}

TEST(Mark, IsDurableAtOnceWhereOthersWouldNotSeeIt) {
  in_runtime([] {
    MemoryDevice image = formatted({});
    RecordingDevice device(image);
    auto volume = mounted(device, {.others_see_unflushed = false});
    ASSERT_EQ(device.events(), 2u);
    EXPECT_TRUE(only_superblock_until_flush(device.log()));
    must(volume->unmount());
  });
}

TEST(Mark, KeepsAllElseBackUntilItIsDurable) {
  in_runtime([] {
    MemoryDevice image = formatted({});
    RecordingDevice recording(image);
    FaultDevice device(recording);
    auto volume = mounted(device);
    device.add({.on = FaultRule::kFlushes, .times = 100});
    must(volume->create({}, kRootNode, "a", 0644));
    EXPECT_EQ(volume->sync_all().code(), EIO);
    EXPECT_TRUE(std::ranges::all_of(recording.log().events, is_superblock));
    EXPECT_TRUE(volume->is_read_only());
  });
}

}  // namespace
}  // namespace spindle::test
