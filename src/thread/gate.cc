#include "thread/gate.h"

#include <climits>

namespace spindle::thread {

// Whether the gate is barred may change while it is closed.
bool Gate::enter_slowly(Passing& passing) {
  for (;;) {
    if (!leave(passing)) say_left(passing);
    const std::uint32_t state = state_.load(std::memory_order_acquire);
    if ((state & kBarred) != 0) return false;
    if (state != 0) futex_wait(state_, state);
    if (try_enter(passing)) return true;
  }
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
