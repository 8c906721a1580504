// CommonQueue: ready threads that belong to no worker, first come, first served. Any kernel thread
// may put them in and take them out.
#pragma once

#include <atomic>
#include <cstdint>
#include <mutex>

#include "thread/control.h"
#include "thread/runtime_lock.h"

namespace spindle::thread {

class CommonQueue {
 public:
  void push(Control& thread) {
    const std::lock_guard guard(lock_);
    thread.next = nullptr;
    (last_ == nullptr ? first_ : last_->next) = &thread;
    last_ = &thread;
    count_.store(count_.load(std::memory_order_relaxed) + 1, std::memory_order_relaxed);
  }
  /// Null if there is none.
  Control* pop() {
    if (empty()) return nullptr;
    const std::lock_guard guard(lock_);
    Control* const thread = first_;
    if (thread == nullptr) return nullptr;
    first_ = thread->next;
    if (first_ == nullptr) last_ = nullptr;
    count_.store(count_.load(std::memory_order_relaxed) - 1, std::memory_order_relaxed);
    return thread;
  }
  /// May be out of date at once.
  [[nodiscard]] bool empty() const { return count_.load(std::memory_order_relaxed) == 0; }

 private:
  RuntimeLock lock_;
  Control* first_ = nullptr;
  Control* last_ = nullptr;
  std::atomic<std::uint32_t> count_ = 0;
};

}  // namespace spindle::thread
