// Once: a function that the first thread to come calls; the others wait until it has returned.
//
//   static Once loaded("tables");
//   call_once(loaded, [] { load_tables(); });
//
// If the function ends with an exception, that reaches its caller, and the next thread tries again.
//
// A thread that waits does so for the one that runs the function, as it would for the holder of a
// mutex: it lends that thread its priority, and a circle of waiting threads is reported, even one
// that is only the function calling itself. `call_until` returns EDEADLK instead. Destroying a Once
// while the function runs is a bug of the caller that stops the program.
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
  ~Once() {
    if (at_it_.thread != nullptr) check_may_go();
  }

  template <class F>
  void call(F&& function) {
    if (!done() && begin()) run(std::forward<F>(function));
  }
  /// ETIMEDOUT if another thread still ran the function when the deadline came; EDEADLK if the
  /// thread that runs it waits, through locks and joins, for the caller, or is the caller.
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
  /// True for the thread that is to call the function; then `finish` or `give_up` must follow.
  bool begin();
  Result<bool> begin_until(Deadline deadline);
  Result<bool> begin_as(const LockRequest& request);
  void finish();   // the function has returned
  void give_up();  // it has thrown: the next thread that waits calls it
  void let_others_go();
  void check_may_go() const;

  template <class F>
  void run(F&& function) {
    try {
      std::forward<F>(function)();
    } catch (...) {
      give_up();
      throw;
    }
    finish();
  }

  Holder at_it_;  // the thread that runs the function
  bool done_ = false;
  WaitQueue waiters_;
};

template <class F>
void call_once(Once& once, F&& function) {
  once.call(std::forward<F>(function));
}

}  // namespace spindle::thread
