// The power fails while several threads work on the same files: each writes parts of its own, and
// gives the files other blocks under the hands of the others.

#include <fcntl.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <array>

#include "fsck/check_volume.h"
#include "judge.h"
#include "model/strategies.h"
#include "model/volume_check.h"
#include "spindle/device/crash_state.h"
#include "spindle/thread/thread.h"
#include "support/suspending_device.h"

namespace spindle::test {
namespace {

constexpr std::size_t kUsers = 3;
constexpr std::size_t kFiles = 2;
constexpr std::size_t kSlots = 40;       // of each user in each file
constexpr std::size_t kSlotBytes = 700;  // in the same way in no two blocks
constexpr int kSteps = 25;
constexpr int kCutsOfOneRun = 6;

/// A part of a file that one user writes, all of it the same byte.
struct Slot {
  struct Promise {
    std::size_t events = 0;
    std::size_t version = 0;
  };
  std::vector<std::byte> versions{std::byte{0}};
  std::vector<Promise> durable;

  [[nodiscard]] bool may_hold(std::byte byte, std::size_t cut) const {
    std::size_t first = 0;
    for (const Promise& promise : durable) {
      if (promise.events <= cut) first = std::max(first, promise.version);
    }
    return std::find(versions.begin() + static_cast<std::ptrdiff_t>(first), versions.end(), byte) !=
           versions.end();
  }
};

class Party {
 public:
  Party(format::MapKind kind, std::uint64_t seed)
      : image_(formatted({.size = 2u << 20, .map_kind = kind})),
        recording_(image_),
        device_(recording_, seed),
        random_(seed),
        volume_(must(FileSystem::mount(device_, {.capacity_bytes = 0}, {}))) {
    for (std::size_t file = 0; file < kFiles; ++file)
      files_[file] = must(volume_->create({}, kRootNode, std::to_string(file), 0644)).node;
    must(volume_->sync_all());
    recording_.restart();
    start_ = std::make_unique<MemoryDevice>(image_);
  }

  void run() {
    std::vector<thread::Thread> users;
    for (std::size_t user = 0; user < kUsers; ++user) {
      users.push_back(thread::spawn({.name = "user", .stack_size = 256 * 1024}, [this, user] {
        for (int i = 0; i < kSteps; ++i) step(user);
      }));
    }
    for (thread::Thread& user : users) must(user.join());
    EXPECT_EQ(check_volume(*volume_), std::vector<std::string>());
    volume_.reset();
  }

  void cut() {
    const CrashStates states(*start_, recording_.log());
    for (int i = 0; i < kCutsOfOneRun; ++i) {
      const std::size_t cut = i == 0 ? states.events() : random_.below(states.events() + 1);
      const CrashMode mode = kCrashModes[random_.below(kCrashModes.size())];
      SCOPED_TRACE("cut " + std::to_string(cut) + ", mode " +
                   std::to_string(static_cast<int>(mode)));
      MemoryDevice after = states.at(cut, mode, cut);
      auto volume = mounted(after);
      EXPECT_EQ(check_volume(*volume), std::vector<std::string>());
      for (std::size_t file = 0; file < kFiles; ++file) judge_file(*volume, file, cut);
      must(volume->unmount());
      EXPECT_EQ(must(fsck::check_volume(after, {.force = true})).found, 0u);
    }
  }

 private:
  static std::uint64_t offset_of(std::size_t user, std::size_t slot) {
    return (user * kSlots + slot) * kSlotBytes;
  }

  void step(std::size_t user) {
    const std::size_t file = random_.below(kFiles);
    const std::uint64_t what = random_.below(10);
    if (what < 4) {
      write(user, file);
    } else if (what < 6) {
      sync(user, file);
    } else if (what < 8) {
      const auto maps = all_file_maps();
      const auto name = std::as_bytes(std::span(maps[random_.below(maps.size())]->name()));
      must(volume_->set_xattr({}, files_[file], "user.spindle.alloc", name, 0));
    } else if (what == 8) {
      must(volume_->rearrange(files_[file], FileSystem::Arrangement::kFewestRuns));
    } else {
      punch(user, file);
    }
  }

  void write(std::size_t user, std::size_t file) {
    const std::size_t slot = random_.below(kSlots);
    const std::size_t count = 1 + random_.below(kSlots - slot);
    const auto byte = static_cast<std::byte>(++last_byte_);
    for (std::size_t i = 0; i < count; ++i) slots_[file][user][slot + i].versions.push_back(byte);
    const std::vector<std::byte> bytes(count * kSlotBytes, byte);
    must(volume_->write(files_[file], 0, offset_of(user, slot), bytes, Setuid::kKeep));
  }

  void punch(std::size_t user, std::size_t file) {
    const std::size_t slot = random_.below(kSlots);
    slots_[file][user][slot].versions.emplace_back();
    must(volume_->allocate({}, files_[file], FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE,
                           offset_of(user, slot), kSlotBytes));
  }

  void sync(std::size_t user, std::size_t file) {
    must(volume_->sync(files_[file], random_.one_in(2) ? SyncOf::kFile : SyncOf::kData));
    for (Slot& slot : slots_[file][user])
      slot.durable.push_back({recording_.events(), slot.versions.size() - 1});
  }

  void judge_file(FileSystem& volume, std::size_t file, std::size_t cut) {
    const NodeId node = must(volume.lookup(kRootNode, std::to_string(file))).node;
    std::vector<std::byte> bytes = content_of(volume, node);
    bytes.resize(kUsers * kSlots * kSlotBytes);
    for (std::size_t at = 0; at < bytes.size(); ++at) {
      const std::size_t number = at / kSlotBytes;
      const Slot& slot = slots_[file][number / kSlots][number % kSlots];
      ASSERT_TRUE(slot.may_hold(bytes[at], cut))
          << "file " << file << " has " << static_cast<int>(bytes[at]) << " at byte " << at;
    }
  }

  MemoryDevice image_;
  RecordingDevice recording_;
  SuspendingDevice device_;
  Random random_;
  std::unique_ptr<FileSystem> volume_;
  std::unique_ptr<MemoryDevice> start_;
  std::array<NodeId, kFiles> files_{};
  std::array<std::array<std::array<Slot, kSlots>, kUsers>, kFiles> slots_;
  std::uint8_t last_byte_ = 0;
};

class CrashTogether : public testing::TestWithParam<format::MapKind> {};

TEST_P(CrashTogether, KeepsWhatWasSynced) {
  in_runtime([] {
    const std::uint64_t first = from_environment("SPINDLE_SEED", 1);
    const std::uint64_t seeds = from_environment("SPINDLE_SEEDS", 2);
    for (std::uint64_t seed = first; seed < first + seeds && !HasFailure(); ++seed) {
      SCOPED_TRACE("seed " + std::to_string(seed));
      Party party(GetParam(), seed);
      party.run();
      party.cut();
    }
  });
}

INSTANTIATE_TEST_SUITE_P(Strategies, CrashTogether, every_strategy(), strategy_name);

}  // namespace
}  // namespace spindle::test
