#include "cli/mount/mount_options.h"

#include <fmt/format.h>

#include <algorithm>
#include <functional>
#include <map>
#include <span>

#include "spindle/base/limits.h"
#include "spindle/base/number_text.h"
#include "spindle/base/size_text.h"
#include "spindle/disk/disk_model.h"
#include "spindle/policy/policy_library.h"

namespace spindle::cli {
namespace {

/// What one option does with its value; an empty reason means that it is good. One that begins with
/// a colon says it all, also without the value.
using Apply = std::function<std::string(std::string_view value, MountOptions& options)>;

Apply flag(bool MountOptions::*member, bool to) {
  return [=](std::string_view value, MountOptions& options) -> std::string {
    if (!value.empty()) return "takes no value";
    options.*member = to;
    return {};
  };
}

Apply atime(const char* name) {
  return [=](std::string_view value, MountOptions& options) -> std::string {
    if (!value.empty()) return "takes no value";
    options.atime = name;
    return {};
  };
}

Apply for_kernel(const char* name) {
  return [=](std::string_view value, MountOptions& options) -> std::string {
    if (!value.empty()) return "takes no value";
    options.kernel_options += std::string(",") + name;
    return {};
  };
}

/// What /proc/mounts shows of a mount, and mount(8) passes with `remount`.
Apply shown_by_kernel(const char* name) {
  return [=](std::string_view, MountOptions& options) -> std::string {
    options.for_remount_alone = name;
    return {};
  };
}

Apply nothing() {
  return [](std::string_view, MountOptions&) { return std::string(); };
}

Apply one_of(std::string MountOptions::*member, std::span<const std::string_view> names) {
  return [=](std::string_view value, MountOptions& options) -> std::string {
    if (std::find(names.begin(), names.end(), value) == names.end()) {
      return fmt::format("is one of {}", fmt::join(names, ", "));
    }
    options.*member = value;
    return {};
  };
}

/// The library is loaded now, when its path means what the person who mounts means.
Apply policy(std::string MountOptions::*member, PolicyKind kind) {
  return [=](std::string_view value, MountOptions& options) -> std::string {
    const auto name = policy_named(kind, value);
    if (!name.ok() && is_policy_library(value)) return fmt::format(": {}", name.error().what);
    if (!name.ok()) {
      return fmt::format("is one of {}, or a library such as ./mine.so",
                         fmt::join(policy_names(kind), ", "));
    }
    options.*member = *name;
    return {};
  };
}

/// The kernel must not keep written data back either.
std::string apply_sync(std::string_view value, MountOptions& options) {
  options.sync = true;
  return for_kernel("sync")(value, options);
}

std::string apply_async(std::string_view value, MountOptions& options) {
  options.sync = false;
  return for_kernel("async")(value, options);
}

std::string apply_dirsync(std::string_view value, MountOptions& options) {
  options.sync_directories = true;
  return for_kernel("dirsync")(value, options);
}

std::string apply_data(std::string_view value, MountOptions& options) {
  if (value != "ordered" && value != "journal") return "is ordered or journal";
  options.data_in_log = value == "journal";
  return {};
}

/// A library is no size: then it has the policy, as after arm=, fit= and cpu=.
std::string apply_cache(std::string_view value, MountOptions& options) {
  if (is_policy_library(value))
    return policy(&MountOptions::cache_policy, PolicyKind::kReplacement)(value, options);
  const auto size = parse_size(value);
  if (!size.ok() || *size < (1u << 20) || *size > (1ull << 40))
    return "is a size from 1M to 1T, of at most 2^26 blocks";
  options.cache_bytes = *size;
  return {};
}

std::string apply_pace(std::string_view value, MountOptions& options) {
  const auto pace = number_in<double>(value);
  if (!pace || !(*pace >= 0 && *pace <= 1000)) return "is a factor from 0 to 1000";
  options.pace = *pace;
  return {};
}

std::string apply_commit(std::string_view value, MountOptions& options) {
  const auto seconds = number_in<std::uint64_t>(value);
  if (!seconds || *seconds < 1 || *seconds > 3600) return "is a number of seconds from 1 to 3600";
  options.commit_seconds = *seconds;
  return {};
}

std::string apply_write_log(std::string_view value, MountOptions& options) {
  if (value.empty()) return "needs the name of a file";
  options.write_log = value;
  return {};
}

const std::map<std::string_view, Apply>& table() {
  static const std::map<std::string_view, Apply> options = {
      {"ro", flag(&MountOptions::read_only, true)},
      {"rw", flag(&MountOptions::read_only, false)},
      {"allow_other", flag(&MountOptions::allow_other, true)},
      {"default_permissions", flag(&MountOptions::default_permissions, true)},
      {"nodefault_permissions", flag(&MountOptions::default_permissions, false)},
      {"sync", apply_sync},
      {"async", apply_async},
      {"dirsync", apply_dirsync},
      {"noatime", atime("noatime")},
      {"relatime", atime("relatime")},
      {"strictatime", atime("strictatime")},
      // These three mean the default of Linux.
      {"atime", atime("relatime")},
      {"norelatime", atime("relatime")},
      {"nostrictatime", atime("relatime")},
      {"diratime", flag(&MountOptions::directory_access_times, true)},
      {"nodiratime", flag(&MountOptions::directory_access_times, false)},
      {"data", apply_data},
      {"cache", apply_cache},
      {"cache-policy", policy(&MountOptions::cache_policy, PolicyKind::kReplacement)},
      {"arm", policy(&MountOptions::arm_policy, PolicyKind::kArm)},
      {"disk", one_of(&MountOptions::disk_preset, disk_preset_names())},
      {"pace", apply_pace},
      {"fit", policy(&MountOptions::fit_policy, PolicyKind::kFit)},
      {"cpu", policy(&MountOptions::cpu_policy, PolicyKind::kCpu)},
      {"commit", apply_commit},
      {"write-log", apply_write_log},
      // What mount(8) and fstab pass to every file system, and what is so in any case.
      {"defaults", nothing()},
      {"auto", nothing()},
      {"noauto", nothing()},
      {"nofail", nothing()},
      {"_netdev", nothing()},
      {"user", nothing()},
      {"users", nothing()},
      {"nouser", nothing()},
      {"group", nothing()},
      {"owner", nothing()},
      {"comment", nothing()},
      {"silent", nothing()},
      {"loud", nothing()},
      {"noiversion", nothing()},
      {"nomand", nothing()},
      {"nolazytime", nothing()},
      {"lazytime", nothing()},  // access times are kept in memory in any case
      {"remount", flag(&MountOptions::remount, true)},
      {"user_id", shown_by_kernel("user_id")},
      {"group_id", shown_by_kernel("group_id")},
      {"dev", for_kernel("dev")},
      {"nodev", for_kernel("nodev")},
      {"suid", for_kernel("suid")},
      {"nosuid", for_kernel("nosuid")},
      {"exec", for_kernel("exec")},
      {"noexec", for_kernel("noexec")},
  };
  return options;
}

}  // namespace

bool parse_mount_options(std::string_view text, MountOptions& options, std::string& reason) {
  while (!text.empty()) {
    const auto comma = text.find(',');
    const std::string_view item = text.substr(0, comma);
    text.remove_prefix(comma == text.npos ? text.size() : comma + 1);
    if (item.empty() || item.starts_with("x-") || item.starts_with("X-")) continue;
    const auto equals = item.find('=');
    const std::string_view name = item.substr(0, equals);
    const std::string_view value =
        equals == item.npos ? std::string_view() : item.substr(equals + 1);
    const auto found = table().find(name);
    if (found == table().end()) {
      reason = fmt::format("unknown option '{}'; `man spindle-mount` lists them", name);
      return false;
    }
    if (const std::string why = found->second(value, options); !why.empty()) {
      const bool says_all = why.starts_with(':');
      reason = fmt::format("option '{}'{}{}", name, says_all ? "" : " ", why);
      if (!value.empty() && !says_all) reason += fmt::format(", not '{}'", value);
      return false;
    }
  }
  return true;
}

}  // namespace spindle::cli
