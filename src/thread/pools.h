// Pools: where a runtime's threads get their Controls, numbers and stacks from.
//
// With several workers each has a cache, so that most threads are made and freed without a lock;
// what a cache lacks or has too much of is moved from or to the common pools under a lock.
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
    if (several_) return take_cached(worker.cache, stack_size);
    Control* const thread = controls_.take();
    if (thread == nullptr || stacks_.promise(stack_size, *thread)) return thread;
    controls_.give_back(*thread);
    return nullptr;
  }
  void give_back(Worker& worker, Control& thread) {
    several_ ? give_back_cached(worker.cache, thread) : controls_.give_back(thread);
  }
  std::uint64_t new_id(Worker& worker) { return several_ ? new_id_of(worker.cache) : ++last_id_; }
  [[gnu::always_inline]] void bind(Worker& worker, Control& thread) {
    several_ ? bind_cached(worker.cache, thread) : stacks_.bind(thread);
  }
  /// Takes the thread's stack back, on which it may still run: with several workers
  /// `return_foreign` must follow when it no longer does.
  [[gnu::always_inline]] void unbind(Worker& worker, Control& thread) {
    several_ ? unbind_cached(worker.cache, thread) : stacks_.unbind(thread);
  }
  void return_foreign(Worker& worker);
  /// Takes back the stack that a thread has, or was promised, and that will never run.
  void take_back_stack(Worker& worker, Control& thread);

  // To be called only while no worker is in one of the functions above.
  [[nodiscard]] const StackPool& stacks() const { return stacks_; }
  [[nodiscard]] const ControlPool& controls() const { return controls_; }
  /// For the runtime's end: nothing may be taken or given back any more.
  ControlPool take_controls() { return std::move(controls_); }

 private:
  /// How many are fetched at a time; a cache keeps twice as many.
  static constexpr std::uint32_t kBatch = 32;

  Control* take_cached(PoolCache& cache, std::size_t stack_size) {
    if (cache.controls == nullptr) fetch_controls(cache);
    Control* const thread = cache.controls;
    if (thread == nullptr || !promise_cached(cache, stack_size, *thread)) return nullptr;
    cache.controls = thread->next;
    --cache.control_count;
    return thread;
  }
  void give_back_cached(PoolCache& cache, Control& thread) {
    thread.next = std::exchange(cache.controls, &thread);
    if (++cache.control_count > 2 * kBatch) return_controls(cache);
  }
  bool promise_cached(PoolCache& cache, std::size_t size, Control& to) {
    if (size != 0) return promise_commonly(size, to);
    to.size_class = 0;
    if (cache.promises == 0) fetch_promises(cache, to);
    if (cache.promises == 0) return false;
    --cache.promises;
    return true;
  }
  std::uint64_t new_id_of(PoolCache& cache) {
    if (cache.next_id == cache.end_of_ids) fetch_ids(cache);
    return cache.next_id++;
  }
  /// If the stack comes from the cache, the promise is left for another thread.
  void bind_cached(PoolCache& cache, Control& thread) {
    Stack* const stack = cache.stacks;
    if (thread.size_class != 0 || stack == nullptr) return bind_commonly(thread);
    cache.stacks = stack->next;
    --cache.stack_count;
    stack->renew();
    thread.stack = stack;
    thread.canary = stack->canary;
    if (++cache.promises > 2 * kBatch) return_promises(cache, thread);
  }
  void unbind_cached(PoolCache& cache, Control& thread) {
    if (thread.stack->size_class != 0 || cache.stack_count >= 2 * kBatch) {
      return unbind_otherwise(cache, thread);
    }
    Stack* const stack = std::exchange(thread.stack, nullptr);
    stack->next = std::exchange(cache.stacks, stack);
    ++cache.stack_count;
  }

  // Under the lock, for many threads at a time.
  void fetch_controls(PoolCache& cache);
  void return_controls(PoolCache& cache);
  void fetch_promises(PoolCache& cache, Control& example);
  void return_promises(PoolCache& cache, const Control& example);
  void fetch_ids(PoolCache& cache);
  void return_stacks(PoolCache& cache);
  void unbind_otherwise(PoolCache& cache, Control& thread);
  // Under the lock, for stacks of unusual sizes, or if the cache has none.
  bool promise_commonly(std::size_t size, Control& to);
  void bind_commonly(Control& thread);

  const bool several_;
  ControlPool controls_;
  StackPool stacks_;
  std::uint64_t last_id_ = 0;
  RuntimeLock lock_;
};

}  // namespace spindle::thread
