#include "cli/inspect/volume.h"

#include <fmt/format.h>
#include <sys/stat.h>

#include <algorithm>
#include <set>

#include "spindle/base/uuid.h"
#include "spindle/format/mount_mark.h"

namespace spindle::cli {
namespace {

using format::BlockKind;
using format::Inode;

/// A mounted volume changes while it is read. A replay that met such a change is repeated so often.
constexpr int kMostReplays = 5;

bool is_directory(const Inode& inode) {
  return S_ISDIR(std::uint16_t{inode.mode});
}

}  // namespace

InspectedVolume::InspectedVolume(std::unique_ptr<FileDevice> image, const std::string& path,
                                 fsck::FoundSuperblock found, const format::Layout& layout,
                                 Answer& answer)
    : image_(std::move(image)),
      found_(found),
      layout_(layout),
      answer_(answer),
      is_mounted_(!format::check_not_mounted(found.superblock, path).ok()) {}

Result<std::unique_ptr<InspectedVolume>> InspectedVolume::open(const std::string& image,
                                                               Answer& answer) {
  auto device = TRY(FileDevice::open(image, FileDevice::Access::kReadOnly, kMinBlockSize,
                                     FileDevice::Lock::kNone));
  const fsck::FoundSuperblock found = TRY(fsck::find_superblock(*device, device->size_bytes()));
  device->set_block_size(found.superblock.block_size);
  const format::Layout layout = TRY(format::Layout::of(found.superblock));
  if (found.is_copy) {
    answer.note("The superblock in its place is damaged: this is what a copy of it says.");
  }
  if (layout.block_count > device->block_count()) {
    answer.note(fmt::format("The image is shorter than its volume: {} blocks of {} are there.",
                            device->block_count(), layout.block_count));
  }
  std::unique_ptr<InspectedVolume> volume(
      new InspectedVolume(std::move(device), image, found, layout, answer));
  volume->replay_log();
  volume->disk_ = std::make_unique<fsck::Disk>(*volume->overlay_, volume->layout_);
  volume->facts_ = std::make_unique<fsck::VolumeFacts>(*volume->disk_, volume->report_,
                                                       volume->found_.superblock, fsck::Progress{});
  return volume;
}

Result<ReplayReport> InspectedVolume::replay_once() {
  overlay_ = std::make_unique<OverlayDevice>(*image_);
  return replay(*overlay_, layout_);
}

void InspectedVolume::replay_log() {
  auto replayed = replay_once();
  for (int i = 1; i < kMostReplays && is_mounted_; ++i) {
    if (replayed.ok() && replayed->mismatched.empty()) break;
    replayed = replay_once();
  }
  if (is_mounted_) {
    answer_.note(
        "The volume is mounted: what is shown is what its last group commit left, and "
        "may change meanwhile.");
  }
  if (!replayed.ok()) {
    overlay_ = std::make_unique<OverlayDevice>(*image_);
    answer_.cannot_read("The journal", replayed.error());
    return;
  }
  if (replayed->epochs != 0) {
    answer_.note(
        fmt::format("Group commits that were replayed from the journal, in memory "
                    "only: {}.",
                    replayed->epochs));
  }
  for (const BlockNo block : replayed->mismatched) {
    answer_.note(
        fmt::format("Block {} does not come out of the replay as it was sealed.", block.value));
  }
}

std::string InspectedVolume::state() const {
  const std::uint32_t flags = found_.superblock.state;
  if (is_mounted_) return "mounted";
  if ((flags & format::kHasErrors) != 0) return "has errors";
  return (flags & format::kClean) != 0 ? "clean" : "not unmounted in order";
}

std::string InspectedVolume::uuid() const {
  Uuid uuid;
  std::ranges::copy(found_.superblock.uuid, uuid.begin());
  return uuid_text(uuid);
}

bool InspectedVolume::is_written(GroupNo group, BlockNo block) {
  const auto descriptor = disk_->read_descriptor(group);
  if (!descriptor.ok()) return true;
  const Run table = layout_.inode_table(group);
  const Run fat = layout_.fat(group);
  const std::uint64_t table_written = descriptor->inode_blocks_written;
  const auto has_unit = [](std::uint64_t written, std::uint64_t unit) {
    return (written >> unit & 1) != 0;
  };
  if (const Run bitmap = layout_.block_bitmap(group); bitmap.contains(block)) {
    return has_unit(descriptor->bitmap_blocks_written,
                    (block - bitmap.start) / layout_.bitmap_unit());
  }
  if (const Run bitmap = layout_.inode_bitmap(group); bitmap.contains(block)) {
    return block - bitmap.start < layout_.inode_bitmap_blocks(table_written);
  }
  if (table.contains(block)) return block - table.start < table_written;
  return !fat.contains(block) ||
         has_unit(descriptor->fat_blocks_written, (block - fat.start) / layout_.fat_unit());
}

Result<Inode> InspectedVolume::inode(InodeNo inode) {
  if (!layout_.is_inode(inode)) {
    return Error{EINVAL, "the volume has no inode with this number", Subject::inode(inode)};
  }
  const Error is_free{ENOENT, "it is free", Subject::inode(inode)};
  if (!is_written(layout_.group_of(inode), layout_.inode_place(inode).block)) return is_free;
  const Inode read = TRY(disk_->read_inode(inode));
  if (read.mode == 0) return is_free;
  return read;
}

void InspectedVolume::each_inode(const std::function<bool(InodeNo, const Inode&)>& visit) {
  const std::uint64_t per_block = layout_.inodes_per_block();
  for (GroupNo group{0}; group.value < layout_.group_count; ++group) {
    const auto descriptor = disk_->read_descriptor(group);
    const Run table = layout_.inode_table(group);
    std::uint64_t written = table.length;
    if (descriptor.ok()) {
      written = std::min<std::uint64_t>(written, descriptor->inode_blocks_written);
    } else {
      answer_.cannot_read(fmt::format("The descriptor of group {}", group.value),
                          descriptor.error());
    }
    for (std::uint64_t i = 0; i < written; ++i) {
      const auto block = disk_->read_copy(table.start + i, BlockKind::kInodeTable);
      if (!block.ok()) {
        // If there is no descriptor, it is not known whether the block was ever written.
        if (descriptor.ok()) answer_.cannot_read("A block of inodes", block.error());
        continue;
      }
      for (std::uint64_t k = 0; k < per_block; ++k) {
        const auto& inode = format::at<Inode>(std::span<const std::byte>(*block),
                                              format::kHeaderSize + k * sizeof(Inode));
        const InodeNo number{group.value * layout_.inodes_per_group + i * per_block + k + 1};
        if (inode.mode != 0 && !visit(number, inode)) return;
      }
    }
  }
}

Result<std::optional<fsck::Block>> InspectedVolume::block_bitmap(GroupNo group,
                                                                 std::uint64_t index) {
  const BlockNo block = layout_.block_bitmap(group).start + index;
  if (!is_written(group, block)) return std::optional<fsck::Block>();
  return std::optional<fsck::Block>(TRY(disk_->read_copy(block, BlockKind::kBlockBitmap)));
}

bool InspectedVolume::each_free_run(GroupNo group, const std::function<void(const Run&)>& visit) {
  const BlockNo start = layout_.group(group).start;
  const std::uint64_t bits = layout_.bits_per_block();
  const std::uint64_t end = layout_.group(group).length;
  std::uint64_t length = 0;
  const auto run_ends = [&](std::uint64_t at) {
    if (length != 0) visit({start + (at - length), length});
    length = 0;
  };
  bool is_whole = true;
  for (std::uint64_t at = layout_.group_metadata_blocks(group); at < end;) {
    const std::uint64_t next = std::min(end, (at / bits + 1) * bits);
    const auto bitmap = block_bitmap(group, at / bits);
    if (!bitmap.ok()) {
      answer_.cannot_read("A bitmap", bitmap.error());
      is_whole = false;
      run_ends(at);
    } else if (!*bitmap) {
      length += next - at;
    }
    for (; at < next && bitmap.ok() && *bitmap; ++at) {
      const std::uint64_t bit = at % bits;
      const auto byte = std::to_integer<unsigned>((**bitmap)[format::kHeaderSize + bit / 8]);
      if ((byte >> bit % 8 & 1) == 0) {
        ++length;
      } else {
        run_ends(at);
      }
    }
    at = next;
  }
  run_ends(end);
  return is_whole;
}

Result<bool> InspectedVolume::in_use(BlockNo block) {
  const GroupNo group = *layout_.group_of(block);
  const std::uint64_t index = layout_.block_index(block);
  const auto bitmap = TRY(block_bitmap(group, index / layout_.bits_per_block()));
  if (!bitmap) return !layout_.is_data(block);
  const std::uint64_t bit = index % layout_.bits_per_block();
  const auto byte = std::to_integer<unsigned>((*bitmap)[format::kHeaderSize + bit / 8]);
  return (byte >> bit % 8 & 1) != 0;
}

Result<fsck::DirectoryTree> InspectedVolume::directory(InodeNo number, const Inode& inode) {
  if (!is_directory(inode)) {
    return Error{ENOTDIR, "it is not a directory", Subject::inode(number)};
  }
  fsck::DirectoryTree tree = TRY(fsck::read_directory_tree(*facts_, number, inode));
  if (tree.damage) {
    answer_.note(fmt::format("The directory of inode {} is damaged ({}), names may be missing.",
                             number.value, tree.damage->describe()));
  }
  return tree;
}

Result<InodeNo> InspectedVolume::resolve(std::string_view path) {
  InodeNo at = format::kRootInode;
  while (!path.empty()) {
    const auto slash = path.find('/');
    const std::string_view name = path.substr(0, slash);
    path.remove_prefix(slash == path.npos ? path.size() : slash + 1);
    if (name.empty() || name == ".") continue;
    const Inode directory = TRY(inode(at));
    if (name == ".." && is_directory(directory)) {
      at = InodeNo{directory.parent};
      continue;
    }
    const fsck::DirectoryTree tree = TRY(this->directory(at, directory));
    const auto found = std::ranges::find(tree.names, name, &fsck::Name::name);
    if (found == tree.names.end()) {
      return Error{ENOENT, "the directory has no such name", Subject::inode(at)};
    }
    at = found->inode;
  }
  return at;
}

std::optional<std::pair<InodeNo, std::string>> InspectedVolume::name_of(InodeNo inode) {
  std::optional<std::pair<InodeNo, std::string>> out;
  const auto look_in = [&](InodeNo number, const Inode& candidate) {
    if (!is_directory(candidate)) return true;
    const auto tree = fsck::read_directory_tree(*facts_, number, candidate);
    if (!tree.ok()) return true;
    const auto found = std::ranges::find(tree->names, inode, &fsck::Name::inode);
    if (found != tree->names.end()) out.emplace(number, found->name);
    return !out;
  };
  // In a directory stands which directory names it.
  if (const auto own = this->inode(inode); own.ok() && is_directory(*own)) {
    const InodeNo parent{own->parent};
    if (const auto above = this->inode(parent); above.ok()) look_in(parent, *above);
    return out;
  }
  each_inode(look_in);
  return out;
}

std::optional<std::string> InspectedVolume::path_of(InodeNo inode) {
  std::string path;
  std::set<InodeNo> seen;
  while (inode != format::kRootInode) {
    if (!seen.insert(inode).second) return std::nullopt;
    const auto named = name_of(inode);
    if (!named) return std::nullopt;
    path = "/" + printable(named->second) + path;
    inode = named->first;
  }
  return path.empty() ? "/" : path;
}

}  // namespace spindle::cli
