#include "spindle/base/whole_file.h"

#include <fcntl.h>
#include <unistd.h>

#include <array>
#include <cerrno>

namespace spindle {

Result<std::string> read_to_end(int fd) {
  std::string content;
  std::array<char, 1 << 14> part;
  ssize_t got = 0;
  while ((got = ::read(fd, part.data(), part.size())) > 0 || (got < 0 && errno == EINTR))
    if (got > 0) content.append(part.data(), static_cast<std::size_t>(got));
  if (got < 0) return Error{errno, "it cannot be read"};
  return content;
}

Result<std::string> whole_file(const std::string& path) {
  const int fd = ::open(path.c_str(), O_RDONLY | O_CLOEXEC);
  if (fd < 0) return Error{errno, "it cannot be opened"};
  Result<std::string> content = read_to_end(fd);
  ::close(fd);
  return content;
}

}  // namespace spindle
