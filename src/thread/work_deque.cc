#include "thread/work_deque.h"

namespace spindle::thread {
namespace {
constexpr std::int64_t kFirstSize = 256;
}

WorkDeque::WorkDeque() {
  rings_.push_back(std::make_unique<Ring>(kFirstSize));
  ring_.store(rings_.back().get(), std::memory_order_relaxed);
}

// One thread is left, or none: others may be about to take the same one.
Control* WorkDeque::take_last(std::int64_t top, std::int64_t newest) {
  Control* thread = nullptr;
  if (top == newest) {
    thread = ring_.load(std::memory_order_relaxed)->at(newest).load(std::memory_order_relaxed);
    if (!top_.compare_exchange_strong(top, top + 1, std::memory_order_seq_cst)) thread = nullptr;
  }
  bottom_.store(newest + 1, std::memory_order_release);
  return thread;
}

Control* WorkDeque::steal(const LightBarrier& barrier) {
  std::int64_t top = top_.load(std::memory_order_seq_cst);
  if (top >= bottom_.load(std::memory_order_relaxed)) return nullptr;
  barrier.meet();
  if (top >= bottom_.load(std::memory_order_seq_cst)) return nullptr;
  Control* const thread =
      ring_.load(std::memory_order_acquire)->at(top).load(std::memory_order_relaxed);
  return top_.compare_exchange_strong(top, top + 1, std::memory_order_seq_cst) ? thread : nullptr;
}

[[gnu::noinline]] void WorkDeque::push_to_larger(Control& thread) {
  const std::int64_t top = top_.load(std::memory_order_acquire);
  const std::int64_t bottom = bottom_.load(std::memory_order_relaxed);
  Ring* const old = ring_.load(std::memory_order_relaxed);
  rings_.push_back(std::make_unique<Ring>(2 * (old->mask + 1)));
  Ring* const grown = rings_.back().get();
  for (std::int64_t i = top; i < bottom; ++i) {
    grown->at(i).store(old->at(i).load(std::memory_order_relaxed), std::memory_order_relaxed);
  }
  ring_.store(grown, std::memory_order_release);
  push(thread);
}

}  // namespace spindle::thread
