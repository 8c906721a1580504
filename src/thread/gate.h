// Gate: lets each worker pass alone through the parts of the scheduler that touch only what is its
// own, and lets one of them stop all others while it looks at everything.
//
// To pass costs two stores and a load: no instruction that the others' caches notice. The worker
// that stops the others pays instead (LightBarrier): afterwards it sees each worker that passes,
// and each that comes sees that the gate is closed. A gate can also be barred: then all have to go
// another way.
#pragma once

#include <atomic>
#include <cstdint>

#include "thread/light_barrier.h"
#include "thread/runtime_lock.h"

namespace spindle::thread {

class Gate {
 public:
  /// One for each worker: whether it passes.
  using Passing = std::atomic<std::uint32_t>;

  /// False if the gate is closed or barred: `enter_slowly` must follow.
  [[nodiscard]] bool try_enter(Passing& passing) {
    put_lightly(passing, kPasses);
    return __builtin_expect(state_.load(std::memory_order_acquire) == 0, 1);
  }
  /// Waits while it is closed; false if it is barred.
  [[nodiscard]] bool enter_slowly(Passing& passing);
  /// False if somebody may wait for this worker to leave: `say_left` must follow. Does nothing for
  /// a worker that is not passing.
  [[nodiscard]] bool leave(Passing& passing) {
    put_lightly(passing, kStays);
    return __builtin_expect((state_.load(std::memory_order_relaxed) & (kClosed | kHeavy)) == 0, 1);
  }
  void say_left(Passing& passing);

  /// To be called by one worker at a time, which is not passing itself: `wait_for` must follow for
  /// each of the others.
  void close();
  static void wait_for(Passing& passing);
  void open();
  /// These two are to be called while it is closed, or nobody can come.
  void bar();
  void unbar();

  [[nodiscard]] const LightBarrier& barrier() const { return barrier_; }

 private:
  static constexpr std::uint32_t kStays = 0;
  static constexpr std::uint32_t kPasses = 1;
  static constexpr std::uint32_t kClosed = 1;
  static constexpr std::uint32_t kBarred = 2;
  static constexpr std::uint32_t kHeavy = 4;  // the barrier is not light: the slow ways do it all

  // Where the barrier is not light this is too little; but then `state_` is never 0.
  static void put_lightly(Passing& passing, std::uint32_t value) {
    passing.store(value, std::memory_order_release);
    std::atomic_signal_fence(std::memory_order_seq_cst);
  }

  LightBarrier barrier_;
  std::atomic<std::uint32_t> state_ = barrier_.is_light() ? 0 : kHeavy;
};

}  // namespace spindle::thread
