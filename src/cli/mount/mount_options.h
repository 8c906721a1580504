// The options of `spindle mount -o`: text to values, each checked, an unknown one refused by name.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "spindle/base/result.h"

namespace spindle::cli {

struct MountOptions {
  bool remount = false;                ///< nothing is mounted, but a mount changed; see remount.h
  std::string_view for_remount_alone;  ///< an option that says nothing without it; empty: none
  bool read_only = false;
  bool allow_other = false;
  bool default_permissions = true;
  std::string atime = "relatime";
  bool directory_access_times = true;
  bool sync = false;
  bool sync_directories = false;
  bool data_in_log = false;
  std::optional<std::uint64_t> cache_bytes;  ///< nothing: as much as suits the host
  std::string cache_policy = "lru";
  std::string arm_policy = "look";
  std::string disk_preset = "7200rpm";
  double pace = 0;
  std::string fit_policy = "near";
  std::string cpu_policy = "cfs";  ///< of the simulated machine
  std::uint64_t commit_seconds = 5;
  std::string write_log;  ///< the file that keeps every write; empty: none does
  /// ",nodev,nosuid" ...: for the kernel alone, each with a comma before it.
  std::string kernel_options;
};

/// Adds the comma-separated options of `text` to `options`. The Error's sentence is in `reason`: it
/// names the option and what is wrong with it.
bool parse_mount_options(std::string_view text, MountOptions& options, std::string& reason);

}  // namespace spindle::cli
