#include "mkfs/populate.h"

#include <dirent.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <sys/xattr.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <limits>
#include <map>
#include <memory>
#include <optional>
#include <vector>

#include "spindle/base/file_descriptor.h"
#include "spindle/base/printable.h"
#include "spindle/fs/file_system.h"
#include "spindle/thread/runtime.h"

namespace spindle {
namespace {

constexpr std::size_t kCopyBytes = 1 << 20;

struct CloseDirectory {
  void operator()(DIR* directory) const { ::closedir(directory); }
};

Timestamp to_timestamp(const timespec& time) {
  return {time.tv_sec, static_cast<std::uint32_t>(time.tv_nsec)};
}

/// What is in the directory, in order.
Result<std::vector<std::string>> names_in(const std::string& path) {
  std::unique_ptr<DIR, CloseDirectory> listing(::opendir(path.c_str()));
  if (!listing) return Error{errno, "it cannot be listed"};
  std::vector<std::string> names;
  errno = 0;
  while (const dirent* item = ::readdir(listing.get())) {
    const std::string name = item->d_name;
    if (name != "." && name != "..") names.push_back(name);
    errno = 0;
  }
  if (errno != 0) return Error{errno, "it cannot be listed to its end"};
  std::sort(names.begin(), names.end());
  return names;
}

/// Some files of the host, as those in /proc, know nothing of holes: all of them is data.
bool knows_no_holes() {
  return errno == EINVAL;
}

/// Where data begins, at `at` or beyond; nothing if only a hole follows.
Result<std::optional<off_t>> next_data(int fd, off_t at) {
  const off_t data = ::lseek(fd, at, SEEK_DATA);
  if (data >= 0) return std::optional(data);
  if (knows_no_holes()) return std::optional(at);
  if (errno == ENXIO) return std::optional<off_t>();
  return Error{errno, "its data cannot be found"};
}

/// Where the data that stands at `at` ends, or beyond.
Result<off_t> end_of_data(int fd, off_t at) {
  const off_t hole = ::lseek(fd, at, SEEK_HOLE);
  if (hole >= 0) return hole;
  if (knows_no_holes()) return std::numeric_limits<off_t>::max();
  return Error{errno, "its holes cannot be found"};
}

class Populator {
 public:
  Populator(FileSystem& volume, const std::string& image, const PopulateProgress& progress)
      : volume_(volume), progress_(progress) {
    struct stat info {};
    if (::stat(image.c_str(), &info) == 0) image_ = {info.st_dev, info.st_ino};
  }

  /// Folders wait on a list, not on the stack: a tree may be deep.
  Result<> run(const std::string& source) {
    pending_.push_back({source, kRootNode});
    while (!pending_.empty()) {
      const Folder folder = pending_.back();
      pending_.pop_back();
      TRY(copy_folder(folder));
    }
    // A folder's times are set after all that is made in it.
    for (const auto& [path, node] : finished_) TRY(copy_attributes(path, node));
    return {};
  }

  [[nodiscard]] const PopulateReport& report() const { return report_; }
  [[nodiscard]] const std::string& current_path() const { return path_; }

 private:
  using FileId = std::pair<dev_t, ino_t>;
  struct Folder {
    std::string path;
    NodeId node;
  };

  Result<> copy_folder(const Folder& folder) {
    path_ = folder.path;
    for (const std::string& name : TRY(names_in(folder.path))) TRY(copy_item(folder, name));
    finished_.push_back(folder);
    return {};
  }

  Result<> copy_item(const Folder& folder, const std::string& name) {
    path_ = folder.path + "/" + name;
    const std::string path = path_;
    struct stat info {};
    if (::lstat(path.c_str(), &info) != 0) return Error{errno, "it cannot be read"};
    // The image itself would be read while it is written, and grow by what it holds.
    if (S_ISREG(info.st_mode) && image_ == FileId{info.st_dev, info.st_ino}) {
      report_.left_out.push_back(path);
      return {};
    }
    if (progress_) progress_(path, report_);
    if (S_ISDIR(info.st_mode)) {
      ++report_.directories;
      // mkfs made lost+found already.
      const auto there = volume_.lookup(folder.node, name);
      const Attributes made =
          there.ok()
              ? *there
              : TRY(volume_.make_directory(caller_, folder.node, name, info.st_mode & 07777));
      pending_.push_back({path, made.node});
      return {};
    }
    if (info.st_nlink > 1) {
      const auto known = links_.find({info.st_dev, info.st_ino});
      if (known != links_.end()) {
        TRY(volume_.link(known->second, folder.node, name));
        return {};
      }
    }
    const Attributes made = TRY(make_item(folder, name, path, info));
    if (info.st_nlink > 1) links_.emplace(std::pair(info.st_dev, info.st_ino), made.node);
    return copy_attributes(path, made.node);
  }

  Result<Attributes> make_item(const Folder& folder, const std::string& name,
                               const std::string& path, const struct stat& info) {
    if (S_ISREG(info.st_mode)) {
      ++report_.files;
      const Attributes made = TRY(volume_.create(caller_, folder.node, name, info.st_mode & 07777));
      TRY(copy_content(path, made.node, static_cast<std::uint64_t>(info.st_size)));
      return made;
    }
    ++report_.others;
    if (S_ISLNK(info.st_mode)) {
      std::string target(4096, '\0');
      const ssize_t length = ::readlink(path.c_str(), target.data(), target.size());
      if (length < 0) return Error{errno, "its target cannot be read"};
      target.resize(static_cast<std::size_t>(length));
      return volume_.symlink(caller_, folder.node, name, target);
    }
    return volume_.make_node(caller_, folder.node, name, info.st_mode, major(info.st_rdev),
                             minor(info.st_rdev));
  }

