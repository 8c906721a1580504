#include "spindle/control/volume_host.h"

#include <sys/stat.h>

#include <algorithm>
#include <cstring>
#include <future>

#include "spindle/base/clock.h"
#include "spindle/thread/thread.h"

namespace spindle {
namespace {

constexpr int kMostLinks = 40;
constexpr std::uint32_t kReadBit = 4, kWriteBit = 2, kSearchBit = 1;

}  // namespace

VolumeHost::~VolumeHost() {
  on_volume([&] {
    for (const NodeId node : kept_) volume_.forget(node, 1);
  });
}

void VolumeHost::on_volume(const std::function<void()>& work) {
  std::promise<void> done;
  runtime_.post([&] {
    thread::spawn_detached("machine file", [&] {
      work();
      done.set_value();
    }).take();
  });
  done.get_future().wait();
}

Caller VolumeHost::caller() const {
  return {.uid = uid_, .gid = gid_, .umask = umask_};
}

bool VolumeHost::may(const Attributes& file, std::uint32_t bits) const {
  if (uid_ == 0) return true;
  const unsigned shift = file.uid == uid_ ? 6 : file.gid == gid_ ? 3 : 0;
  return (file.mode >> shift & bits) == bits;
}

HostFile VolumeHost::describe(const Attributes& file) const {
  return {.id = file.node,
          .size = file.size,
          .is_directory = S_ISDIR(file.mode),
          .version = static_cast<std::uint64_t>(file.modified.seconds) * 1'000'000'000 +
                     file.modified.nanoseconds,
          .may_read = may(file, kReadBit),
          .may_write = may(file, kWriteBit),
          .mode = file.mode,
          .links = file.links,
          .uid = file.uid,
          .gid = file.gid,
          .modified_s = file.modified.seconds};
}

/// Takes over the reference that a look-up gave.
void VolumeHost::keep(NodeId node) {
  if (!kept_.insert(node).second) return volume_.forget(node, 1);
  kept_in_order_.push_back(node);
  if (kept_in_order_.size() <= kMostReferences) return;
  volume_.forget(kept_in_order_.front(), 1);
  kept_.erase(kept_in_order_.front());
  names_.erase(kept_in_order_.front());
  kept_in_order_.pop_front();
}

Result<Attributes> VolumeHost::walk(std::string_view path) {
  Attributes at = TRY(volume_.attributes(kRootNode));
  std::string ahead(path);
  std::vector<Attributes> above;
  for (int links = 0; !ahead.empty();) {
    const std::size_t end = std::min(ahead.find('/'), ahead.size());
    const std::string name = ahead.substr(0, end);
    ahead.erase(0, std::min(end + 1, ahead.size()));
    if (name.empty() || name == ".") continue;
    if (name == "..") {
      if (!above.empty()) at = above.back(), above.pop_back();
      continue;
    }
    if (!S_ISDIR(at.mode)) return Error{ENOTDIR, "it is no directory"};
    if (!may(at, kSearchBit)) return Error{EACCES, "the user may not search the directory"};
    const auto found = volume_.lookup(at.node, name);
    if (found.code() == ENOENT) return Error{ENOENT, "there is no such file"};
    const Attributes next = TRY(found);
    keep(next.node);
    names_[next.node] = {at, name};
    if (!S_ISLNK(next.mode)) {
      above.push_back(std::exchange(at, next));
      continue;
    }
    if (++links > kMostLinks) return Error{ELOOP, "too many symbolic links"};
    const std::string target = TRY(volume_.read_link(next.node));
    if (target.starts_with('/')) at = TRY(volume_.attributes(kRootNode))
    , above.clear();
    ahead = target + "/" + ahead;
  }
  return at;
}

/// The directory in which the user may add and remove the name.
Result<VolumeHost::Place> VolumeHost::parent_of(std::string_view path) {
  const std::size_t slash = path.rfind('/');
  if (slash == std::string_view::npos || slash + 1 == path.size())
    return Error{EINVAL, "the path names no file"};
  const Attributes directory = TRY(walk(path.substr(0, slash)));
  if (!S_ISDIR(directory.mode)) return Error{ENOTDIR, "it is no directory"};
  if (!may(directory, kWriteBit | kSearchBit))
    return Error{EACCES, "the user may not change the directory"};
  return Place{directory, std::string(path.substr(slash + 1))};
}

// A kernel that collects writes trusts the size that it knows for as long as it knows the file: it
// is to look the name up again.
void VolumeHost::tell_content(NodeId file) const {
  if (listener_.content) listener_.content(file);
  if (const auto found = names_.find(file); found != names_.end()) tell_name(found->second);
}

void VolumeHost::tell_name(const Place& place) const {
  if (listener_.name) listener_.name(place.directory.node, place.name);
}

Result<HostFile> VolumeHost::lookup(std::string_view path) {
  Result<HostFile> found = Error{EIO, "not looked up"};
  on_volume([&] { found = [&]() -> Result<HostFile> { return describe(TRY(walk(path))); }(); });
  return found;
}

Result<HostFile> VolumeHost::create(std::string_view path, std::uint32_t mode) {
  Result<HostFile> made = Error{EIO, "not made"};
  Place place;
  on_volume([&] {
    made = [&]() -> Result<HostFile> {
      place = TRY(parent_of(path));
      const Attributes file =
          TRY(volume_.create(caller(), place.directory.node, place.name, S_IFREG | mode));
      keep(file.node);
      names_[file.node] = place;
      return describe(file);
    }();
  });
  if (made.ok()) tell_name(place);
  return made;
}

Result<> VolumeHost::make_directory(std::string_view path, std::uint32_t mode) {
  Result<> made;
  Place place;
  on_volume([&] {
    made = [&]() -> Result<> {
      place = TRY(parent_of(path));
      const Attributes folder =
          TRY(volume_.make_directory(caller(), place.directory.node, place.name, mode));
      volume_.forget(folder.node, 1);
      return {};
    }();
  });
  if (made.ok()) tell_name(place);
  return made;
}

Result<> VolumeHost::remove(std::string_view path) {
  Result<> removed;
  Place place;
  on_volume([&] {
    removed = [&]() -> Result<> {
      place = TRY(parent_of(path));
      const Attributes file = TRY(volume_.lookup(place.directory.node, place.name));
      keep(file.node);
      if (S_ISDIR(file.mode)) return volume_.remove_directory(place.directory.node, place.name);
      return volume_.unlink(place.directory.node, place.name);
    }();
  });
  if (removed.ok()) tell_name(place);
  return removed;
}

Result<> VolumeHost::rename(std::string_view from, std::string_view to) {
  Result<> renamed;
  Place old_place;
  Place new_place;
  on_volume([&] {
    renamed = [&]() -> Result<> {
      old_place = TRY(parent_of(from));
      new_place = TRY(parent_of(to));
      return volume_.rename(caller(), old_place.directory.node, old_place.name,
                            new_place.directory.node, new_place.name, 0);
    }();
  });
  if (renamed.ok()) tell_name(old_place), tell_name(new_place);
  return renamed;
}

Result<> VolumeHost::link(std::string_view from, std::string_view to) {
  Result<> linked;
  Place place;
  on_volume([&] {
    linked = [&]() -> Result<> {
      const Attributes file = TRY(walk(from));
      place = TRY(parent_of(to));
      if (S_ISDIR(file.mode)) return Error{EPERM, "a directory has one name"};
      if (const auto taken = volume_.lookup(place.directory.node, place.name); taken.ok()) {
        volume_.forget(taken->node, 1);
        return Error{EEXIST, "there is such a file"};
      }
      const Attributes named = TRY(volume_.link(file.node, place.directory.node, place.name));
      volume_.forget(named.node, 1);
      return {};
    }();
  });
  if (linked.ok()) tell_name(place);
  return linked;
}

/// As `change` says, given what the file is like now.
Result<> VolumeHost::change_attributes(std::string_view path, const MakeChange& make) {
  Result<> changed;
  NodeId node = 0;
  on_volume([&] {
    changed = [&]() -> Result<> {
      const Attributes file = TRY(walk(path));
      node = file.node;
      const AttributeChange change = TRY(make(file));
      TRY(volume_.set_attributes(caller(), node, change));
      return {};
    }();
    if (const auto known = names_.find(node); changed.ok() && known != names_.end())
      tell_name(known->second);
  });
  return changed;
}

Result<> VolumeHost::change_mode(std::string_view path, std::uint32_t permissions) {
  return change_attributes(path, [&](const Attributes& file) -> Result<AttributeChange> {
    if (uid_ != 0 && file.uid != uid_) return Error{EPERM, "the file is another user's"};
    AttributeChange change;
    change.mode = true;
    change.to.mode = (file.mode & S_IFMT) | permissions;
    return change;
  });
}

Result<> VolumeHost::set_modified(std::string_view path, std::optional<std::int64_t> seconds) {
  return change_attributes(path, [&](const Attributes& file) -> Result<AttributeChange> {
    const bool is_own = uid_ == 0 || file.uid == uid_;
    if (!is_own && seconds) return Error{EPERM, "the file is another user's"};
    if (!is_own && !may(file, kWriteBit)) return Error{EACCES, "the user may not write to it"};
    AttributeChange change;
    change.accessed = change.modified = true;
    change.to.accessed = change.to.modified = seconds ? Timestamp{*seconds, 0} : wall_time();
    return change;
  });
}

Result<std::vector<std::string>> VolumeHost::list(std::string_view path) {
  Result<std::vector<std::string>> names = Error{EIO, "not listed"};
  on_volume([&] {
    names = [&]() -> Result<std::vector<std::string>> {
      const Attributes directory = TRY(walk(path));
      if (!S_ISDIR(directory.mode)) return Error{ENOTDIR, "it is no directory"};
      if (!may(directory, kReadBit)) return Error{EACCES, "the user may not read the directory"};
      std::vector<std::string> found;
      TRY(volume_.read_directory(directory.node, 0, [&](const DirectoryItem& item) {
        if (item.name != "." && item.name != "..") found.emplace_back(item.name);
        return true;
      }));
      std::ranges::sort(found);
      return found;
    }();
  });
  return names;
}

Result<std::size_t> VolumeHost::read(std::uint64_t id, std::uint64_t offset,
                                     std::span<std::byte> bytes) {
  Result<> done;
  std::size_t count = 0;
  on_volume([&] {
    done = volume_.read(id, 0, offset, bytes.size(), [&](const auto& pieces) {
      for (const auto& piece : pieces) {
        const std::size_t size = std::min(piece.size(), bytes.size() - count);
        if (size != 0) std::memcpy(bytes.data() + count, piece.data(), size);
        count += size;
      }
    });
  });
  if (!done.ok()) return done.error();
  return count;
}

Result<> VolumeHost::write(std::uint64_t id, std::uint64_t offset,
                           std::span<const std::byte> bytes) {
  Result<std::size_t> written = std::size_t{0};
  on_volume([&] { written = volume_.write(id, 0, offset, bytes, uid_ != 0); });
  if (!written.ok()) return written.error();
  tell_content(id);
  return {};
}

Result<std::uint64_t> VolumeHost::size(std::uint64_t id) {
  Result<Attributes> file = Error{EIO, "not asked"};
  on_volume([&] { file = volume_.attributes(id); });
  if (!file.ok()) return file.error();
  return file->size;
}

Result<> VolumeHost::truncate(std::uint64_t id, std::uint64_t size) {
  Result<Attributes> changed = Error{EIO, "not changed"};
  on_volume([&] {
    AttributeChange change;
    change.size = true;
    change.to.size = size;
    changed = volume_.set_attributes(caller(), id, change);
  });
  if (!changed.ok()) return changed.error();
  tell_content(id);
  return {};
}

std::string VolumeHost::real_path(std::string_view path) const {
  if (mount_point_ == "/") return std::string(path);
  return path == "/" ? mount_point_ : mount_point_ + std::string(path);
}

}  // namespace spindle
