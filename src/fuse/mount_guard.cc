#include "mount_guard.h"

#include <fcntl.h>
#include <poll.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <csignal>
#include <cstdio>
#include <limits>

#include "spindle/base/log.h"

namespace spindle {
namespace {

constexpr int kPatienceMs = 2'000;

struct Device {
  unsigned major = 0;
  unsigned minor = 0;
  bool operator==(const Device&) const = default;
};

/// Signals that end a process with a dump of it, unless somebody wants them.
constexpr std::array kDumping = {SIGABRT, SIGQUIT, SIGSEGV, SIGBUS, SIGFPE,
                                 SIGILL,  SIGTRAP, SIGSYS,  SIGXCPU};

/// The guard of this process, once it has one, and what was done before about each signal.
pid_t guard_of_process = 0;
std::array<struct sigaction, kDumping.size()> before_guard;

/// While the kernel dumps a process, none of its threads ends, and the guard would not hear of it.
/// Who had a handler before may know what to do: then it does not return.
void tell_guard(int signal, siginfo_t* info, void* context) {
  const auto* const at = std::find(kDumping.begin(), kDumping.end(), signal);
  const struct sigaction& before = before_guard[static_cast<std::size_t>(at - kDumping.begin())];
  if ((before.sa_flags & SA_SIGINFO) != 0) {
    before.sa_sigaction(signal, info, context);
  } else if (before.sa_handler != SIG_DFL) {
    before.sa_handler(signal);
  }
  ::kill(guard_of_process, SIGRTMIN);
  std::signal(signal, SIG_DFL);
  std::raise(signal);
}

void tell_guard_of_dumps() {
  struct sigaction action = {};
  action.sa_sigaction = tell_guard;
  action.sa_flags = SA_SIGINFO | SA_ONSTACK;
  sigemptyset(&action.sa_mask);
  for (std::size_t i = 0; i < kDumping.size(); ++i) {
    ::sigaction(kDumping[i], nullptr, &before_guard[i]);
    if (before_guard[i].sa_handler != SIG_IGN) ::sigaction(kDumping[i], &action, nullptr);
  }
}

/// The device of what is mounted there, as far as the kernel knows it without asking the daemon.
Device device_at(const char* mount_point) {
  constexpr int kAskNobody = AT_STATX_DONT_SYNC | AT_NO_AUTOMOUNT | AT_SYMLINK_NOFOLLOW;
  struct statx found {};
  if (::statx(AT_FDCWD, mount_point, kAskNobody, 0, &found) != 0) return {};
  return {found.stx_dev_major, found.stx_dev_minor};
}

/// The user who mounted may write to this file, if it exists; otherwise root can force the unmount.
/// The device belongs to nobody else as long as the daemon has not ended.
void cut_connection(const char* mount_point, const Device& device) {
  char path[64];
  std::snprintf(path, sizeof path, "/sys/fs/fuse/connections/%u/abort", device.minor);
  const int fd = ::open(path, O_WRONLY | O_CLOEXEC);
  if (fd >= 0) {
    (void)!::write(fd, "1", 1);
  } else if (device_at(mount_point) == device) {
    (void)::umount2(mount_point, MNT_FORCE | UMOUNT_NOFOLLOW);
  }
}

/// Only the signal of the daemon's death reaches it, so that Ctrl-C and the like are left to the
/// daemon.
[[noreturn]] void stand_guard(pid_t daemon, const char* mount_point) {
  const int death = SIGRTMIN;
  sigset_t signals;
  ::sigfillset(&signals);
  ::sigprocmask(SIG_SETMASK, &signals, nullptr);
  ::prctl(PR_SET_NAME, "spindle-guard");
  const bool hears_of_death = ::prctl(PR_SET_PDEATHSIG, death) == 0;
  ::close_range(0, std::numeric_limits<unsigned>::max(), 0);
  const auto process = static_cast<int>(::syscall(SYS_pidfd_open, daemon, 0));
  if (process < 0) ::_exit(0);  // it has ended already
  const Device device = device_at(mount_point);
  (void)!::chdir("/");

  if (hears_of_death && ::getppid() == daemon) {
    ::sigemptyset(&signals);
    ::sigaddset(&signals, death);
    int received = 0;
    ::sigwait(&signals, &received);
  }
  pollfd ended{process, POLLIN, 0};
  // Who does not hear of it only sees the end.
  const int patience_ms = hears_of_death ? kPatienceMs : -1;
  if (::poll(&ended, 1, patience_ms) == 0) cut_connection(mount_point, device);
  ::_exit(0);
}

}  // namespace

void guard_mount(const std::string& mount_point) {
  const pid_t daemon = ::getpid();
  const pid_t guard = ::fork();
  if (guard == 0) stand_guard(daemon, mount_point.c_str());
  if (guard > 0) {
    guard_of_process = guard;
    tell_guard_of_dumps();
  }
  if (guard < 0) log(LogLevel::kWarning, "no process could be made to guard the mount");
}

}  // namespace spindle
