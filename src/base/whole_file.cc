#include "spindle/base/whole_file.h"

#include <fcntl.h>
#include <unistd.h>

#include <array>
#include <cerrno>

namespace spindle {

Result<std::string> whole_file(const std::string& path) {
  const int fd = ::open(path.c_str(), O_RDONLY | O_CLOEXEC);
  if (fd < 0) return Error{errno, "it cannot be opened"};
  std::string content;
  std::array<char, 1 << 16> part;
  ssize_t got = 0;
  while ((got = ::read(fd, part.data(), part.size())) > 0 || (got < 0 && errno == EINTR))
    if (got > 0) content.append(part.data(), static_cast<std::size_t>(got));
  const int error = errno;
  ::close(fd);
  if (got < 0) return Error{error, "it cannot be read"};
  return content;
}

}  // namespace spindle
