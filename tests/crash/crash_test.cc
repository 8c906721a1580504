// The power fails at every write and flush of random workloads, with what was not flushed arrived,
// lost, in another order, and torn. Each image must mount, agree with itself, and hold what was
// promised; after an unmount a check finds nothing.

#include <gtest/gtest.h>

#include <cstdlib>

#include "fsck/check_volume.h"
#include "model/volume_check.h"
#include "spindle/device/crash_state.h"
#include "workload.h"

namespace spindle::test {
namespace {

constexpr int kOperations = 60;
constexpr std::size_t kStates = 4200;     // for each strategy
constexpr std::size_t kChecksOneIn = 16;  // states that are unmounted and given to fsck

std::uint64_t base_seed() {
  const char* text = std::getenv("SPINDLE_SEED");
  return text == nullptr ? 500 : std::strtoull(text, nullptr, 10);
}

std::string finding_of(const fsck::CheckResult& checked) {
  return "fsck: " + checked.findings.front().where + " " + checked.findings.front().detail;
}

// What a repair straight after the cut, without a mount before it, finds that a cut may not leave,
// or does not repair.
std::string judge_repair(MemoryDevice image) {
  const auto repaired = fsck::check_volume(image, {.mode = fsck::Mode::kYes, .force = true});
  if (!repaired.ok()) return "repair: " + repaired.error().describe();
  if (repaired->left > 0) return "repair: " + finding_of(*repaired);
  const auto again = fsck::check_volume(image, {.force = true});
  if (!again.ok()) return "second check: " + again.error().describe();
  return again->found == 0 ? "" : "second " + finding_of(*again);
}

// What of an image after a cut is wrong; "" if nothing.
std::string judge(MemoryDevice& image, std::size_t cut, const History& history, bool runs_fsck) {
  if (runs_fsck) {
    const std::string wrong = judge_repair(image);
    if (!wrong.empty()) return wrong;
  }
  auto mounting = FileSystem::mount(image, {.capacity_bytes = 1u << 20}, {});
  if (!mounting.ok()) return "mount: " + mounting.error().describe();
  FileSystem& volume = **mounting;
  const auto problems = check_volume(volume);
  if (!problems.empty()) return problems.front();
  const Shown shown = show(volume);
  std::string wrong = history.judge_names(cut, shown.names);
  for (const auto& [id, content] : shown.contents) {
    if (wrong.empty()) wrong = history.judge_content(cut, id, content);
  }
  if (!wrong.empty() || !runs_fsck) return wrong;
  must(volume.unmount());
  const auto checked = fsck::check_volume(image, {.force = true});
  if (!checked.ok()) return "fsck: " + checked.error().describe();
  return checked->found == 0 ? "" : finding_of(*checked);
}

// Records one workload and tries every cut of it; gives the number of states.
std::size_t try_all_cuts(format::MapKind kind, std::uint64_t seed, std::string& wrong) {
  MemoryDevice image = formatted({.size = 1u << 20, .map_kind = kind});
  RecordingDevice device(image);
  History history;
  auto volume = mounted(device);
  device.restart();
  const MemoryDevice start = image;
  Workload(*volume, device, history, seed).run(kOperations);
  volume.reset();

  const CrashStates states(start, device.recording());
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

class Crash : public testing::TestWithParam<format::MapKind> {};

TEST_P(Crash, LosesNothingThatWasPromised) {
  in_runtime([&] {
    std::size_t tried = 0;
    std::string wrong;
    for (std::uint64_t seed = base_seed(); tried < kStates && wrong.empty(); ++seed) {
      tried += try_all_cuts(GetParam(), seed, wrong);
    }
    EXPECT_EQ(wrong, "");
    RecordProperty("states", static_cast<int>(tried));
  });
}

INSTANTIATE_TEST_SUITE_P(Strategies, Crash,
                         testing::Values(format::MapKind::kContiguous, format::MapKind::kLinked,
                                         format::MapKind::kFat, format::MapKind::kIndexed,
                                         format::MapKind::kExtent),
                         [](const auto& test) {
                           return std::string(file_map(test.param)->name());
                         });

}  // namespace
}  // namespace spindle::test
