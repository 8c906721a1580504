// Damage that a mounted volume meets: it says so and does no harm. And damage of a full volume.

#include <gtest/gtest.h>

#include "model/mounted_volume.h"
#include "repair.h"
#include "targeted.h"

namespace spindle::test {
namespace {

FileSystem::Options silent() {
  FileSystem::Options options;
  options.report = [](std::string_view) {};
  return options;
}

MemoryDevice with_file_that_counts_no_links() {
  MemoryDevice device = sample().device;
  Damager(device).edit_inode(node_of("/extent/small"), [](auto& inode) { inode.links = 0; });
  return device;
}

TEST(MountedDamage, FileThatCountsNoLinksIsNotFreedWhenForgotten) {
  MemoryDevice device = with_file_that_counts_no_links();
  in_runtime([&] {
    auto volume = mounted(device, silent());
    const NodeId folder = must(volume->lookup(kRootNode, "extent")).node;
    const NodeId file = must(volume->lookup(folder, "small")).node;
    volume->forget(file, 1);
    must(volume->space());
    EXPECT_TRUE(volume->is_read_only());
    static_cast<void>(volume->unmount());
  });
  EXPECT_EQ(repair_and_compare(device, {}, false), "");
}

TEST(MountedDamage, FileThatCountsNoLinksGetsNoSecondName) {
  MemoryDevice device = with_file_that_counts_no_links();
  in_runtime([&] {
    auto volume = mounted(device, silent());
    const NodeId folder = must(volume->lookup(kRootNode, "extent")).node;
    const NodeId file = must(volume->lookup(folder, "small")).node;
    EXPECT_FALSE(volume->link(file, folder, "second").ok());
    static_cast<void>(volume->unmount());
  });
  EXPECT_EQ(repair_and_compare(device, {}, false), "");
}

// No block is free for copies, nor for a new map.
TEST(FullVolume, IsRepaired) {
  MemoryDevice device = sample().device;
  in_runtime([&] {
    auto volume = mounted(device, silent());
    const NodeId file = must(volume->create({}, kRootNode, "fills the rest", 0644)).node;
    const auto bytes = bytes_of(1, 1024);
    for (std::uint64_t at = 0; volume->write(file, 0, at, bytes, false).ok();) at += bytes.size();
    must(volume->unmount());
  });
  Damager damager(device);
  using format::ExtentRoot;
  const auto other = damager.root<ExtentRoot>(node_of("/extent/large")).entries[0].block;
  damager.edit_root<ExtentRoot>(node_of("/extent/small"),
                                [&](ExtentRoot& root) { root.entries[0].block = other; });
  damager.edit_root<ExtentRoot>(node_of("/extent/sparse"),
                                [](ExtentRoot& root) { root.node_count += 1; });
  EXPECT_EQ(check(device, fsck::Mode::kYes)->left, 0u);
  EXPECT_EQ(check(device, fsck::Mode::kNo)->found, 0u);
}

}  // namespace
}  // namespace spindle::test
