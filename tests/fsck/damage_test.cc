// Damage on purpose is found under each kind and seed, and a repair can be undone byte for byte.

#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>
#include <map>
#include <set>

#include "fsck/damage.h"
#include "fsck/explain.h"
#include "fsck/undo_file.h"
#include "sample_volume.h"
#include "spindle/base/random.h"
#include "spindle/base/temporary_folder.h"
#include "spindle/device/fault_device.h"

namespace spindle::test {
namespace {

// A path that does not exist yet, and is gone with the test.
class TemporaryPath {
 public:
  TemporaryPath() = default;
  ~TemporaryPath() { std::filesystem::remove_all(folder_); }
  TemporaryPath(const TemporaryPath&) = delete;
  TemporaryPath& operator=(const TemporaryPath&) = delete;
  [[nodiscard]] std::string path() const { return folder_ + "/file"; }

 private:
  std::string folder_ = make_temporary_folder("spindle-undo").take();
};

format::Superblock superblock_of(MemoryDevice& device) {
  const auto read = fsck::read_superblock_at(device, BlockNo{device.block_count() - 1}, 0);
  EXPECT_TRUE(read.ok());
  return *read;
}

MemoryDevice damaged(std::string_view kind, std::uint64_t seed, fsck::DamageAnswer& answer) {
  MemoryDevice device = sample().device;
  auto done = fsck::damage(device, superblock_of(device), kind, seed);
  EXPECT_TRUE(done.ok()) << kind << ": " << (done.ok() ? "" : done.error().describe());
  if (done.ok()) answer = *done;
  return device;
}

class EachKind : public testing::TestWithParam<std::string_view> {};

std::string explained(MemoryDevice& device, const fsck::Finding& finding) {
  const format::Superblock superblock = superblock_of(device);
  const format::Layout layout = format::Layout::of(superblock).take();
  fsck::Explainer explainer(device, superblock, layout);
  std::string all;
  for (const std::string& line : explainer.explain(finding)) all += line + "\n";
  return all;
}

/// A check that only looks goes on to its end, whatever is damaged, and reports its progress.
void expect_found(const MemoryDevice& broken) {
  MemoryDevice device = broken;
  const auto looked = check(device, fsck::Mode::kNo);
  ASSERT_TRUE(looked.ok()) << looked.error().describe();
  EXPECT_NE(looked->left, 0u);
  EXPECT_TRUE(device.same_content(broken)) << "a look has written";
  for (const fsck::Finding& finding : looked->findings)
    EXPECT_NE(explained(device, finding).find("\nBlocks: "), std::string::npos)
        << explained(device, finding);
}

TEST_P(EachKind, IsFoundRepairedAndUndone) {
  for (std::uint64_t seed = 1; seed <= 3; ++seed) {
    SCOPED_TRACE(seed);
    fsck::DamageAnswer answer;
    const MemoryDevice broken = damaged(GetParam(), seed, answer);
    EXPECT_FALSE(answer.what.empty());
    EXPECT_FALSE(answer.blocks.empty());
    fsck::DamageAnswer again;
    EXPECT_TRUE(damaged(GetParam(), seed, again).same_content(broken)) << "not of the seed alone";

    expect_found(broken);
    TemporaryPath undo;
    MemoryDevice device = broken;
    {
      auto recorder = fsck::UndoRecorder::create(undo.path(), device);
      ASSERT_TRUE(recorder.ok());
      const auto repaired = check(**recorder, fsck::Mode::kYes);
      ASSERT_TRUE(repaired.ok()) << repaired.error().describe();
      EXPECT_NE(repaired->found, 0u) << answer.what;
      EXPECT_EQ(repaired->left, 0u);
      ASSERT_TRUE((*recorder)->finish().ok());
    }
    ASSERT_FALSE(device.same_content(broken));
    const auto undone = fsck::undo(undo.path(), device, fsck::LaterChanges::kKeep);
    ASSERT_TRUE(undone.ok()) << undone.error().describe();
    EXPECT_FALSE(undone->was_cut_off);
    EXPECT_TRUE(device.same_content(broken));
    EXPECT_TRUE(fsck::undo(undo.path(), device, fsck::LaterChanges::kKeep).ok()) << "a second time";
    EXPECT_TRUE(device.same_content(broken));
  }
}

std::vector<std::string_view> kinds() {
  std::vector<std::string_view> names;
  for (const auto& kind : fsck::damage_kinds()) names.push_back(kind.name);
  return names;
}
INSTANTIATE_TEST_SUITE_P(Damage, EachKind, testing::ValuesIn(kinds()), [](const auto& chosen) {
  std::string name(chosen.param);
  std::erase(name, '-');
  return name;
});

// A bit is flipped in blocks on which all else depends, the state block and the group table among
// them.
TEST(Damage, IsFoundWhereverABitFlips) {
  std::set<std::uint64_t> seen;
  for (std::uint64_t seed = 1; seed <= 24; ++seed) {
    SCOPED_TRACE(seed);
    fsck::DamageAnswer answer;
    const MemoryDevice broken = damaged("bit-flip", seed, answer);
    seen.insert(answer.blocks.front().value);
    expect_found(broken);
  }
  MemoryDevice sound = sample().device;
  const format::Layout layout = Damager(sound).layout();
  EXPECT_TRUE(seen.contains(layout.state().value));
  EXPECT_TRUE(seen.contains(layout.group_table().start.value));
}

TEST(Damage, CrossLinksFilesOfEachStrategy) {
  std::map<std::string, MemoryDevice> broken;
  for (std::uint64_t seed = 1; seed <= 60; ++seed) {
    fsck::DamageAnswer answer;
    MemoryDevice device = damaged("cross-link", seed, answer);
    broken.emplace(answer.name.substr(0, answer.name.find('/', 1)), std::move(device));
  }
  for (const char* folder : {"/contiguous", "/linked", "/fat", "/indexed", "/extent"}) {
    SCOPED_TRACE(folder);
    ASSERT_TRUE(broken.contains(folder));
    expect_found(broken.at(folder));
    EXPECT_EQ(check(broken.at(folder), fsck::Mode::kYes)->left, 0u);
  }
}

TEST(Damage, OfASizeLeavesNoneThatIsBeyondTheBlocks) {
  for (std::uint64_t seed = 1; seed <= 12; ++seed) {
    fsck::DamageAnswer answer;
    MemoryDevice device = damaged("bad-size", seed, answer);
    ASSERT_EQ(check(device, fsck::Mode::kYes)->left, 0u);
    EXPECT_LT(Damager(device).inode(answer.inode->value).size,
              device.block_count() * device.block_size())
        << answer.what;
  }
}

// There is one fault, and not a second one that the answer does not name.
TEST(Damage, OfANameLeavesTheBitmapsRight) {
  for (const std::string_view kind : {"orphan", "dangling-name", "wrong-type"}) {
    for (std::uint64_t seed = 1; seed <= 16; ++seed) {
      fsck::DamageAnswer answer;
      MemoryDevice device = damaged(kind, seed, answer);
      const auto looked = check(device, fsck::Mode::kNo);
      for (const fsck::Finding& finding : looked->findings) {
        EXPECT_NE(finding.problem, fsck::Problem::kBlockBitmap) << answer.what;
        EXPECT_NE(finding.problem, fsck::Problem::kGroupCounts) << answer.what;
      }
    }
  }
}

TEST(Damage, RefusesWhatItCannotDo) {
  MemoryDevice device = sample().device;
  EXPECT_EQ(fsck::damage(device, superblock_of(device), "nonsense", 1).code(), EINVAL);
  fsck::DamageAnswer answer;
  MemoryDevice broken = damaged("orphan", 1, answer);
  EXPECT_EQ(fsck::damage(broken, superblock_of(broken), "orphan", 1).code(), EUCLEAN);
}

// A repair that was killed: the file has no end, but holds all that was overwritten.
TEST(Undo, OfARepairThatWasCutOff) {
  fsck::DamageAnswer answer;
  const MemoryDevice broken = damaged("cross-link", 2, answer);
  MemoryDevice device = broken;
  TemporaryPath undo;
  ASSERT_TRUE(check(**fsck::UndoRecorder::create(undo.path(), device), fsck::Mode::kYes).ok());
  const auto undone = fsck::undo(undo.path(), device, fsck::LaterChanges::kKeep);
  ASSERT_TRUE(undone.ok());
  EXPECT_TRUE(undone->was_cut_off);
  EXPECT_TRUE(device.same_content(broken));
}

// The disk fails at each write of the repair in turn: the repair ends there, and can be undone.
TEST(Undo, OfARepairThatFailedAtAnyWrite) {
  fsck::DamageAnswer answer;
  const MemoryDevice broken = damaged("stale", 2, answer);
  std::uint64_t failed = 0;
  for (bool is_over = false; !is_over; ++failed) {
    SCOPED_TRACE(failed);
    TemporaryPath undo;
    MemoryDevice device = broken;
    FaultDevice faulty(device);
    faulty.add({.on = FaultRule::kWrites, .skip = failed, .times = FaultRule::kForever});
    is_over = check(**fsck::UndoRecorder::create(undo.path(), faulty), fsck::Mode::kYes).ok();
    EXPECT_EQ(is_over, faulty.faults() == 0);
    ASSERT_TRUE(fsck::undo(undo.path(), device, fsck::LaterChanges::kKeep).ok());
    EXPECT_TRUE(device.same_content(broken));
  }
  EXPECT_GT(failed, 3u);
}

TEST(Undo, LeavesWhatSomebodyElseChanged) {
  fsck::DamageAnswer answer;
  MemoryDevice device = damaged("bad-link-count", 1, answer);
  TemporaryPath undo;
  auto recorder = fsck::UndoRecorder::create(undo.path(), device);
  ASSERT_TRUE(check(**recorder, fsck::Mode::kYes).ok());
  ASSERT_TRUE((*recorder)->finish().ok());
  std::vector<std::byte> bytes(device.block_size());
  ASSERT_TRUE(device.read(answer.blocks.front(), bytes).ok());
  bytes[200] ^= std::byte{1};
  ASSERT_TRUE(device.write(answer.blocks.front(), bytes).ok());
  const MemoryDevice changed = device;
  EXPECT_EQ(fsck::undo(undo.path(), device, fsck::LaterChanges::kKeep).code(), EBUSY);
  EXPECT_TRUE(device.same_content(changed)) << "it wrote all the same";
  EXPECT_TRUE(fsck::undo(undo.path(), device, fsck::LaterChanges::kOverwrite).ok());
}

TEST(Undo, RefusesAFileThatIsNone) {
  MemoryDevice device = sample().device;
  TemporaryPath undo;
  EXPECT_EQ(fsck::undo(undo.path(), device, fsck::LaterChanges::kKeep).code(), ENOENT);
  std::ofstream(undo.path()) << std::string(200, 'x');
  EXPECT_EQ(fsck::undo(undo.path(), device, fsck::LaterChanges::kKeep).code(), EUCLEAN);
  EXPECT_EQ(fsck::UndoRecorder::create(undo.path(), device).code(), EEXIST);
}

// Any byte of the file is changed: it is refused, or what it puts back is what was there before.
TEST(Undo, PutsBackNothingThatIsDamaged) {
  fsck::DamageAnswer answer;
  const MemoryDevice broken = damaged("orphan", 3, answer);
  MemoryDevice repaired = broken;
  TemporaryPath undo;
  {
    auto recorder = fsck::UndoRecorder::create(undo.path(), repaired);
    ASSERT_TRUE(check(**recorder, fsck::Mode::kYes).ok());
    ASSERT_TRUE((*recorder)->finish().ok());
  }
  std::ifstream in(undo.path(), std::ios::binary);
  const std::string whole((std::istreambuf_iterator<char>(in)), {});
  Random random(1);
  for (int i = 0; i < 300; ++i) {
    std::string bytes = whole;
    bytes[random.below(bytes.size())] ^= static_cast<char>(1u << random.below(8));
    std::ofstream(undo.path(), std::ios::binary | std::ios::trunc) << bytes;
    MemoryDevice device = repaired;
    const auto undone = fsck::undo(undo.path(), device, fsck::LaterChanges::kKeep);
    if (undone.ok()) {
      EXPECT_TRUE(undone->was_cut_off || device.same_content(broken));
    } else {
      EXPECT_TRUE(device.same_content(repaired));
    }
  }
}

// The answer names both files that share a block, and the explanation must, too.
TEST(Explain, NamesBothFilesThatShareABlock) {
  std::size_t shared = 0;
  for (std::uint64_t seed = 1; seed <= 20; ++seed) {
    fsck::DamageAnswer answer;
    MemoryDevice device = damaged("cross-link", seed, answer);
    const auto result = check(device, fsck::Mode::kNo);
    for (const fsck::Finding& finding : result->findings) {
      if (finding.problem != fsck::Problem::kMapShared) continue;
      ++shared;
      const std::string all = explained(device, finding);
      std::string other = answer.what.substr(answer.what.find("belongs to ") + 11);
      other.resize(other.find(" (inode"));
      const std::string& name = finding.place.inode == answer.inode ? other : answer.name;
      EXPECT_NE(all.find(" with " + name), all.npos) << answer.what << "\n" << all;
    }
  }
  EXPECT_GT(shared, 10u);
}

TEST(Explain, NamesWhatIsConcerned) {
  fsck::DamageAnswer answer;
  MemoryDevice device = damaged("bad-link-count", 4, answer);
  const auto result = check(device, fsck::Mode::kNo);
  ASSERT_TRUE(result.ok() && result->found == 1);
  const std::string all = explained(device, result->findings.front());
  EXPECT_NE(all.find("Names: "), all.npos);
  EXPECT_NE(all.find(answer.name), all.npos) << all;
  EXPECT_NE(all.find("in " + std::to_string(answer.blocks.front().value)), all.npos) << all;
  EXPECT_NE(all.find("Repair: "), all.npos);
}

}  // namespace
}  // namespace spindle::test
