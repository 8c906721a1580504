#include "library_file.h"

#include <dlfcn.h>
#include <fcntl.h>
#include <sys/mman.h>
#include <sys/sendfile.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cstdlib>
#include <memory>
#include <utility>

namespace spindle {
namespace {

constexpr off_t kLargest = off_t{64} << 20;

/// Why it may not be loaded; null if it may.
const char* objection_to(const struct stat& info) {
  if (info.st_size > kLargest) return "it is larger than 64 MiB";
  if (info.st_uid != 0 && info.st_uid != ::geteuid())
    return "it must belong to root or to the user who runs this";
  const bool is_open_to_group = (info.st_mode & S_IWGRP) != 0 && info.st_gid != ::getegid();
  if ((info.st_mode & S_IWOTH) != 0 || is_open_to_group) return "others may write it";
  return nullptr;
}

/// Copies all of it into memory; returns a descriptor, or -1 and errno.
int copy_of(int from, off_t size) {
  const int copy = ::memfd_create("spindle-policy", MFD_CLOEXEC);
  if (copy < 0) return -1;
  for (off_t at = 0; at < size;) {
    const ssize_t moved = ::sendfile(copy, from, &at, static_cast<std::size_t>(size - at));
    if (moved > 0 || (moved < 0 && errno == EINTR)) continue;
    ::close(copy);
    return -1;
  }
  return copy;
}

}  // namespace

std::optional<std::string> whole_path_of(std::string_view path) {
  const std::unique_ptr<char, decltype(&std::free)> whole(
      ::realpath(std::string(path).c_str(), nullptr), std::free);
  return whole ? std::optional<std::string>(whole.get()) : std::nullopt;
}

Result<LibraryFile> LibraryFile::open(const std::string& path) {
  const int fd = ::open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK);
  if (fd < 0) return Error{errno, "it cannot be opened"};
  struct stat info {};
  const bool is_known = ::fstat(fd, &info) == 0;
  LibraryFile file(fd, {info.st_dev, info.st_ino, info.st_size,
                        info.st_mtim.tv_sec * 1'000'000'000 + info.st_mtim.tv_nsec});
  if (!is_known) return Error{EACCES, "it cannot be read"};
  if (!S_ISREG(info.st_mode)) return Error{EINVAL, "it is not a file"};
  if (const char* const objection = objection_to(info)) return Error{EACCES, objection};
  return file;
}

LibraryFile::LibraryFile(LibraryFile&& other) noexcept
    : fd_(std::exchange(other.fd_, -1)), identity_(other.identity_) {}

LibraryFile::~LibraryFile() {
  if (fd_ >= 0) ::close(fd_);
}

void* LibraryFile::load(std::string& why) const {
  const int copy = copy_of(fd_, identity_.size);
  if (copy < 0) {
    why = "it cannot be read";
    return nullptr;
  }
  // The name must be new for each, otherwise the loader takes it for one that is loaded. So the
  // copy stays open for as long as it is used.
  const std::string name = "/proc/self/fd/" + std::to_string(copy);
  void* const handle = ::dlopen(name.c_str(), RTLD_NOW | RTLD_LOCAL);
  if (handle != nullptr) return handle;
  why = ::dlerror();
  if (why.starts_with(name + ": ")) why.erase(0, name.size() + 2);
  ::close(copy);
  return nullptr;
}

}  // namespace spindle
