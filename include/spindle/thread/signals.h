// SignalEvents: signals of the kernel as events that a thread waits for, instead of a handler that
// may interrupt anything.
//
//   auto signals = TRY(SignalEvents::open({SIGINT, SIGTERM}));
//   const int signal = TRY(signals->wait());
//
// While it exists the signals are blocked on the calling kernel thread (and on those that it makes
// later); they should be blocked on every kernel thread of the program, for one that does not block
// them takes them with the default action. So with several workers, open it before the runtime
// runs. When the last SignalEvents for a signal is destroyed, the signal is again blocked or not on
// the calling kernel thread, as the first one found it.
#pragma once

#include <csignal>
#include <cstdint>
#include <initializer_list>
#include <memory>

#include "spindle/base/result.h"
#include "spindle/thread/wait_queue.h"

namespace spindle::thread {

class SignalEvents {
 public:
  /// EINVAL for a number that is no signal; the kernel's error if it gives no descriptor.
  static Result<std::unique_ptr<SignalEvents>> open(std::initializer_list<int> signals);
  ~SignalEvents();
  SignalEvents(const SignalEvents&) = delete;
  SignalEvents& operator=(const SignalEvents&) = delete;

  /// The next signal's number. ETIMEDOUT if the deadline came first.
  Result<int> wait(Timeout timeout = kNever);

 private:
  SignalEvents(int fd, const sigset_t& signals) : fd_(fd), signals_(signals) {}
  int fd_;
  sigset_t signals_;
};

}  // namespace spindle::thread
