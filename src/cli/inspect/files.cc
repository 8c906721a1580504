// `spindle inspect IMAGE inode N | PATH | map PATH | directory PATH`.

#include <fmt/format.h>
#include <sys/stat.h>

#include <algorithm>

#include "cli/inspect/subjects.h"
#include "fsck/xattr_check.h"
#include "spindle/format/directory.h"
#include "spindle/format/map_names.h"
#include "spindle/format/xattr.h"

namespace spindle::cli {
namespace {

using format::Inode;
using format::MapKind;

std::string type_name(unsigned mode) {
  switch (mode & S_IFMT) {
    case S_IFREG:
      return "file";
    case S_IFDIR:
      return "directory";
    case S_IFLNK:
      return "symbolic link";
    case S_IFCHR:
      return "character device";
    case S_IFBLK:
      return "block device";
    case S_IFIFO:
      return "FIFO";
    case S_IFSOCK:
      return "socket";
    default:
      return "unknown";
  }
}

MapKind map_kind(const Inode& inode) {
  return static_cast<MapKind>(inode.map_kind);
}

std::string time_of(const format::DiskTime& time) {
  return time_text(time.seconds, time.nanoseconds);
}

/// The 64 bytes of the map in the inode, as the strategy reads them.
void add_root(Answer& answer, const Inode& inode) {
  if (map_kind(inode) == MapKind::kInline) return;
  const FileMap* const map = file_map(map_kind(inode));
  if (map == nullptr) return answer.note("The kind of its map is an unknown number.");
  for (const RootField& field : map->root_fields({inode.map_root, format::kMapRootSize}))
    std::visit([&](const auto& value) { answer.fact("root_" + field.name, value); }, field.value);
}

void add_target(InspectedVolume& volume, InodeNo number, const Inode& inode) {
  const std::uint64_t size = inode.size;
  std::string target;
  if (map_kind(inode) == MapKind::kInline) {
    const auto* text = reinterpret_cast<const char*>(inode.map_root);
    target.assign(text, std::min<std::uint64_t>(size, format::kMapRootSize));
  } else {
    const fsck::MapPieces pieces = fsck::read_map(volume.facts(), number, inode);
    const std::uint64_t wanted = std::min<std::uint64_t>(size, kMaxSymlinkLength);
    for (const Extent& extent : pieces.extents) {
      for (std::uint64_t i = 0; i < extent.length && target.size() < wanted; ++i) {
        const auto block = volume.disk().read_raw(extent.block + i);
        if (!block.ok()) return volume.answer().cannot_read("The target", block.error());
        const std::size_t take = std::min<std::size_t>(wanted - target.size(), block->size());
        target.append(reinterpret_cast<const char*>(block->data()), take);
      }
    }
  }
  volume.answer().fact("target", printable(target));
}

/// The names of the attributes, and the lengths of their values. The chain has been checked.
void add_attributes(InspectedVolume& volume, InodeNo inode_number, const Inode& inode) {
  if (inode.xattr_block == 0) return;
  const auto blocks = fsck::check_xattrs(volume.facts(), inode_number, BlockNo{inode.xattr_block});
  if (!blocks.ok()) return volume.answer().cannot_read("An extended attribute", blocks.error());
  std::vector<std::byte> bytes;
  for (const BlockNo block : *blocks) {
    const auto view = volume.disk().read(block, format::BlockKind::kXattr);
    if (!view.ok()) return volume.answer().cannot_read("An extended attribute", view.error());
    const auto& head = view->at<format::XattrHead>(format::kHeaderSize);
    const auto part = view->bytes.subspan(format::kHeaderSize + sizeof head, head.used);
    bytes.insert(bytes.end(), part.begin(), part.end());
  }
  FactTable table({"name", "value_bytes"});
  for (std::size_t at = 0; at < bytes.size();) {
    const auto& entry = format::at<format::XattrEntry>(std::span<const std::byte>(bytes), at);
    at += sizeof entry;
    const auto* name = reinterpret_cast<const char*>(bytes.data() + at);
    table.add_row({printable({name, entry.name_length}), number(entry.value_length)});
    at += entry.name_length + entry.value_length;
  }
  volume.answer().table("extended_attributes", std::move(table));
}

void add_identity(InspectedVolume& volume, InodeNo inode_number) {
  volume.answer().fact("inode", number(inode_number.value));
  if (const auto path = volume.path_of(inode_number)) {
    volume.answer().fact("path", *path);
  } else {
    volume.answer().note(fmt::format("No directory names inode {}.", inode_number.value));
  }
}

}  // namespace

Result<> describe_inode(InspectedVolume& volume, InodeNo inode_number) {
  const Inode inode = TRY(volume.inode(inode_number));
  Answer& answer = volume.answer();
  const auto place = volume.layout().inode_place(inode_number);
  const unsigned mode = inode.mode;
  add_identity(volume, inode_number);
  answer.fact("type", type_name(mode));
  answer.fact("mode", fmt::format("{:04o}", mode & 07777));
  answer.fact("strategy", std::string(format::map_kind_name(map_kind(inode))));
  if (S_ISDIR(mode)) {
    const auto child = static_cast<MapKind>(inode.child_map_kind);
    answer.fact("strategy_of_new_files", child == MapKind::kInline
                                             ? std::string("the volume's")
                                             : std::string(format::map_kind_name(child)));
    answer.fact("parent", number(inode.parent));
  }
  answer.fact("links", number(inode.links));
  answer.fact("uid", number(inode.uid));
  answer.fact("gid", number(inode.gid));
  answer.fact("size", number(inode.size));
  answer.fact("blocks", number(inode.blocks));
  answer.fact("accessed", time_of(inode.accessed));
  answer.fact("modified", time_of(inode.modified));
  answer.fact("changed", time_of(inode.changed));
  answer.fact("born", time_of(inode.born));
  answer.fact("generation", number(inode.generation));
  answer.fact("xattr_block", number(inode.xattr_block));
  answer.fact("next_orphan", number(inode.next_orphan));
  if (S_ISCHR(mode) || S_ISBLK(mode)) {
    const std::uint64_t device = inode.device;
    answer.fact("device", fmt::format("{}:{}", device >> 32, device & 0xFFFFFFFF));
  }
  answer.fact("stands_in_block", number(place.block.value));
  answer.fact("at_byte", number(place.offset));
  if (S_ISLNK(mode)) add_target(volume, inode_number, inode);
  add_root(answer, inode);
  add_attributes(volume, inode_number, inode);
  return {};
}

Result<> describe_map(InspectedVolume& volume, InodeNo inode_number) {
  const Inode inode = TRY(volume.inode(inode_number));
  Answer& answer = volume.answer();
  const fsck::MapPieces pieces = fsck::read_map(volume.facts(), inode_number, inode);
  add_identity(volume, inode_number);
  answer.fact("strategy", std::string(format::map_kind_name(map_kind(inode))));
  answer.fact("size", number(inode.size));
  std::uint64_t mapped = 0;
  std::uint64_t runs = 0;
  BlockNo next;
  FactTable extents({"file_block", "block", "length", "unwritten"});
  for (const Extent& extent : pieces.extents) {
    extents.add_row({number(extent.at.value), number(extent.block.value), number(extent.length),
                     extent.unwritten});
    mapped += extent.length;
    runs += extent.block != next ? 1 : 0;
    next = extent.block + extent.length;
  }
  answer.fact("mapped_blocks", number(mapped));
  answer.fact("runs", number(runs));
  answer.fact("node_blocks", number(pieces.nodes.size()));
  answer.table("extents", std::move(extents));
  if (!pieces.nodes.empty()) {
    FactTable nodes({"block", "kind"});
    for (const auto& [block, kind] : pieces.nodes) {
      nodes.add_row({number(block.value), block_kind_name(static_cast<std::uint16_t>(kind))});
    }
    answer.table("nodes", std::move(nodes));
  }
  if (pieces.damage) answer.cannot_read("The rest of the map", *pieces.damage);
  if (file_map(map_kind(inode)) == nullptr) answer.note("It has no map: it owns no data blocks.");
  return {};
}

Result<> describe_directory(InspectedVolume& volume, InodeNo inode_number) {
  const Inode inode = TRY(volume.inode(inode_number));
  Answer& answer = volume.answer();
  const fsck::DirectoryTree tree = TRY(volume.directory(inode_number, inode));
  add_identity(volume, inode_number);
  answer.fact("parent", number(inode.parent));
  answer.fact("names", number(tree.names.size()));
  answer.fact("node_blocks", number(tree.node_blocks));
  if (!tree.blocks.empty() && tree.blocks.front()) {
    const auto root = volume.disk().read(tree.blocks.front(), format::BlockKind::kDirectory);
    if (inode.size != 0 && root.ok()) {
      const auto& head = root->at<format::NodeHead>(format::kHeaderSize);
      answer.fact("levels", number(head.level + 1u));
    }
  }
  FactTable names({"key", "inode", "type", "name"});
  for (const fsck::Name& name : tree.names) {
    names.add_row({hexadecimal(name.key), number(name.inode.value), type_name(name.type << 12),
                   printable(name.name)});
  }
  answer.table("entries", std::move(names));
  return {};
}

}  // namespace spindle::cli
