// Gate: lets each worker pass alone through the parts of the scheduler that touch only what is its
// own, and lets one of them stop all others for as long as it looks at everything.
//
// To pass costs two stores and a load: no instruction that the others' caches notice. Whoever stops
// the others pays instead: he has the kernel run a memory barrier on every processor that runs one
// of them (membarrier(2)), after which a worker that passes has been seen to, and one that comes
// sees that the gate is closed. Where the kernel has no such call, passing has the barrier.
#pragma once

#include <atomic>
#include <cstdint>

#include "thread/runtime_lock.h"

namespace spindle::thread {

class Gate {
 public:
  /// One for each worker: whether it passes.
  using Passing = std::atomic<std::uint32_t>;

  Gate();

  void enter(Passing& passing) {
    for (;;) {
      set(passing, 1);
      if (__builtin_expect(closed_.load(std::memory_order_acquire) == 0, 1)) return;
      leave(passing);
      futex_wait(closed_, 1);
    }
  }
  /// Nothing happens to a worker that does not pass.
  void leave(Passing& passing) {
    set(passing, 0);
    if (__builtin_expect(closed_.load(std::memory_order_relaxed) != 0, 0)) futex_wake_one(passing);
  }

  /// By one at a time, who does not pass himself: `wait_for` must follow for each of the others.
  void close();
  static void wait_for(Passing& passing);
  void open();

 private:
  void set(Passing& passing, std::uint32_t value) const {
    if (__builtin_expect(asymmetric_, 1)) {
      passing.store(value, std::memory_order_release);
      std::atomic_signal_fence(std::memory_order_seq_cst);
    } else {
      passing.store(value, std::memory_order_seq_cst);
    }
  }

  std::atomic<std::uint32_t> closed_ = 0;
  bool asymmetric_ = false;
};

}  // namespace spindle::thread
