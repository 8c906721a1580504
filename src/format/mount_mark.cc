#include "spindle/format/mount_mark.h"

#include <fcntl.h>
#include <unistd.h>

#include <charconv>
#include <cstring>
#include <optional>

#include "spindle/base/file_descriptor.h"
#include "spindle/base/host_proc.h"
#include "spindle/base/open_elsewhere.h"

namespace spindle::format {
namespace {

/// Empty if there is no such file.
std::string proc_text(const std::string& path) {
  auto text = read_host_proc(path);
  return text.ok() ? std::move(*text) : std::string();
}

/// The 16 bytes of the boot id, which the kernel shows as hexadecimal with dashes; zeros if it does
/// not show it.
std::array<std::byte, 16> boot_id() {
  std::array<std::byte, 16> id{};
  std::size_t digits = 0;
  for (const char c : proc_text("sys/kernel/random/boot_id")) {
    std::uint8_t value = 0;
    if (std::from_chars(&c, &c + 1, value, 16).ec != std::errc{} || digits == 32) continue;
    id[digits / 2] = id[digits / 2] << 4 | std::byte{value};
    ++digits;
  }
  return id;
}

/// The start time in /proc/PID/stat; nothing if there is no such process, or only what is left of a
/// dead one until its parent looks (state Z or X, field 3). The command's name, field 2, may hold
/// anything, but ends at the last parenthesis.
std::optional<std::uint64_t> start_time(std::uint64_t process) {
  constexpr int kNameField = 2, kStartTimeField = 22;
  const std::string stat = proc_text(std::to_string(process) + "/stat");
  std::size_t at = stat.rfind(')');
  if (at == std::string::npos || at + 2 >= stat.size()) return std::nullopt;
  if (stat[at + 2] == 'Z' || stat[at + 2] == 'X') return std::nullopt;
  for (int field = kNameField; field < kStartTimeField && at != std::string::npos; ++field) {
    at = stat.find(' ', at + 1);
  }
  if (at == std::string::npos) return std::nullopt;
  std::uint64_t start = 0;
  const auto parsed = std::from_chars(stat.data() + at + 1, stat.data() + stat.size(), start);
  return parsed.ec == std::errc{} ? std::optional(start) : std::nullopt;
}

/// Whether the mark is that of a living process other than this one.
bool is_marked_by_another(const Superblock& superblock) {
  const std::uint64_t process = superblock.mount_process;
  if (process == 0 || process == static_cast<std::uint64_t>(::getpid())) return false;
  const auto boot = boot_id();
  return std::memcmp(boot.data(), superblock.mount_boot_id, boot.size()) == 0 &&
         start_time(process) == superblock.mount_process_start;
}

OpenElsewhere is_mounted(const Superblock& superblock, const std::string& image) {
  if (!is_marked_by_another(superblock)) return OpenElsewhere::kNo;
  if (image.empty()) return OpenElsewhere::kUnknown;
  return is_open_in(superblock.mount_process, image);
}

}  // namespace

std::optional<Superblock> superblock_in(const std::string& image) {
  const FileDescriptor file(::open(image.c_str(), O_RDONLY | O_CLOEXEC));
  Superblock superblock;
  const auto size =
      read_at(file.get(), std::as_writable_bytes(std::span(&superblock, 1)), kSuperblockOffset);
  if (!size.ok() || *size != sizeof superblock || superblock.magic != kSuperblockMagic) return {};
  return superblock;
}

Result<> check_not_mounted(const Superblock& superblock, const std::string& image) {
  switch (is_mounted(superblock, image)) {
    case OpenElsewhere::kNo:
      return {};
    case OpenElsewhere::kYes:
      return Error{EBUSY, "another process has the volume mounted"};
    case OpenElsewhere::kUnknown:
      return Error{EBUSY, "the superblock says that another process has the volume mounted"};
  }
  return {};
}

std::string who_has_mounted(const std::string& image) {
  const auto superblock = superblock_in(image);
  if (!superblock) return {};
  const auto mounted = is_mounted(*superblock, image);
  if (mounted == OpenElsewhere::kNo) return {};
  const std::string process = "process " + std::to_string(std::uint64_t{superblock->mount_process});
  if (mounted == OpenElsewhere::kYes) return process + " has it mounted by another name";
  const std::string way_out =
      ::geteuid() == 0 ? "unmount that volume first" : "unmount that volume first, or ask as root";
  return "its superblock says that " + process +
         " has it mounted, and it cannot be seen whether this is a copy of that image; " + way_out;
}

void mark_mounted(Superblock& superblock) {
  const auto boot = boot_id();
  std::memcpy(superblock.mount_boot_id, boot.data(), boot.size());
  const auto process = static_cast<std::uint64_t>(::getpid());
  superblock.mount_process = process;
  superblock.mount_process_start = start_time(process).value_or(0);
}

void clear_mark(Superblock& superblock) {
  std::memset(superblock.mount_boot_id, 0, sizeof superblock.mount_boot_id);
  superblock.mount_process = 0;
  superblock.mount_process_start = 0;
}

}  // namespace spindle::format
