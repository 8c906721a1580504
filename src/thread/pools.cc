#include "thread/pools.h"

#include <mutex>
#include <utility>

namespace spindle::thread {
namespace {

constexpr std::uint64_t kIdsAtATime = 256;

}  // namespace

[[gnu::noinline]] void Pools::fetch_controls(PoolCache& cache) {
  const std::lock_guard guard(lock_);
  for (; cache.control_count < kBatch; ++cache.control_count) {
    Control* const fresh = controls_.take();
    if (fresh == nullptr) break;
    fresh->next = std::exchange(cache.controls, fresh);
  }
}

[[gnu::noinline]] void Pools::return_controls(PoolCache& cache) {
  const std::lock_guard guard(lock_);
  for (; cache.control_count > kBatch; --cache.control_count) {
    Control& surplus = *std::exchange(cache.controls, cache.controls->next);
    controls_.give_back(surplus);
  }
}

[[gnu::noinline]] void Pools::fetch_promises(PoolCache& cache, Control& example) {
  const std::lock_guard guard(lock_);
  while (cache.promises < kBatch && stacks_.promise(0, example)) ++cache.promises;
}

[[gnu::noinline]] void Pools::return_promises(PoolCache& cache, const Control& example) {
  const std::lock_guard guard(lock_);
  for (; cache.promises > kBatch; --cache.promises) stacks_.break_promise(example);
}

[[gnu::noinline]] void Pools::fetch_ids(PoolCache& cache) {
  const std::lock_guard guard(lock_);
  cache.next_id = last_id_ + 1;
  cache.end_of_ids = cache.next_id + kIdsAtATime;
  last_id_ += kIdsAtATime;
}

[[gnu::noinline]] void Pools::return_stacks(PoolCache& cache) {
  const std::lock_guard guard(lock_);
  for (; cache.stack_count > kBatch; --cache.stack_count) {
    stacks_.give_back(*std::exchange(cache.stacks, cache.stacks->next));
  }
}

[[gnu::noinline]] void Pools::unbind_otherwise(PoolCache& cache, Control& thread) {
  if (thread.stack->size_class != 0) {
    cache.foreign = std::exchange(thread.stack, nullptr);
  } else {
    return_stacks(cache);
    unbind_cached(cache, thread);
  }
}

[[gnu::noinline]] bool Pools::promise_commonly(std::size_t size, Control& to) {
  const std::lock_guard guard(lock_);
  return stacks_.promise(size, to);
}

[[gnu::noinline]] void Pools::bind_commonly(Control& thread) {
  const std::lock_guard guard(lock_);
  stacks_.bind(thread);
}

void Pools::take_back_stack(Worker& worker, Control& thread) {
  if (thread.stack != nullptr) {
    unbind(worker, thread);
    if (worker.cache.foreign != nullptr) return_foreign(worker);
  } else {
    const std::lock_guard guard(lock_);
    stacks_.break_promise(thread);
  }
}

void Pools::return_foreign(Worker& worker) {
  const std::lock_guard guard(lock_);
  stacks_.give_back(*std::exchange(worker.cache.foreign, nullptr));
}

}  // namespace spindle::thread
