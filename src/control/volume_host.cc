#include "spindle/control/volume_host.h"

#include <sys/stat.h>

#include <algorithm>
#include <cstring>
#include <future>

#include "spindle/base/clock.h"
#include "spindle/thread/thread.h"

namespace spindle {
namespace {

constexpr std::size_t kStepsInARow = 64;
constexpr std::uint32_t kReadBit = 4, kWriteBit = 2, kSearchBit = 1;

/// A walk along a path: the file where it stands, and the names that are still ahead.
class PathWalk {
 public:
  PathWalk(const Attributes& root, std::string_view path) : file_(root), ahead_(path) {}

  [[nodiscard]] const Attributes& file() const { return file_; }
  /// The way from the root to the file, without symbolic links.
  [[nodiscard]] std::string path() const { return path_.empty() ? "/" : path_; }
  [[nodiscard]] bool is_done() const { return ahead_.empty(); }
  /// Whether nothing follows the next name, not even a slash.
  [[nodiscard]] bool is_at_last_name() const { return ahead_.find('/') == std::string::npos; }

  std::string take_name() {
    const std::size_t end = std::min(ahead_.find('/'), ahead_.size());
    std::string name = ahead_.substr(0, end);
    ahead_.erase(0, end + 1);
    return name;
  }
  void put_ahead(const std::string& names) { ahead_ = names + "/" + ahead_; }

  void go_down(const Attributes& file, const std::string& name) {
    above_.push_back(std::exchange(file_, file));
    path_.append("/").append(name);
  }
  void go_up() {
    if (!above_.empty()) file_ = above_.back(), above_.pop_back();
    path_.erase(std::min(path_.rfind('/'), path_.size()));
  }
  void go_to_root(const Attributes& root) {
    file_ = root;
    above_.clear();
    path_.clear();
  }

