#include "sample_volume.h"

#include <sys/stat.h>

#include <algorithm>

#include "fsck/find_superblock.h"
#include "model/mounted_volume.h"

namespace spindle::test {
namespace {

// A damaged size may say that a file of holes is as large as a file can be.
constexpr std::uint64_t kLargestContent = 1u << 20;

std::string text_of(std::span<const std::byte> bytes) {
  return {reinterpret_cast<const char*>(bytes.data()), bytes.size()};
}

Result<std::string> read_all(FileSystem& volume, NodeId node, std::uint64_t size) {
  std::string text;
  TRY(volume.read(node, 0, 0, std::min(size + 10, kLargestContent), [&](auto pieces) {
    for (const auto& piece : pieces) text += text_of(piece);
  }));
  return text;
}

Result<Item> read_item(FileSystem& volume, NodeId node) {
  const Attributes attributes = TRY(volume.attributes(node));
  Item item{.node = node, .mode = attributes.mode, .content = {}, .attributes = {}};
  if (S_ISREG(item.mode)) item.content = TRY(read_all(volume, node, attributes.size));
  if (S_ISLNK(item.mode)) item.content = TRY(volume.read_link(node));
  if (S_ISCHR(item.mode)) item.content = std::to_string(attributes.device_major);
  const std::string names = TRY(volume.list_xattr(node));
  for (std::size_t at = 0; at < names.size();) {
    const std::string name = names.c_str() + at;
    item.attributes += name + "=" + TRY(volume.get_xattr(node, name)) + ";";
    at += name.size() + 1;
  }
  return item;
}

void set_attribute(FileSystem& volume, NodeId node, std::string_view name, std::string_view value) {
  must(volume.set_xattr(kCaller, node, name, std::as_bytes(std::span(value)), 0));
}

NodeId make_folder(FileSystem& volume, NodeId parent, std::string_view name) {
  return must(volume.make_directory(kCaller, parent, name, 0755)).node;
}

NodeId make_file(FileSystem& volume, NodeId parent, std::string_view name, std::size_t size) {
  const NodeId node = must(volume.create(kCaller, parent, name, 0644)).node;
  if (size != 0) must(volume.write(node, 0, 0, bytes_of(node, size), Setuid::kKeep));
  return node;
}

void make_strategies(FileSystem& volume, const SampleScale& scale) {
  for (const char* kind : {"contiguous", "linked", "fat", "indexed", "extent"}) {
    const NodeId folder = make_folder(volume, kRootNode, kind);
    set_attribute(volume, folder, "user.spindle.alloc", kind);
    make_file(volume, folder, "large", scale.large_file);
    make_file(volume, folder, "small", 3000);
    make_file(volume, folder, "other", 20'000);
    make_file(volume, folder, "empty", 0);
  }
  // Every other block of it: more runs than two levels of the tree's root have entries for.
  const NodeId folder = must(volume.lookup(kRootNode, "extent")).node;
  const NodeId sparse = make_file(volume, folder, "sparse", 0);
  for (int i = 0; i < scale.extents; ++i) {
    const auto offset = static_cast<std::uint64_t>(i) * 2048;
    must(volume.write(sparse, 0, offset, bytes_of(offset, 1024), Setuid::kKeep));
  }
}

void make_directories(FileSystem& volume, const SampleScale& scale) {
  NodeId deep = make_folder(volume, kRootNode, "deep");
  for (int i = 0; i < scale.depth; ++i) deep = make_folder(volume, deep, "d");
  make_file(volume, deep, "bottom", 2000);
  const NodeId many = make_folder(volume, kRootNode, "many");
  const NodeId first = make_file(volume, many, "first", 500);
  for (int i = 0; i < scale.names; ++i) {
    const std::string name = "a name of some length, number " + std::to_string(i);
    if (i % 5 == 0) {
      make_file(volume, many, name, 100);
    } else {
      must(volume.link(first, many, name));
    }
  }
}

void make_others(FileSystem& volume) {
  must(volume.symlink(kCaller, kRootNode, "short link", "many/first"));
  must(volume.symlink(kCaller, kRootNode, "long link", std::string(900, 'x')));
  must(volume.make_node(kCaller, kRootNode, "device", S_IFCHR | 0600, 5, 1));
  must(volume.make_node(kCaller, kRootNode, "pipe", S_IFIFO | 0600, 0, 0));
  const NodeId file = make_file(volume, kRootNode, "with attributes", 5000);
  set_attribute(volume, file, "user.colour", "green");
  set_attribute(volume, file, "user.long", std::string(3500, 'v'));
  const NodeId plain = make_file(volume, kRootNode, "plain", 5000);
  set_attribute(volume, plain, "user.shape", "round");
}

format::Layout layout_of(BlockDevice& device) {
  const BlockNo place{format::kSuperblockOffset / device.block_size()};
  const auto superblock = fsck::read_superblock_at(device, place, 0);
  return must(format::Layout::of(must(superblock)));
}

}  // namespace

Result<Items> read_items(FileSystem& volume) {
  Items items;
  std::vector<std::pair<std::string, NodeId>> pending = {{"", kRootNode}};
  while (!pending.empty()) {
    const std::string path = pending.back().first;
    const NodeId directory = pending.back().second;
    pending.pop_back();
    if (items.size() > 5000) return corrupt("there is no end of names");
    std::vector<std::pair<std::string, NodeId>> found;
    TRY(volume.read_directory(directory, 0, [&](const DirectoryItem& item) {
      if (item.name != "." && item.name != "..") {
        found.emplace_back(path + "/" + std::string(item.name), item.node);
      }
      return true;
    }));
    for (const auto& [name, node] : found) {
      items[name] = TRY(read_item(volume, node));
      if (S_ISDIR(items[name].mode)) pending.emplace_back(name, node);
    }
  }
  return items;
}

Sample make_sample(const SampleScale& scale) {
  Sample made{formatted({.size = scale.volume_size, .inodes = scale.inodes}), {}};
  in_runtime([&] {
    auto volume = mounted(made.device);
    make_strategies(*volume, scale);
    make_directories(*volume, scale);
    make_others(*volume);
    must(volume->unmount());
    volume = mounted(made.device);
    made.items = must(read_items(*volume));
    must(volume->unmount());
  });
  return made;
}

const Sample& sample() {
  static const Sample made = make_sample({});
  return made;
}

Result<fsck::CheckResult> check(BlockDevice& device, fsck::Mode mode) {
  CountingDevice counting(device);
  const auto found =
      TRY(fsck::find_superblock(counting, counting.block_count() * counting.block_size()));
  fsck::CheckOptions options;
  options.mode = mode;
  options.force = true;
  return fsck::check_volume(counting, found, options);
}

Damager::Damager(MemoryDevice& device) : device_(device), layout_(layout_of(device)) {}

std::vector<std::byte> Damager::block(BlockNo number) const {
  std::vector<std::byte> bytes(layout_.block_size);
  device_.peek(number.value * layout_.block_size, bytes);
  return bytes;
}

void Damager::put(BlockNo number, const std::vector<std::byte>& bytes) {
  device_.poke(number.value * layout_.block_size, bytes);
}

void Damager::put_sealed(BlockNo number, std::vector<std::byte> bytes) {
  const EpochNo epoch{format::at<format::BlockHeader>(bytes, 0).epoch};
  format::seal_block(bytes, layout_.seed, number, epoch);
  put(number, bytes);
}

void Damager::flip(BlockNo number, std::size_t byte) {
  auto bytes = block(number);
  bytes[byte] ^= std::byte{4};
  put(number, bytes);
}

format::Inode Damager::inode(NodeId node) const {
  const auto place = layout_.inode_place(InodeNo{node});
  auto bytes = block(place.block);
  return format::at<format::Inode>(bytes, place.offset);
}

void Damager::edit_inode(NodeId node, const std::function<void(format::Inode&)>& change) {
  const auto place = layout_.inode_place(InodeNo{node});
  edit<format::Inode>(place.block, place.offset, change);
}

void Damager::edit_link(BlockNo number, const std::function<void(format::LinkHeader&)>& change) {
  auto bytes = block(number);
  auto& header = format::at<format::LinkHeader>(bytes, 0);
  change(header);
  header.checksum = format::link_checksum(header, layout_.seed, number);
  put(number, bytes);
}

std::uint64_t Damager::fat_entry(BlockNo number) const {
  const auto place = layout_.fat_place(number);
  auto bytes = block(place.block);
  return format::at<le64>(bytes, place.offset);
}

void Damager::set_fat_entry(BlockNo number, std::uint64_t entry) {
  const auto place = layout_.fat_place(number);
  edit<le64>(place.block, place.offset, [&](le64& there) { there = entry; });
}

void Damager::flip_bit(BlockNo bitmap, std::uint64_t bit) {
  edit<std::uint8_t>(bitmap, format::kHeaderSize + bit / 8, [&](std::uint8_t& byte) {
    byte = static_cast<std::uint8_t>(byte ^ 1u << bit % 8);
  });
}

void Damager::edit_descriptor(GroupNo group,
                              const std::function<void(format::GroupDescriptor&)>& change) {
  const auto place = layout_.descriptor_place(group);
  edit<format::GroupDescriptor>(place.block, place.offset, change);
}

std::vector<BlockNo> Damager::blocks_of(format::BlockKind kind, NodeId owner) const {
  std::vector<BlockNo> found;
  for (BlockNo number{0}; number.value < layout_.block_count; ++number) {
    const auto bytes = block(number);
    if (!format::verify_block(bytes, kind, layout_.seed, number).ok()) continue;
    const auto& header = format::at<format::BlockHeader>(std::span<const std::byte>(bytes), 0);
    if (owner == 0 || header.owner == owner) found.push_back(number);
  }
  return found;
}

BlockNo Damager::free_block() const {
  const GroupNo group{0};
  const auto bitmap = block(layout_.block_bitmap(group).start);
  const Run all = layout_.group(group);
  for (std::uint64_t i = std::min(all.length, layout_.bits_per_block()); i-- > 0;) {
    const auto byte = bitmap[format::kHeaderSize + i / 8];
    if ((byte >> (i % 8) & std::byte{1}) == std::byte{0}) return all.start + i;
  }
  CHECK(false);
  return {};
}

}  // namespace spindle::test
