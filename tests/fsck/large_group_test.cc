// Groups with many bitmap blocks: damage in any of them is found, and repaired.

#include <gtest/gtest.h>

#include "model/mounted_volume.h"
#include "sample_volume.h"

namespace spindle::test {
namespace {

using fsck::Mode;

// A file of each strategy.
MemoryDevice filled(const VolumeOptions& options) {
  MemoryDevice device = formatted(options);
  in_runtime([&] {
    auto volume = mounted(device);
    for (const char* kind : {"contiguous", "linked", "fat", "indexed", "extent"}) {
      const NodeId node = must(volume->create(kCaller, kRootNode, kind, 0644)).node;
      const std::string_view name(kind);
      must(volume->set_xattr(kCaller, node, "user.spindle.alloc", std::as_bytes(std::span(name)),
                             0));
      must(volume->write(node, 0, 0, bytes_of(node, 40'000), Setuid::kKeep));
    }
    must(volume->unmount());
  });
  return device;
}

std::map<std::string, std::string> contents(MemoryDevice device) {
  std::map<std::string, std::string> all;
  in_runtime([&] {
    auto volume = mounted(device);
    for (const auto& [path, item] : must(read_items(*volume))) all[path] = item.content;
    must(volume->unmount());
  });
  return all;
}

void expect_repaired(const MemoryDevice& good, const std::function<void(Damager&)>& damage) {
  MemoryDevice device = good;
  Damager damager(device);
  damage(damager);
  EXPECT_GT(must(check(device, Mode::kNo)).found, 0u);
  EXPECT_EQ(must(check(device, Mode::kYes)).left, 0u);
  EXPECT_EQ(must(check(device, Mode::kNo)).found, 0u);
  EXPECT_TRUE(contents(device) == contents(good));
}

// The inodes' table ends just before the first block of the bitmap does, so that the files have
// their bits in that one and the next.
const MemoryDevice& two_blocks() {
  static const MemoryDevice device =
      filled({.size = 24u << 20, .inodes = 30'700, .group_size = 24u << 20});
  return device;
}

TEST(LargeGroup, WithoutDamageIsClean) {
  MemoryDevice device = two_blocks();
  const format::Layout layout = Damager(device).layout();
  ASSERT_GT(layout.bitmap_blocks_per_group, 2u);
  const BlockNo data = layout.data(GroupNo{0}).start;
  ASSERT_LT(layout.block_index(data), layout.bits_per_block());
  ASSERT_GT(layout.block_index(data + 200), layout.bits_per_block());
  const auto checked = must(check(device, Mode::kNo));
  EXPECT_EQ(checked.found, 0u);
  EXPECT_EQ(checked.inodes_used, 7u);
}

TEST(LargeGroup, DamageOfAnyBlockOfTheBitmapIsRepaired) {
  const auto bitmap = [](Damager& d, std::uint64_t index) {
    return d.layout().block_bitmap(GroupNo{0}).start + index;
  };
  for (const std::uint64_t index : {0, 1}) {
    SCOPED_TRACE(index);
    expect_repaired(two_blocks(), [&](Damager& d) { d.flip(bitmap(d, index)); });
    expect_repaired(two_blocks(), [&](Damager& d) { d.flip_bit(bitmap(d, index), 3); });
    expect_repaired(two_blocks(), [&](Damager& d) {
      d.edit_descriptor(GroupNo{0}, [&](auto& g) {
        g.bitmap_blocks_written = g.bitmap_blocks_written & ~(1ull << index);
      });
    });
  }
  // The third block was never written: the descriptor calls it valid, but it is not.
  expect_repaired(two_blocks(), [](Damager& d) {
    d.edit_descriptor(GroupNo{0}, [](auto& g) { g.bitmap_blocks_written = ~0ull; });
  });
}

TEST(LargeGroup, TheInodeBitmapAndALostDescriptorAreRepaired) {
  expect_repaired(two_blocks(),
                  [](Damager& d) { d.flip(d.layout().inode_bitmap(GroupNo{0}).start); });
  expect_repaired(two_blocks(), [](Damager& d) {
    d.edit_descriptor(GroupNo{0}, [](auto& g) { g = format::GroupDescriptor{}; });
  });
  expect_repaired(two_blocks(), [](Damager& d) { d.flip(d.layout().group_table().start); });
}

TEST(LargeGroup, BlocksThatAreWrittenTogetherAreRepairedTogether) {
  const MemoryDevice good = filled({.size = 700u << 20, .group_size = 700u << 20});
  MemoryDevice copy = good;
  ASSERT_EQ(Damager(copy).layout().bitmap_unit(), 2u);
  EXPECT_EQ(must(check(copy, Mode::kNo)).found, 0u);
  expect_repaired(good, [](Damager& d) {
    d.edit_descriptor(GroupNo{0}, [](auto& g) { g.bitmap_blocks_written = 0; });
  });
  expect_repaired(good, [](Damager& d) {
    d.edit_descriptor(GroupNo{0}, [](auto& g) { g.fat_blocks_written = 0; });
  });
  expect_repaired(good, [](Damager& d) { d.flip(d.layout().group_table().start); });
}

// The first blocks of a unit may become durable before its last one and the mark do.
TEST(LargeGroup, AUnitThatIsOnlyBegunIsTakenForUnwritten) {
  MemoryDevice device = formatted({.size = 24u << 20, .group_size = 24u << 20});
  Damager damager(device);
  const spindle::Run fat = damager.layout().fat(GroupNo{0});
  ASSERT_GT(damager.layout().fat_unit(), 1u);
  std::vector<std::byte> begun(device.block_size());
  format::begin_block(begun, format::BlockKind::kFat, 0);
  damager.put_sealed(fat.start, begun);
  EXPECT_EQ(must(check(device, Mode::kNo)).found, 0u);
  damager.flip(damager.layout().group_table().start);
  EXPECT_EQ(must(check(device, Mode::kYes)).left, 0u);
  EXPECT_EQ(must(check(device, Mode::kNo)).found, 0u);
  damager.edit_descriptor(GroupNo{0}, [](auto& g) { EXPECT_EQ(g.fat_blocks_written, 0u); });
}

TEST(LargeGroup, AFatThatNoFileNeedsIsNotRead) {
  MemoryDevice device = formatted({.size = 24u << 20, .group_size = 24u << 20});
  CountingDevice counting(device, Damager(device).layout().fat(GroupNo{0}));
  fsck::CheckOptions options;
  options.force = true;
  EXPECT_EQ(must(fsck::check_volume(counting, options)).found, 0u);
  EXPECT_EQ(counting.requests_in_run(), 0u);
}

}  // namespace
}  // namespace spindle::test
