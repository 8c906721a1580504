#include "spindle/device/memory_limit.h"

#include <sys/resource.h>

#include <algorithm>
#include <string>

#include "spindle/base/host_proc.h"
#include "spindle/base/number_text.h"
#include "spindle/base/take_until.h"
#include "spindle/base/whole_file.h"

namespace spindle {
namespace {

/// The number in the file, whose line may also say "max".
std::uint64_t limit_in(const std::string& path) {
  const auto text = whole_file(path);
  if (!text.ok()) return kNoMemoryLimit;
  std::string_view rest = *text;
  return number_in<std::uint64_t>(take_until(rest, '\n')).value_or(kNoMemoryLimit);
}

/// The first version has a mount for each controller, or for some of them.
bool is_of_memory(const HostMount& mount) {
  return ("," + mount.options + ",").find(",memory,") != std::string::npos;
}

/// The group and those above it, as far as this mount reaches.
std::uint64_t limit_of_groups(const HostMount& mount, std::string_view group, const char* file) {
  if (group.starts_with(mount.root) && mount.root != "/") group.remove_prefix(mount.root.size());
  std::uint64_t least = kNoMemoryLimit;
  while (group.size() > 1 && group.front() == '/') {
    least = std::min(least, limit_in(mount.directory + std::string(group) + "/" + file));
    group = group.substr(0, group.rfind('/'));
  }
  return std::min(least, limit_in(mount.directory + "/" + file));
}

std::uint64_t limit_of_process(decltype(RLIMIT_DATA) resource) {
  rlimit limit{};
  if (::getrlimit(resource, &limit) != 0 || limit.rlim_cur == RLIM_INFINITY) return kNoMemoryLimit;
  return limit.rlim_cur;
}

/// Heaps, stacks and buffers reserve addresses that never become memory.
std::uint64_t limit_of_addresses() {
  constexpr std::uint64_t kReserved = 192u << 20;
  const std::uint64_t limit = limit_of_process(RLIMIT_AS);
  return limit == kNoMemoryLimit ? limit : limit - std::min(limit, kReserved);
}

}  // namespace

std::uint64_t group_limit_bytes(std::string_view groups, std::span<const HostMount> mounts) {
  std::uint64_t least = kNoMemoryLimit;
  while (!groups.empty()) {
    // "4:memory:/group" of the first version, "0::/group" of the second
    const std::string_view line = take_until(groups, '\n');
    const auto controllers = line.find(':');
    const auto group = line.find(':', controllers + 1);
    if (controllers == line.npos || group == line.npos) continue;
    const bool is_second = group == controllers + 1;
    const bool names_memory = line.substr(0, group).find("memory", controllers) != line.npos;
    if (!is_second && !names_memory) continue;
    const char* const type = is_second ? "cgroup2" : "cgroup";
    const char* const file = is_second ? "memory.max" : "memory.limit_in_bytes";
    for (const HostMount& mount : mounts) {
      if (mount.type != type || (!is_second && !is_of_memory(mount))) continue;
      least = std::min(least, limit_of_groups(mount, line.substr(group + 1), file));
    }
  }
  return least;
}

std::uint64_t memory_limit_bytes() {
  const auto groups = read_host_proc("self/cgroup");
  const std::uint64_t of_groups =
      groups.ok() ? group_limit_bytes(*groups, host_mounts()) : kNoMemoryLimit;
  return std::min({of_groups, limit_of_addresses(), limit_of_process(RLIMIT_DATA)});
}

}  // namespace spindle
