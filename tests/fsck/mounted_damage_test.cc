// A mounted volume that meets damage reports it and does no harm. And a full volume is repaired.

#include <gtest/gtest.h>

#include <algorithm>

#include "model/mounted_volume.h"
#include "repair.h"
#include "spindle/format/directory.h"
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
    static_cast<void>(volume->settle_space());
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

// The file could not be reached in a mount, which has its control files under that name.
TEST(ControlName, OfTheVolumesOwnGoesToLostAndFoundWithAllThatIsInIt) {
  MemoryDevice device = sample().device;
  in_runtime([&] {
    auto volume = mounted(device, silent());
    const NodeId folder =
        must(volume->make_directory(kCaller, kRootNode, std::string(kControlName), 0755)).node;
    must(volume->create(kCaller, folder, "inside", 0644));
    must(volume->unmount());
  });
  const auto looked = check(device, fsck::Mode::kNo);
  ASSERT_TRUE(looked.ok()) << looked.error().describe();
  ASSERT_FALSE(looked->findings.empty());
  EXPECT_EQ(looked->findings.front().problem, Problem::kNameInvalid);
  EXPECT_EQ(repair_and_compare(device, {}, false), "");
  in_runtime([&] {
    auto volume = mounted(device, silent());
    EXPECT_EQ(volume->lookup(kRootNode, std::string(kControlName)).code(), ENOENT);
    const NodeId lost = must(volume->lookup(kRootNode, "lost+found")).node;
    std::string name;
    must(volume->read_directory(lost, 0, [&](const DirectoryItem& item) {
      if (item.name[0] == '#') name = item.name;
      return true;
    }));
    EXPECT_TRUE(volume->lookup(must(volume->lookup(lost, name)).node, "inside").ok());
    must(volume->unmount());
  });
}

// Files that were deleted while open and one that was being truncated, when the power failed.
TEST(Crashed, WhatWaitsOnTheOrphanListIsNoDamage) {
  MemoryDevice device = sample().device;
  MemoryDevice crashed = device;
  in_runtime([&] {
    auto volume = mounted(device, silent());
    const NodeId folder = must(volume->lookup(kRootNode, "fat")).node;
    must(volume->lookup(folder, "large"));
    must(volume->unlink(folder, "large"));
    must(volume->make_directory({}, kRootNode, "gone", 0755));
    must(volume->remove_directory(kRootNode, "gone"));
    must(volume->sync_all());
    crashed = device;
  });
  Damager(crashed).edit_inode(node_of("/fat/large"),
                              [](auto& inode) { EXPECT_EQ(inode.links, 0u); });
  for (const auto mode : {fsck::Mode::kNo, fsck::Mode::kYes}) {
    MemoryDevice image = crashed;
    const auto result = must(check(image, mode));
    EXPECT_EQ(result.found, 0u);
    EXPECT_EQ(result.orphans, 2u);
  }
  must(check(crashed, fsck::Mode::kYes));
  in_runtime([&] { must(mounted(crashed, silent())->unmount()); });
  const auto after = must(check(crashed, fsck::Mode::kNo));
  EXPECT_EQ(after.found, 0u);
  EXPECT_EQ(after.orphans, 0u);
}

// A deleted directory that holds names is damage: its files go to lost+found.
TEST(Crashed, NamesInADeletedDirectoryAreNotLost) {
  MemoryDevice device = sample().device;
  Damager damager(device);
  damager.edit_inode(node_of("/extent"), [](auto& inode) { inode.links = 0; });
  damager.edit<format::State>(damager.layout().state(), format::kHeaderSize,
                              [](format::State& state) { state.orphan_head = node_of("/extent"); });
  EXPECT_EQ(repair_and_compare(device, {}, true), "");
}

// Somebody had moved it away, and given its name to a file.
TEST(LostAndFound, ThatIsConnectedTakesNobodysName) {
  MemoryDevice device = sample().device;
  NodeId folder = 0;
  NodeId file = 0;
  in_runtime([&] {
    auto volume = mounted(device, silent());
    folder = must(volume->make_directory(kCaller, kRootNode, "folder", 0755)).node;
    must(volume->rename(kCaller, kRootNode, "lost+found", folder, "moved", 0));
    file = must(volume->create(kCaller, kRootNode, "lost+found", 0644)).node;
    must(volume->unmount());
  });
  Damager damager(device);
  const BlockNo leaf = damager.blocks_of(format::BlockKind::kDirectory, folder).at(0);
  auto bytes = damager.block(leaf);
  damager.edit<format::DirectoryEntry>(
      leaf, format::at<format::LeafSlot>(bytes, format::kNodeSlots).offset,
      [](format::DirectoryEntry& entry) { entry.inode = 600; });
  EXPECT_EQ(must(check(device, fsck::Mode::kYes)).left, 0u);
  EXPECT_EQ(must(check(device, fsck::Mode::kNo)).found, 0u);
  in_runtime([&] {
    auto volume = mounted(device, silent());
    EXPECT_EQ(must(volume->lookup(kRootNode, "lost+found")).node, file);
    EXPECT_EQ(must(volume->lookup(kRootNode, "lost+found.1")).node, format::kLostFoundInode.value);
    must(volume->unmount());
  });
}

void fill(FileSystem& volume, NodeId file) {
  const auto bytes = bytes_of(1, 1024);
  for (std::uint64_t at = 0; volume.write(file, 0, at, bytes, Setuid::kKeep).ok();)
    at += bytes.size();
}

