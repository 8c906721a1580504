#include "control/process_top.h"

#include <algorithm>

namespace spindle::control {
namespace {

std::vector<TopEntry> make_top() {
  std::vector<TopEntry> top = {{.path = "mounts", .mode = kLink, .target = "self/mounts"},
                               {.path = "net", .mode = kLink, .target = "self/net"},
                               {.path = "self", .mode = kLink, .target = "1"},
                               {.path = "thread-self", .mode = kLink, .target = "1/task/1"}};
  for (const procfs::SystemFile& file : procfs::system_files()) {
    for (auto slash = file.path.find('/'); slash != file.path.npos;
         slash = file.path.find('/', slash + 1)) {
      const std::string folder(file.path.substr(0, slash));
      const auto is_it = [&](const TopEntry& entry) { return entry.path == folder; };
      if (std::none_of(top.begin(), top.end(), is_it)) {
        top.push_back({.path = folder, .mode = kOpenFolder});
      }
    }
    top.push_back({.path = std::string(file.path), .mode = kReadable, .file = &file});
  }
  return top;
}

}  // namespace

const std::vector<TopEntry>& top_entries() {
  static const std::vector<TopEntry> top = make_top();
  return top;
}

std::uint32_t top_number(std::string_view path) {
  const auto& top = top_entries();
  const auto found =
      std::find_if(top.begin(), top.end(), [&](const TopEntry& e) { return e.path == path; });
  return found == top.end() ? 0 : static_cast<std::uint32_t>(found - top.begin()) + 1;
}

}  // namespace spindle::control
