// Random damage, sealed as if it were right: whatever is on the disk, every program answers, and a
// repair leaves a sound volume that holds all that was not damaged.

#include <gtest/gtest.h>
#include <sys/resource.h>
#include <unistd.h>

#include <csignal>
#include <cstdlib>
#include <fstream>

#include "exercise.h"
#include "mutation.h"
#include "repair.h"
#include "spindle/device/overlay_device.h"

namespace spindle::test {
namespace {

constexpr std::uint64_t kSeeds = 400;
constexpr std::uint64_t kSuperblockSeeds = 100;
constexpr unsigned kMostSeconds = 120;      // for one seed, under a sanitizer
constexpr long kMostMemory = 2l << 20;      // KiB: the whole program, under a sanitizer
constexpr std::uint64_t kChangesOneIn = 4;  // seeds that also mount and change the volume

std::uint64_t number_of(const char* variable, std::uint64_t otherwise) {
  const char* text = std::getenv(variable);
  return text == nullptr ? otherwise : std::strtoull(text, nullptr, 10);
}

// If a test crashes or hangs, it must tell its seed.
std::uint64_t current_seed = 0;

void tell_seed(int signal) {
  char text[] = "while at seed 00000000\n";
  std::uint64_t rest = current_seed;
  for (std::size_t i = sizeof text - 3; rest != 0; --i, rest /= 10) {
    text[i] = static_cast<char>('0' + rest % 10);
  }
  static_cast<void>(::write(STDERR_FILENO, text, sizeof text - 1));
  std::signal(signal, SIG_DFL);
  ::raise(signal);
}

class RandomDamage : public testing::Test {
 protected:
  void SetUp() override {
    for (const int signal : {SIGABRT, SIGALRM}) std::signal(signal, tell_seed);
  }
  void TearDown() override {
    ::alarm(0);
    rusage usage{};
    ::getrusage(RUSAGE_SELF, &usage);
    EXPECT_LT(usage.ru_maxrss, kMostMemory) << "memory ran away";
  }

  // Calls `judge(seed, random)`, which returns what was wrong, for each seed.
  template <class F>
  void for_each_seed(std::uint64_t first, std::uint64_t count, F&& judge) {
    first = number_of("SPINDLE_SEED", first);
    count = number_of("SPINDLE_SEEDS", count);
    for (std::uint64_t seed = first; seed < first + count; ++seed) {
      current_seed = seed;
      ::alarm(kMostSeconds);
      Random random(seed);
      EXPECT_EQ(judge(seed, random), "") << "SPINDLE_SEED=" << seed << " SPINDLE_SEEDS=1";
    }
  }
};

// For a person who looks into one seed: the damaged volume as an image.
void keep_image(const MemoryDevice& device) {
  const char* path = std::getenv("SPINDLE_IMAGE");
  if (path == nullptr) return;
  std::vector<std::byte> bytes(device.size_bytes());
  device.peek(0, bytes);
  std::ofstream(path, std::ios::binary)
      .write(reinterpret_cast<const char*>(bytes.data()),
             static_cast<std::streamsize>(bytes.size()));
}

// A check that may change nothing gives an answer, and changes nothing.
std::string look(const MemoryDevice& device, bool may_replay) {
  keep_image(device);
  MemoryDevice looked_at = device;
  OverlayDevice overlay(looked_at);
  const auto seen =
      check(may_replay ? static_cast<BlockDevice&>(overlay) : looked_at, fsck::Mode::kNo);
  if (!seen.ok() && seen.error().code == EIO) return "check: " + seen.error().describe();
  return looked_at.same_content(device) ? "" : "a check that may change nothing wrote";
}

// After a mount has changed a damaged volume, it can still be repaired.
std::string change_and_repair(const MemoryDevice& device) {
  MemoryDevice changed = mount_and_change(device);
  const auto repaired = check(changed, fsck::Mode::kYes);
  if (!repaired.ok()) return "repair after changes: " + repaired.error().describe();
  const auto again = check(changed, fsck::Mode::kNo);
  if (!again.ok()) return "check after changes: " + again.error().describe();
  return again->found == 0 ? "" : "a repair after changes left something";
}

const Ownership& whole() {
  static const Ownership found = ownership_of(sample());
  return found;
}

std::set<NodeId> all_nodes() {
  std::set<NodeId> nodes;
  for (const auto& [path, item] : sample().items) nodes.insert(item.node);
  return nodes;
}

TEST_F(RandomDamage, OfMetadataIsRepaired) {
  for_each_seed(1, kSeeds, [](std::uint64_t seed, Random& random) -> std::string {
    MemoryDevice device = sample().device;
    Mutator mutator(device, whole());
    for (std::uint64_t i = random.below(3) + 1; i-- > 0;) mutator.apply(random_mutation(random));
    const Touched& touched = mutator.touched();
    if (std::string wrong = look(device, touched.everything); !wrong.empty()) return wrong;
    mount_and_read(device);
    inspect_all(device, touched.blocks);
    if (seed % kChangesOneIn == 0) {
      if (std::string wrong = change_and_repair(device); !wrong.empty()) return wrong;
    }
    return repair_and_compare(device, touched.everything ? all_nodes() : touched.nodes,
                              touched.everything || touched.names);
  });
}

TEST_F(RandomDamage, OfSuperblocksIsAnswered) {
  const auto judge = [](std::uint64_t, Random& random) -> std::string {
    MemoryDevice device = sample().device;
    Mutator mutator(device, whole());
    for (std::uint64_t i = random.below(3) + 1; i-- > 0;) {
      mutator.apply(random_superblock_mutation(random));
    }
    if (std::string wrong = look(device, true); !wrong.empty()) return wrong;
    mount_and_read(device);
    inspect_all(device, mutator.touched().blocks);
    // A volume of an unknown version, or of other numbers than all its blocks, is left alone.
    MemoryDevice tried = device;
    if (!check(tried, fsck::Mode::kYes).ok()) return "";
    return repair_and_compare(device, all_nodes(), true);
  };
  for_each_seed(1, kSuperblockSeeds, judge);
}

}  // namespace
}  // namespace spindle::test
