#include "spindle/thread/signals.h"

#include <sys/signalfd.h>
#include <unistd.h>

#include "spindle/thread/io.h"
#include "spindle/thread/runtime.h"

namespace spindle::thread {

Result<std::unique_ptr<SignalEvents>> SignalEvents::open(std::initializer_list<int> signals) {
  sigset_t set;
  sigemptyset(&set);
  for (const int signal : signals) {
    if (sigaddset(&set, signal) != 0) return Error{EINVAL, "there is no signal with this number"};
  }
  sigset_t before;
  pthread_sigmask(SIG_BLOCK, &set, &before);
  const int fd = signalfd(-1, &set, SFD_NONBLOCK | SFD_CLOEXEC);
  if (fd < 0) {
    const int error = errno;
    pthread_sigmask(SIG_SETMASK, &before, nullptr);
    return Error{error, "signalfd failed"};
  }
  return std::unique_ptr<SignalEvents>(new SignalEvents(fd, before));
}

SignalEvents::~SignalEvents() {
  if (Runtime::current() != nullptr) forget(fd_);
  close(fd_);
  pthread_sigmask(SIG_SETMASK, &blocked_before_, nullptr);
}

Result<int> SignalEvents::wait(Timeout timeout) {
  for (;;) {
    signalfd_siginfo info;
    if (read(fd_, &info, sizeof info) == sizeof info) return static_cast<int>(info.ssi_signo);
    if (errno != EAGAIN && errno != EINTR) return Error{errno, "the signals cannot be read"};
    TRY(wait_readable(fd_, timeout));
  }
}

}  // namespace spindle::thread
