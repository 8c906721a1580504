// Directories with damaged blocks whose checksums are good: every call returns, and does no harm.
#include <set>

#include "directory_fixture.h"

namespace spindle {
namespace {

constexpr std::uint32_t kBlockSize = 1024;

bool is_answer(int code) {
  static const std::set<int> answers{0, EUCLEAN, ENOENT, EEXIST, ENOSPC, kNeedsRoom};
  return answers.contains(code);
}

/// Overwrites a field or a few bytes of a node.
void damage(std::vector<std::byte>& bytes, Random& random, std::uint64_t nodes) {
  auto& head = format::at<format::NodeHead>(bytes, format::kHeaderSize);
  const std::size_t slot =
      format::kNodeSlots + sizeof(format::BranchSlot) * random.below(2 + head.count);
  switch (random.below(8)) {
    case 0:
      head.level = static_cast<std::uint16_t>(random.below(9));
      break;
    case 1:
      head.count = static_cast<std::uint16_t>(random.one_in(2) ? random.below(100) : random());
      break;
    case 2:
      head.entry_bytes = static_cast<std::uint32_t>(random.below(1100));
      break;
    case 3:
      head.entry_start = static_cast<std::uint32_t>(random.below(1100));
      break;
    case 4:
      head.free_head = static_cast<std::uint32_t>(random.below(nodes + 2));
      break;
    case 5:
      head.next_block = static_cast<std::uint32_t>(random.below(nodes + 2));
      break;
    case 6:
      if (slot + sizeof(format::BranchSlot) > bytes.size()) break;
      format::at<format::BranchSlot>(bytes, slot).child =
          static_cast<std::uint32_t>(random.below(random.one_in(2) ? nodes + 2 : 1100));
      if (random.one_in(2)) format::at<format::BranchSlot>(bytes, slot).key = random();
      break;
    default:
      for (int i = 0; i < 4; ++i) {
        bytes[24 + random.below(bytes.size() - 24)] = static_cast<std::byte>(random.below(256));
      }
  }
}

class DamagedDirectory {
 public:
  explicit DamagedDirectory(std::uint64_t seed) : random_(seed), volume_(kBlockSize, 8u << 20) {
    for (std::size_t i = 0; i < 3000; ++i) insert("name-" + std::to_string(i));
    // A list of free nodes that is not empty.
    for (std::size_t i = 0; i < 2000; ++i) {
      CHECK(directory_.remove("name-" + std::to_string(i)).ok());
    }
    collect_blocks();
    volume_.remount();
    good_ = std::make_unique<MemoryDevice>(volume_.device);
  }