 private:
  Attributes file_;
  std::vector<Attributes> above_;
  std::string path_;
  std::string ahead_;
};

}  // namespace

VolumeHost::~VolumeHost() {
  // Without a thread they are kept until the volume is unmounted.
  [[maybe_unused]] const Result<> forgotten = on_volume([&]() -> Result<> {
    for (const NodeId node : kept_) volume_.forget(node, 1);
    return {};
  });
}

template <class Work>
std::invoke_result_t<Work> VolumeHost::on_volume(Work work) {
  std::promise<std::invoke_result_t<Work>> answer;
  runtime_.post([&] {
    const auto begun = thread::spawn_detached("machine file", [&] { answer.set_value(work()); });
    if (!begun.ok()) answer.set_value(begun.error());
  });
  return answer.get_future().get();
}

Caller VolumeHost::caller() const {
  return {.uid = uid_, .gid = gid_, .umask = umask_};
}

bool VolumeHost::may(const Attributes& file, std::uint32_t bits) const {
  if (uid_ == 0) return true;
  const unsigned shift = file.uid == uid_ ? 6 : file.gid == gid_ ? 3 : 0;
  return (file.mode >> shift & bits) == bits;
}

HostFile VolumeHost::describe(const Walked& found) const {
  const Attributes& file = found.file;
  return {.id = file.node,
          .path = found.path,
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

// Takes over the reference that a look-up gave.
void VolumeHost::keep(NodeId node) {
  if (!kept_.insert(node).second) return volume_.forget(node, 1);
  kept_in_order_.push_back(node);
  if (kept_in_order_.size() <= kMostReferences) return;
  volume_.forget(kept_in_order_.front(), 1);
  kept_.erase(kept_in_order_.front());
  names_.erase(kept_in_order_.front());
  kept_in_order_.pop_front();
}

// Notes one more name of the file, or its only name if it has just one link.
void VolumeHost::note_name(const Attributes& file, const Place& place) {
  Places& places = names_[file.node];
  if (file.links < 2) places.clear();
  if (std::ranges::find(places, place) == places.end()) places.push_back(place);
}

// What the name leads to in the directory, which the user must be allowed to search.
Result<Attributes> VolumeHost::step(const Attributes& directory, const std::string& name) {
  if (!S_ISDIR(directory.mode)) return Error{ENOTDIR, "it is not a directory"};
  if (!may(directory, kSearchBit)) return Error{EACCES, "the user may not search the directory"};
  const auto found = volume_.lookup(directory.node, name);
  if (found.code() == ENOENT) return Error{ENOENT, "there is no such file"};
  const Attributes next = TRY(found);
  keep(next.node);
  note_name(next, {directory, name});
  return next;
}

Result<VolumeHost::Walked> VolumeHost::walk(std::string_view path, LastLink last) {
  if (path.size() > kLongestPath) return Error{ENAMETOOLONG, "the path is too long"};
  PathWalk walk(TRY(volume_.attributes(kRootNode)), path);
  int links = 0;
  for (std::size_t steps = 1; !walk.is_done(); ++steps) {
    // Others of the volume get their turn while somebody walks a very long path.
    if (steps % kStepsInARow == 0) thread::yield();
    const bool is_kept = last == LastLink::kKept && walk.is_at_last_name();
    const std::string name = walk.take_name();
    if (name.empty() || name == ".") continue;
    if (name == "..") {
      walk.go_up();
      continue;
    }
    const Attributes next = TRY(step(walk.file(), name));
    if (!S_ISLNK(next.mode) || is_kept) {
      walk.go_down(next, name);
      continue;
    }
    if (++links > kMostLinks) return Error{ELOOP, "too many symbolic links"};
    const std::string target = TRY(volume_.read_link(next.node));
    if (target.starts_with('/')) walk.go_to_root(TRY(volume_.attributes(kRootNode)));
    walk.put_ahead(target);
  }
  return Walked{walk.file(), walk.path()};
}

// The directory in which the user may add and remove the name.
Result<VolumeHost::Place> VolumeHost::parent_of(std::string_view path) {
  const std::size_t slash = path.rfind('/');
  if (slash == std::string_view::npos || slash + 1 == path.size())
    return Error{EINVAL, "the path does not name a file"};
  const Attributes directory = TRY(walk(path.substr(0, slash))).file;
  if (!S_ISDIR(directory.mode)) return Error{ENOTDIR, "it is not a directory"};
  if (!may(directory, kWriteBit | kSearchBit))
    return Error{EACCES, "the user may not change the directory"};
  const std::string_view name = path.substr(slash + 1);
  if (is_control_name(directory.node, name))
    return Error{EBUSY, "the name belongs to the control files"};
  return Place{directory, std::string(name)};
}

// From a sticky directory, as /tmp is, each user takes away only what is his own.
Result<> VolumeHost::check_sticky(const Place& place) {
  const Attributes& directory = place.directory;
  if ((directory.mode & S_ISVTX) == 0 || uid_ == 0 || uid_ == directory.uid) return {};
  const auto file = volume_.lookup(directory.node, place.name);
  if (!file.ok()) return {};
  keep(file->node);
  if (file->uid == uid_) return {};
  return Error{EPERM, "the file is another user's, and the directory is sticky"};
}

// A kernel that collects writes trusts the size that it knows for as long as it knows the file by
// any name: so it must look all names up again. Names that the machine does not know, of a file
// that has several or was renamed, are searched for in the whole volume.
VolumeHost::Places VolumeHost::names_of(NodeId file) {
  const auto attributes = volume_.attributes(file);
  if (!attributes.ok()) return {};
  const auto known = names_.find(file);
  Places places = known == names_.end() ? Places() : known->second;
  std::erase_if(places, [&](const Place& place) { return !is_at(file, place); });
  if (places.size() < attributes->links) find_names(*attributes, places);
  if (kept_.contains(file)) names_[file] = places;
  return places;
}

bool VolumeHost::is_at(NodeId file, const Place& place) {
  const auto found = volume_.lookup(place.directory.node, place.name);
  if (found.ok()) volume_.forget(found->node, 1);
  return found.ok() && found->node == file;
}

void VolumeHost::find_names(const Attributes& file, Places& places) {
  const auto root = volume_.attributes(kRootNode);
  if (!root.ok()) return;
  std::vector<Attributes> folders{*root};
  while (!folders.empty() && places.size() < file.links) {
    const Attributes folder = folders.back();
    folders.pop_back();
    std::vector<std::string> below;
    (void)volume_.read_directory(folder.node, 0, [&](const DirectoryItem& item) {
      const Place place{folder, std::string(item.name)};
      if (item.node == file.node && std::ranges::find(places, place) == places.end())
        places.push_back(place);
      if (item.type == S_IFDIR && item.name != "." && item.name != "..")
        below.emplace_back(item.name);
      return true;
    });
    for (const std::string& name : below)
      if (const auto found = volume_.lookup(folder.node, name); found.ok())
        folders.push_back(*found);
    if (folder.node != kRootNode) volume_.forget(folder.node, 1);
    thread::yield();
  }
  for (const Attributes& folder : folders)
    if (folder.node != kRootNode) volume_.forget(folder.node, 1);
}

// Runs on the machine's own kernel thread: the kernel may hold the directory until the volume,
// which must not wait here, has answered somebody.
Result<> VolumeHost::after_change(const Result<>& changed, NodeId file, const Places& names) const {
  if (!changed.ok()) return changed;
  if (listener_.content) listener_.content(file);
  tell_names(names);
  return {};
}

void VolumeHost::tell_name(const Place& place) const {
  if (listener_.name) listener_.name(place.directory.node, place.name);
}

void VolumeHost::tell_names(const Places& places) const {
  for (const Place& place : places) tell_name(place);
}

Result<HostFile> VolumeHost::lookup(std::string_view path, LastLink last) {
  return on_volume([&]() -> Result<HostFile> { return describe(TRY(walk(path, last))); });
}

// If the path ends at a dangling symbolic link, makes the file where the link leads.
Result<HostFile> VolumeHost::create_at(const std::string& path, std::uint32_t mode, Place& place) {
  std::string at = path;
  for (int links = 0; links <= kMostLinks; ++links) {
    place = TRY(parent_of(at));
    const auto there = volume_.lookup(place.directory.node, place.name);
    if (there.ok()) keep(there->node);
    if (!there.ok() || !S_ISLNK(there->mode)) {
      const Attributes file =
          TRY(volume_.create(caller(), place.directory.node, place.name, S_IFREG | mode));
      keep(file.node);
      return describe(TRY(walk(at, LastLink::kKept)));
    }
    const std::string target = TRY(volume_.read_link(there->node));
    at = target.starts_with('/') ? target : at.substr(0, at.rfind('/') + 1) + target;
  }
  return Error{ELOOP, "too many symbolic links"};
}

Result<HostFile> VolumeHost::create(std::string_view path, std::uint32_t mode) {
  Place place;
  auto made = on_volume([&] { return create_at(std::string(path), mode, place); });
  if (made.ok()) tell_name(place);
  return made;
}

Result<> VolumeHost::add_name(std::string_view path, const MakeName& make) {
  Place place;
  Places names;
  const auto made = on_volume([&]() -> Result<> {
    place = TRY(parent_of(path));
    if (const auto taken = volume_.lookup(place.directory.node, place.name); taken.ok()) {
      volume_.forget(taken->node, 1);
      return Error{EEXIST, "the file exists already"};
    }
    const Attributes added = TRY(make(place));
    // Under its other names it has one link more.
    if (S_ISREG(added.mode)) names = names_of(added.node);
    volume_.forget(added.node, 1);
    return {};
  });
  if (made.ok()) tell_name(place), tell_names(names);
  return made;
}

Result<> VolumeHost::make_directory(std::string_view path, std::uint32_t mode) {
  return add_name(path, [&](const Place& place) {
    return volume_.make_directory(caller(), place.directory.node, place.name, mode);
  });
}

Result<> VolumeHost::remove(std::string_view path) {
  Place place;
  Places names;
  const auto removed = on_volume([&]() -> Result<> {
    place = TRY(parent_of(path));
    TRY(check_sticky(place));
    const Attributes file = TRY(volume_.lookup(place.directory.node, place.name));
    keep(file.node);
    if (S_ISDIR(file.mode)) return volume_.remove_directory(place.directory.node, place.name);
    TRY(volume_.unlink(place.directory.node, place.name));
    if (file.links > 1) names = names_of(file.node);
    return {};
  });
  if (removed.ok()) tell_name(place), tell_names(names);
  return removed;
}

Result<> VolumeHost::rename(std::string_view from, std::string_view to) {
  Place old_place;
  Place new_place;
  Places names;
  const auto renamed = on_volume([&]() -> Result<> {
    old_place = TRY(parent_of(from));
    new_place = TRY(parent_of(to));
    TRY(check_sticky(old_place));
    TRY(check_sticky(new_place));
    const std::vector<NodeId> linked = linked_files_at({old_place, new_place});
    TRY(volume_.rename(caller(), old_place.directory.node, old_place.name, new_place.directory.node,
                       new_place.name, 0));
    for (const NodeId file : linked) std::ranges::move(names_of(file), std::back_inserter(names));
    return {};
  });
  if (renamed.ok()) tell_name(old_place), tell_name(new_place), tell_names(names);
  return renamed;
}

// The kept files among them that have other names, too.
std::vector<NodeId> VolumeHost::linked_files_at(const Places& places) {
  std::vector<NodeId> files;
  for (const Place& place : places) {
    const auto file = volume_.lookup(place.directory.node, place.name);
    if (!file.ok()) continue;
    keep(file->node);
    if (!S_ISDIR(file->mode) && file->links > 1) files.push_back(file->node);
  }
  return files;
}

Result<> VolumeHost::link(std::string_view from, std::string_view to) {
  return add_name(to, [&](const Place& place) -> Result<Attributes> {
    const Attributes file = TRY(walk(from, LastLink::kKept)).file;
    if (S_ISDIR(file.mode)) return Error{EPERM, "a directory cannot have a second name"};
    return volume_.link(file.node, place.directory.node, place.name);
  });
}

Result<> VolumeHost::make_link(std::string_view target, std::string_view path) {
  if (target.empty()) return Error{ENOENT, "the target of a link cannot be empty"};
  return add_name(path, [&](const Place& place) {
    return volume_.symlink(caller(), place.directory.node, place.name, target);
  });
}

Result<std::string> VolumeHost::read_link(std::string_view path) {
  return on_volume([&]() -> Result<std::string> {
    const Attributes link = TRY(walk(path, LastLink::kKept)).file;
    if (!S_ISLNK(link.mode)) return Error{EINVAL, "it is not a symbolic link"};
    return volume_.read_link(link.node);
  });
}

// Changes the attributes as `make` says, given the present ones.
Result<> VolumeHost::change_attributes(std::string_view path, const MakeChange& make) {
  Places names;
  const auto changed = on_volume([&]() -> Result<> {
    const Attributes file = TRY(walk(path)).file;
    const AttributeChange change = TRY(make(file));
    TRY(volume_.set_attributes(caller(), file.node, change));
    names = names_of(file.node);
    return {};
  });
  tell_names(names);
  return changed;
}

Result<> VolumeHost::change_mode(std::string_view path, std::uint32_t permissions) {
  return change_attributes(path, [&](const Attributes& file) -> Result<AttributeChange> {
    if (uid_ != 0 && file.uid != uid_) return Error{EPERM, "the file is another user's"};
    // Who is not of the file's group must not make programs that run as the group.
    const std::uint32_t taken = uid_ != 0 && file.gid != gid_ ? S_ISGID : 0;
    AttributeChange change;
    change.mode = true;
    change.to.mode = (file.mode & S_IFMT) | (permissions & ~taken);
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
  return on_volume([&]() -> Result<std::vector<std::string>> {
    const Attributes directory = TRY(walk(path)).file;
    if (!S_ISDIR(directory.mode)) return Error{ENOTDIR, "it is not a directory"};
    if (!may(directory, kReadBit)) return Error{EACCES, "the user may not read the directory"};
    std::vector<std::string> found;
    TRY(volume_.read_directory(directory.node, 0, [&](const DirectoryItem& item) {
      if (item.name != "." && item.name != "..") found.emplace_back(item.name);
      return true;
    }));
    std::ranges::sort(found);
    return found;
  });
}

Result<std::size_t> VolumeHost::read(std::uint64_t id, std::uint64_t offset,
                                     std::span<std::byte> bytes) {
  return on_volume([&]() -> Result<std::size_t> {
    std::size_t count = 0;
    TRY(volume_.read(id, 0, offset, bytes.size(), [&](const auto& pieces) {
      for (const auto& piece : pieces) {
        const std::size_t size = std::min(piece.size(), bytes.size() - count);
        if (size != 0) std::memcpy(bytes.data() + count, piece.data(), size);
        count += size;
      }
    }));
    return count;
  });
}

Result<> VolumeHost::write(std::uint64_t id, std::uint64_t offset,
                           std::span<const std::byte> bytes) {
  Places names;
  const auto written = on_volume([&]() -> Result<> {
    TRY(volume_.write(id, 0, offset, bytes, uid_ != 0 ? Setuid::kClear : Setuid::kKeep));
    names = names_of(id);
    return {};
  });
  return after_change(written, id, names);
}

Result<std::uint64_t> VolumeHost::size(std::uint64_t id) {
  return on_volume([&]() -> Result<std::uint64_t> { return TRY(volume_.attributes(id)).size; });
}

Result<> VolumeHost::truncate(std::uint64_t id, std::uint64_t size) {
  Places names;
  const auto changed = on_volume([&]() -> Result<> {
    AttributeChange change;
    change.size = true;
    change.to.size = size;
    change.setuid = uid_ != 0 ? Setuid::kClear : Setuid::kKeep;
    TRY(volume_.set_attributes(caller(), id, change));
    names = names_of(id);
    return {};
  });
  return after_change(changed, id, names);
}

std::string VolumeHost::real_path(std::string_view path) const {
  if (mount_point_ == "/") return std::string(path);
  return path == "/" ? mount_point_ : mount_point_ + std::string(path);
}

}  // namespace spindle
