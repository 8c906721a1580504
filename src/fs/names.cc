#include "names.h"

#include <sys/stat.h>

#include <shared_mutex>

#include "file_content.h"

namespace spindle {

DirectoryReader::DirectoryReader(Volume& volume, Node& node)
    : map_(map_to_read(volume, node)),
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
    return corrupt("a name stands for an inode that is free", Subject::inode(directory.number));
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

Result<Attributes> FileSystem::lookup(NodeId directory, std::string_view name) {
  const auto look = [&]() -> Result<Attributes> {
    TRY(check_name(name));
    // Who holds a handle of a file (open_by_handle_at) asks for it by its number and this name.
    if (name == ".") {
      const NodeRef itself = TRY(volume_->node(directory));
      if (itself->inode.links == 0) return Error{ESTALE, "the file has been removed"};
      return refer(*volume_, itself);
    }
    const NodeRef parent = TRY(volume_->directory(directory));
    if (name == "..") return refer(*volume_, TRY(volume_->directory(parent->inode.parent)));
    const std::shared_lock guard(parent->lock);
    const NodeRef found = TRY(child(*volume_, *parent, name));
    if (!found) return Error{ENOENT, "there is no such name"};
    remember_name(*found, *parent, name);
    return refer(*volume_, found);
  };
  return volume_->told("lookup", look());
}

void FileSystem::forget(NodeId id, std::uint64_t references) {
  const NodeRef node = volume_->nodes.find(InodeNo{id});
  if (node) volume_->nodes.drop_references(*node, references);
}

// Only nodes that are in memory are looked at: the kernel keeps a node's ancestors there.
std::string FileSystem::path(NodeId id) {
  constexpr int kDeepest = 256;
  std::string path;
  InodeNo at{id};
  for (int depth = 0; depth < kDeepest && at != format::kRootInode; ++depth) {
    const NodeRef node = volume_->nodes.find(at);
    if (!node || !node->found_in) return {};
    path.insert(0, "/" + node->found_as);
    at = node->found_in;
  }
  return path.empty() && at == format::kRootInode ? "/" : path;
}

Result<Attributes> FileSystem::attributes(NodeId id) {
  const auto get = [&]() -> Result<Attributes> {
    return attributes_of(*volume_, *TRY(volume_->node(id)));
  };
  return volume_->told("attributes", get());
}

namespace {

// What does not fit into the kernel's buffer was copied in vain; but each time the leaf is looked
// for anew.
constexpr std::size_t kNamesAtOnce = 256;

// Names of a directory, copied out, so that the visitor is called with no lock held.
class ListedNames {
 public:
  ListedNames() { names_.reserve(kNamesAtOnce); }

  bool is_full() const { return names_.size() == kNamesAtOnce; }
  void add(const DirectoryName& name) {
    names_.push_back(name);
    text_.append(name.name);
  }
  /// Calls `visit` for each, in order, until it says false: then false.
  bool each(const Tree::Visit& visit) const {
    std::string_view left = text_;
    for (const DirectoryName& name : names_) {
      const std::string_view text = left.substr(0, name.name.size());
      left.remove_prefix(text.size());
      if (!visit({text, name.inode.value, name.type, name.position})) return false;
    }
    return true;
  }
  std::int64_t end() const { return names_.back().position; }

 private:
  std::vector<DirectoryName> names_;  ///< of whose names only the length is good
  std::string text_;                  ///< the names, one after the other
};

constexpr std::uint64_t kReadAheadBytes = 8u << 20;

// Names come in the order of their hashes, and so from all over the directory's blocks: who begins
// at the front will want the whole of it.
Result<> read_directory_ahead(Volume& volume, Node& directory) {
  if (directory.inode.size <= volume.layout.block_size) return {};
  return read_content_ahead(volume, directory, TRY(content_shape(volume, directory)), 0,
                            kReadAheadBytes);
}

Result<ListedNames> list_some(Volume& volume, Node& directory, std::int64_t position) {
  ListedNames names;
  const std::shared_lock guard(directory.lock);
  if (position == Directory::kAfterDotDot) TRY(read_directory_ahead(volume, directory));
  TRY(DirectoryReader(volume, directory)
          ->visit(*volume.reader, position, [&](const DirectoryName& item) {
            if (names.is_full()) return false;
            names.add(item);
            return true;
          }));
  touch_accessed(volume, directory);
  return names;
}

Result<> list_directory(Volume& volume, const NodeRef& directory, std::int64_t position,
                        const Tree::Visit& visit) {
  if (position < 0) return Error{EINVAL, "it is no position of a directory"};
  if (position < Directory::kAfterDot &&
      !visit({".", directory->number.value, S_IFDIR, Directory::kAfterDot})) {
    return {};
  }
  if (position < Directory::kAfterDotDot &&
      !visit({"..", directory->inode.parent, S_IFDIR, Directory::kAfterDotDot})) {
    return {};
  }
  position = std::max(position, Directory::kAfterDotDot);
  for (;;) {
    const ListedNames names = TRY(list_some(volume, *directory, position));
    if (!names.each(visit) || !names.is_full()) return {};
    position = names.end();
  }
}

}  // namespace

Result<> FileSystem::read_directory(NodeId id, std::int64_t position, const Visit& visit) {
  const auto list = [&]() -> Result<> {
    return list_directory(*volume_, TRY(volume_->directory(id)), position, visit);
  };
  return volume_->told("read_directory", list());
}

}  // namespace spindle
