#include "player.h"

#include <sys/stat.h>
#include <sys/xattr.h>

#include "mounted_volume.h"

namespace spindle::test {
namespace {

constexpr Caller kCaller{.uid = 1000, .gid = 1000, .umask = 022, .process = 1};

}  // namespace

Player::Player(FileSystem& volume, Reference top, std::uint64_t seed, Options options)
    : volume_(&volume), top_(std::move(top)), random_(seed), options_(options) {}

bool Player::fail(const std::string& what) {
  error_ = what + " (after " + last_ + ")";
  return false;
}

bool Player::agrees(const char* operation, int got, int expected) {
  last_ = operation;
  if (got == expected || (got == ENOSPC && options_.may_run_full)) return true;
  return fail(std::string(operation) + " answered " + std::to_string(got) + " instead of " +
              std::to_string(expected) + "; last error: " + std::string(volume_->last_error()));
}

Reference Player::pick_directory() {
  Reference at = top_;
  while (!random_.one_in(3)) {
    std::vector<Reference> inner;
    for (const auto& [name, child] : at->children)
      if (child->is_directory()) inner.push_back(child);
    if (inner.empty()) break;
    at = inner[random_.below(inner.size())];
  }
  return at;
}

Player::Picked Player::pick() {
  Picked picked;
  picked.directory = pick_directory();
  picked.name = "name" + std::to_string(random_.below(12));
  if (random_.one_in(8)) picked.name += std::string(200, 'x');
  const auto found = picked.directory->children.find(picked.name);
  if (found != picked.directory->children.end()) picked.node = found->second;
  return picked;
}

Reference Player::pick_file() {
  if (held_ && random_.one_in(10)) return held_;
  for (int attempt = 0; attempt < 20; ++attempt) {
    const Picked picked = pick();
    if (picked.node && picked.node->is_file()) return picked.node;
  }
  return nullptr;
}

void Player::forget(const Reference& node) {
  volume_->forget(node->node, 1u << 30);
}

// A node has lost a name: if that was its last one, it is deleted, or kept open for a while.
void Player::drop_name(const Reference& node) {
  if (node->links > 0) return;
  if (!held_ && node->is_file() && node->attributes.empty()) {
    held_ = node;
  } else {
    forget(node);
  }
}

void Player::drop_held() {
  if (held_) forget(held_);
  held_ = nullptr;
}

bool Player::make_file() {
  const Picked at = pick();
  const auto made = volume_->create(kCaller, at.directory->node, at.name, 0666);
  if (!agrees("create", made.code(), at.node ? EEXIST : 0)) return false;
  if (made.ok()) at.directory->children[at.name] = make_reference(S_IFREG | 0644, made->node);
  return true;
}

bool Player::make_directory() {
  const Picked at = pick();
  const auto made = volume_->make_directory(kCaller, at.directory->node, at.name, 0777);
  if (!agrees("make_directory", made.code(), at.node ? EEXIST : 0)) return false;
  if (!made.ok()) return true;
  at.directory->children[at.name] = make_reference(S_IFDIR | 0755, made->node);
  ++at.directory->links;
  return true;
}

bool Player::make_symlink() {
  const Picked at = pick();
  const std::string target(1 + random_.below(random_.one_in(3) ? 4000 : 70), 't');
  const auto made = volume_->symlink(kCaller, at.directory->node, at.name, target);
  if (!agrees("symlink", made.code(), at.node ? EEXIST : 0)) return false;
  if (!made.ok()) return true;
  auto& child = at.directory->children[at.name] = make_reference(S_IFLNK | 0777, made->node);
  child->target = target;
  return true;
}

bool Player::make_temporary() {
  const Picked at = pick();
  const auto made = volume_->temporary_file(kCaller, at.directory->node, 0600);
  if (!agrees("temporary_file", made.code(), 0)) return false;
  if (!made.ok()) return true;
  const Reference file = make_reference(S_IFREG | 0600, made->node);
  file->links = 0;
  if (random_.one_in(2)) {
    const auto linked = volume_->link(file->node, at.directory->node, at.name);
    if (!agrees("link of a temporary file", linked.code(), at.node ? EEXIST : 0)) return false;
    if (linked.ok()) {
      file->links = 1;
      at.directory->children[at.name] = file;
    }
  }
  if (file->links == 0) forget(file);
  return true;
}

bool Player::remove() {
  const Picked at = pick();
  const bool as_directory =
      at.node ? at.node->is_directory() != random_.one_in(10) : random_.one_in(2);
  int expected = 0;
  if (!at.node) {
    expected = ENOENT;
  } else if (as_directory) {
    expected = !at.node->is_directory() ? ENOTDIR : !at.node->children.empty() ? ENOTEMPTY : 0;
  } else if (at.node->is_directory()) {
    expected = EISDIR;
  }
  const auto removed = as_directory ? volume_->remove_directory(at.directory->node, at.name)
                                    : volume_->unlink(at.directory->node, at.name);
  last_ = "remove";
  // Removing never needs space.
  if (removed.code() != expected) {
    return fail("remove answered " + std::to_string(removed.code()) + " instead of " +
                std::to_string(expected) + ": " + std::string(volume_->last_error()));
  }
  if (expected != 0) return true;
  at.directory->children.erase(at.name);
  if (as_directory) --at.directory->links;
  at.node->links = as_directory ? 0 : at.node->links - 1;
  drop_name(at.node);
  return true;
}

bool Player::link() {
  const Picked from = pick();
  const Picked to = pick();
  if (!from.node) return true;
  const auto linked = volume_->link(from.node->node, to.directory->node, to.name);
  const int expected = from.node->is_directory() ? EPERM : to.node ? EEXIST : 0;
  if (!agrees("link", linked.code(), expected)) return false;
  if (!linked.ok()) return true;
  ++from.node->links;
  to.directory->children[to.name] = from.node;
  return true;
}

bool Player::rename() {
  const Picked from = pick();
  const Picked to = pick();
  const std::uint32_t flags = random_.one_in(4)   ? kRenameExchange
                              : random_.one_in(4) ? kRenameNoReplace
                                                  : 0u;
  const auto renamed =
      volume_->rename({}, from.directory->node, from.name, to.directory->node, to.name, flags);
  last_ = "rename";
  if (renamed.code() == ENOSPC && options_.may_run_full) return true;
  const int expected = test::rename(from.directory, from.name, to.directory, to.name, flags);
  if (!agrees("rename", renamed.code(), expected)) return false;
  if (expected == 0 && to.node && to.node->links == 0) drop_name(to.node);
  return true;
}

bool Player::set_attribute() {
  const Picked at = pick();
  if (!at.node) return true;
  const std::string name = "user.attribute" + std::to_string(random_.below(4));
  const bool is_there = at.node->attributes.contains(name);
  if (random_.one_in(3)) {
    const auto removed = volume_->remove_xattr(kCaller, at.node->node, name);
    if (!agrees("remove_xattr", removed.code(), is_there ? 0 : ENODATA)) return false;
    if (removed.ok()) at.node->attributes.erase(name);
    return true;
  }
  const int flags = random_.one_in(4) ? XATTR_CREATE : random_.one_in(4) ? XATTR_REPLACE : 0;
  const auto value = bytes_of(random_(), random_.below(random_.one_in(5) ? 3000 : 60));
  const auto set = volume_->set_xattr(kCaller, at.node->node, name, value, flags);
  const int expected = flags == XATTR_CREATE && is_there     ? EEXIST
                       : flags == XATTR_REPLACE && !is_there ? ENODATA
                                                             : 0;
  if (!agrees("set_xattr", set.code(), expected)) return false;
  if (set.ok()) {
    at.node->attributes[name] =
        std::string(reinterpret_cast<const char*>(value.data()), value.size());
  }
  return true;
}

bool Player::change_mode() {
  const Picked at = pick();
  if (!at.node || at.node->is_symlink()) return true;
  AttributeChange change;
  change.mode = true;
  change.to.mode = static_cast<std::uint32_t>(random_.below(0777));
  const auto changed = volume_->set_attributes(kCaller, at.node->node, change);
  if (!agrees("chmod", changed.code(), 0)) return false;
  if (changed.ok()) at.node->mode = (at.node->mode & S_IFMT) | change.to.mode;
  return true;
}

bool Player::convert() {
  if (!options_.converts) return true;
  const Reference file = random_.one_in(5) ? pick_directory() : pick_file();
  if (!file) return true;
  const auto maps = all_file_maps();
  const std::string_view name = maps[random_.below(maps.size())]->name();
  const auto set = volume_->set_xattr(kCaller, file->node, "user.spindle.alloc",
                                      std::as_bytes(std::span(name)), 0);
  if (!agrees("conversion", set.code(), 0)) return false;
  if (set.ok() && must(volume_->get_xattr(file->node, "user.spindle.alloc")) != name) {
    return fail("the strategy was not taken over");
  }
  return true;
}

bool Player::rearrange() {
  const Reference file = pick_file();
  if (!file) return true;
  using Arrangement = FileSystem::Arrangement;
  const auto moved =
      volume_->rearrange(file->node, Arrangement{static_cast<std::uint8_t>(random_.below(4))});
  if (!agrees("rearrange", moved.code(), 0)) return false;
  if (moved.ok() && moved->after.runs > moved->before.runs) return fail("it lies in more pieces");
  return true;
}

bool Player::sync() {
  const Picked at = pick();
  if (random_.one_in(4)) return agrees("sync_all", volume_->sync_all().code(), 0);
  if (!at.node) return true;
  const SyncOf what = random_.one_in(2) ? SyncOf::kData : SyncOf::kFile;
  return agrees("sync", volume_->sync(at.node->node, what).code(), 0);
}

bool Player::step() {
  switch (random_.below(27)) {
    case 0:
    case 1:
    case 2:
      return make_file();
    case 3:
      return make_directory();
    case 4:
      return make_symlink();
    case 5:
    case 6:
    case 7:
      return remove();
    case 8:
      return link();
    case 9:
    case 10:
      return rename();
    case 11:
    case 12:
    case 13:
    case 14:
      return write();
    case 15:
    case 16:
      return read();
    case 17:
      return truncate();
    case 18:
    case 19:
      return allocate();
    case 20:
      return seek();
    case 21:
      return copy();
    case 22:
      return set_attribute();
    case 23:
      return random_.one_in(3) ? make_temporary() : change_mode();
    case 24:
      return random_.one_in(2) ? convert() : sync();
    case 25:
      return rearrange();
    default:
      if (random_.one_in(3)) drop_held();
      return true;
  }
}

bool Player::compare() {
  const std::string different = difference(*volume_, top_, "");
  if (!different.empty()) return fail(different);
  if (!held_ || content_of(*volume_, held_->node) == held_->bytes) return true;
  return fail("the deleted file that is still open");
}

void Player::remounted(FileSystem& volume, NodeId top) {
  volume_ = &volume;
  top_->node = top;
  find_again(volume, top_);
}

bool Player::clear() {
  const auto clear_in = [&](const auto& again, const Reference& directory) -> void {
    while (!directory->children.empty() && error_.empty()) {
      const auto [name, child] = *directory->children.begin();
      if (child->is_directory()) again(again, child);
      const auto removed = child->is_directory() ? volume_->remove_directory(directory->node, name)
                                                 : volume_->unlink(directory->node, name);
      if (!removed.ok()) {
        fail("removing " + name + ": " + removed.error().describe());
        return;
      }
      if (child->is_directory()) --directory->links;
      directory->children.erase(name);
      child->links = child->is_directory() ? 0 : child->links - 1;
      if (child->links == 0) forget(child);
    }
  };
  clear_in(clear_in, top_);
  drop_held();
  return error_.empty();
}

}  // namespace spindle::test
