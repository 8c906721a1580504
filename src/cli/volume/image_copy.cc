#include "cli/volume/image_copy.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <array>

#include "spindle/base/file_descriptor.h"

namespace spindle::cli {
namespace {

/// How much was copied of the bytes from `at` on; below 0: none could be. The host copies alone
/// where it can, which between two file systems it may not.
ssize_t copy_part(int from, int to, off_t at, std::size_t size) {
  off_t source = at;
  off_t target = at;
  const ssize_t done = ::copy_file_range(from, &source, to, &target, size, 0);
  const bool is_able = errno != EXDEV && errno != EOPNOTSUPP && errno != ENOSYS && errno != EINVAL;
  if (done >= 0 || is_able) return done;
  std::array<char, 1 << 16> part;
  const ssize_t got = ::pread(from, part.data(), std::min(size, part.size()), at);
  return got <= 0 ? got : ::pwrite(to, part.data(), static_cast<std::size_t>(got), at);
}

Result<> copy_range(int from, int to, off_t at, off_t end) {
  while (at < end) {
    const ssize_t done = copy_part(from, to, at, static_cast<std::size_t>(end - at));
    if (done < 0 && errno == EINTR) continue;
    if (done < 0) return Error{errno, "the copy cannot be written"};
    if (done == 0) return Error{EIO, "the image has become shorter"};
    at += done;
  }
  return {};
}

Result<> copy_content(int from, int to) {
  const off_t size = ::lseek(from, 0, SEEK_END);
  if (size < 0 || ::ftruncate(to, size) != 0) return Error{errno, "the copy cannot be made"};
  off_t at = 0;
  while ((at = ::lseek(from, at, SEEK_DATA)) >= 0) {
    const off_t end = ::lseek(from, at, SEEK_HOLE);
    TRY(copy_range(from, to, at, end));
    at = end;
  }
  if (errno != ENXIO) return Error{errno, "the image cannot be read"};
  return {};
}

}  // namespace

Result<> copy_image(const std::string& from, const std::string& to, bool replace) {
  const FileDescriptor source(::open(from.c_str(), O_RDONLY | O_NONBLOCK | O_CLOEXEC));
  struct stat status {};
  if (!source.is_open() || ::fstat(source.get(), &status) != 0)
    return Error{errno, "the image cannot be opened"};
  // What is refused must not have emptied a copy that is to be replaced.
  if (!S_ISREG(status.st_mode) && !S_ISBLK(status.st_mode))
    return Error{EINVAL, "the image is neither a file nor a block device"};
  const int fresh = replace ? O_TRUNC : O_EXCL;
  const FileDescriptor copy(::open(to.c_str(), O_RDWR | O_CREAT | O_CLOEXEC | fresh, 0644));
  if (!copy.is_open()) return Error{errno, "the copy cannot be made"};
  const auto copied = copy_content(source.get(), copy.get());
  // What was there before may be a device.
  if (!copied.ok() && !replace) ::unlink(to.c_str());
  return copied;
}

void remove_copy(const std::string& copy) {
  struct stat status {};
  if (::stat(copy.c_str(), &status) == 0 && S_ISREG(status.st_mode)) ::unlink(copy.c_str());
}

bool is_same_file(const std::string& one, const std::string& other) {
  struct stat first {};
  struct stat second {};
  return ::stat(one.c_str(), &first) == 0 && ::stat(other.c_str(), &second) == 0 &&
         first.st_dev == second.st_dev && first.st_ino == second.st_ino;
}

}  // namespace spindle::cli
