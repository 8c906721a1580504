// LightBarrier: a memory barrier for two sides of which one comes all the time and the other
// seldom, so that they never both overlook what the other has just written.
//
// Usually each side writes its word, runs a memory barrier, and reads the other's word. Here the
// side that comes all the time runs none; the other one has the kernel run a barrier on every
// processor that runs this process (membarrier(2)). Where the kernel has no such call, and under
// ThreadSanitizer, which does not know it, each side runs its own.
#pragma once

#include <atomic>

namespace spindle::thread {

class LightBarrier {
 public:
  LightBarrier();

  /// For the side that comes all the time: writes its word, before it reads the other side's.
  template <class T>
  void store(std::atomic<T>& word, T value) const {
    if (__builtin_expect(is_light_, 1)) {
      word.store(value, std::memory_order_release);
      std::atomic_signal_fence(std::memory_order_seq_cst);
    } else {
      word.store(value, std::memory_order_seq_cst);
    }
  }
  /// For the other side: between writing (seq_cst) and reading (seq_cst).
  void meet() const {
    if (is_light_) run_everywhere();
  }
  [[nodiscard]] bool is_light() const { return is_light_; }

 private:
  static void run_everywhere();

  bool is_light_ = false;
};

}  // namespace spindle::thread
