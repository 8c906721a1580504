#include "virtual_xattr.h"

#include <sys/xattr.h>

#include <shared_mutex>

#include "names.h"
#include "rebuild.h"

namespace spindle {
namespace {

constexpr std::string_view kAlloc = "user.spindle.alloc";
constexpr std::string_view kMap = "user.spindle.map";

/// Stops a walk that has shown enough; never leaves this file.
constexpr int kEnough = ECANCELED;

std::string_view strategy_of(const Volume& volume, const Node& node) {
  auto kind = node.map_kind();
  if (node.is_directory()) {
    const std::uint32_t inherited = node.inode.child_map_kind;
    const std::uint32_t standard = volume.superblock.default_map_kind;
    kind = static_cast<format::MapKind>(inherited != 0 ? inherited : standard);
  }
  const FileMap* map = file_map(kind);
  return map == nullptr ? "inline" : map->name();
}

bool continues(const Extent& before, const Extent& next) {
  return !before.is_hole() && !next.is_hole() && before.unwritten == next.unwritten &&
         before.at + before.length == next.at && before.block + before.length == next.block;
}

std::string map_text(const FileSystem::MapDescription& map) {
  std::string text = "file_block block length kind\n";
  for (const Extent& extent : map.extents) {
    const std::string_view kind = extent.unwritten ? "unwritten" : "data";
    std::string line = std::to_string(extent.at.value) + ' ' + std::to_string(extent.block.value) +
                       ' ' + std::to_string(extent.length) + ' ' + std::string(kind) + '\n';
    // The kernel takes no larger value: the last line says that more would follow.
    if (text.size() + line.size() > kMaxXattrValue - 8) return text + "...\n";
    text += line;
  }
  return map.complete ? text : text + "...\n";
}

Result<> set_alloc(Volume& volume, const NodeRef& node, const FileMap& map,
                   const Interruption* interruption) {
  if (!node->is_directory() && !node->is_regular()) {
    return Error{EINVAL, "only files and directories have an allocation strategy",
                 Subject::inode(node->number)};
  }
  TRY(volume.writable());
  if (node->is_regular()) {
    const auto held = TRY(hold_content(volume, *node));
    return convert(volume, node, map.kind(), interruption);
  }
  Change change = TRY(Change::begin(volume, Change::kInodeLogBytes));
  change.lock({node});
  format::Inode& inode = change.edit(*node);
  inode.child_map_kind = static_cast<std::uint8_t>(map.kind());
  inode.changed = to_disk(volume.now());
  TRY(change.commit());
  return {};
}

}  // namespace

bool is_virtual_xattr(std::string_view name) {
  return name == kAlloc || name == kMap;
}

Result<std::string> get_virtual_xattr(Volume& volume, Node& node, std::string_view name) {
  if (name == kAlloc) return std::string(strategy_of(volume, node));
  constexpr std::size_t kMostLines = kMaxXattrValue / 8;
  return map_text(TRY(describe_map_of(volume, node, kMostLines)));
}

Result<> set_virtual_xattr(Volume& volume, const NodeRef& node, std::string_view name,
                           std::string_view value, int flags, const Interruption* interruption) {
  if ((flags & XATTR_CREATE) != 0) return Error{EEXIST, "this attribute always exists"};
  if (name == kMap) return Error{EPERM, "the map of a file can only be read"};
  // A shell's `echo` or a C string may have left something behind the name.
  while (!value.empty() && (value.back() == '\n' || value.back() == '\0')) value.remove_suffix(1);
  const FileMap* map = file_map(value);
  if (map == nullptr) return Error{EINVAL, "no allocation strategy has this name"};
  return volume.with_space([&] { return set_alloc(volume, node, *map, interruption); });
}

Result<FileSystem::MapDescription> describe_map_of(Volume& volume, Node& node,
                                                   std::size_t max_extents) {
  FileSystem::MapDescription description;
  const std::shared_lock guard(node.lock);
  const FileMap* map = file_map(node.map_kind());
  description.strategy = map == nullptr ? "inline" : map->name();
  if (map == nullptr) return description;
  description.content_size = map->content_size(volume.layout.block_size);
  const FileMap::WalkContext context{
      .reader = *volume.reader, .layout = volume.layout, .fat_entry = [&](BlockNo block) {
        return volume.space->fat_entry(*volume.reader, block);
      }};
  auto& extents = description.extents;
  const auto add = [&](const Extent& extent) -> Result<> {
    if (extent.is_hole()) return {};
    if (!extents.empty() && continues(extents.back(), extent)) {
      extents.back().length += extent.length;
      return {};
    }
    if (extents.size() == max_extents) return Error{kEnough, "more would follow"};
    extents.push_back(extent);
    return {};
  };
  const auto add_node = [&](BlockNo block, format::BlockKind kind) -> Result<> {
    if (description.nodes.size() < max_extents) description.nodes.emplace_back(block, kind);
    return {};
  };
  const Result<> walked = map->walk(context, map_to_read(node), {.data = add, .node = add_node});
  if (walked.code() == kEnough) {
    description.complete = false;
  } else {
    TRY(walked);
  }
  return description;
}

Result<FileSystem::MapDescription> FileSystem::describe_map(NodeId id, std::size_t max_extents) {
  const auto describe = [&]() -> Result<MapDescription> {
    return describe_map_of(*volume_, *TRY(volume_->node(id)), max_extents);
  };
  return volume_->told("describe_map", describe());
}

}  // namespace spindle
