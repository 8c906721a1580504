// Once: a function that is called by the first who comes; the others wait until it is done.
//
//   static Once loaded;
//   call_once(loaded, [] { load_tables(); });
//
// If the function ends with an exception, that reaches its caller and the next one tries again.
// Calling it from within itself waits for ever (and is reported as a deadlock when all sleep).
#pragma once

#include <cstdint>
#include <utility>

#include "spindle/base/result.h"
#include "spindle/thread/section.h"
#include "spindle/thread/wait_queue.h"

namespace spindle::thread {

class Once {
 public:
  explicit Once(const char* name = "") : waiters_(name, WaitKind::kEvent) {}

  template <class F>
  void call(F&& function) {
    static_cast<void>(call_until(kNever, std::forward<F>(function)).ok());
  }
  /// ETIMEDOUT if somebody else was still at it when the deadline came.
  template <class F>
  Result<> call_until(Deadline deadline, F&& function) {
    if (!TRY(begin(deadline))) return {};
    try {
      std::forward<F>(function)();
    } catch (...) {
      finish(State::kNew);
      throw;
    }
    finish(State::kDone);
    return {};
  }
  template <class F>
  Result<> call_for(Duration duration, F&& function) {
    return call_until(duration.from_now(), std::forward<F>(function));
  }
  [[nodiscard]] bool done() const {
    const Section section;
    return state_ == State::kDone;
  }

 private:
  enum class State : std::uint8_t { kNew, kRunning, kDone };

  /// True for the one who is to call.
  Result<bool> begin(Deadline deadline) {
    const Section section;
    while (state_ == State::kRunning) {
      if (!waiters_.wait_until(deadline)) return Error{ETIMEDOUT, "the call was not over in time"};
    }
    if (state_ == State::kDone) return false;
    state_ = State::kRunning;
    return true;
  }
  void finish(State state) {
    const Section section;
    state_ = state;
    waiters_.wake_all();
  }

  State state_ = State::kNew;
  WaitQueue waiters_;
};

template <class F>
void call_once(Once& once, F&& function) {
  once.call(std::forward<F>(function));
}

}  // namespace spindle::thread
