// Paths with symbolic links in them, for callers that walk paths by names alone.
//
//   const std::string real = TRY(without_links("/a/../link/b", LastLink::kFollowed, target_of));
//
// Targets and ".." are taken within the root "/", which nothing leads out of. Whether a name exists
// is not checked: the caller finds out when it looks up the answer.
#pragma once

#include <functional>
#include <optional>
#include <string>
#include <string_view>

#include "spindle/base/result.h"

namespace spindle {

/// What becomes of a link that is the last name of a path.
enum class LastLink : std::uint8_t { kFollowed, kKept };

/// How many links one path may lead through, and how long it may be, as on Linux.
inline constexpr int kMostLinks = 40;
inline constexpr std::size_t kLongestPath = 4096;

/// The path from "/" on, without ".", ".." and links; ELOOP if there are too many, ENAMETOOLONG.
/// `target_of` says where a path leads, nothing if it is no link.
Result<std::string> without_links(
    std::string_view path, LastLink last,
    const std::function<std::optional<std::string>(const std::string& path)>& target_of);

}  // namespace spindle
