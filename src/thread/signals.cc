#include "spindle/thread/signals.h"

#include <sys/signalfd.h>
#include <unistd.h>

#include <array>
#include <mutex>

#include "spindle/thread/io.h"
#include "spindle/thread/runtime.h"
#include "spindle/thread/section.h"
#include "spindle/thread/thread.h"

namespace spindle::thread {
namespace {

/// How many SignalEvents there are for a signal, and whether it was blocked before the first of
/// them.
struct AwaitedSignal {
  std::size_t by = 0;
  bool was_blocked = false;
};

std::mutex awaited_mutex;
std::array<AwaitedSignal, NSIG> awaited;  // by number; guarded by awaited_mutex

template <class Visit>
void for_each_signal(const sigset_t& signals, Visit visit) {
  for (int signal = 1; signal < NSIG; ++signal) {
    if (sigismember(&signals, signal) == 1)
      visit(signal, awaited[static_cast<std::size_t>(signal)]);
  }
}

// Both in a section: the mutex must not be held by a thread that is preempted.

void block_for_another(const sigset_t& signals) {
  const Section section;
  const std::lock_guard lock(awaited_mutex);
  sigset_t before;
  pthread_sigmask(SIG_BLOCK, &signals, &before);
  for_each_signal(signals, [&](int signal, AwaitedSignal& state) {
    if (state.by++ == 0) state.was_blocked = sigismember(&before, signal) == 1;
  });
}

void unblock_if_last(const sigset_t& signals) {
  const Section section;
  const std::lock_guard lock(awaited_mutex);
  sigset_t nobodys;
  sigemptyset(&nobodys);
  for_each_signal(signals, [&](int signal, AwaitedSignal& state) {
    if (--state.by == 0 && !state.was_blocked) sigaddset(&nobodys, signal);
  });
  pthread_sigmask(SIG_UNBLOCK, &nobodys, nullptr);
}

}  // namespace

Result<std::unique_ptr<SignalEvents>> SignalEvents::open(std::initializer_list<int> signals) {
  sigset_t set;
  sigemptyset(&set);
  for (const int signal : signals) {
    if (sigaddset(&set, signal) != 0) return Error{EINVAL, "there is no signal with this number"};
  }
  block_for_another(set);
  const int fd = signalfd(-1, &set, SFD_NONBLOCK | SFD_CLOEXEC);
  if (fd < 0) {
    const int error = errno;
    unblock_if_last(set);
    return Error{error, "signalfd failed"};
  }
  return std::unique_ptr<SignalEvents>(new SignalEvents(fd, set));
}

SignalEvents::~SignalEvents() {
  forget(fd_);
  close(fd_);
  unblock_if_last(signals_);
}

Result<int> SignalEvents::wait(Timeout timeout) {
  for (;;) {
    signalfd_siginfo info;
    if (read(fd_, &info, sizeof info) == sizeof info) return static_cast<int>(info.ssi_signo);
    const int error = current_thread::error_number();
    if (error != EAGAIN && error != EINTR) return Error{error, "the signals cannot be read"};
    TRY(wait_readable(fd_, timeout));
  }
}

}  // namespace spindle::thread
