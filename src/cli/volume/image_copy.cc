#include "cli/volume/image_copy.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

namespace spindle::cli {
namespace {

// A descriptor that is closed with its scope.
struct Descriptor {
  explicit Descriptor(int file) : number(file) {}
  ~Descriptor() {
    if (number >= 0) ::close(number);
  }
  Descriptor(const Descriptor&) = delete;
  Descriptor& operator=(const Descriptor&) = delete;
  int number;
};

Result<> copy_range(int from, int to, off_t at, off_t end) {
  while (at < end) {
    off_t into = at;
    const ssize_t done =
        ::copy_file_range(from, &at, to, &into, static_cast<std::size_t>(end - at), 0);
    if (done < 0 && errno == EINTR) continue;
    if (done < 0) return Error{errno, "the copy cannot be written"};
    if (done == 0) return Error{EIO, "the image has become shorter"};
  }
  return {};
}

}  // namespace

Result<> copy_image(const std::string& from, const std::string& to, bool replace) {
  const Descriptor source(::open(from.c_str(), O_RDONLY | O_CLOEXEC));
  if (source.number < 0) return Error{errno, "the image cannot be opened"};
  const int fresh = replace ? O_TRUNC : O_EXCL;
  const Descriptor copy(::open(to.c_str(), O_RDWR | O_CREAT | O_CLOEXEC | fresh, 0644));
  if (copy.number < 0) return Error{errno, "the copy cannot be made"};
  const off_t size = ::lseek(source.number, 0, SEEK_END);
  if (size < 0 || ::ftruncate(copy.number, size) != 0) {
    return Error{errno, "the copy cannot be made"};
  }
  off_t at = 0;
  while ((at = ::lseek(source.number, at, SEEK_DATA)) >= 0) {
    const off_t end = ::lseek(source.number, at, SEEK_HOLE);
    TRY(copy_range(source.number, copy.number, at, end));
    at = end;
  }
  if (errno != ENXIO) return Error{errno, "the image cannot be read"};
  return {};
}

bool is_same_file(const std::string& one, const std::string& other) {
  struct stat first {};
  struct stat second {};
  return ::stat(one.c_str(), &first) == 0 && ::stat(other.c_str(), &second) == 0 &&
         first.st_dev == second.st_dev && first.st_ino == second.st_ino;
}

}  // namespace spindle::cli
