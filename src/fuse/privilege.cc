#include "privilege.h"

#include <cstdint>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <string_view>

namespace spindle {
namespace {

constexpr std::string_view kTrusted = "trusted.";

// Calls `visit` with each name of the list.
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
  const std::string folder = "/proc/" + std::to_string(thread);
  std::error_code error;
  // Who is root in a namespace of their own is not so here.
  const auto theirs = std::filesystem::read_symlink(folder + "/ns/user", error);
  if (error || theirs != std::filesystem::read_symlink("/proc/self/ns/user", error)) return false;
  std::ifstream status(folder + "/status");
  constexpr std::string_view kField = "CapEff:";
  for (std::string line; std::getline(status, line);) {
    if (!line.starts_with(kField)) continue;
    const std::uint64_t effective = std::strtoull(line.c_str() + kField.size(), nullptr, 16);
    return (effective >> capability & 1) != 0;
  }
  return false;
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
