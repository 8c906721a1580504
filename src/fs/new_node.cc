#include <sys/stat.h>

#include <cstring>
#include <shared_mutex>
#include <utility>

#include "acl.h"
#include "file_content.h"
#include "names.h"
#include "xattr.h"

namespace spindle {
namespace {

using format::MapKind;

constexpr std::size_t kSymlinkMapCalls = 4;

/// What is to be made: a file of any type.
struct NewFile {
  std::uint32_t mode = 0;  ///< with its type
  std::uint64_t device = 0;
  std::string_view target = {};  ///< of a symbolic link
  bool is_nameless = false;      ///< on the orphan list instead of in a directory

  [[nodiscard]] std::uint32_t type() const { return mode & S_IFMT; }
  [[nodiscard]] bool is_directory() const { return type() == S_IFDIR; }
  [[nodiscard]] bool has_mapped_target() const { return target.size() > format::kMapRootSize; }
};

MapKind map_kind_of(const Volume& volume, const Node& parent, const NewFile& wanted) {
  if (wanted.type() == S_IFREG) {
    const std::uint32_t inherited = parent.inode.child_map_kind;
    const std::uint32_t standard = volume.superblock.default_map_kind;
    return static_cast<MapKind>(inherited != 0 ? inherited : standard);
  }
  return wanted.is_directory() || wanted.has_mapped_target() ? MapKind::kExtent : MapKind::kInline;
}

Result<std::optional<Acl>> default_acl_of(Volume& volume, Node& directory) {
  if (directory.inode.xattr_block == 0) return std::optional<Acl>();
  XattrFile file{.inode = directory.number,
                 .space = *volume.space,
                 .first_block = BlockNo{directory.inode.xattr_block}};
  const auto value = XattrChain(file).get(*volume.reader, kDefaultAclName);
  if (value.code() == ENODATA) return std::optional<Acl>();
  return Acl::parse(TRY(value));
}

std::vector<Xattr> attributes_of(const InheritedAcl& inherited) {
  std::vector<Xattr> attributes;
  if (inherited.access) {
    attributes.push_back({std::string(kAccessAclName), inherited.access->bytes()});
  }
  if (inherited.default_acl) {
    attributes.push_back({std::string(kDefaultAclName), inherited.default_acl->bytes()});
  }
  return attributes;
}

std::size_t bytes_of(const std::vector<Xattr>& attributes) {
  std::size_t bytes = 0;
  for (const Xattr& attribute : attributes) {
    bytes += sizeof(format::XattrEntry) + attribute.name.size() + attribute.value.size();
  }
  return bytes;
}

/// What a new file inherits from the directory in which it is made.
struct Heritage {
  std::uint32_t mode = 0;
  std::vector<Xattr> attributes;
};

Result<Heritage> inherit(Volume& volume, Node& parent, const Caller& caller,
                         const NewFile& wanted) {
  if (wanted.type() == S_IFLNK) return Heritage{.mode = wanted.mode, .attributes = {}};
  const auto inherited =
      InheritedAcl::inherit(TRY(default_acl_of(volume, parent)), wanted.mode, caller.umask);
  Heritage heritage{.mode = inherited.mode, .attributes = attributes_of(inherited)};
  const bool is_setgid = (parent.inode.mode & S_ISGID) != 0;
  if (is_setgid && wanted.is_directory()) heritage.mode |= S_ISGID;
  return heritage;
}

/// A generation for a new inode. Only committed transactions advance the counter in the state
/// block; the next one adds what dropped ones took.
Result<std::uint32_t> take_generation(Volume& volume, Change& change) {
  const std::uint64_t step = 1 + std::exchange(volume.generation_owed, 0);
  const auto taken = static_cast<std::uint32_t>(volume.generation++);
  change.tx.on_drop([&volume, step] { volume.generation_owed += step; });
  TRY(change.tx.add(volume.layout.state(), format::BlockKind::kState,
                    format::kHeaderSize + offsetof(format::State, generation),
                    static_cast<std::int32_t>(step)));
  return taken;
}

/// All fields but the generation.
void fill(const Volume& volume, const Node& parent, const Caller& caller, const NewFile& wanted,
          const Heritage& heritage, format::Inode& inode) {
  const bool is_setgid = (parent.inode.mode & S_ISGID) != 0;
  const format::DiskTime now = to_disk(volume.now());
  inode.mode = static_cast<std::uint16_t>(heritage.mode);
  inode.map_kind = static_cast<std::uint8_t>(map_kind_of(volume, parent, wanted));
  inode.child_map_kind = wanted.is_directory() ? parent.inode.child_map_kind : 0;
  inode.links = wanted.is_nameless ? 0 : wanted.is_directory() ? 2 : 1;
  inode.uid = caller.uid;
  inode.gid = is_setgid ? parent.inode.gid : le32(caller.gid);
  inode.accessed = inode.modified = inode.changed = inode.born = now;
  inode.parent = wanted.is_directory() ? parent.number.value : 0;
  inode.device = wanted.device;
}

Result<> store_attributes(Volume& volume, Change& change, InodeNo number, format::Inode& inode,
                          const std::vector<Xattr>& attributes, std::size_t budget) {
  if (attributes.empty()) return {};
  XattrFile file{.inode = number,
                 .space = *volume.space,
                 .hint = volume.space->hint_for(number),
                 .log_budget = budget};
  TRY(XattrChain(file).replace_all(change.tx, attributes));
  inode.xattr_block = file.first_block.value;
  inode.blocks += static_cast<std::uint64_t>(file.block_delta);
  return {};
}

/// A short target stands in the inode, a longer one in blocks.
Result<> store_target(Volume& volume, Change& change, InodeNo number, format::Inode& inode,
                      std::string_view target) {
  inode.size = target.size();
  if (target.size() <= format::kMapRootSize) {
    std::memcpy(inode.map_root, target.data(), target.size());
    return {};
  }
  const ContentShape shape = TRY(ContentShape::of(volume, number, MapKind::kExtent));
  MapFile file{.inode = number,
               .generation = inode.generation,
               .root = inode.map_root,
               .blocks = inode.blocks};
  const FileBlock end{shape.blocks_for(target.size())};
  for (FileBlock at; at < end;) {
    const Extent added =
        TRY(shape.map->extend({change.tx, *volume.space, file}, at, end - at, NewBlocks::kWritten));
    change.tx.on_drop(
        [&volume, run = Run{added.block, added.length}] { volume.cache->forget(run); });
    for (std::uint64_t i = 0; i < added.length; ++i) {
      const BlockRef frame = TRY(volume.cache->blank(added.block + i));
      const auto part = target.substr(shape.start_of(at + i), shape.content_size);
      std::memcpy(frame.writable().data(), part.data(), part.size());
      volume.cache->mark_dirty(frame, number);
    }
    at += added.length;
  }
  inode.blocks = file.blocks;
  change.tx.order_data(number);
  return {};
}

std::size_t log_bytes_for(const Volume& volume, const NewFile& wanted) {
  const std::size_t map_calls =
      wanted.has_mapped_target()
          ? kSymlinkMapCalls * file_map(MapKind::kExtent)->log_bytes_per_call(volume.layout)
          : 0;
  return Directory::log_bytes(volume.layout) + 2 * Change::kInodeLogBytes +
         log_cost::kAllocateInode + log_cost::kRecord + OrphanList::kLogBytes + map_calls;
}

/// Makes the inode, without a name yet, in a transaction that has the parent locked.
Result<InodeNo> make_inode(Volume& volume, Change& change, Node& parent, const Caller& caller,
                           const NewFile& wanted, const Heritage& heritage, std::size_t budget) {
  const InodeNo number = TRY(volume.space->allocate_inode(
      change.tx, parent.number, wanted.is_directory() ? InodeFor::kDirectory : InodeFor::kOther));
  format::Inode& inode = change.create(number);
  inode.generation = TRY(take_generation(volume, change));
  fill(volume, parent, caller, wanted, heritage, inode);
  TRY(store_attributes(volume, change, number, inode, heritage.attributes, budget));
  if (wanted.type() == S_IFLNK) {
    TRY(store_target(volume, change, number, inode, wanted.target));
  }
  return number;
}

Result<Attributes> make_within_log(Volume& volume, const Caller& caller, const NodeRef& parent,
                                   std::string_view name, const NewFile& wanted) {
  std::size_t budget = 0;
  if (parent->inode.xattr_block != 0 && wanted.type() != S_IFLNK) {
    const std::shared_lock guard(parent->lock);
    const Heritage expected = TRY(inherit(volume, *parent, caller, wanted));
    budget = expected.attributes.empty()
                 ? 0
                 : XattrChain::log_bytes(volume.layout.block_size, bytes_of(expected.attributes));
  }
  Change change = TRY(Change::begin(volume, log_bytes_for(volume, wanted) + budget));
  change.lock({parent});
  if (parent->inode.links == 0) return Error{ENOENT, "the directory has been removed"};
  if (wanted.is_directory() && parent->inode.links >= kMaxLinks) {
    return Error{EMLINK, "the directory has as many subdirectories as it can",
                 Subject::inode(parent->number)};
  }
  const Heritage heritage = TRY(inherit(volume, *parent, caller, wanted));
  const InodeNo number = TRY(make_inode(volume, change, *parent, caller, wanted, heritage, budget));
  if (wanted.is_nameless) {
    TRY(volume.orphans.add(change, number));
  } else {
    DirectoryEdit names(volume, change, *parent);
    TRY(names->insert(change.tx, name, number, wanted.type()));
    names.store();
    format::Inode& directory = change.edit(*parent);
    touch_modified(directory, volume.now());
    if (wanted.is_directory()) directory.links += 1;
  }
  TRY(change.commit());
  const NodeRef made = change.created();
  if (!wanted.is_nameless) remember_name(*made, *parent, name);
  return refer(volume, made);
}

Result<Attributes> make_once(Volume& volume, const Caller& caller, const NodeRef& parent,
                             std::string_view name, const NewFile& wanted) {
  Result<Attributes> made = make_within_log(volume, caller, parent, name, wanted);
  if (made.code() != EFBIG) return made;
  return Error{ENOSPC, "the journal is too small for what the file would inherit",
               Subject::inode(parent->number)};
}

Result<Attributes> make(Volume& volume, const Caller& caller, NodeId directory,
                        std::string_view name, const NewFile& wanted) {
  TRY(check_name(name));
  if (is_dot_name(name)) return Error{EEXIST, "the name is taken"};
  const NodeRef parent = TRY(volume.directory(directory));
  return volume.with_space([&] {
    return with_room(volume, parent, name,
                     [&] { return make_once(volume, caller, parent, name, wanted); });
  });
}

}  // namespace

Result<InodeNo> make_whiteout(Volume& volume, Change& change, Node& directory,
                              const Caller& caller) {
  const NewFile wanted{.mode = S_IFCHR};
  const Heritage heritage{.mode = S_IFCHR, .attributes = {}};
  return make_inode(volume, change, directory, caller, wanted, heritage, 0);
}

Result<Attributes> FileSystem::create(const Caller& caller, NodeId directory, std::string_view name,
                                      std::uint32_t mode) {
  const NewFile wanted{.mode = S_IFREG | (mode & kPermissions)};
  return volume_->told("create", make(*volume_, caller, directory, name, wanted));
}

Result<Attributes> FileSystem::make_node(const Caller& caller, NodeId directory,
                                         std::string_view name, std::uint32_t mode,
                                         std::uint32_t device_major, std::uint32_t device_minor) {
  NewFile wanted{.mode = mode & (S_IFMT | kPermissions)};
  switch (wanted.type()) {
    case S_IFCHR:
    case S_IFBLK:
      wanted.device = std::uint64_t{device_major} << 32 | device_minor;
      break;
    case 0:
      wanted.mode |= S_IFREG;
      break;
    case S_IFREG:
    case S_IFIFO:
    case S_IFSOCK:
      break;
    default:
      return Error{EINVAL, "no file of this type can be made this way"};
  }
  return volume_->told("make_node", make(*volume_, caller, directory, name, wanted));
}

Result<Attributes> FileSystem::make_directory(const Caller& caller, NodeId directory,
                                              std::string_view name, std::uint32_t mode) {
  const NewFile wanted{.mode = S_IFDIR | (mode & kPermissions)};
  return volume_->told("make_directory", make(*volume_, caller, directory, name, wanted));
}

Result<Attributes> FileSystem::symlink(const Caller& caller, NodeId directory,
                                       std::string_view name, std::string_view target) {
  if (target.empty()) return Error{ENOENT, "the target is empty"};
  if (target.size() > kMaxSymlinkLength) return Error{ENAMETOOLONG, "the target is too long"};
  const NewFile wanted{.mode = S_IFLNK | 0777, .target = target};
  return volume_->told("symlink", make(*volume_, caller, directory, name, wanted));
}

Result<Attributes> FileSystem::temporary_file(const Caller& caller, NodeId directory,
                                              std::uint32_t mode) {
  const auto make_nameless = [&]() -> Result<Attributes> {
    const NodeRef parent = TRY(volume_->directory(directory));
    const NewFile wanted{.mode = S_IFREG | (mode & kPermissions), .is_nameless = true};
    return volume_->with_space([&] { return make_once(*volume_, caller, parent, {}, wanted); });
  };
  return volume_->told("temporary_file", make_nameless());
}

}  // namespace spindle
