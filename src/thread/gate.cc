#include "thread/gate.h"

#include <climits>

namespace spindle::thread {

// Whether the gate is barred may change while it is closed.
bool Gate::enter_slowly(Passing& passing) {
  for (;;) {
    barrier_.store(passing, kPasses);
    const std::uint32_t state = state_.load(std::memory_order_seq_cst);
    if ((state & (kClosed | kBarred)) == 0) return true;
    say_left(passing);
    if ((state & kBarred) != 0) return false;
    futex_wait(state_, state);
  }
}

void Gate::say_left(Passing& passing) {
  barrier_.store(passing, kStays);
  if ((state_.load(std::memory_order_seq_cst) & kClosed) != 0) futex_wake_one(passing);
}

void Gate::close() {
  state_.fetch_or(kClosed, std::memory_order_seq_cst);
  barrier_.meet();
}

void Gate::wait_for(Passing& passing) {
  for (int i = 0; i < kMostSpins; ++i) {
    if (passing.load(std::memory_order_acquire) == kStays) return;
    pause_processor();
  }
  while (passing.load(std::memory_order_acquire) != kStays) futex_wait(passing, kPasses);
}

void Gate::open() {
  state_.fetch_and(~kClosed, std::memory_order_release);
  futex_wake(state_, INT_MAX);
}

void Gate::bar() {
  state_.fetch_or(kBarred, std::memory_order_release);
}

void Gate::unbar() {
  state_.fetch_and(~kBarred, std::memory_order_release);
}

}  // namespace spindle::thread
