#include <sys/stat.h>

#include "acl.h"
#include "file_content.h"
#include "names.h"
#include "xattr_edit.h"

namespace spindle {
namespace {

/// Times alone need no transaction of their own (pending_times.h).
bool is_times_only(const AttributeChange& change) {
  return !change.mode && !change.uid && !change.gid && !change.size &&
         change.setuid == Setuid::kKeep;
}

void set_times(Volume& volume, const AttributeChange& change, format::Inode& inode) {
  if (change.accessed) inode.accessed = to_disk(change.to.accessed);
  if (change.modified) inode.modified = to_disk(change.to.modified);
  inode.changed = to_disk(change.changed ? change.to.changed : volume.now());
}

void set_owner_and_mode(const Caller& caller, const AttributeChange& change, format::Inode& inode) {
  if (change.uid) inode.uid = change.to.uid;
  if (change.gid) inode.gid = change.to.gid;
  inode.mode = static_cast<std::uint16_t>(mode_after(change.setuid, inode.mode));
  if (!change.mode) return;
  std::uint32_t mode = (inode.mode & S_IFMT) | (change.to.mode & kPermissions);
  if (!caller.is_group_member) mode &= ~static_cast<std::uint32_t>(S_ISGID);
  inode.mode = static_cast<std::uint16_t>(mode);
}

Result<> change_times(Volume& volume, Node& node, const AttributeChange& change) {
  TRY(volume.writable());
  {
    const std::lock_guard guard(node.lock);
    set_times(volume, change, node.inode);
    volume.pending_times.add(node);
  }
  if (!volume.options.sync) return {};
  TRY(volume.pending_times.write(node));
  return volume.journal->sync(node.changed);
}

/// chmod changes what a stored access ACL says of owner, group (or mask) and others.
Result<> adjust_acl(XattrEdit& attributes, std::uint32_t mode) {
  const auto stored = attributes.get(kAccessAclName);
  if (stored.code() == ENODATA) return {};
  const std::string bytes = TRY(stored);
  const std::optional<Acl> acl = TRY(Acl::parse(bytes));
  if (!acl) return {};
  return attributes.set(kAccessAclName, acl->after_chmod(mode).bytes());
}

Result<> change_inode(Volume& volume, const Caller& caller, const NodeRef& node,
                      const AttributeChange& wanted) {
  return with_xattr_edit(volume, node, 0, [&](Change& change, XattrEdit& attributes) -> Result<> {
    format::Inode& inode = change.edit(*node);
    set_owner_and_mode(caller, wanted, inode);
    set_times(volume, wanted, inode);
    return wanted.mode ? adjust_acl(attributes, inode.mode) : Result<>{};
  });
}

Result<> change_size(Volume& volume, const Caller& caller, const NodeRef& node,
                     const AttributeChange& wanted) {
  if (node->is_directory()) return Error{EISDIR, "it is a directory"};
  if (!node->is_regular()) return Error{EINVAL, "it is not a regular file"};
  const auto held = TRY(hold_content(volume, *node));
  // The kernel keeps the times of files, and sees no change in the size that a file has already.
  const bool resizes = node->inode.size != wanted.to.size;
  return set_size(
      volume, *node, wanted.to.size,
      [&](format::Inode& inode) {
        if (resizes) touch_modified(inode, volume.now());
        inode.mode = static_cast<std::uint16_t>(mode_after(wanted.setuid, inode.mode));
      },
      caller.interruption);
}

}  // namespace

std::uint32_t mode_after(Setuid setuid, std::uint32_t mode) {
  if (setuid == Setuid::kKeep || S_ISDIR(mode)) return mode;
  // Setgid without group execution once meant mandatory locking, and is no privilege of the group.
  const bool loses_setgid = (mode & S_IXGRP) != 0 || setuid == Setuid::kClearByStranger;
  return mode & ~(S_ISUID | (loses_setgid ? S_ISGID : 0u));
}

Result<Attributes> FileSystem::attributes(NodeId id) {
  const auto get = [&]() -> Result<Attributes> {
    return attributes_of(*volume_, *TRY(volume_->node(id)));
  };
  return volume_->told("attributes", get());
}

Result<Attributes> FileSystem::set_attributes(const Caller& caller, NodeId id,
                                              const AttributeChange& change) {
  const auto set = [&]() -> Result<Attributes> {
    const NodeRef node = TRY(volume_->node(id));
    if (change.size)
      TRY(volume_->with_space([&] { return change_size(*volume_, caller, node, change); }));
    AttributeChange rest = change;
    rest.size = false;
    if (rest.setuid != Setuid::kKeep) TRY(drop_capabilities(*volume_, *node));
    if (!is_times_only(rest)) {
      TRY(volume_->with_space([&] { return change_inode(*volume_, caller, node, rest); }));
    } else if (rest.accessed || rest.modified || rest.changed || !change.size) {
      TRY(change_times(*volume_, *node, rest));
    }
    return attributes_of(*volume_, *node);
  };
  return volume_->told("set_attributes", set());
}

}  // namespace spindle