// No block is free for copies, nor for a new map.
TEST(FullVolume, IsRepaired) {
  MemoryDevice device = sample().device;
  in_runtime([&] {
    auto volume = mounted(device, silent());
    fill(*volume, must(volume->create({}, kRootNode, "fills the rest", 0644)).node);
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

// The blocks that a full volume keeps back for its own needs also go to these files, one each.
void use_up(MemoryDevice& device, const std::vector<NodeId>& files) {
  Damager damager(device);
  const BlockNo bitmap = damager.layout().block_bitmap(GroupNo{0}).start;
  std::uint32_t left = 0;
  damager.edit_descriptor(GroupNo{0}, [&](auto& group) {
    left = group.free_blocks;
    group.free_blocks = 0;
  });
  ASSERT_LE(left, files.size());
  for (std::uint32_t i = 0; i < left; ++i) {
    const BlockNo block = damager.free_block();
    damager.flip_bit(bitmap, damager.layout().block_index(block));
    damager.edit_root<format::ContiguousRoot>(files[i], [&](auto& root) {
      root.start = block.value;
      root.length = 1;
    });
    damager.edit_inode(files[i], [](auto& inode) { inode.blocks = 1; });
  }
}

// Files "a0", "b1", ... of 1, 2, ... blocks in /folder, and not one free block; if asked for,
// without room for another name in the root.
MemoryDevice full_volume(unsigned files, bool is_root_full) {
  MemoryDevice device =
      formatted({.size = 1u << 20, .map_kind = format::MapKind::kContiguous, .inodes = 256});
  std::vector<NodeId> spare;
  in_runtime([&] {
    auto volume = mounted(device, silent());
    const NodeId folder = must(volume->make_directory({}, kRootNode, "folder", 0755)).node;
    for (unsigned i = 0; i < files; ++i) {
      const std::string name = {static_cast<char>('a' + i), static_cast<char>('0' + i)};
      const NodeId file = must(volume->create({}, folder, name, 0644)).node;
      must(volume->write(file, 0, 0, bytes_of(i, (i + 1) * std::size_t{1024}), Setuid::kKeep));
    }
    const NodeId others = must(volume->make_directory({}, kRootNode, "others", 0755)).node;
    const NodeId rest = must(volume->create({}, others, "rest", 0644)).node;
    fill(*volume, rest);
    for (int i = 0; i < 16; ++i) {
      spare.push_back(must(volume->create({}, others, std::to_string(i), 0644)).node);
    }
    for (char name = '!'; is_root_full; ++name) {
      if (name != '.' && name != '/' && !volume->link(rest, kRootNode, {&name, 1}).ok()) break;
    }
    must(volume->unmount());
  });
  use_up(device, spare);
  EXPECT_EQ(must(check(device, fsck::Mode::kNo)).found, 0u);
  return device;
}

// All names of the folder are those of its first file: the others have none.
void unname(MemoryDevice& device, unsigned files) {
  Damager damager(device);
  NodeId folder = 0;
  in_runtime([&] {
    MemoryDevice copy = device;
    auto volume = mounted(copy, silent());
    folder = must(volume->lookup(kRootNode, "folder")).node;
    must(volume->unmount());
  });
  const BlockNo leaf = damager.blocks_of(format::BlockKind::kDirectory, folder).at(0);
  for (unsigned i = 0; i < files; ++i) {
    auto bytes = damager.block(leaf);
    const std::size_t slot = format::kNodeSlots + i * sizeof(format::LeafSlot);
    const std::size_t offset = format::at<format::LeafSlot>(bytes, slot).offset;
    damager.edit<format::DirectoryEntry>(
        leaf, offset, [&](format::DirectoryEntry& entry) { entry.inode = folder + 1; });
  }
}

std::size_t files_in(const Items& items, std::uint64_t bytes) {
  return static_cast<std::size_t>(std::ranges::count_if(items, [&](const auto& item) {
    return !item.second.content.empty() && item.second.content.size() == bytes;
  }));
}

Items items_of(MemoryDevice& device) {
  Items items;
  in_runtime([&] {
    auto volume = mounted(device, silent());
    items = must(read_items(*volume));
    must(volume->unmount());
  });
  return items;
}

// lost+found cannot grow, but the root has room for some names.
TEST(FullVolume, FilesWithoutNamesAreConnectedToTheRoot) {
  MemoryDevice device = full_volume(4, /*is_root_full=*/false);
  unname(device, 4);
  EXPECT_EQ(must(check(device, fsck::Mode::kYes)).left, 0u);
  EXPECT_EQ(must(check(device, fsck::Mode::kNo)).found, 0u);
  const Items items = items_of(device);
  for (const unsigned blocks : {2u, 3u, 4u}) EXPECT_EQ(files_in(items, blocks * 1024), 1u);
}

TEST(FullVolume, TheSmallestFileWithoutANameMakesRoomForTheOthers) {
  MemoryDevice device = full_volume(4, /*is_root_full=*/true);
  unname(device, 4);
  const auto result = must(check(device, fsck::Mode::kYes));
  EXPECT_EQ(result.left, 0u);
  const auto is_freed = [](const fsck::Finding& finding) {
    return finding.problem == Problem::kNoRoomToConnect && finding.repaired;
  };
  EXPECT_EQ(std::ranges::count_if(result.findings, is_freed), 1);
  EXPECT_EQ(must(check(device, fsck::Mode::kNo)).found, 0u);
  const Items items = items_of(device);
  EXPECT_EQ(files_in(items, 2 * 1024), 0u);
  for (const unsigned blocks : {3u, 4u}) EXPECT_EQ(files_in(items, blocks * 1024), 1u);
}

}  // namespace
}  // namespace spindle::test
