// LightBarrier: for two sides that must not both overlook what the other one has just written, of
// which one comes all the time and the other seldom.
//
// Usually each side writes its word, has a memory barrier, and reads the other's. Here the side
// that comes all the time only writes; the other one has the kernel run a memory barrier on every
// processor that runs this process (membarrier(2)). Where the kernel has no such call, and for
// ThreadSanitizer, which does not know of it, each side has its own.
#pragma once

#include <atomic>

namespace spindle::thread {

class LightBarrier {
 public:
  LightBarrier();

  /// The side that comes all the time: writes, before it reads what the other side writes.
  template <class T>
  void store(std::atomic<T>& word, T value) const {
    if (__builtin_expect(is_light_, 1)) {
      word.store(value, std::memory_order_release);
      std::atomic_signal_fence(std::memory_order_seq_cst);
    } else {
      word.store(value, std::memory_order_seq_cst);
    }
  }
  /// The other side: between writing (seq_cst) and reading (seq_cst).
  void meet() const {
    if (is_light_) run_everywhere();
  }
  [[nodiscard]] bool is_light() const { return is_light_; }

 private:
  static void run_everywhere();

  bool is_light_ = false;
};

}  // namespace spindle::thread