  /// Only data is read and written, so holes stay holes. A file that ends sooner than it says, as
  /// those in /sys do and one that shrinks meanwhile, gets the size of what was read.
  Result<> copy_content(const std::string& path, NodeId node, std::uint64_t size) {
    const FileDescriptor file(::open(path.c_str(), O_RDONLY | O_CLOEXEC));
    if (!file.is_open()) return Error{errno, "it cannot be opened"};
    std::vector<std::byte> buffer(kCopyBytes);
    std::optional<off_t> data = TRY(next_data(file.get(), 0));
    while (data && static_cast<std::uint64_t>(*data) < size) {
      off_t at = *data;
      const off_t end = TRY(end_of_data(file.get(), at));
      while (at < end) {
        const auto want = std::min<std::size_t>(buffer.size(), static_cast<std::size_t>(end - at));
        const ssize_t got = ::pread(file.get(), buffer.data(), want, at);
        if (got < 0) return Error{errno, "it cannot be read"};
        if (got == 0) {
          size = static_cast<std::uint64_t>(at);
          break;
        }
        TRY(volume_.write(node, 0, static_cast<std::uint64_t>(at),
                          std::span(buffer).first(static_cast<std::size_t>(got)), Setuid::kKeep));
        at += got;
        report_.bytes += static_cast<std::uint64_t>(got);
      }
      data = TRY(next_data(file.get(), at));
    }
    AttributeChange change;
    change.size = true;
    change.to.size = size;
    TRY(volume_.set_attributes(caller_, node, change));
    return {};
  }

  Result<> copy_attributes(const std::string& path, NodeId node) {
    path_ = path;
    struct stat info {};
    if (::lstat(path.c_str(), &info) != 0) return Error{errno, "it cannot be read"};
    TRY(copy_xattrs(path, node));
    AttributeChange owner;
    owner.uid = owner.gid = true;
    owner.to.uid = info.st_uid;
    owner.to.gid = info.st_gid;
    TRY(volume_.set_attributes(caller_, node, owner));
    AttributeChange rest;
    rest.mode = !S_ISLNK(info.st_mode);
    rest.accessed = rest.modified = true;
    rest.to.mode = info.st_mode;
    rest.to.accessed = to_timestamp(info.st_atim);
    rest.to.modified = to_timestamp(info.st_mtim);
    TRY(volume_.set_attributes(caller_, node, rest));
    return {};
  }

  Result<> copy_xattrs(const std::string& path, NodeId node) {
    const ssize_t length = ::llistxattr(path.c_str(), nullptr, 0);
    if (length <= 0) return {};
    std::string names(static_cast<std::size_t>(length), '\0');
    const ssize_t got = ::llistxattr(path.c_str(), names.data(), names.size());
    if (got < 0) return Error{errno, "its extended attributes cannot be listed"};
    names.resize(static_cast<std::size_t>(got));
    for (std::size_t at = 0; at < names.size();) {
      const std::string name = names.c_str() + at;
      at += name.size() + 1;
      const ssize_t size = ::lgetxattr(path.c_str(), name.c_str(), nullptr, 0);
      std::vector<std::byte> value(size > 0 ? static_cast<std::size_t>(size) : 0);
      if (size < 0 || ::lgetxattr(path.c_str(), name.c_str(), value.data(), value.size()) < 0) {
        return Error{errno, "an extended attribute cannot be read"};
      }
      const auto set = volume_.set_xattr(caller_, node, name, value, 0);
      // Attributes that only the host knows (of other security modules) are left out.
      if (!set.ok() && set.code() != EOPNOTSUPP) return set.error();
    }
    return {};
  }

  FileSystem& volume_;
  const PopulateProgress& progress_;
  const Caller caller_{};
  PopulateReport report_;
  std::string path_;
  std::vector<Folder> pending_;
  std::vector<Folder> finished_;
  std::map<FileId, NodeId> links_;
  std::optional<FileId> image_;
};

}  // namespace

Result<> check_source(const std::string& directory) {
  for (const std::string& name : TRY(names_in(directory))) {
    if (is_control_name(kRootNode, name))
      return Error{EEXIST,
                   "there is a .spindle in it, which in the root of a volume is the name of the "
                   "control files; rename it"};
  }
  return {};
}

Result<PopulateReport> populate(BlockDevice& device, const PopulateSource& source,
                                std::string& reason, const PopulateProgress& progress) {
  auto runtime = TRY(thread::Runtime::create());
  Result<PopulateReport> result = Error{EIO, "the copying did not end"};
  const auto ran = runtime->run([&] {
    const auto copy = [&]() -> Result<PopulateReport> {
      auto volume = TRY(FileSystem::mount(device, {.capacity_bytes = 128u << 20}, {}));
      Populator populator(*volume, source.image, progress);
      const auto copied = populator.run(source.directory);
      if (!copied.ok()) {
        reason = printable(populator.current_path()) + ": " + copied.error().describe();
      }
      TRY(volume->unmount());
      if (!copied.ok()) return copied.error();
      return populator.report();
    };
    result = copy();
  });
  if (!ran.ok()) return ran.error();
  return result;
}

}  // namespace spindle
