// The image fails: each single read, write and flush of random workloads in turn, once or from then
// on. The error reaches a caller; a failed operation did nothing; a journal that fails turns the
// volume read-only; and what an fsync acknowledged is there after a power cut at any such moment.

#include <gtest/gtest.h>

#include "judge.h"
#include "model/strategies.h"
#include "spindle/device/crash_state.h"
#include "spindle/device/fault_device.h"
#include "spindle/disk/simulated_disk.h"
#include "support/in_runtime.h"

namespace spindle::test {
namespace {

constexpr std::uint64_t kFirstSeed = 1300;
constexpr std::uint64_t kSeeds = 1;
constexpr int kFaultOperations = 50;
constexpr int kCuts = 4;  // at the end, and at random

struct Fault {
  FaultRule::On on = FaultRule::kAnything;
  std::uint64_t times = 1;
  bool data_in_log = false;
  std::size_t cache_bytes = 1u << 20;
};

// A volume on a disk that fails at the `skip`th request of a kind, a workload on it, and what is
// left.
class Patient {
 public:
  Patient(format::MapKind kind, const Fault& fault, std::uint64_t seed, std::uint64_t skip)
      : seed_(seed),
        image_(formatted({.size = 1u << 20, .map_kind = kind})),
        faulty_(image_, seed),
        device_(faulty_),
        disk_(must(SimulatedDisk::create(device_, {.disk = "7200rpm"}))) {
    volume_ = must(FileSystem::mount(*disk_, {.capacity_bytes = fault.cache_bytes},
                                     {.data_in_log = fault.data_in_log}));
    device_.restart();
    start_ = std::make_unique<MemoryDevice>(image_);
    faulty_.add({.on = static_cast<std::uint8_t>(fault.on), .skip = skip, .times = fault.times});
    workload_ = std::make_unique<Workload>(*volume_, device_, history_, seed,
                                           Workload::Options{.may_fail = true});
    workload_->run(kFaultOperations);
  }

  // False if the workload has no more than `skip` such requests.
  [[nodiscard]] bool was_struck() const { return faulty_.faults() > 0; }

  // What is wrong with the volume while it is still mounted.
  std::string judge_mounted() {
    if (!workload_->error().empty()) return workload_->error();
    const auto& failed = volume_->journal().failure();
    if (!failed) {
      // Neither a read nor the write of a file's data can be a reason to stop.
      return volume_->failure() ? "it is read-only though the journal works" : "";
    }
    if (!volume_->is_read_only() || !volume_->failure()) return "it is not read-only";
    if (volume_->last_error().empty()) return "last_error says nothing";
    if (volume_->sync_all().ok()) return "sync answers well";
    if (volume_->create({}, kRootNode, "late", 0644).code() != EROFS) return "it can be written";
    return "";
  }

  // The power fails with the fault still there.
  std::string judge_cuts() {
    volume_.reset();
    const CrashStates states(*start_, device_.log());
    Random random(seed_ + states.events());
    for (int i = 0; i < kCuts; ++i) {
      const std::size_t cut = i == 0 ? states.events() : random.below(states.events() + 1);
      for (const CrashMode mode : kCrashModes) {
        MemoryDevice after = states.at(cut, mode, seed_ + cut);
        const std::string wrong = judge(after, cut, history_, mode == CrashMode::kAll);
        if (!wrong.empty()) {
          return "cut " + std::to_string(cut) + " of " + std::to_string(states.events()) +
                 ", mode " + std::to_string(static_cast<int>(mode)) + ": " + wrong;
        }
      }
    }
    return "";
  }

  // Unmounts: if that succeeds, all is there to the byte; otherwise the next mount repairs.
  std::string judge_unmounted() {
    const bool may_lose = workload_->failures() > 0;
    const auto unmounted = volume_->unmount();
    volume_.reset();
    faulty_.clear();
    if (!unmounted.ok()) return judge(image_, device_.events(), history_, true);
    auto again = mounted(image_);
    const auto wrong = workload_->compare(show(*again));
    if (wrong.empty() || !may_lose) return wrong;
    again.reset();
    return judge(image_, device_.events(), history_, true);
  }

  const Workload& workload() const { return *workload_; }

