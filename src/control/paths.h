// Paths in the parts of /proc and /sys that do not come and go with processes: their parts, and
// numbers for them. A path has no slash at its beginning; that of the top is empty.
#pragma once

#include <algorithm>
#include <cstdint>
#include <string>
#include <string_view>

namespace spindle::control {

/// The number of a path, of so many bits: the same whatever else there is; 0 is that of the top.
constexpr std::uint64_t path_id(std::string_view path, int bits) {
  if (path.empty()) return 0;
  std::uint64_t hash = 14695981039346656037ull;  // FNV-1a
  for (const char c : path) hash = (hash ^ static_cast<unsigned char>(c)) * 1099511628211ull;
  return std::max<std::uint64_t>(hash >> (64 - bits), 1);
}

inline std::string_view parent_path(std::string_view path) {
  const auto slash = path.rfind('/');
  return slash == path.npos ? std::string_view() : path.substr(0, slash);
}

inline std::string joined_path(std::string_view folder, std::string_view name) {
  return folder.empty() ? std::string(name) : std::string(folder) + "/" + std::string(name);
}

}  // namespace spindle::control
