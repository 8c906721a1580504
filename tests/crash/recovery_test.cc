// The power fails again, at every write and flush of a mount that comes after a power cut: while
// the log is replayed, while the mark is put into the superblock, while what was left open is
// freed. Whatever is left of it mounts again and holds what was promised before the first cut.

#include <gtest/gtest.h>
#include <linux/falloc.h>

#include "fsck/check_volume.h"
#include "judge.h"
#include "model/strategies.h"
#include "model/volume_check.h"
#include "spindle/device/crash_state.h"

namespace spindle::test {
namespace {

constexpr std::uint64_t kSeed = 900;
constexpr int kFirstCuts = 12;  // for each strategy

class Recovery : public testing::TestWithParam<format::MapKind> {};

std::string place(std::size_t cut, std::size_t of, CrashMode mode) {
  return "cut " + std::to_string(cut) + " of " + std::to_string(of) + ", mode " +
         std::to_string(static_cast<int>(mode)) + ": ";
}

// Mounts the image, makes all that the mount has done durable, and judges every cut of that.
std::string judge_recoveries(const MemoryDevice& crashed, std::size_t first_cut,
                             const History& history, std::uint64_t seed) {
  MemoryDevice image = crashed;
  RecordingDevice device(image);
  {
    auto volume = mounted(device);
    must(volume->sync_all());
    must(volume->unmount());
  }
  const CrashStates states(crashed, device.log());
  for (std::size_t cut = 0; cut <= states.events(); cut += one_in()) {
    for (const CrashMode mode : kCrashModes) {
      MemoryDevice after = states.at(cut, mode, seed + cut);
      const std::string wrong = judge(after, first_cut, history, cut % 8 == 0);
      if (!wrong.empty()) return "second " + place(cut, states.events(), mode) + wrong;
    }
  }
  return "";
}

TEST_P(Recovery, CanBeCutOffAnywhere) {
  in_runtime([&] {
    MemoryDevice image = formatted({.size = 1u << 20, .map_kind = GetParam()});
    RecordingDevice device(image);
    History history;
    auto volume = mounted(device);
    device.restart();
    const MemoryDevice start = image;
    Workload(*volume, device, history, kSeed, {}).run(60);
    volume.reset();

    const CrashStates states(start, device.log());
    Random random(kSeed);
    for (int i = 0; i < kFirstCuts; ++i) {
      const std::size_t cut = random.below(states.events() + 1);
      const CrashMode mode = kCrashModes[random.below(kCrashModes.size())];
      const std::string wrong =
          judge_recoveries(states.at(cut, mode, kSeed + cut), cut, history, kSeed + cut);
      ASSERT_EQ(wrong, "") << "first " << place(cut, states.events(), mode);
    }
  });
}

NodeId make(FileSystem& volume, const char* name) {
  return must(volume.create({}, kRootNode, name, 0644)).node;
}

// From now on most free blocks have no free neighbour: a file will have thousands of runs.
void leave_single_blocks(FileSystem& volume) {
  constexpr std::uint64_t kBlock = 1024;
  constexpr std::uint64_t kBlocksForMaps = 600;
  constexpr std::uint64_t kSingleBlocks = 4500;
  const NodeId sieve = make(volume, "sieve");
  const std::string_view strategy = "extent";
  must(volume.set_xattr({}, sieve, "user.spindle.alloc", std::as_bytes(std::span(strategy)), 0));
  const std::uint64_t blocks = must(volume.space()).free_blocks - kBlocksForMaps;
  must(volume.allocate({}, sieve, 0, 0, blocks * kBlock));
  for (std::uint64_t i = 0; i < kSingleBlocks; ++i) {
    constexpr int kPunch = FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE;
    must(volume.allocate({}, sieve, kPunch, 2 * i * kBlock, kBlock));
  }
  must(volume.sync_all());
}

// A volume with a file "kept" and a large one, "lost", that is freed in many transactions, because
// the log is small.
MemoryDevice with_large_file(format::MapKind kind) {
  MemoryDevice image = formatted({.size = 16u << 20, .map_kind = kind, .journal_size = 64u << 10});
  auto volume = mounted(image);
  const NodeId kept = make(*volume, "kept");
  const NodeId lost = make(*volume, "lost");
  if (kind != format::MapKind::kContiguous) leave_single_blocks(*volume);
  const auto bytes = bytes_of(1, 100'000);
  for (std::uint64_t i = 0; i < 40; ++i) {
    must(volume->write(lost, 0, i * bytes.size(), bytes, Setuid::kKeep));
    if (i < 3) must(volume->write(kept, 0, i * 1000, std::span(bytes).first(1000), Setuid::kKeep));
    must(volume->sync(lost, SyncOf::kFile));
  }
  must(volume->unmount());
  return image;
}

// "" if fsck finds nothing in a copy of the image, which has not been mounted since.
std::string damage_in(const MemoryDevice& image) {
  MemoryDevice copy = image;
  const auto checked = fsck::check_volume(copy, {.mode = fsck::Mode::kYes, .force = true});
  if (!checked.ok()) return "check: " + checked.error().describe();
  return checked->found == 0 ? "" : "fsck finds damage before the mount";
}

// The large file is deleted: after a cut anywhere, the next mount frees the rest of it, and all of
// its space comes back.
class Orphan {
 public:
  explicit Orphan(format::MapKind kind) : image_(with_large_file(kind)) {
    auto volume = mounted(image_);
    kept_ = content_of(*volume, must(volume->lookup(kRootNode, "kept")).node);
    free_blocks_ = must(volume->space()).free_blocks;
    must(volume->lookup(kRootNode, "lost"));  // somebody has it open
    must(volume->unlink(kRootNode, "lost"));
    must(volume->sync_all());
  }

  const MemoryDevice& image() const { return image_; }

  // "" if a mount gives the space of the lost file back, and fsck then finds nothing.
  std::string judge_mount(MemoryDevice& image) const {
    if (const std::string damage = damage_in(image); !damage.empty()) return damage;
    auto mounting = FileSystem::mount(image, {.capacity_bytes = 1u << 20}, {});
    if (!mounting.ok()) return "mount: " + mounting.error().describe();
    FileSystem& volume = **mounting;
    const auto problems = check_volume(volume);
    if (!problems.empty()) return problems.front();
    if (volume.statistics().nameless_nodes != 0) return "something was not freed";
    if (must(volume.space()).free_blocks < free_blocks_ + 3900) return "space is lost";
    const NodeId kept = must(volume.lookup(kRootNode, "kept")).node;
    if (content_of(volume, kept) != kept_) return "another file has changed";
    return "";
  }

 private:
  MemoryDevice image_;
  std::uint64_t free_blocks_ = 0;
  std::vector<std::byte> kept_;
};

TEST_P(Recovery, FreesWhatWasLeftOpenHoweverOftenItIsCutOff) {
  in_runtime([&] {
    const Orphan orphan(GetParam());
    MemoryDevice image = orphan.image();
    RecordingDevice device(image);
    {
      auto volume = mounted(device);
      must(volume->unmount());
    }
    EXPECT_EQ(orphan.judge_mount(image), "");
    const CrashStates states(orphan.image(), device.log());
    ASSERT_GT(states.events(), 10u);
    for (std::size_t cut = 0; cut <= states.events(); cut += one_in()) {
      for (const CrashMode mode : kCrashModes) {
        MemoryDevice after = states.at(cut, mode, kSeed + cut);
        ASSERT_EQ(orphan.judge_mount(after), "") << place(cut, states.events(), mode);
      }
    }
  });
}

TEST_P(Recovery, DoesNotKeepAMountWaiting) {
  in_runtime([&] {
    MemoryDevice image = Orphan(GetParam()).image();
    auto volume = mounted(image);
    EXPECT_EQ(volume->statistics().nameless_nodes, 1u) << "it was freed before the mount answered";
    const Space promised = must(volume->space());
    must(volume->settle_space());
    EXPECT_EQ(volume->statistics().nameless_nodes, 0u);
    const Space space = must(volume->space());
    EXPECT_EQ(promised.free_blocks, space.free_blocks);
    EXPECT_EQ(promised.free_files, space.free_files);
    must(volume->unmount());
  });
}

// "" if the file, as short as its truncation made it, has zeros where it is made longer at once.
std::string judge_longer(MemoryDevice& image, std::uint64_t size) {
  constexpr std::uint64_t kFar = 3'000'000;
  if (const std::string damage = damage_in(image); !damage.empty()) return damage;
  auto volume = mounted(image);
  const Attributes lost = must(volume->lookup(kRootNode, "lost"));
  if (lost.size != size) return "";
  const auto byte = bytes_of(2, 1);
  must(volume->write(lost.node, 0, kFar, byte, Setuid::kKeep));
  std::vector<std::byte> expected = bytes_of(1, size);
  expected.resize(kFar);
  expected.push_back(byte.front());
  if (content_of(*volume, lost.node) != expected) return "the file has what was cut off";
  const auto problems = check_volume(*volume);
  if (!problems.empty()) return problems.front();
  must(volume->unmount());
  return "";
}

void cut_lost(FileSystem& volume, std::uint64_t size) {
  AttributeChange cut{.size = true};
  cut.to.size = size;
  must(volume.set_attributes({}, must(volume.lookup(kRootNode, "lost")).node, cut));
}

TEST_P(Recovery, FinishesATruncationBeforeTheFileGrows) {
  in_runtime([&] {
    const MemoryDevice start = with_large_file(GetParam());
    for (const std::uint64_t size : {0u, 1000u}) {
      MemoryDevice image = start;
      RecordingDevice device(image);
      {
        auto volume = mounted(device);
        cut_lost(*volume, size);
        must(volume->unmount());
      }
      const CrashStates states(start, device.log());
      for (std::size_t cut = 0; cut <= states.events(); cut += 2 * one_in()) {
        MemoryDevice after = states.at(cut, kCrashModes.front(), kSeed + cut);
        ASSERT_EQ(judge_longer(after, size), "")
            << "to " << size << " bytes, cut " << cut << " of " << states.events();
      }
    }
  });
}

TEST_P(Recovery, EmptiesAFileBesideTheOperations) {
  in_runtime([&] {
    MemoryDevice image = with_large_file(GetParam());
    auto volume = mounted(image);
    cut_lost(*volume, 0);
    EXPECT_EQ(must(volume->lookup(kRootNode, "lost")).sectors, 0u);
    const bool is_one_run = GetParam() == format::MapKind::kContiguous;
    EXPECT_EQ(volume->statistics().nameless_nodes, is_one_run ? 0u : 1u)
        << "its blocks were freed before the answer";
    const Space promised = must(volume->space());
    must(volume->settle_space());
    EXPECT_EQ(volume->statistics().nameless_nodes, 0u);
    EXPECT_EQ(promised.free_blocks, must(volume->space()).free_blocks);
    EXPECT_EQ(promised.free_files, must(volume->space()).free_files);
    must(volume->unmount());
  });
}

// Its blocks are still being freed under its number when it has none itself.
TEST_P(Recovery, AnEmptiedFileMayBeDeletedAtOnce) {
  in_runtime([&] {
    const MemoryDevice start = with_large_file(GetParam());
    MemoryDevice image = start;
    RecordingDevice device(image);
    {
      auto volume = mounted(device);
      const NodeId lost = must(volume->lookup(kRootNode, "lost")).node;
      cut_lost(*volume, 0);
      must(volume->unlink(kRootNode, "lost"));
      volume->forget(lost, 2);
      must(volume->write(make(*volume, "next"), 0, 0, bytes_of(3, 40'000), Setuid::kKeep));
      must(volume->sync_all());
      must(volume->unmount());
    }
    const CrashStates states(start, device.log());
    for (std::size_t cut = 0; cut <= states.events(); cut += 2 * one_in()) {
      MemoryDevice after = states.at(cut, kCrashModes.front(), kSeed + cut);
      ASSERT_EQ(damage_in(after), "") << "cut " << cut << " of " << states.events();
      auto volume = mounted(after);
      must(volume->settle_space());
      ASSERT_TRUE(check_volume(*volume).empty()) << "cut " << cut << " of " << states.events();
      must(volume->unmount());
      ASSERT_EQ(damage_in(after), "") << "after cut " << cut << " of " << states.events();
    }
  });
}

INSTANTIATE_TEST_SUITE_P(Strategies, Recovery, every_strategy(), strategy_name);

}  // namespace
}  // namespace spindle::test
