#include <sys/stat.h>

#include "names.h"

namespace spindle {
namespace {

constexpr std::uint32_t kKnownFlags = kRenameNoReplace | kRenameExchange | kRenameWhiteout;

/// One rename: `moved` goes from (from, old_name) to (to, new_name), where `there` stands, if
/// anything does.
struct Rename {
  NodeRef from;
  std::string_view old_name;
  NodeRef to;
  std::string_view new_name;
  std::uint32_t flags = 0;
  Caller caller;
  NodeRef moved;
  NodeRef there;

  [[nodiscard]] bool is_exchange() const { return (flags & kRenameExchange) != 0; }
  [[nodiscard]] bool leaves_whiteout() const { return (flags & kRenameWhiteout) != 0; }
  [[nodiscard]] bool is_between_directories() const { return !(from == to); }
};

Result<> find_both(Volume& volume, Rename& rename) {
  rename.moved = TRY(child(volume, *rename.from, rename.old_name));
  if (!rename.moved) return Error{ENOENT, "there is no such name"};
  rename.there = TRY(child(volume, *rename.to, rename.new_name));
  return {};
}

/// Locks up to four nodes in ascending order; see lock_with_child in remove_names.cc.
Result<> lock_all(Volume& volume, Change& change, Rename& rename) {
  change.lock({rename.from, rename.to});
  for (;;) {
    TRY(find_both(volume, rename));
    if (change.try_lock(rename.moved) && (!rename.there || change.try_lock(rename.there))) {
      return {};
    }
    change.unlock_all();
    const NodeRef moved = rename.moved;
    const NodeRef there = rename.there;
    change.lock({rename.from, rename.to, moved, there});
    TRY(find_both(volume, rename));
    if (rename.moved == moved && rename.there == there) return {};
    change.unlock_all();
    change.lock({rename.from, rename.to});
  }
}

/// Whether `node` is the directory or one of those it stands in. The rename lock keeps the way up
/// as it is.
Result<bool> is_above(Volume& volume, const NodeRef& node, NodeRef directory) {
  // A way longer than there are inodes goes round in a circle.
  for (std::uint64_t steps = 0; steps <= volume.layout.inode_count(); ++steps) {
    if (directory == node) return true;
    if (directory->number == format::kRootInode) return false;
    directory = TRY(volume.directory(directory->inode.parent));
  }
  return corrupt("directories contain one another", Subject::inode(directory->number));
}

Result<> check_no_circle(Volume& volume, const Rename& rename) {
  if (!rename.is_between_directories()) return {};
  if (rename.moved->is_directory() && TRY(is_above(volume, rename.moved, rename.to))) {
    return Error{EINVAL, "a directory cannot move into itself"};
  }
  if (rename.is_exchange() && rename.there->is_directory() &&
      TRY(is_above(volume, rename.there, rename.from))) {
    return Error{EINVAL, "a directory cannot move into itself"};
  }
  return {};
}

Result<> check_replaced(const Rename& rename) {
  const Node& there = *rename.there;
  if (!there.is_directory()) {
    return rename.moved->is_directory() ? Error{ENOTDIR, "it is not a directory"} : Result<>{};
  }
  if (!rename.moved->is_directory()) return Error{EISDIR, "it is a directory"};
  if (there.inode.size != 0) return Error{ENOTEMPTY, "the directory is not empty"};
  if (there.number == format::kLostFoundInode) {
    return Error{EBUSY, "the volume needs this directory", Subject::inode(there.number)};
  }
  return {};
}

Result<> check(Volume& volume, const Rename& rename) {
  if (rename.from->inode.links == 0 || rename.to->inode.links == 0) {
    return Error{ENOENT, "the directory has been removed"};
  }
  if (rename.there && (rename.flags & kRenameNoReplace) != 0) {
    return Error{EEXIST, "the name is taken"};
  }
  if (!rename.there && rename.is_exchange()) return Error{ENOENT, "there is no such name"};
  TRY(check_no_circle(volume, rename));
  if (rename.there && !rename.is_exchange()) TRY(check_replaced(rename));
  const bool adds_directory = rename.is_between_directories() && rename.moved->is_directory() &&
                              !(rename.there && rename.there->is_directory());
  if (adds_directory && rename.to->inode.links >= kMaxLinks) {
    return Error{EMLINK, "the directory has as many subdirectories as it can",
                 Subject::inode(rename.to->number)};
  }
  return {};
}

/// Gives a directory another parent: sets its `parent`, and the link counts of both parents.
void move_directory(Change& change, Node& node, Node& from, Node& to) {
  if (!node.is_directory() || &from == &to) return;
  change.edit(node).parent = to.number.value;
  change.edit(from).links -= 1;
  change.edit(to).links += 1;
}

Result<> edit_names(Volume& volume, Change& change, const Rename& rename) {
  DirectoryEdit from(volume, change, *rename.from);
  std::optional<DirectoryEdit> other;
  if (rename.is_between_directories()) other.emplace(volume, change, *rename.to);
  DirectoryEdit& to = other ? *other : from;
  const Node& moved = *rename.moved;
  if (rename.there) {
    TRY(to->replace(change.tx, rename.new_name, moved.number, moved.type()));
  } else {
    TRY(to->insert(change.tx, rename.new_name, moved.number, moved.type()));
  }
  if (rename.is_exchange()) {
    const Node& there = *rename.there;
    TRY(from->replace(change.tx, rename.old_name, there.number, there.type()));
  } else if (rename.leaves_whiteout()) {
    const InodeNo whiteout = TRY(make_whiteout(volume, change, *rename.from, rename.caller));
    TRY(from->replace(change.tx, rename.old_name, whiteout, S_IFCHR));
  } else {
    TRY(from->remove(change.tx, rename.old_name));
  }
  from.store();
  if (other) other->store();
  return {};
}

/// What stood under the new name loses it.
Result<> drop_replaced(Volume& volume, Change& change, const Rename& rename) {
  format::Inode& inode = change.edit(*rename.there);
  if (rename.there->is_directory()) {
    inode.links = 0;
    change.edit(*rename.to).links -= 1;
  } else if (inode.links > 0) {
    inode.links -= 1;
  }
  return inode.links == 0 ? volume.orphans.add(change, rename.there->number) : Result<>{};
}

Result<> rename_once(Volume& volume, Rename& rename) {
  std::unique_lock<thread::Mutex> way_up;
  if (rename.is_between_directories()) way_up = std::unique_lock(volume.rename_lock);
  const std::size_t whiteout_bytes = rename.leaves_whiteout() ? kWhiteoutLogBytes : 0;
  Change change = TRY(Change::begin(volume, 2 * Directory::log_bytes(volume.layout) +
                                                4 * Change::kInodeLogBytes + OrphanList::kLogBytes +
                                                whiteout_bytes));
  TRY(lock_all(volume, change, rename));
  TRY(check(volume, rename));
  if (rename.moved == rename.there) return {};

  TRY(edit_names(volume, change, rename));
  const Timestamp now = volume.now();
  touch_modified(change.edit(*rename.from), now);
  touch_modified(change.edit(*rename.to), now);
  change.edit(*rename.moved).changed = to_disk(now);
  if (rename.there) change.edit(*rename.there).changed = to_disk(now);
  move_directory(change, *rename.moved, *rename.from, *rename.to);
  if (rename.is_exchange()) {
    move_directory(change, *rename.there, *rename.to, *rename.from);
  } else if (rename.there) {
    TRY(drop_replaced(volume, change, rename));
  }
  TRY(change.commit());
  remember_name(*rename.moved, *rename.to, rename.new_name);
  if (rename.is_exchange()) remember_name(*rename.there, *rename.from, rename.old_name);
  return {};
}

}  // namespace

Result<> FileSystem::rename(const Caller& caller, NodeId from, std::string_view name, NodeId to,
                            std::string_view new_name, std::uint32_t flags) {
  const auto rename_in = [&]() -> Result<> {
    TRY(check_name(name));
    TRY(check_name(new_name));
    if (is_dot_name(name) || is_dot_name(new_name)) return Error{EBUSY, "it cannot be renamed"};
    const bool contradicts = (flags & kRenameExchange) != 0 && flags != kRenameExchange;
    if ((flags & ~kKnownFlags) != 0 || contradicts) {
      return Error{EINVAL, "these flags of rename are not known"};
    }
    NodeRef from_directory = TRY(volume_->directory(from));
    NodeRef to_directory = TRY(volume_->directory(to));
    Rename rename{.from = std::move(from_directory),
                  .old_name = name,
                  .to = std::move(to_directory),
                  .new_name = new_name,
                  .flags = flags,
                  .caller = caller,
                  .moved = {},
                  .there = {}};
    return volume_->with_space([&] {
      return with_room(*volume_, rename.to, new_name,
                       [&] { return rename_once(*volume_, rename); });
    });
  };
  return volume_->told("rename", rename_in());
}

}  // namespace spindle
