#include "golden.h"

#include <fmt/format.h>
#include <sys/stat.h>

#include <algorithm>

#include "fsck/find_superblock.h"
#include "model/mounted_volume.h"
#include "spindle/base/checksum.h"
#include "spindle/format/directory.h"
#include "spindle/format/map.h"
#include "spindle/format/xattr.h"

namespace spindle::test {
namespace {

using format::MapKind;

constexpr Caller kOwner{.uid = 1000, .gid = 1000};
constexpr std::size_t kSmall = 700, kMiddle = 5'000, kLarge = 40'000;
constexpr const char* kStrategies[] = {"contiguous", "linked", "fat", "indexed", "extent"};

// Time passes by a second with each look at it.
FileSystem::Options golden_options() {
  FileSystem::Options options;
  options.commit_interval_ns = 3'600'000'000'000;
  options.report = [](std::string_view) {};
  options.clock = [seconds = std::int64_t{1'700'000'000}]() mutable {
    return Timestamp{.seconds = seconds++, .nanoseconds = 123'456'789};
  };
  return options;
}

// Lines that differ, and that pack well.
std::vector<std::byte> text_of(std::string_view name, std::size_t size) {
  std::string text;
  for (int line = 1; text.size() < size; ++line) text += fmt::format("{} {}\n", name, line);
  const auto bytes = std::as_bytes(std::span(text)).first(size);
  return {bytes.begin(), bytes.end()};
}

NodeId add_file(FileSystem& volume, NodeId folder, std::string_view name, std::size_t size) {
  const NodeId node = must(volume.create(kOwner, folder, name, 0644)).node;
  if (size != 0) must(volume.write(node, 0, 0, text_of(name, size), Setuid::kKeep));
  return node;
}

void set_attribute(FileSystem& volume, NodeId node, std::string_view name, std::string_view value) {
  must(volume.set_xattr(kOwner, node, name, std::as_bytes(std::span(value)), 0));
}

void add_files(FileSystem& volume, NodeId folder) {
  add_file(volume, folder, "empty", 0);
  add_file(volume, folder, "small", kSmall);
  add_file(volume, folder, "middle", kMiddle);
  const NodeId large = add_file(volume, folder, "large", kLarge);
  must(volume.link(large, folder, "large too"));
  const NodeId holes = add_file(volume, folder, "holes", 0);
  for (const std::uint64_t at : {0, 9'000, 30'000}) {
    must(volume.write(holes, 0, at, text_of("holes", 1500), Setuid::kKeep));
  }
}

MemoryDevice empty_volume(MapKind kind) {
  return formatted({.size = 1u << 20, .map_kind = kind, .inodes = 96, .journal_size = 64u << 10});
}

// Formats, mounts, fills and unmounts.
MemoryDevice filled(MapKind kind, const std::function<void(FileSystem&)>& fill) {
  MemoryDevice device = empty_volume(kind);
  in_runtime([&] {
    auto volume = mounted(device, golden_options());
    fill(*volume);
    must(volume->unmount());
  });
  return device;
}

MemoryDevice one_strategy(MapKind kind) {
  return filled(kind, [](FileSystem& volume) { add_files(volume, kRootNode); });
}

void fill_mixed(FileSystem& volume) {
  for (const char* kind : kStrategies) {
    const NodeId folder = must(volume.make_directory(kOwner, kRootNode, kind, 0755)).node;
    set_attribute(volume, folder, "user.spindle.alloc", kind);
    add_files(volume, folder);
  }
  const NodeId names = must(volume.make_directory(kOwner, kRootNode, "names", 0755)).node;
  const NodeId first = add_file(volume, names, "first", kSmall);
  for (int i = 0; i < 60; ++i) must(volume.link(first, names, fmt::format("another name {}", i)));
  must(volume.symlink(kOwner, kRootNode, "short link", "names/first"));
  must(volume.symlink(kOwner, kRootNode, "long link", std::string(300, 'x')));
  must(volume.make_node(kOwner, kRootNode, "device", S_IFCHR | 0600, 5, 1));
  must(volume.make_node(kOwner, kRootNode, "pipe", S_IFIFO | 0600, 0, 0));
  const NodeId file = add_file(volume, kRootNode, "with attributes", kSmall);
  set_attribute(volume, file, "user.colour", "green");
  set_attribute(volume, file, "user.long", std::string(1500, 'v'));
}

const Sample& mixed() {
  static const Sample made = [] {
    Sample sample{filled(MapKind::kExtent, fill_mixed), {}};
    in_runtime([&] {
      MemoryDevice copy = sample.device;
      auto volume = mounted(copy, golden_options());
      sample.items = must(read_items(*volume));
      must(volume->unmount());
    });
    return sample;
  }();
  return made;
}

NodeId node_of(const std::string& path) {
  return mixed().items.at(path).node;
}

// The mark of whoever had it mounted is other bytes each time.
void clear_mark(MemoryDevice& device) {
  const format::Layout layout = Damager(device).layout();
  auto superblock =
      must(fsck::read_superblock_at(device, layout.superblock(), layout.superblock_offset()));
  superblock.mount_process = 0;
  superblock.mount_process_start = 0;
  std::ranges::fill(superblock.mount_boot_id, std::byte{});
  superblock.checksum = format::superblock_checksum(superblock, layout.superblock());
  device.poke(format::kSuperblockOffset, std::as_bytes(std::span(&superblock, 1)));
}

// The power fails after a sync: all of it is in the log alone.
MemoryDevice with_log() {
  MemoryDevice device = one_strategy(MapKind::kExtent);
  in_runtime([&] {
    auto volume = mounted(device, golden_options());
    const NodeId folder = must(volume->make_directory(kOwner, kRootNode, "in the log", 0755)).node;
    add_files(*volume, folder);
    must(volume->unlink(kRootNode, "middle"));
    must(volume->sync_all());
  });
  clear_mark(device);
  return device;
}

// Two deleted files were open when the volume was unmounted.
MemoryDevice with_orphans() {
  return filled(MapKind::kExtent, [](FileSystem& volume) {
    add_files(volume, kRootNode);
    for (const char* name : {"open one", "open two"}) {
      add_file(volume, kRootNode, name, kMiddle);
      must(volume.unlink(kRootNode, name));
    }
  });
}

std::function<MemoryDevice()> broken(std::function<void(Damager&)> damage) {
  return [damage = std::move(damage)] {
    MemoryDevice device = mixed().device;
    Damager damager(device);
    damage(damager);
    return device;
  };
}

void cross_link(Damager& d) {
  const auto other = d.root<format::ExtentRoot>(node_of("/extent/large")).entries[0].block;
  d.edit_root<format::ExtentRoot>(node_of("/extent/small"),
                                  [&](auto& root) { root.entries[0].block = other; });
}

void linked_loop(Damager& d) {
  BlockNo at{d.root<format::LinkedRoot>(node_of("/linked/large")).first};
  const BlockNo first = at;
  for (int i = 0; i < 10; ++i) {
    auto bytes = d.block(at);
    at = BlockNo{format::at<format::LinkHeader>(bytes, 0).next};
  }
  d.edit_link(at, [&](format::LinkHeader& link) { link.next = first.value; });
}

void fat_loop(Damager& d) {
  const BlockNo first{d.root<format::FatRoot>(node_of("/fat/large")).first};
  BlockNo at = first;
  for (int i = 0; i < 10; ++i) at = BlockNo{d.fat_entry(at) & format::kFatNextMask};
  d.set_fat_entry(at, first.value);
}

void lost_block(Damager& d) {
  const GroupNo group{0};
  const std::uint64_t bit = d.layout().block_index(d.free_block());
  d.flip_bit(d.layout().block_bitmap(group).start, bit);
}

void torn_bitmap(Damager& d) {
  d.flip(d.layout().block_bitmap(GroupNo{0}).start);
}

// A leaf of the directory of names holds what once was elsewhere.
void stale_block(Damager& d) {
  const auto nodes = d.blocks_of(format::BlockKind::kDirectory, node_of("/names"));
  d.put(nodes.at(1), d.block(nodes.at(0)));
}

void lost_file(Damager& d) {
  d.edit_inode(kRootNode, [](format::Inode& inode) { inode.size = 0; });
}

void link_count(Damager& d) {
  d.edit_inode(node_of("/extent/large"), [](format::Inode& inode) { inode.links = 9; });
}

void torn_inodes(Damager& d) {
  d.flip(d.layout().inode_place(InodeNo{node_of("/with attributes")}).block, 0);
}

void attribute_loop(Damager& d) {
  const BlockNo block{d.inode(node_of("/with attributes")).xattr_block};
  d.edit<format::XattrHead>(block, format::kHeaderSize,
                            [&](format::XattrHead& head) { head.next = block.value; });
}

void torn_superblock(Damager& d) {
  d.flip(d.layout().superblock());
}

void torn_group_table(Damager& d) {
  d.edit_descriptor(GroupNo{0}, [](auto& group) { group.inode_blocks_written = 0; });
}

std::vector<GoldenImage> list_images() {
  const auto whole = [](MapKind kind) { return [kind] { return one_strategy(kind); }; };
  return {
      {"contiguous", "contiguous files", "", whole(MapKind::kContiguous)},
      {"linked", "linked files", "", whole(MapKind::kLinked)},
      {"fat", "files in the FAT", "", whole(MapKind::kFat)},
      {"indexed", "indexed files", "", whole(MapKind::kIndexed)},
      {"extent", "files of extents", "", whole(MapKind::kExtent)},
      {"mixed", "files of all strategies and types", "", [] { return mixed().device; }},
      {"log", "cut off from power, with a log to be replayed", "", with_log},
      {"orphans", "two deleted files were still open", "", with_orphans},
      {"cross-link", "two files share blocks", "block-bitmap map-shared", broken(cross_link)},
      {"linked-loop", "a linked file runs in a circle", "block-bitmap group-counts map-damaged",
       broken(linked_loop)},
      {"fat-loop", "a chain of the FAT runs in a circle",
       "block-bitmap fat-entry group-counts map-damaged map-shared", broken(fat_loop)},
      {"lost-block", "a block in use that is no file's", "block-bitmap", broken(lost_block)},
      {"torn-bitmap", "the block bitmap has a wrong checksum", "block-bitmap", broken(torn_bitmap)},
      {"stale-block", "a directory's node is that of another place", "directory-tree link-count",
       broken(stale_block)},
      {"lost-file", "the root directory has forgotten its names",
       "block-bitmap directory-unreachable group-counts inode-unreachable link-count parent",
       broken(lost_file)},
      {"link-count", "a file has fewer names than it says", "link-count", broken(link_count)},
      {"torn-inodes", "a block of inodes has a wrong checksum", "inode-table-block",
       broken(torn_inodes)},
      {"attribute-loop", "extended attributes run in a circle",
       "block-bitmap block-count group-counts xattrs", broken(attribute_loop)},
      {"torn-superblock", "the superblock has a wrong checksum", "superblock",
       broken(torn_superblock)},
      {"group-table", "a group says that no inode was ever written", "group-counts group-table",
       broken(torn_group_table)},
  };
}

}  // namespace

const std::vector<GoldenImage>& golden_images() {
  static const std::vector<GoldenImage> all = list_images();
  return all;
}

std::string manifest_of(const Items& items) {
  std::string text;
  for (const auto& [path, item] : items) {
    text += fmt::format("{}\t{:o}\t{}\t{:016x}\t{:016x}\n", path, item.mode, item.content.size(),
                        checksum(item.content, 0), checksum(item.attributes, 0));
  }
  return text;
}

}  // namespace spindle::test