 private:
  std::uint64_t seed_;
  MemoryDevice image_;
  FaultDevice faulty_;
  RecordingDevice device_;
  std::unique_ptr<SimulatedDisk> disk_;
  std::unique_ptr<MemoryDevice> start_;
  History history_;
  std::unique_ptr<FileSystem> volume_;
  std::unique_ptr<Workload> workload_;
};

class Faults : public testing::TestWithParam<format::MapKind> {
 protected:
  // Each request that the workload makes fails in one run. Returns in how many runs an operation
  // failed.
  static std::size_t strike_each(const Fault& fault) {
    std::size_t told = 0;
    in_runtime([&] {
      for (std::uint64_t seed = kFirstSeed; seed < kFirstSeed + kSeeds; ++seed) {
        std::uint64_t skip = 0;
        while (!HasFailure() && strike(fault, seed, skip, told)) skip += one_in();
      }
    });
    return told;
  }

 private:
  // False if there is no such request.
  static bool strike(const Fault& fault, std::uint64_t seed, std::uint64_t skip,
                     std::size_t& told) {
    SCOPED_TRACE("seed " + std::to_string(seed) + ", request " + std::to_string(skip));
    Patient cut(GetParam(), fault, seed, skip);
    if (!cut.was_struck()) return false;
    told += cut.workload().failures() > 0 ? 1 : 0;
    EXPECT_EQ(cut.judge_mounted(), "");
    EXPECT_EQ(cut.judge_cuts(), "");
    Patient unmounted(GetParam(), fault, seed, skip);
    EXPECT_EQ(unmounted.judge_unmounted(), "");
    return true;
  }
};

TEST_P(Faults, OfOneWrite) {
  EXPECT_GT(strike_each({.on = FaultRule::kWrites}), 0u);
}

TEST_P(Faults, OfAllWritesFromOneOn) {
  EXPECT_GT(strike_each({.on = FaultRule::kWrites, .times = FaultRule::kForever}), 0u);
}

TEST_P(Faults, OfWritesWithDataInTheLog) {
  EXPECT_GT(strike_each({.on = FaultRule::kWrites, .data_in_log = true}), 0u);
}

TEST_P(Faults, OfOneFlush) {
  EXPECT_GT(strike_each({.on = FaultRule::kFlushes}), 0u);
}

TEST_P(Faults, OfAllFlushesFromOneOn) {
  EXPECT_GT(strike_each({.on = FaultRule::kFlushes, .times = FaultRule::kForever}), 0u);
}

// The cache is so small that blocks have to be read again.
TEST_P(Faults, OfOneRead) {
  EXPECT_GT(strike_each({.on = FaultRule::kReads, .cache_bytes = 0}), 0u);
}

TEST_P(Faults, OfAllReadsFromOneOn) {
  EXPECT_GT(strike_each({.on = FaultRule::kReads, .times = FaultRule::kForever, .cache_bytes = 0}),
            0u);
}

INSTANTIATE_TEST_SUITE_P(Strategies, Faults, every_strategy(), strategy_name);

TEST(OneFault, ACopyThatCannotReadOnTellsHowFarItCame) {
  constexpr std::uint64_t kMiB = 1u << 20;
  MemoryDevice image = formatted({.size = 16 * kMiB});
  FaultDevice faulty(image);
  in_runtime([&] {
    auto volume = mounted(faulty);
    const NodeId from = must(volume->create({}, kRootNode, "from", 0644)).node;
    const NodeId to = must(volume->create({}, kRootNode, "to", 0644)).node;
    must(volume->write(from, 0, 0, std::vector<std::byte>(3 * kMiB), Setuid::kKeep));
    must(volume->sync_all());
    volume->cache().drop_clean();
    const Extent last = must(volume->describe_map(from)).extents.back();
    const BlockNo bad = last.block + last.length - 1;
    faulty.add({.on = FaultRule::kReads, .where = {bad, 1}, .times = FaultRule::kForever});
    EXPECT_EQ(must(volume->copy_range(from, 0, to, 0, 3 * kMiB)), 2 * kMiB);
    EXPECT_EQ(volume->copy_range(from, 2 * kMiB, to, 2 * kMiB, kMiB).code(), EIO);
    must(volume->unmount());
  });
}

}  // namespace
}  // namespace spindle::test
