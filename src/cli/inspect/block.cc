// `spindle inspect IMAGE block N`: what a block is, whose it is, and whether it is whole.

#include <fmt/format.h>
#include <sys/stat.h>

#include <algorithm>
#include <bit>

#include "cli/inspect/subjects.h"
#include "fsck/xattr_check.h"
#include "spindle/format/directory.h"
#include "spindle/format/map_names.h"
#include "spindle/format/xattr.h"

namespace spindle::cli {
namespace {

using format::BlockKind;
using format::Inode;
using format::MapKind;

constexpr const char* kKindNames[] = {
    "state",         "group table", "block bitmap", "inode bitmap",        "inode table",   "FAT",
    "indirect node", "extent node", "directory",    "extended attributes", "journal header"};

/// Maps of a damaged volume may claim blocks over and over. A search looks at as many times the
/// blocks of the volume at most.
constexpr std::uint64_t kMostClaims = 4;

/// A file that has the block, and what for.
struct Owner {
  InodeNo inode;
  Inode content;
  std::optional<FileBlock> file_block;  // of data
  bool unwritten = false;
  BlockKind kind = BlockKind::kXattr;  // of the file's own metadata
};

std::optional<Owner> owner_in_map(const fsck::MapPieces& pieces, BlockNo block) {
  for (const auto& [node, kind] : pieces.nodes) {
    if (node == block) return Owner{.inode = {}, .content = {}, .file_block = {}, .kind = kind};
  }
  for (const Extent& extent : pieces.extents) {
    if (!Run{extent.block, extent.length}.contains(block)) continue;
    return Owner{.inode = {},
                 .content = {},
                 .file_block = extent.at + (block - extent.block),
                 .unwritten = extent.unwritten};
  }
  return std::nullopt;
}

/// All inodes whose map or attributes have the block: more than one only where there is damage.
std::vector<Owner> owners_of(InspectedVolume& volume, BlockNo block) {
  std::vector<Owner> owners;
  std::uint64_t claims = 0;
  const std::uint64_t most = kMostClaims * volume.layout().block_count;
  volume.each_inode([&](InodeNo inode_number, const Inode& inode) {
    const fsck::MapPieces pieces = fsck::read_map(volume.facts(), inode_number, inode);
    auto owner = owner_in_map(pieces, block);
    if (!owner && inode.xattr_block != 0) {
      const auto chain =
          fsck::check_xattrs(volume.facts(), inode_number, BlockNo{inode.xattr_block});
      if (chain.ok() && std::ranges::find(*chain, block) != chain->end()) owner = Owner{};
    }
    if (owner) {
      owner->inode = inode_number;
      owner->content = inode;
      owners.push_back(*owner);
    }
    if (pieces.damage) {
      volume.answer().cannot_read(fmt::format("The map of inode {}", inode_number.value),
                                  *pieces.damage);
    }
    claims += pieces.nodes.size();
    for (const Extent& extent : pieces.extents) claims += extent.length;
    if (claims <= most) return true;
    volume.answer().note(fmt::format(
        "The search for the owner ended at inode {}: the maps claim more than there is.",
        inode_number.value));
    return false;
  });
  return owners;
}

std::uint64_t ones(std::span<const std::byte> bytes) {
  std::uint64_t count = 0;
  for (const std::byte byte : bytes) count += std::popcount(std::to_integer<unsigned>(byte));
  return count;
}

std::uint64_t used_entries(std::span<const std::byte> payload) {
  std::uint64_t count = 0;
  for (std::size_t at = 0; at + sizeof(le64) <= payload.size(); at += sizeof(le64)) {
    count += format::at<le64>(payload, at) != 0 ? 1 : 0;
  }
  return count;
}

void add_inodes_in_use(Answer& answer, std::span<const std::byte> payload) {
  std::uint64_t used = 0;
  for (std::size_t at = 0; at + sizeof(Inode) <= payload.size(); at += sizeof(Inode)) {
    used += format::at<Inode>(payload, at).mode != 0 ? 1 : 0;
  }
  answer.fact("inodes_in_use", number(used));
}

void add_directory_node(Answer& answer, std::span<const std::byte> payload) {
  const auto& head = format::at<format::NodeHead>(payload, 0);
  answer.fact("level", number(head.level));
  answer.fact("slots", number(head.count));
  answer.fact("entry_bytes", number(head.entry_bytes));
  answer.fact("entry_start", number(head.entry_start));
  answer.fact("free_head", number(head.free_head));
  answer.fact("next_block", number(head.next_block));
}

/// The first fields of what a block of this kind holds.
void add_payload(Answer& answer, BlockKind kind, std::span<const std::byte> payload) {
  switch (kind) {
    case BlockKind::kState:
      answer.fact("orphan_head", number(format::at<format::State>(payload, 0).orphan_head));
      return answer.fact("generation", number(format::at<format::State>(payload, 0).generation));
    case BlockKind::kBlockBitmap:
    case BlockKind::kInodeBitmap:
      return answer.fact("bits_set", number(ones(payload)));
    case BlockKind::kInodeTable:
      return add_inodes_in_use(answer, payload);
    case BlockKind::kFat:
    case BlockKind::kIndirect:
      return answer.fact("entries_in_use", number(used_entries(payload)));
    case BlockKind::kExtentNode:
      answer.fact("level", number(format::at<format::ExtentHead>(payload, 0).level));
      return answer.fact("entries", number(format::at<format::ExtentHead>(payload, 0).count));
    case BlockKind::kDirectory:
      return add_directory_node(answer, payload);
    case BlockKind::kXattr:
      answer.fact("next", number(format::at<format::XattrHead>(payload, 0).next));
      return answer.fact("used", number(format::at<format::XattrHead>(payload, 0).used));
    case BlockKind::kJournalHeader: {
      const auto& header = format::at<format::JournalHeader>(payload, 0);
      answer.fact("writes", number(header.writes));
      answer.fact("tail_block", number(header.tail_block));
      return answer.fact("tail_epoch", number(header.tail_epoch));
    }
    case BlockKind::kGroupTable:
      return;
  }
}

/// The header of a metadata block that should be of this kind, and whether it is whole.
void add_header(InspectedVolume& volume, BlockNo block, BlockKind kind) {
  Answer& answer = volume.answer();
  const auto bytes = volume.disk().read_raw(block);
  if (!bytes.ok()) return answer.cannot_read("The block", bytes.error());
  const std::span<const std::byte> all(*bytes);
  const auto& header = format::at<format::BlockHeader>(all, 0);
  const std::uint64_t wanted = format::block_checksum(all, volume.layout().seed, block);
  answer.fact("magic_right", header.magic == format::kBlockMagic);
  answer.fact("kind", block_kind_name(header.kind));
  answer.fact("owner", number(header.owner));
  answer.fact("epoch", number(header.epoch));
  answer.fact("checksum", hexadecimal(header.checksum));
  answer.fact("checksum_right", header.checksum == wanted);
  const auto good = format::verify_block(all, kind, volume.layout().seed, block);
  if (!good.ok()) {
    answer.note(fmt::format("The block is damaged: {}.", good.error().describe()));
    return;
  }
  add_payload(answer, kind, all.subspan(format::kHeaderSize));
}

void add_superblock_copy(InspectedVolume& volume, BlockNo block, std::size_t offset) {
  const auto good = fsck::read_superblock_at(volume.image(), block, offset);
  volume.answer().fact("checksum_right", good.ok());
  if (!good.ok()) {
    volume.answer().note(fmt::format("The block is damaged: {}.", good.error().describe()));
  }
}

/// The header by which a block of a linked file says whose it is.
void add_link_header(InspectedVolume& volume, BlockNo block) {
  Answer& answer = volume.answer();
  const auto bytes = volume.disk().read_raw(block);
  if (!bytes.ok()) return answer.cannot_read("The block", bytes.error());
  const auto& header = format::at<format::LinkHeader>(std::span<const std::byte>(*bytes), 0);
  const std::uint64_t owner = header.owner;
  answer.fact("link_next", number(header.next));
  answer.fact("link_owner", number(owner & ((1ull << 48) - 1)));
  answer.fact("link_file_block", number(header.file_block));
  answer.fact("checksum", hexadecimal(header.checksum));
  const bool is_right =
      header.checksum == format::link_checksum(header, volume.layout().seed, block);
  answer.fact("checksum_right", is_right);
  if (!is_right) answer.note("The header of the link is damaged.");
}

void add_owner(InspectedVolume& volume, BlockNo block, const Owner& owner) {
  Answer& answer = volume.answer();
  const auto kind = static_cast<MapKind>(owner.content.map_kind);
  answer.fact("owner_inode", number(owner.inode.value));
  if (const auto path = volume.path_of(owner.inode)) answer.fact("owner_path", *path);
  answer.fact("strategy", std::string(format::map_kind_name(kind)));
  if (!owner.file_block) return add_header(volume, block, owner.kind);
  answer.fact("file_block", number(owner.file_block->value));
  answer.fact("unwritten", owner.unwritten);
  if (kind == MapKind::kLinked) add_link_header(volume, block);
  if (S_ISDIR(owner.content.mode)) add_header(volume, block, BlockKind::kDirectory);
}

std::string purpose_of(const Owner& owner) {
  if (!owner.file_block) return block_kind_name(static_cast<std::uint16_t>(owner.kind));
  return S_ISDIR(owner.content.mode) ? "directory" : "data";
}

/// Describes a block that files can own.
void describe_data_block(InspectedVolume& volume, BlockNo block) {
  Answer& answer = volume.answer();
  const auto owners = owners_of(volume, block);
  const auto in_use = volume.in_use(block);
  if (!in_use.ok()) answer.cannot_read("The bitmap", in_use.error());
  answer.fact("is", !owners.empty()           ? purpose_of(owners.front())
                    : in_use.ok() && !*in_use ? std::string("free")
                                              : std::string("in no file"));
  answer.fact("group", number(volume.layout().group_of(block)->value));
  if (in_use.ok()) answer.fact("in_use", *in_use);
  if (!owners.empty()) add_owner(volume, block, owners.front());
  for (std::size_t i = 1; i < owners.size(); ++i) {
    answer.note(fmt::format("Inode {} has the block too.", owners[i].inode.value));
  }
  if (!in_use.ok()) return;
  if (*in_use && owners.empty()) {
    answer.note("The bitmap has it in use, but it is in no file that can be read.");
  } else if (!*in_use && !owners.empty()) {
    answer.note("A file has it, but the bitmap has it free.");
  }
}

void describe_group_block(InspectedVolume& volume, GroupNo group, BlockNo block) {
  const format::Layout& layout = volume.layout();
  const BlockKind kind = layout.block_bitmap(group).contains(block)   ? BlockKind::kBlockBitmap
                         : layout.inode_bitmap(group).contains(block) ? BlockKind::kInodeBitmap
                         : layout.inode_table(group).contains(block)  ? BlockKind::kInodeTable
                                                                      : BlockKind::kFat;
  Answer& answer = volume.answer();
  answer.fact("is", block_kind_name(static_cast<std::uint16_t>(kind)));
  answer.fact("group", number(group.value));
  if (kind == BlockKind::kInodeTable) {
    const std::uint64_t first =
        group.value * layout.inodes_per_group +
        (block - layout.inode_table(group).start) * layout.inodes_per_block() + 1;
    answer.fact("first_inode", number(first));
    answer.fact("last_inode", number(first + layout.inodes_per_block() - 1));
  }
  const bool is_written = volume.is_written(group, block);
  answer.fact("written", is_written);
  if (is_written) {
    add_header(volume, block, kind);
  } else {
    answer.note("The block was never written: it counts as that of a new group.");
  }
}

void describe_fixed_block(InspectedVolume& volume, BlockNo block) {
  const format::Layout& layout = volume.layout();
  Answer& answer = volume.answer();
  const auto metadata = [&](BlockKind kind) {
    answer.fact("is", block_kind_name(static_cast<std::uint16_t>(kind)));
    add_header(volume, block, kind);
  };
  if (block == layout.superblock()) {
    answer.fact("is", std::string("superblock"));
    return add_superblock_copy(volume, block, layout.superblock_offset());
  }
  if (block == layout.fixed_copy() || block == layout.last_copy()) {
    answer.fact("is", std::string("copy of the superblock"));
    return add_superblock_copy(volume, block, 0);
  }
  if (block == layout.state()) return metadata(BlockKind::kState);
  if (layout.group_table().contains(block)) return metadata(BlockKind::kGroupTable);
  if (!layout.journal.contains(block)) {
    return answer.fact(
        "is", block < layout.superblock() ? std::string("boot area") : std::string("unused"));
  }
  const std::uint64_t index = block - layout.journal.start;
  if (index < format::kJournalHeaderBlocks) return metadata(BlockKind::kJournalHeader);
  answer.fact("is", std::string("log"));
  answer.fact("log_block", number(index - format::kJournalHeaderBlocks));
}

}  // namespace

std::string block_kind_name(std::uint16_t kind) {
  const std::size_t index = std::size_t{kind} - 1;
  return index < std::size(kKindNames) ? kKindNames[index] : fmt::format("unknown ({})", kind);
}

Result<> describe_block(InspectedVolume& volume, BlockNo block) {
  const format::Layout& layout = volume.layout();
  if (block.value >= layout.block_count) {
    return Error{EINVAL, "it lies outside of the volume", Subject::block(block)};
  }
  volume.answer().fact("block", number(block.value));
  volume.answer().fact("byte", number(block.value * layout.block_size));
  const auto group = layout.group_of(block);
  if (!group) {
    describe_fixed_block(volume, block);
  } else if (layout.is_data(block)) {
    describe_data_block(volume, block);
  } else {
    describe_group_block(volume, *group, block);
  }
  return {};
}

}  // namespace spindle::cli
