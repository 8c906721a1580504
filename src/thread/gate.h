// Gate: lets each worker pass alone through the parts of the scheduler that touch only what is its
// own, and lets one of them stop all others for as long as it looks at everything.
//
// To pass costs two stores and a load: no instruction that the others' caches notice. Whoever stops
// the others pays instead (LightBarrier): afterwards a worker that passes has been seen to, and one
// that comes sees that the gate is closed. A gate can also be barred: then nobody passes, and has
// to go another way.
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
    barrier_.store(passing, kPasses);
    return __builtin_expect(state_.load(std::memory_order_acquire) == 0, 1);
  }
  /// Waits while it is closed; false if it is barred.
  [[nodiscard]] bool enter_slowly(Passing& passing);
  /// False if somebody waits for it: `say_left` must follow. Nothing happens to a worker that does
  /// not pass.
  [[nodiscard]] bool leave(Passing& passing) {
    barrier_.store(passing, kStays);
    return __builtin_expect((state_.load(std::memory_order_relaxed) & kClosed) == 0, 1);
  }
  static void say_left(Passing& passing) { futex_wake_one(passing); }

  /// By one at a time, who does not pass himself: `wait_for` must follow for each of the others.
  void close();
  static void wait_for(Passing& passing);
  void open();
  /// While it is closed, or nobody comes.
  void bar(bool barred);

  [[nodiscard]] const LightBarrier& barrier() const { return barrier_; }

 private:
  static constexpr std::uint32_t kStays = 0;
  static constexpr std::uint32_t kPasses = 1;
  static constexpr std::uint32_t kClosed = 1;
  static constexpr std::uint32_t kBarred = 2;

  std::atomic<std::uint32_t> state_ = 0;
  LightBarrier barrier_;
};

}  // namespace spindle::thread
