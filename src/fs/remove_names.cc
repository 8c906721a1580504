#include "file_content.h"
#include "names.h"

namespace spindle {
namespace {

enum class Removal { kFile, kDirectory };

/// Locks the parent and what stands under the name, in ascending order of numbers. The child's
/// number is known only with the parent locked: if the child cannot be locked at once, all locks
/// are released and taken in order, and the name is looked up again.
Result<NodeRef> lock_with_child(Volume& volume, Change& change, const NodeRef& parent,
                                std::string_view name) {
  change.lock({parent});
  for (;;) {
    NodeRef found = TRY(child(volume, *parent, name));
    if (!found) return Error{ENOENT, "there is no such name"};
    if (change.try_lock(found)) return found;
    change.unlock_all();
    change.lock({parent, found});
    if (TRY(child(volume, *parent, name)) == found) return found;
    change.unlock_all();
    change.lock({parent});
  }
}

Result<> check_removal(const Node& node, Removal removal) {
  if (removal == Removal::kFile) {
    return node.is_directory() ? Error{EISDIR, "it is a directory"} : Result<>{};
  }
  if (!node.is_directory()) return Error{ENOTDIR, "it is not a directory"};
  if (node.inode.size != 0) return Error{ENOTEMPTY, "the directory is not empty"};
  if (node.number == format::kLostFoundInode || node.number == format::kRootInode) {
    return Error{EBUSY, "the volume needs this directory", Subject::inode(node.number)};
  }
  return {};
}

Result<> remove_name(Volume& volume, NodeId directory, std::string_view name, Removal removal) {
  TRY(check_name(name));
  if (is_dot_name(name)) return Error{name == "." ? EINVAL : ENOTEMPTY, "it cannot be removed"};
  const NodeRef parent = TRY(volume.directory(directory));
  Change change =
      TRY(Change::begin(volume, Directory::log_bytes(volume.layout) + 2 * Change::kInodeLogBytes +
                                    OrphanList::kLogBytes));
  const NodeRef node = TRY(lock_with_child(volume, change, parent, name));
  TRY(check_removal(*node, removal));

  DirectoryEdit names(volume, change, *parent);
  TRY(names->remove(change.tx, name));
  names.store();
  const Timestamp now = volume.now();
  touch_modified(change.edit(*parent), now);
  format::Inode& inode = change.edit(*node);
  inode.changed = to_disk(now);
  if (removal == Removal::kDirectory) {
    change.edit(*parent).links -= 1;
    inode.links = 0;
  } else if (inode.links > 0) {
    inode.links -= 1;
  }
  if (inode.links == 0) TRY(volume.orphans.add(change, node->number));
  TRY(change.commit());
  return {};
}

Result<Attributes> link_once(Volume& volume, const NodeRef& node, const NodeRef& parent,
                             std::string_view name) {
  // Taking a file off the orphan list must not get between the steps of a truncation.
  std::unique_lock<thread::Mutex> no_truncation;
  if (node->inode.links == 0) no_truncation = std::unique_lock(node->change);
  Change change =
      TRY(Change::begin(volume, Directory::log_bytes(volume.layout) + 2 * Change::kInodeLogBytes +
                                    OrphanList::kLogBytes));
  change.lock({parent, node});
  if (node->is_directory()) return Error{EPERM, "a directory cannot have a second name"};
  if (parent->inode.links == 0) return Error{ENOENT, "the directory has been removed"};
  if (node->inode.links == 0 && !no_truncation) return Error{ENOENT, "the file has been removed"};
  if (node->inode.links >= kMaxLinks) {
    return Error{EMLINK, "the file has as many names as it can", Subject::inode(node->number)};
  }
  DirectoryEdit names(volume, change, *parent);
  TRY(names->insert(change.tx, name, node->number, node->type()));
  names.store();
  const Timestamp now = volume.now();
  touch_modified(change.edit(*parent), now);
  format::Inode& inode = change.edit(*node);
  inode.changed = to_disk(now);
  inode.links += 1;
  if (inode.links == 1) TRY(volume.orphans.remove(change, node->number));
  TRY(change.commit());
  remember_name(*node, *parent, name);
  return refer(volume, node);
}

}  // namespace

Result<> FileSystem::unlink(NodeId directory, std::string_view name) {
  return volume_->told("unlink", remove_name(*volume_, directory, name, Removal::kFile));
}

Result<> FileSystem::remove_directory(NodeId directory, std::string_view name) {
  return volume_->told("remove_directory",
                       remove_name(*volume_, directory, name, Removal::kDirectory));
}

Result<Attributes> FileSystem::link(NodeId id, NodeId directory, std::string_view name) {
  const auto link_in = [&]() -> Result<Attributes> {
    TRY(check_name(name));
    if (is_dot_name(name)) return Error{EEXIST, "the name is taken"};
    const NodeRef node = TRY(volume_->node(id));
    const NodeRef parent = TRY(volume_->directory(directory));
    return volume_->with_space([&] {
      return with_room(*volume_, parent, name,
                       [&] { return link_once(*volume_, node, parent, name); });
    });
  };
  return volume_->told("link", link_in());
}

}  // namespace spindle
