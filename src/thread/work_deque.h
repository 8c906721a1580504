// WorkDeque: the ready threads of one of several workers, from which others may take work.
//
// The owner puts threads in at the new end and takes them from there (child first) or from the old
// end (first come, first served); everybody else takes from the old end. No locks: whoever takes
// the last one, or takes from the old end, claims it by an atomic instruction that only the first
// wins (Chase and Lev, "Dynamic circular work-stealing deque", 2005). It is the thief's task that
// it and an owner who takes from the new end do not overlook each other (LightBarrier): from such
// an owner threads must be taken by `steal`. A thread stands here only when its context has been
// saved.
#pragma once

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <vector>

#include "thread/light_barrier.h"

namespace spindle::thread {

struct Control;

class WorkDeque {
 public:
  WorkDeque();
  WorkDeque(const WorkDeque&) = delete;
  WorkDeque& operator=(const WorkDeque&) = delete;

  // By the owner.
  void push(Control& thread) {
    const std::int64_t bottom = bottom_.load(std::memory_order_relaxed);
    const std::int64_t top = top_.load(std::memory_order_acquire);
    Ring* const ring = ring_.load(std::memory_order_relaxed);
    if (__builtin_expect(bottom - top > ring->mask, 0)) return push_to_larger(thread);
    ring->at(bottom).store(&thread, std::memory_order_relaxed);
    bottom_.store(bottom + 1, std::memory_order_release);
  }
  Control* take_newest(const LightBarrier& barrier) {
    const std::int64_t newest = bottom_.load(std::memory_order_relaxed) - 1;
    std::int64_t top = top_.load(std::memory_order_relaxed);
    if (top > newest) return nullptr;
    // A thief reads `bottom_` after `top_`; here it is the other way round.
    barrier.store(bottom_, newest);
    top = top_.load(std::memory_order_seq_cst);
    if (__builtin_expect(top < newest, 1)) {
      return ring_.load(std::memory_order_relaxed)->at(newest).load(std::memory_order_relaxed);
    }
    return take_last(top, newest);
  }

  /// Takes the oldest; null if there is none. By anybody, as long as the owner does not take the
  /// newest.
  Control* take_oldest() {
    std::int64_t top = top_.load(std::memory_order_seq_cst);
    for (;;) {
      if (top >= bottom_.load(std::memory_order_seq_cst)) return nullptr;
      Control* const thread =
          ring_.load(std::memory_order_acquire)->at(top).load(std::memory_order_relaxed);
      if (top_.compare_exchange_weak(top, top + 1, std::memory_order_seq_cst)) return thread;
    }
  }
  /// Takes the oldest, by anybody; null if there is none, or somebody else was faster.
  Control* steal(const LightBarrier& barrier);

  /// May be out of date when others than the owner ask.
  [[nodiscard]] std::int64_t size() const {
    return bottom_.load(std::memory_order_relaxed) - top_.load(std::memory_order_relaxed);
  }

 private:
  struct Ring {
    explicit Ring(std::int64_t size)
        : mask(size - 1), slots(new std::atomic<Control*>[static_cast<std::size_t>(size)]) {}
    std::atomic<Control*>& at(std::int64_t index) {
      return slots[static_cast<std::size_t>(index & mask)];
    }
    const std::int64_t mask;
    const std::unique_ptr<std::atomic<Control*>[]> slots;
  };

  Control* take_last(std::int64_t top, std::int64_t newest);
  void push_to_larger(Control& thread);

  alignas(64) std::atomic<std::int64_t> top_ = 0;
  alignas(64) std::atomic<std::int64_t> bottom_ = 0;
  std::atomic<Ring*> ring_;
  /// Others may still read an old ring, so all are kept; the old ones together are no larger than
  /// the newest.
  std::vector<std::unique_ptr<Ring>> rings_;
};

}  // namespace spindle::thread
