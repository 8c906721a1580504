// Once: a function that is called by the first who comes; the others wait until it is done.
//
//   static Once loaded("tables");
//   call_once(loaded, [] { load_tables(); });
//
// If the function ends with an exception, that reaches its caller and the next one tries again.
//
// Who waits does so for the thread that is at it, as one who waits for a mutex does for its holder:
// he lends it his priority, and a circle of waiting threads is reported, be it only that the
// function calls itself. `call_until` answers EDEADLK instead.
#pragma once

#include <cstdint>
#include <utility>

#include "spindle/base/result.h"
#include "spindle/thread/section.h"
#include "spindle/thread/wait_queue.h"

namespace spindle::thread {

struct LockRequest;

class Once {
 public:
  explicit Once(const char* name = "") : waiters_(name, WaitKind::kOnce) {}

  template <class F>
  void call(F&& function) {
    if (!done() && begin()) run(std::forward<F>(function));
  }
  /// ETIMEDOUT if somebody else was still at it when the deadline came; EDEADLK if he waits,
  /// through locks and joins, for the caller, or is the caller.
  template <class F>
  Result<> call_until(Deadline deadline, F&& function) {
    if (!done() && TRY(begin_until(deadline))) run(std::forward<F>(function));
    return {};
  }
  template <class F>
  Result<> call_for(Duration duration, F&& function) {
    return call_until(duration.from_now(), std::forward<F>(function));
  }
  [[nodiscard]] bool done() const {
    const Section section;
    return done_;
  }

 private:
  // True for the one who is to call.
  bool begin();
  Result<bool> begin_until(Deadline deadline);
  Result<bool> begin_as(const LockRequest& request);
  void finish(bool done);

  template <class F>
  void run(F&& function) {
    try {
      std::forward<F>(function)();
    } catch (...) {
      finish(false);
      throw;
    }
    finish(true);
  }

  Holder at_it_;  // who calls
  bool done_ = false;
  WaitQueue waiters_;
};

template <class F>
void call_once(Once& once, F&& function) {
  once.call(std::forward<F>(function));
}

}  // namespace spindle::thread
