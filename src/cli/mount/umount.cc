// `spindle umount`: unmounts, and returns when the last block is written and the daemon is gone.

#include <fcntl.h>
#include <fmt/format.h>
#include <poll.h>
#include <sys/file.h>
#include <sys/mount.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <climits>
#include <cstdlib>
#include <fstream>
#include <memory>
#include <optional>

#include "cli/commands.h"
#include "cli/words.h"
#include "spindle/base/file_descriptor.h"
#include "spindle/command_line/command_line.h"
#include "spindle/device/host_mounts.h"
#include "spindle/format/mount_mark.h"

namespace spindle::cli {
namespace {

/// Without touching the directory itself: a mount whose daemon died answers nothing.
std::string absolute_path(const std::string& path) {
  const std::unique_ptr<char, decltype(&std::free)> real(::realpath(path.c_str(), nullptr),
                                                         std::free);
  if (real) return real.get();
  if (path.empty() || path.front() == '/') return path;
  char here[PATH_MAX];
  return ::getcwd(here, sizeof here) != nullptr ? std::string(here) + "/" + path : path;
}

/// The mount of a Spindle volume on the directory; null if there is none.
const HostMount* mount_at(const std::vector<HostMount>& mounts, const std::string& directory) {
  const HostMount* last = nullptr;  // it covers those before it
  for (const HostMount& mount : mounts)
    if (mount.directory == directory) last = &mount;
  return last != nullptr && last->is_spindle() ? last : nullptr;
}

/// Whether another image was mounted under the name of this one, which was replaced: what the file
/// of that name says now may not be true of this mount. The same mount may show at several
/// directories.
bool shares_source(const std::vector<HostMount>& mounts, const HostMount& mount) {
  return std::ranges::any_of(mounts, [&](const HostMount& other) {
    return other.is_spindle() && other.source == mount.source && other.device != mount.device;
  });
}

/// Where else this process sees the volume, as `mount --bind` shows it; empty: nowhere.
std::string also_mounted_at(const HostMount& unmounted) {
  for (const HostMount& mount : host_mounts()) {
    if (mount.is_spindle() && mount.device == unmounted.device) return mount.directory;
  }
  return {};
}

/// What an image says of the volume in it.
struct ImageFacts {
  std::optional<format::Superblock> superblock;
  bool is_in_use = false;  ///< somebody holds the lock on the image
};

ImageFacts facts_of(const std::string& image) {
  const FileDescriptor file(::open(image.c_str(), O_RDONLY | O_CLOEXEC));
  const bool is_free = ::flock(file.get(), LOCK_SH | LOCK_NB) == 0 || errno != EWOULDBLOCK;
  return {.superblock = format::superblock_in(image), .is_in_use = !is_free};
}

/// The process that has the image mounted, as the mark in it says; 0: none, or it does not say. The
/// mark counts only if the image is locked: another image may have that name by now.
pid_t marked_process(const std::string& image, const ImageFacts& facts) {
  const bool is_marked = facts.superblock && facts.is_in_use &&
                         !format::check_not_mounted(*facts.superblock, image).ok();
  return is_marked ? static_cast<pid_t>(facts.superblock->mount_process) : 0;
}

/// Whether the daemon, which is gone, has written everything. The last thing that it writes is that
/// the volume was unmounted in order.
bool is_all_written(const std::string& image, const format::Superblock& before) {
  const ImageFacts now = facts_of(image);
  const bool is_known =
      now.superblock && !now.is_in_use && std::ranges::equal(now.superblock->uuid, before.uuid);
  return !is_known || (now.superblock->state & format::kClean) != 0;
}

/// A handle on the daemon that serves the mount, to wait for its end; -1 if it is gone already. The
/// mark is looked at first: a control file takes the daemon seven requests. A volume that is
/// mounted for reading only carries none.
int open_daemon(const std::string& directory, pid_t marked) {
  pid_t process = marked;
  if (process == 0) std::ifstream(directory + "/.spindle/process_id") >> process;
  if (process == 0) return -1;
  return static_cast<int>(::syscall(SYS_pidfd_open, process, 0));
}

/// As root uses the system call; otherwise the helper that is allowed to unmount.
int unmount_once(const std::string& directory) {
  if (::geteuid() == 0) return ::umount2(directory.c_str(), UMOUNT_NOFOLLOW) == 0 ? 0 : errno;
  const pid_t child = ::fork();
  if (child == 0) {
    ::execlp("fusermount3", "fusermount3", "-u", "-q", "--", directory.c_str(), nullptr);
    std::_Exit(127);
  }
  int status = 0;
  if (child < 0 || ::waitpid(child, &status, 0) < 0) return errno;
  if (WIFEXITED(status) && WEXITSTATUS(status) == 127) return ENOENT;
  return WIFEXITED(status) && WEXITSTATUS(status) == 0 ? 0 : EBUSY;
}

/// A program that only looks at all mounts, as df(1) does, is gone in a moment.
int unmount(const std::string& directory) {
  constexpr int kTries = 20;
  constexpr useconds_t kBetweenTriesUs = 25'000;
  int error = unmount_once(directory);
  for (int i = 1; i < kTries && error == EBUSY; ++i) {
    ::usleep(kBetweenTriesUs);
    error = unmount_once(directory);
  }
  return error;
}

/// The daemon serves the volume as long as anybody sees it: another mount namespace may.
void wait_for_end(int daemon) {
  constexpr int kPatienceMs = 10'000;
  pollfd ended{daemon, POLLIN, 0};
  int ready = 0;
  do {
    ready = ::poll(&ended, 1, kPatienceMs);
  } while (ready < 0 && errno == EINTR);
  if (ready != 0) return;
  fmt::print(
      stderr,
      "spindle umount: still waiting for the daemon: a large cache is being written, deleted "
      "files are being freed, or a process with a mount namespace of its own keeps the volume "
      "mounted\n");
  while (::poll(&ended, 1, -1) < 0 && errno == EINTR) {
  }
}

/// Why it could not be unmounted: somebody else may have been faster.
std::string refusal(const std::string& given, const HostMount& mount, int error) {
  const std::vector<HostMount> mounts = host_mounts();
  const HostMount* const left = mount_at(mounts, mount.directory);
  if (left == nullptr || left->device != mount.device)
    return fmt::format("{}: no Spindle volume is mounted there any more", given);
  if (error == EBUSY)
    return fmt::format("{} is busy: a program has a file open or its working directory in it",
                       given);
  if (error == ENOENT)
    return fmt::format("{}: there is no fusermount3 on the PATH, which only root can do without",
                       given);
  return fmt::format("{}: {}", given, std::strerror(error));
}

int run(const std::string& given) {
  const std::string directory = absolute_path(given);
  const std::vector<HostMount> mounts = host_mounts();
  const HostMount* const mount = mount_at(mounts, directory);
  if (mount == nullptr)
    return fail("umount", fmt::format("{}: no Spindle volume is mounted there", given));
  if (::geteuid() != 0 && mount->user != ::getuid())
    return fail("umount", fmt::format("{}: another user has mounted it", given));
  const ImageFacts before = facts_of(mount->source);
  const pid_t marked = shares_source(mounts, *mount) ? 0 : marked_process(mount->source, before);
  const int daemon = open_daemon(directory, marked);
  const int error = unmount(directory);
  if (error != 0) {
    if (daemon >= 0) ::close(daemon);
    return fail("umount", refusal(given, *mount, error));
  }
  if (daemon < 0) return 0;
  if (const std::string other = also_mounted_at(*mount); !other.empty()) {
    ::close(daemon);
    return fail("umount", fmt::format("{}: it is unmounted, but the volume is mounted at {}, too: "
                                      "its daemon runs until that is unmounted",
                                      given, other));
  }
  wait_for_end(daemon);
  ::close(daemon);
  if (marked == 0 || is_all_written(mount->source, *before.superblock)) return 0;
  return fail("umount", fmt::format("{}: it is unmounted, but not all data could be written to {}",
                                    given, mount->source));
}

}  // namespace

void add_umount_command(const Command& program, int& status) {
  auto directory = std::make_shared<std::string>();
  const Command command = program.subcommand(
      "umount", "Unmount the volume at DIR, and return when its last block is written.");
  command.option("DIR", *directory, "where it is mounted").required();
  command.callback([directory, &status] { status = run(*directory); });
}

}  // namespace spindle::cli
