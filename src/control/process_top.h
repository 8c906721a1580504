// The top of /proc: its paths that are of no process ("meminfo", "sys/kernel/ostype", "self").
#pragma once

#include <sys/stat.h>

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "spindle/procfs/system_files.h"

namespace spindle::control {

/// Types and permissions of what stands in the folder of processes.
inline constexpr std::uint32_t kLink = S_IFLNK | 0777;
inline constexpr std::uint32_t kOpenFolder = S_IFDIR | 0555;
inline constexpr std::uint32_t kReadable = S_IFREG | 0444;

struct TopEntry {
  std::string path;
  std::uint32_t mode = 0;
  const procfs::SystemFile* file = nullptr;  ///< null: a folder or a link
  std::string target = {};                   ///< of a link
};

/// All of them, the same at each call.
const std::vector<TopEntry>& top_entries();
/// The place of the path in `top_entries`, counted from 1 on; 0 if it is not there.
std::uint32_t top_number(std::string_view path);

}  // namespace spindle::control
