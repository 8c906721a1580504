#include "spindle/base/host_proc.h"

#include <dirent.h>
#include <fcntl.h>
#include <unistd.h>

#include <algorithm>
#include <climits>
#include <memory>

#include "spindle/base/whole_file.h"

namespace spindle {
namespace {

int host_proc() {
  static const int folder = ::open("/proc", O_PATH | O_DIRECTORY | O_CLOEXEC);
  return folder;
}

}  // namespace

void open_host_proc() {
  (void)host_proc();
}

Result<std::string> read_host_proc(const std::string& path) {
  const int fd = ::openat(host_proc(), path.c_str(), O_RDONLY | O_CLOEXEC);
  if (fd < 0) return Error{errno, "it cannot be opened in /proc"};
  Result<std::string> text = read_to_end(fd);
  ::close(fd);
  if (!text.ok()) return Error{text.code(), "it cannot be read in /proc"};
  return text;
}

Result<std::string> read_host_proc_link(const std::string& path) {
  char target[PATH_MAX];
  const ssize_t size = ::readlinkat(host_proc(), path.c_str(), target, sizeof target);
  if (size < 0) return Error{errno, "it cannot be read in /proc"};
  return std::string(target, static_cast<std::size_t>(size));
}

Result<std::vector<std::string>> list_host_proc(const std::string& path) {
  const int fd = ::openat(host_proc(), path.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  if (fd < 0) return Error{errno, "it cannot be opened in /proc"};
  const std::unique_ptr<DIR, int (*)(DIR*)> folder(::fdopendir(fd), ::closedir);
  if (!folder) return ::close(fd), Error{errno, "it cannot be read in /proc"};
  std::vector<std::string> names;
  while (const dirent* item = ::readdir(folder.get())) {
    const std::string_view name = item->d_name;
    if (name != "." && name != "..") names.emplace_back(name);
  }
  return names;
}

FileDescriptor open_in_host_proc(const std::string& path, int flags) {
  return FileDescriptor(::openat(host_proc(), path.c_str(), flags | O_CLOEXEC));
}

bool stat_host_proc(const std::string& path, struct stat& to) {
  return ::fstatat(host_proc(), path.c_str(), &to, 0) == 0;
}

std::string host_proc_field(const std::string& path, std::string_view field) {
  const auto text = read_host_proc(path);
  if (!text.ok()) return {};
  constexpr std::string_view kBlanks = " \t";
  for (std::string_view rest = *text; !rest.empty();) {
    std::string_view line = rest.substr(0, rest.find('\n'));
    rest.remove_prefix(std::min(rest.size(), line.size() + 1));
    if (!line.starts_with(field)) continue;
    line.remove_prefix(field.size());
    const auto start = line.find_first_not_of(kBlanks);
    if (start == line.npos) return {};
    return std::string(line.substr(start, line.find_last_not_of(kBlanks) + 1 - start));
  }
  return {};
}

}  // namespace spindle
