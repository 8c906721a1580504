// Repairs that begin without the front of the volume, that ask a person, and that are cut off.

#include <gtest/gtest.h>


#include "mutation.h"
#include "repair.h"
#include "spindle/device/fault_device.h"

namespace spindle::test {
namespace {

constexpr std::uint64_t kMutations = 40;

format::Layout layout_of_sample() {
  MemoryDevice device = sample().device;
  return Damager(device).layout();
}

// The first blocks of the sample, from `first` on, hold something else.
MemoryDevice overwritten(BlockNo first, std::uint64_t count, bool with_zeros) {
  MemoryDevice device = sample().device;
  std::vector<std::byte> bytes(count * device.block_size());
  Random random(count);
  if (!with_zeros) {
    for (std::byte& byte : bytes) byte = static_cast<std::byte>(random());
  }
  EXPECT_TRUE(device.write(first, bytes).ok());
  return device;
}

void expect_repaired_whole(MemoryDevice& device) {
  const auto repaired = check(device, fsck::Mode::kYes);
  ASSERT_TRUE(repaired.ok()) << repaired.error().describe();
  EXPECT_EQ(repaired->left, 0u);
  const auto again = check(device, fsck::Mode::kNo);
  ASSERT_TRUE(again.ok()) << again.error().describe();
  EXPECT_EQ(again->found, 0u);
}

TEST(Front, ThatWasOverwrittenIsRepaired) {
  const std::uint64_t front = layout_of_sample().data(GroupNo{0}).start.value;
  for (std::uint64_t count = 1; count < 2 * front; count = count * 3 / 2 + 1) {
    for (const bool with_zeros : {false, true}) {
      SCOPED_TRACE(count);
      MemoryDevice device = overwritten(BlockNo{0}, count, with_zeros);
      expect_repaired_whole(device);
    }
  }
}

TEST(Front, WithoutTheRootsTableBlockIsRepaired) {
  const BlockNo table = layout_of_sample().inode_place(format::kRootInode).block;
  for (const bool with_zeros : {false, true}) {
    MemoryDevice device = overwritten(table, 1, with_zeros);
    expect_repaired_whole(device);
  }
}

MemoryDevice mutated(std::uint64_t seed) {
  static const Ownership owners = ownership_of(sample());
  MemoryDevice device = sample().device;
  Random random(seed);
  Mutator mutator(device, owners);
  for (std::uint64_t i = random.below(3) + 1; i-- > 0;) mutator.apply(random_mutation(random));
  return device;
}

Result<fsck::CheckResult> ask(BlockDevice& device, std::function<bool()> answer) {
  fsck::CheckOptions options;
  options.mode = fsck::Mode::kAsk;
  options.force = true;
  options.ask = [&](const std::string&) { return answer(); };
  const auto found = TRY(fsck::find_superblock(device, device.block_count() * device.block_size()));
  return fsck::check_volume(device, found, options);
}

// Saying yes to everything has the same result as -y.
TEST(Asking, LeavesNothingIfAllIsWanted) {
  for (std::uint64_t seed = 1; seed <= kMutations; ++seed) {
    SCOPED_TRACE(seed);
    MemoryDevice device = mutated(seed);
    const auto asked = ask(device, [] { return true; });
    ASSERT_TRUE(asked.ok()) << asked.error().describe();
    const auto again = check(device, fsck::Mode::kNo);
    ASSERT_TRUE(again.ok()) << again.error().describe();
    EXPECT_EQ(again->found, asked->left);
  }
}

bool passes_for_sound(MemoryDevice& device) {
  fsck::CheckOptions options;
  const auto checked = fsck::check_volume(device, options);
  return checked.ok() && checked->skipped;
}

// Some answers are no, or input ends: the volume is marked as sound only if it is.
TEST(Asking, LeavesAMarkIfSomethingIsDeclined) {
  for (std::uint64_t seed = 1; seed <= kMutations; ++seed) {
    SCOPED_TRACE(seed);
    MemoryDevice device = mutated(seed);
    Random random(seed);
    const auto asked = ask(device, [&] { return random.below(4) != 0; });
    if (!asked.ok() || !passes_for_sound(device)) continue;
    const auto again = check(device, fsck::Mode::kNo);
    ASSERT_TRUE(again.ok()) << again.error().describe();
    EXPECT_EQ(again->found, 0u);
  }
}

// From each write on in turn the disk takes no more, as if the program had been killed there.
TEST(CutOff, ARepairLeavesNoVolumeThatPassesForSound) {
  for (std::uint64_t seed = 1; seed <= 6; ++seed) {
    const MemoryDevice broken = seed == 1 ? overwritten(BlockNo{0}, 1, true) : mutated(seed);
    bool is_over = false;
    for (std::uint64_t written = 0; !is_over; ++written) {
      SCOPED_TRACE(std::to_string(seed) + ", " + std::to_string(written) + " writes");
      MemoryDevice device = broken;
      FaultDevice faulty(device);
      faulty.add({.on = FaultRule::kWrites, .skip = written, .times = FaultRule::kForever});
      is_over = check(faulty, fsck::Mode::kYes).ok() || faulty.faults() == 0;
      if (is_over || device.same_content(broken)) continue;
      EXPECT_FALSE(passes_for_sound(device));
    }
  }
}

}  // namespace
}  // namespace spindle::test
