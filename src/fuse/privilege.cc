#include "privilege.h"

#include <algorithm>
#include <cstdlib>
#include <iterator>
#include <sstream>
#include <string_view>

#include "spindle/base/host_proc.h"

namespace spindle {
namespace {

constexpr std::string_view kTrusted = "trusted.";

/// Calls `visit` with each name of the list.
template <class Visit>
void for_each_name(const std::string& names, const Visit& visit) {
  for (std::size_t at = 0; at < names.size();) {
    const std::string_view name(names.c_str() + at);
    visit(name);
    at += name.size() + 1;
  }
}

}  // namespace

bool has_capability(pid_t thread, int capability) {
  const std::string folder = std::to_string(thread);
  // Root in a user namespace of its own is not root here.
  const auto theirs = read_host_proc_link(folder + "/ns/user");
  const auto ours = read_host_proc_link("self/ns/user");
  if (!theirs.ok() || !ours.ok() || *theirs != *ours) return false;
  const std::string field = host_proc_field(folder + "/status", "CapEff:");
  return (std::strtoull(field.c_str(), nullptr, 16) >> capability & 1) != 0;
}

bool is_in_group(pid_t thread, std::uint32_t group) {
  std::istringstream groups(host_proc_field(std::to_string(thread) + "/status", "Groups:"));
  return std::find(std::istream_iterator<std::uint32_t>(groups), {}, group) !=
         std::istream_iterator<std::uint32_t>();
}

std::string without_trusted(const std::string& names) {
  std::string kept;
  for_each_name(names, [&](std::string_view name) {
    if (name.starts_with(kTrusted)) return;
    kept += name;
    kept += '\0';
  });
  return kept;
}

bool has_trusted(const std::string& names) {
  bool found = false;
  for_each_name(names, [&](std::string_view name) { found = found || name.starts_with(kTrusted); });
  return found;
}

}  // namespace spindle
