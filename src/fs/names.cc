#include "names.h"

#include "file_content.h"

namespace spindle {

DirectoryReader::DirectoryReader(Volume& volume, Node& node)
    : map_(map_to_read(node)),
      file_{.inode = node.number,
            .map = map_,
            .space = *volume.space,
            .hash_seed = volume.superblock.hash_seed,
            .size = node.inode.size},
      directory_(file_) {}

DirectoryEdit::DirectoryEdit(Volume& volume, Change& change, Node& node)
    : change_(change),
      node_(node),
      map_(change.map_file(node)),
      file_{.inode = node.number,
            .map = map_,
            .space = *volume.space,
            .hash_seed = volume.superblock.hash_seed,
            .size = change.edit(node).size},
      directory_(file_) {}

void DirectoryEdit::store() {
  format::Inode& inode = change_.edit(node_);
  inode.size = file_.size;
  inode.blocks = map_.blocks;
}

Result<> check_name(std::string_view name) {
  if (name.empty()) return Error{ENOENT, "the name is empty"};
  if (name.size() > kMaxNameLength) return Error{ENAMETOOLONG, "the name is too long"};
  if (name.find('/') != std::string_view::npos || name.find('\0') != std::string_view::npos) {
    return Error{EINVAL, "the name holds a byte that no name may hold"};
  }
  return {};
}

bool is_dot_name(std::string_view name) {
  return name == "." || name == "..";
}

Result<> make_room(Volume& volume, const NodeRef& directory, std::string_view name) {
  Change change = TRY(Change::begin(
      volume, Directory::log_bytes(volume.layout) + Change::kInodeLogBytes + log_cost::kRecord));
  change.lock({directory});
  DirectoryEdit names(volume, change, *directory);
  TRY(names->make_room(change.tx, name));
  names.store();
  TRY(change.commit_part());
  return {};
}

Result<NodeRef> child(Volume& volume, Node& directory, std::string_view name) {
  const auto entry = TRY(DirectoryReader(volume, directory)->lookup(*volume.reader, name));
  if (!entry) return NodeRef();
  auto node = volume.nodes.get(entry->inode);
  if (node.code() == ESTALE) {
    return corrupt("a name leads to a free inode", Subject::inode(directory.number));
  }
  return node;
}

void remember_name(Node& node, const Node& directory, std::string_view name) {
  node.found_in = directory.number;
  node.found_as.assign(name);
}

format::DiskTime to_disk(Timestamp time) {
  return {time.seconds, time.nanoseconds};
}

Timestamp from_disk(const format::DiskTime& time) {
  return {time.seconds, time.nanoseconds};
}

void touch_modified(format::Inode& inode, Timestamp now) {
  inode.modified = to_disk(now);
  inode.changed = to_disk(now);
}

bool touch_accessed(Volume& volume, Node& node) {
  using AccessTimes = FileSystem::AccessTimes;
  constexpr std::int64_t kDaySeconds = 24 * 60 * 60;
  if (volume.options.access_times == AccessTimes::kNone || !volume.writable().ok()) {
    return false;
  }
  if (node.is_directory() && !volume.options.directory_access_times) return false;
  format::Inode& inode = node.inode;
  const Timestamp now = volume.now();
  const Timestamp accessed = from_disk(inode.accessed);
  if (volume.options.access_times == AccessTimes::kRelative &&
      accessed > from_disk(inode.modified) && accessed > from_disk(inode.changed) &&
      now.seconds - accessed.seconds < kDaySeconds) {
    return false;
  }
  inode.accessed = to_disk(now);
  volume.pending_times.add(node);
  return true;
}

Attributes attributes_of(const Volume& volume, const Node& node) {
  const format::Inode& inode = node.inode;
  const std::uint32_t block_size = volume.layout.block_size;
  return Attributes{.node = node.number.value,
                    .generation = inode.generation,
                    .mode = inode.mode,
                    .links = inode.links,
                    .uid = inode.uid,
                    .gid = inode.gid,
                    .device_major = static_cast<std::uint32_t>(inode.device >> 32),
                    .device_minor = static_cast<std::uint32_t>(inode.device),
                    .size = inode.size,
                    .sectors = inode.blocks * (block_size / kSectorSize),
                    .block_size = block_size,
                    .accessed = from_disk(inode.accessed),
                    .modified = from_disk(inode.modified),
                    .changed = from_disk(inode.changed),
                    .born = from_disk(inode.born)};
}

Attributes refer(Volume& volume, const NodeRef& node) {
  volume.nodes.add_reference(*node);
  return attributes_of(volume, *node);
}

}  // namespace spindle
