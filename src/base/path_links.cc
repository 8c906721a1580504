#include "spindle/base/path_links.h"

#include <cerrno>

namespace spindle {

Result<std::string> without_links(
    std::string_view path, LastLink last,
    const std::function<std::optional<std::string>(const std::string& path)>& target_of) {
  if (path.size() > kLongestPath) return Error{ENAMETOOLONG, "the path is too long"};
  std::string at;
  std::string whole(path);
  std::size_t next = 0;  // of it, where the next name begins
  for (int links = 0; next < whole.size();) {
    const std::size_t end = std::min(whole.find('/', next), whole.size());
    const std::string_view name = std::string_view(whole).substr(next, end - next);
    const bool is_last = end == whole.size();
    next = end + 1;
    if (name.empty() || name == ".") continue;
    if (name == "..") {
      at.erase(std::min(at.rfind('/'), at.size()));
      continue;
    }
    const std::size_t folder = at.size();
    at.append("/").append(name);
    const auto target = is_last && last == LastLink::kKept ? std::nullopt : target_of(at);
    if (!target) continue;
    if (++links > kMostLinks) return Error{ELOOP, "too many symbolic links"};
    at.resize(target->starts_with('/') ? 0 : folder);
    // A slash behind the name asks for what the target leads to, too.
    whole = is_last ? *target : *target + whole.substr(end);
    next = 0;
  }
  return at.empty() ? "/" : at;
}

}  // namespace spindle
