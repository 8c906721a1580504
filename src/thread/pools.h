// Pools: where a runtime's threads get their Controls, numbers and stacks from.
//
// With several workers each has a cache, so that most threads are made and buried without a lock;
// what a cache lacks, or has too much of, goes to and from the common pools under one.
#pragma once

#include <cstdint>
#include <utility>

#include "thread/control_pool.h"
#include "thread/runtime_lock.h"
#include "thread/stack_pool.h"
#include "thread/worker.h"

namespace spindle::thread {

class Pools {
 public:
  Pools(std::size_t usual_stack_size, bool several)
      : several_(several), stacks_(usual_stack_size) {}

  /// A Control that was promised a stack (see StackPool); null if there is no memory.
  Control* take(Worker& worker, std::size_t stack_size) {
    if (several_) return take_cached(worker, stack_size);
    Control* const thread = controls_.take();
    if (thread == nullptr || stacks_.promise(stack_size, *thread)) return thread;
    controls_.give_back(*thread);
    return nullptr;
  }
  void give_back(Worker& worker, Control& thread) {
    several_ ? give_back_cached(worker, thread) : controls_.give_back(thread);
  }
  std::uint64_t new_id(Worker& worker) {
    return several_ ? new_id_of(worker.cache) : ++last_id_;
  }
  void bind(Worker& worker, Control& thread) {
    several_ ? bind_cached(worker, thread) : stacks_.bind(thread);
  }
  void unbind(Worker& worker, Control& thread) {
    several_ ? unbind_cached(worker, thread) : stacks_.unbind(thread);
  }

  // To be looked at while no worker is inside.
  [[nodiscard]] const StackPool& stacks() const { return stacks_; }
  [[nodiscard]] const ControlPool& controls() const { return controls_; }
  /// At the end; nothing may be taken or given back any more.
  ControlPool take_controls() { return std::move(controls_); }

 private:
  Control* take_cached(Worker& worker, std::size_t stack_size);
  void give_back_cached(Worker& worker, Control& thread);
  bool promise_cached(PoolCache& cache, std::size_t size, Control& to);
  std::uint64_t new_id_of(PoolCache& cache);
  void bind_cached(Worker& worker, Control& thread);
  void unbind_cached(Worker& worker, Control& thread);

  const bool several_;
  ControlPool controls_;
  StackPool stacks_;
  std::uint64_t last_id_ = 0;
  RuntimeLock lock_;
};

}  // namespace spindle::thread