  /// Tries all operations on one damaged state. Returns whether the walk refused it.
  bool round() {
    volume_.device = *good_;
    for (std::uint64_t n = 1 + random_.below(2); n > 0; --n) damage_one();
    volume_.cache->drop_clean();
    const Result<> walked = directory_.walk();
    EXPECT_TRUE(walked.ok() || walked.code() == EUCLEAN) << walked.error().describe();
    std::uint64_t names = 0;
    const Result<> visited = directory_.look([&](const Directory& directory, BlockReader& reader) {
      return directory.visit(reader, 0, [&](const DirectoryName&) { return ++names < 100'000; });
    });
    EXPECT_TRUE(visited.ok() || visited.code() == EUCLEAN);
    EXPECT_LT(names, 20'000u) << "more names than the blocks can hold";
    change();
    return !walked.ok();
  }

  void restore() {
    volume_.device = *good_;
    volume_.cache->drop_clean();
    EXPECT_TRUE(directory_.walk().ok());
  }

 private:
  void insert(const std::string& name) { CHECK(directory_.insert(name, {1, S_IFREG}).ok()); }

  void collect_blocks() {
    const Result<> walked = directory_.walk({.node =
                                                 [&](const Directory::NodeInfo& node) {
                                                   blocks_.push_back(node.block);
                                                   return Result<>{};
                                                 },
                                             .name = {}});
    CHECK(walked.ok());
  }

  void damage_one() {
    const BlockNo block = blocks_[random_.one_in(3) ? 0 : random_.below(blocks_.size())];
    std::vector<std::byte> bytes(kBlockSize);
    volume_.device.peek(block.value * kBlockSize, bytes);
    if (random_.one_in(10)) {
      // Another node's content in this place.
      const BlockNo other = blocks_[random_.below(blocks_.size())];
      volume_.device.peek(other.value * kBlockSize, bytes);
    }
    damage(bytes, random_, blocks_.size());
    format::seal_block(bytes, volume_.layout.seed, block, EpochNo{1});
    volume_.device.poke(block.value * kBlockSize, bytes);
  }

  /// Several changes in one transaction, which is dropped.
  void change() {
    const DirectoryContent before = directory_.content;
    for (int i = 0; i < 4; ++i) {
      const std::string name = "name-" + std::to_string(random_.below(6000));
      const auto found = directory_.lookup(name);
      EXPECT_TRUE(is_answer(found.code())) << found.code();
      const Result<> changed = directory_.change(
          [&](Transaction& tx, Directory& directory) -> Result<> {
            if (random_.one_in(4)) return directory.make_room(tx, name);
            return found.ok() && *found ? directory.remove(tx, name)
                                        : directory.insert(tx, name, InodeNo{5}, S_IFREG);
          },
          true);
      EXPECT_TRUE(is_answer(changed.code())) << changed.code();
    }
    directory_.content = before;
  }

  Random random_;
  BareVolume volume_;
  TestDirectory directory_{volume_};
  std::vector<BlockNo> blocks_;
  std::unique_ptr<MemoryDevice> good_;
};

TEST(DirectoryDamage, AlwaysGetsAnAnswer) {
  for (std::uint64_t seed = 1; seed <= 4; ++seed) {
    SCOPED_TRACE("seed " + std::to_string(seed));
    in_runtime([seed] {
      DamagedDirectory directory(seed);
      int refused = 0;
      for (int round = 0; round < 1500; ++round) refused += directory.round();
      EXPECT_GT(refused, 500);
      directory.restore();
    });
  }
}

TEST(DirectoryDamage, LoopsAndSharedNodesEnd) {
  in_runtime([] {
    BareVolume volume(kBlockSize, 8u << 20);
    TestDirectory directory(volume);
    for (std::size_t i = 0; i < 6000; ++i) {
      ASSERT_EQ(directory.insert("name-" + std::to_string(i), {1, S_IFREG}).code(), 0);
    }
    ASSERT_GE(directory.levels(), 3u);
    std::vector<Directory::NodeInfo> branches;
    ASSERT_TRUE(directory
                    .walk({.node =
                               [&](const Directory::NodeInfo& node) {
                                 if (node.level > 0) branches.push_back(node);
                                 return Result<>{};
                               },
                           .name = {}})
                    .ok());
    volume.remount();
    const MemoryDevice good = volume.device;
    for (const Directory::NodeInfo& branch : branches) {
      // All children of the branch become its first one: every path leads to the same leaves.
      volume.device = good;
      std::vector<std::byte> bytes(kBlockSize);
      volume.device.peek(branch.block.value * kBlockSize, bytes);
      const auto child = [&](std::size_t slot) -> format::BranchSlot& {
        return format::at<format::BranchSlot>(
            bytes, format::kNodeSlots + slot * sizeof(format::BranchSlot));
      };
      for (std::size_t slot = 1; slot < branch.slots; ++slot) child(slot).child = child(0).child;
      format::seal_block(bytes, volume.layout.seed, branch.block, EpochNo{1});
      volume.device.poke(branch.block.value * kBlockSize, bytes);
      volume.cache->drop_clean();
      EXPECT_EQ(directory.walk().code(), branch.slots > 1 ? EUCLEAN : 0);
      const auto count =
          directory.look([](const Directory& d, BlockReader& reader) { return d.count(reader); });
      EXPECT_EQ(count.code(), branch.slots > 1 ? EUCLEAN : 0);
    }
    volume.device = good;
    volume.cache->drop_clean();
  });
}

}  // namespace
}  // namespace spindle
