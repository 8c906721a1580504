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

#include "spindle/thread/section.h"
#include "spindle/thread/wait_queue.h"

namespace spindle::thread {

class Once {
 public:
  explicit Once(const char* name = "") : waiters_(name, WaitKind::kEvent) {}

  template <class F>
  void call(F&& function) {
    if (!begin()) return;
    try {
      std::forward<F>(function)();
    } catch (...) {
      finish(State::kNew);
      throw;
    }
    finish(State::kDone);
  }
  [[nodiscard]] bool done() const {
    const Section section;
    return state_ == State::kDone;
  }

 private:
  enum class State : std::uint8_t { kNew, kRunning, kDone };

  /// True for the one who is to call.
  bool begin() {
    const Section section;
    while (state_ == State::kRunning) waiters_.wait();
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
