#include "thread/pools.h"

#include <mutex>
#include <utility>

namespace spindle::thread {
namespace {

// So many are fetched at a time; twice as many are kept.
constexpr std::uint32_t kBatch = 32;
constexpr std::uint64_t kIdsAtATime = 256;

}  // namespace

Control* Pools::take_cached(Worker& worker, std::size_t stack_size) {
  PoolCache& cache = worker.cache;
  if (cache.controls == nullptr) {
    const std::lock_guard guard(lock_);
    for (; cache.control_count < kBatch; ++cache.control_count) {
      Control* const fresh = controls_.take();
      if (fresh == nullptr) break;
      fresh->next = std::exchange(cache.controls, fresh);
    }
  }
  Control* const thread = cache.controls;
  if (thread == nullptr || !promise_cached(cache, stack_size, *thread)) return nullptr;
  cache.controls = thread->next;
  --cache.control_count;
  return thread;
}

void Pools::give_back_cached(Worker& worker, Control& thread) {
  PoolCache& cache = worker.cache;
  thread.next = std::exchange(cache.controls, &thread);
  if (++cache.control_count <= 2 * kBatch) return;
  const std::lock_guard guard(lock_);
  for (; cache.control_count > kBatch; --cache.control_count) {
    Control& surplus = *std::exchange(cache.controls, cache.controls->next);
    controls_.give_back(surplus);
  }
}

std::uint64_t Pools::new_id_of(PoolCache& cache) {
  if (cache.next_id == cache.end_of_ids) {
    const std::lock_guard guard(lock_);
    cache.next_id = last_id_ + 1;
    cache.end_of_ids = cache.next_id + kIdsAtATime;
    last_id_ += kIdsAtATime;
  }
  return cache.next_id++;
}

bool Pools::promise_cached(PoolCache& cache, std::size_t size, Control& to) {
  if (size != 0) {
    const std::lock_guard guard(lock_);
    return stacks_.promise(size, to);
  }
  to.size_class = 0;
  if (cache.promises == 0) {
    const std::lock_guard guard(lock_);
    while (cache.promises < kBatch && stacks_.promise(0, to)) ++cache.promises;
    if (cache.promises == 0) return false;
  }
  --cache.promises;
  return true;
}

// A stack of the cache leaves the promise over for another thread.
void Pools::bind_cached(Worker& worker, Control& thread) {
  PoolCache& cache = worker.cache;
  Stack* const stack = cache.stacks;
  if (thread.size_class != 0 || stack == nullptr) {
    const std::lock_guard guard(lock_);
    stacks_.bind(thread);
    return;
  }
  cache.stacks = stack->next;
  --cache.stack_count;
  thread.stack = stack;
  thread.canary = stack->canary;
  if (++cache.promises <= 2 * kBatch) return;
  const std::lock_guard guard(lock_);
  for (; cache.promises > kBatch; --cache.promises) stacks_.break_promise(thread);
}

void Pools::unbind_cached(Worker& worker, Control& thread) {
  PoolCache& cache = worker.cache;
  if (thread.stack->size_class != 0) {
    const std::lock_guard guard(lock_);
    stacks_.unbind(thread);
    return;
  }
  Stack* const stack = std::exchange(thread.stack, nullptr);
  stack->next = std::exchange(cache.stacks, stack);
  if (++cache.stack_count <= 2 * kBatch) return;
  const std::lock_guard guard(lock_);
  for (; cache.stack_count > kBatch; --cache.stack_count) {
    stacks_.give_back(*std::exchange(cache.stacks, cache.stacks->next));
  }
}

}  // namespace spindle::thread
