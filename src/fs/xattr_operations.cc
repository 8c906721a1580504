#include <sys/stat.h>

#include <shared_mutex>

#include "acl.h"
#include "virtual_xattr.h"
#include "xattr_edit.h"

namespace spindle {
namespace {

constexpr std::string_view kCapability = "security.capability";

XattrFile chain_of(Volume& volume, const Node& node, std::size_t log_budget = 0) {
  return XattrFile{.inode = node.number,
                   .space = *volume.space,
                   .first_block = BlockNo{node.inode.xattr_block},
                   .hint = volume.space->hint_for(node.number),
                   .log_budget = log_budget};
}

bool is_acl(std::string_view name) {
  return name == kAccessAclName || name == kDefaultAclName;
}

Result<std::string> get_stored(Volume& volume, Node& node, std::string_view name) {
  TRY(XattrChain::check_name(name));
  const std::shared_lock guard(node.lock);
  if (node.inode.xattr_block == 0) return Error{ENODATA, "there is no such attribute"};
  XattrFile file = chain_of(volume, node);
  return XattrChain(file).get(*volume.reader, name);
}

/// Removing an ACL that is not there succeeds, as in Linux's own file systems, and changes nothing.
Result<> remove_in(Volume& volume, Change& change, Node& node, XattrEdit& attributes,
                   std::string_view name) {
  const Result<> removed = attributes.remove(name);
  if (removed.ok()) change.edit(node).changed = to_disk(volume.now());
  return removed.code() == ENODATA && is_acl(name) ? Result<>{} : removed;
}

/// An access ACL sets the permission bits, and is kept only if it says more than they can.
Result<> set_acl(Volume& volume, const Caller& caller, Change& change, Node& node,
                 XattrEdit& attributes, std::string_view name, const Acl& acl) {
  const bool is_access = name == kAccessAclName;
  if (is_access) {
    format::Inode& inode = change.edit(node);
    std::uint32_t mode = (inode.mode & ~0777u) | acl.mode_bits();
    if (!caller.is_group_member) mode &= ~static_cast<std::uint32_t>(S_ISGID);
    inode.mode = static_cast<std::uint16_t>(mode);
  }
  if (is_access && acl.is_mode_only()) return remove_in(volume, change, node, attributes, name);
  return attributes.set(name, acl.bytes());
}

Result<> set_stored(Volume& volume, const Caller& caller, const NodeRef& node,
                    std::string_view name, std::string_view value, int flags) {
  TRY(XattrChain::check_name(name));
  std::optional<Acl> acl;
  if (is_acl(name)) {
    if (node->is_symlink()) return Error{EOPNOTSUPP, "a symbolic link has no ACL"};
    if (name == kDefaultAclName && !node->is_directory()) {
      return Error{EACCES, "only a directory has a default ACL"};
    }
    acl = TRY(Acl::parse(value));
  }
  return with_xattr_edit(volume, node, value.size(),
                         [&](Change& change, XattrEdit& attributes) -> Result<> {
                           if (is_acl(name) && !acl)
                             return remove_in(volume, change, *node, attributes, name);
                           change.edit(*node).changed = to_disk(volume.now());
                           if (!acl) return attributes.set(name, value, flags);
                           return set_acl(volume, caller, change, *node, attributes, name, *acl);
                         });
}

Result<> remove_stored(Volume& volume, const NodeRef& node, std::string_view name) {
  TRY(XattrChain::check_name(name));
  return with_xattr_edit(volume, node, 0, [&](Change& change, XattrEdit& attributes) -> Result<> {
    return remove_in(volume, change, *node, attributes, name);
  });
}

}  // namespace

XattrEdit::XattrEdit(Volume& volume, Change& change, Node& node, std::size_t log_budget)
    : change_(change), node_(node), file_(chain_of(volume, node, log_budget)) {}

Result<std::string> XattrEdit::get(std::string_view name) {
  if (!file_.first_block) return Error{ENODATA, "there is no such attribute"};
  return XattrChain(file_).get(change_.tx, name);
}

Result<> XattrEdit::set(std::string_view name, std::string_view value, int flags) {
  TRY(XattrChain(file_).set(change_.tx, name, value, flags));
  store();
  return {};
}

Result<> XattrEdit::remove(std::string_view name) {
  if (!file_.first_block) return Error{ENODATA, "there is no such attribute"};
  TRY(XattrChain(file_).remove(change_.tx, name));
  store();
  return {};
}

void XattrEdit::store() {
  format::Inode& inode = change_.edit(node_);
  inode.xattr_block = file_.first_block.value;
  inode.blocks += static_cast<std::uint64_t>(std::exchange(file_.block_delta, 0));
}

Result<> with_xattr_edit(Volume& volume, const NodeRef& node, std::size_t value_size,
                         const std::function<Result<>(Change&, XattrEdit&)>& edit) {
  std::size_t budget = XattrChain::log_bytes(volume.layout.block_size, value_size);
  // The need grows only if somebody else adds attributes in between; each round asks anew.
  for (int attempt = 0; attempt < kRoomAttempts; ++attempt) {
    Change change = TRY(Change::begin(volume, budget + Change::kInodeLogBytes));
    change.lock({node});
    XattrEdit attributes(volume, change, *node, budget);
    const Result<> edited = edit(change, attributes);
    if (edited.code() == kNeedsRoom) {
      budget = attributes.needed_budget();
      continue;
    }
    if (edited.code() == EFBIG) {
      return Error{ENOSPC, "the journal is too small for so large a change of the attributes",
                   Subject::inode(node->number)};
    }
    TRY(edited);
    TRY(change.commit());
    return {};
  }
  return Error{EBUSY, "the attributes change all the time", Subject::inode(node->number)};
}

Result<> drop_capabilities(Volume& volume, Node& node) {
  if (node.inode.xattr_block == 0) return {};
  const auto found = get_stored(volume, node, kCapability);
  if (found.code() == ENODATA) return {};
  TRY(found);
  const Result<> removed = remove_stored(volume, NodeRef(&node), kCapability);
  return removed.code() == ENODATA ? Result<>{} : removed;
}

Result<std::string> FileSystem::get_xattr(NodeId id, std::string_view name) {
  const auto get = [&]() -> Result<std::string> {
    const NodeRef node = TRY(volume_->node(id));
    if (is_virtual_xattr(name)) return get_virtual_xattr(*volume_, *node, name);
    return get_stored(*volume_, *node, name);
  };
  return volume_->told("get_xattr", get());
}

Result<> FileSystem::set_xattr(const Caller& caller, NodeId id, std::string_view name,
                               std::span<const std::byte> value, int flags) {
  const std::string_view text(reinterpret_cast<const char*>(value.data()), value.size());
  const auto set = [&]() -> Result<> {
    const NodeRef node = TRY(volume_->node(id));
    if (is_virtual_xattr(name))
      return set_virtual_xattr(*volume_, node, name, text, flags, caller.interruption);
    return volume_->with_space(
        [&] { return set_stored(*volume_, caller, node, name, text, flags); });
  };
  return volume_->told("set_xattr", set());
}

Result<std::string> FileSystem::list_xattr(NodeId id) {
  const auto list = [&]() -> Result<std::string> {
    const NodeRef node = TRY(volume_->node(id));
    const std::shared_lock guard(node->lock);
    if (node->inode.xattr_block == 0) return std::string();
    XattrFile file = chain_of(*volume_, *node);
    return XattrChain(file).list(*volume_->reader);
  };
  return volume_->told("list_xattr", list());
}

Result<> FileSystem::remove_xattr(const Caller&, NodeId id, std::string_view name) {
  const auto remove = [&]() -> Result<> {
    const NodeRef node = TRY(volume_->node(id));
    if (is_virtual_xattr(name)) return Error{EPERM, "this attribute always exists"};
    return remove_stored(*volume_, node, name);
  };
  return volume_->told("remove_xattr", remove());
}

}  // namespace spindle
