#include "wait_watch.h"

#include <fcntl.h>
#include <pthread.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <chrono>
#include <csignal>
#include <cstdio>
#include <cstdlib>
#include <mutex>
#include <string>
#include <system_error>
#include <thread>
#include <vector>

namespace spindle {
namespace {

constexpr std::chrono::milliseconds kLookEvery{500};
constexpr int kMostLooks = 2;

constexpr std::array kWaits = {
    SYS_clock_nanosleep, SYS_futex,           SYS_ppoll, SYS_pselect6, SYS_epoll_pwait,
    SYS_rt_sigsuspend,   SYS_rt_sigtimedwait,
#if defined(SYS_pause)
    SYS_nanosleep,       SYS_pause,           SYS_poll,  SYS_select,   SYS_epoll_wait,
#endif
};

/// Whether it is a terminal or a pipe, whose input must come from somebody else. While a file is
/// read the C library may hold locks, and with a socket, as when it asks for a user's name.
bool waits_for_input(int descriptor) {
  struct stat info {};
  return ::fstat(descriptor, &info) == 0 && (S_ISCHR(info.st_mode) || S_ISFIFO(info.st_mode));
}

/// "202 0x7f... 0x80 ... SP PC", as the kernel says it; empty if it is not asleep in such a call.
std::string wait_of(pid_t thread) {
  std::array<char, 64> path;
  std::snprintf(path.data(), path.size(), "/proc/self/task/%d/syscall", static_cast<int>(thread));
  const int file = ::open(path.data(), O_RDONLY | O_CLOEXEC);
  if (file < 0) return "";
  std::array<char, 256> text;
  const ssize_t length = ::read(file, text.data(), text.size());
  ::close(file);
  if (length <= 0) return "";
  std::string wait(text.data(), static_cast<std::size_t>(length));
  char* end = nullptr;
  const long call = std::strtol(wait.c_str(), &end, 10);
  if (end == wait.c_str() || *end != ' ') return "";
  const bool is_wait = call == SYS_read || call == SYS_readv
                           ? waits_for_input(static_cast<int>(std::strtoull(end, nullptr, 16)))
                           : std::ranges::find(kWaits, call) != kWaits.end();
  return is_wait ? wait : "";
}

/// The last number but one.
std::uintptr_t stack_of(const std::string& wait) {
  const std::size_t before_last = wait.rfind(' ');
  const std::size_t before = wait.rfind(' ', before_last - 1);
  return std::strtoull(wait.c_str() + before, nullptr, 16);
}

struct Watched {
  CallsOfThread* thread;
  int signal;
  std::int64_t call = 0;
  std::string wait;
  int looks = 0;

  void look() {
    const std::int64_t now = thread->changes;
    std::string found = thread->depth == 0 ? std::string() : wait_of(thread->id);
    const bool is_same = !found.empty() && now == call && found == wait;
    call = now;
    wait = std::move(found);
    looks = is_same ? looks + 1 : 0;
    if (looks < kMostLooks) return;
    looks = 0;
    thread->late_stack = stack_of(wait);
    thread->late_call = call;
    ::syscall(SYS_tgkill, ::getpid(), thread->id, signal);
  }
};

/// Lives for ever, as the thread that looks does.
struct Watch {
  std::mutex mutex;
  std::vector<Watched> watched;
  bool is_looking = false;

  void look_for_ever() {
    for (;;) {
      std::this_thread::sleep_for(kLookEvery);
      const std::scoped_lock lock(mutex);
      for (Watched& each : watched) each.look();
    }
  }

  /// If the host gives no thread for it, nobody looks until the next one begins to wait.
  void begin_to_look() {
    // Signals are for the other threads.
    sigset_t all;
    sigset_t before;
    ::sigfillset(&all);
    ::pthread_sigmask(SIG_BLOCK, &all, &before);
    try {
      std::thread([this] { look_for_ever(); }).detach();
      is_looking = true;
    } catch (const std::system_error&) {
      is_looking = false;
    }
    ::pthread_sigmask(SIG_SETMASK, &before, nullptr);
  }
};

Watch& watch();

void before_fork() {
  watch().mutex.lock();
}

void in_parent() {
  watch().mutex.unlock();
}

void in_child() {
  watch().watched.clear();
  watch().is_looking = false;
  watch().mutex.unlock();
}

Watch& watch() {
  static auto* const only = [] {
    ::pthread_atfork(before_fork, in_parent, in_child);
    return new Watch;
  }();
  return *only;
}

}  // namespace

void watch_waits(CallsOfThread& thread, int signal) {
  thread.id = static_cast<pid_t>(::syscall(SYS_gettid));
  thread.depth = 0;
  const std::scoped_lock lock(watch().mutex);
  watch().watched.push_back({&thread, signal, 0, {}, 0});
  if (!watch().is_looking) watch().begin_to_look();
}

void end_watching_waits(CallsOfThread& thread) {
  const std::scoped_lock lock(watch().mutex);
  std::erase_if(watch().watched, [&](const Watched& each) { return each.thread == &thread; });
}

}  // namespace spindle
