#include "spindle/base/whole_file.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <array>
#include <cerrno>

namespace spindle {
namespace {

const Error kTooLarge{EFBIG, "it is larger than 1 GiB"};

}  // namespace

Result<std::string> read_to_end(int fd) {
  std::string content;
  struct stat status {};
  if (::fstat(fd, &status) == 0 && status.st_size > static_cast<off_t>(kLargestWholeFile))
    return kTooLarge;
  std::array<char, 1 << 14> part;
  ssize_t got = 0;
  while ((got = ::read(fd, part.data(), part.size())) > 0 || (got < 0 && errno == EINTR)) {
    if (content.size() > kLargestWholeFile) return kTooLarge;
    if (got > 0) content.append(part.data(), static_cast<std::size_t>(got));
  }
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

Result<> write_whole_file(const std::string& path, std::string_view content) {
  constexpr mode_t kMode = 0666;  // less what the umask takes away
  const int fd = ::open(path.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, kMode);
  if (fd < 0) return Error{errno, "it cannot be written"};
  ssize_t written = 0;
  for (; !content.empty() && (written >= 0 || errno == EINTR);) {
    written = ::write(fd, content.data(), content.size());
    if (written > 0) content.remove_prefix(static_cast<std::size_t>(written));
  }
  const int write_error = content.empty() ? 0 : errno;
  // Some file systems tell that they are full only now.
  const int close_error = ::close(fd) == 0 ? 0 : errno;
  if (write_error != 0 || close_error != 0)
    return Error{write_error != 0 ? write_error : close_error, "it cannot be written"};
  return {};
}

}  // namespace spindle
