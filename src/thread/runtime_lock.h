// RuntimeLock: keeps the workers of one runtime out of one another's sections.
//
// It has no owner: a thread that waits inside a section leaves it locked for the thread that its
// worker goes on with, which unlocks it. A worker that finds it locked spins for less than a
// microsecond and then sleeps in the kernel, so it wastes no time if the holder has lost its CPU
// (the three states are those of Drepper, "Futexes are tricky", 2011). The pools use such a lock
// too.
#pragma once

#include <linux/futex.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <atomic>
#include <cerrno>
#include <cstdint>
#include <ctime>

namespace spindle::thread {

/// Sleeps while `word` is `value`, until woken or until the moment of CLOCK_MONOTONIC (null: no
/// limit). futex_wait and futex_wake do not change errno, which belongs to the thread.
[[gnu::noinline]] inline void futex_wait(std::atomic<std::uint32_t>& word, std::uint32_t value,
                                         const timespec* deadline = nullptr) {
  const int saved_errno = errno;
  syscall(SYS_futex, &word, FUTEX_WAIT_BITSET_PRIVATE, value, deadline, nullptr,
          FUTEX_BITSET_MATCH_ANY);
  errno = saved_errno;
}
[[gnu::noinline]] inline void futex_wake(std::atomic<std::uint32_t>& word, int most) {
  const int saved_errno = errno;
  syscall(SYS_futex, &word, FUTEX_WAKE_PRIVATE, most, nullptr, nullptr, 0);
  errno = saved_errno;
}
inline void futex_wake_one(std::atomic<std::uint32_t>& word) {
  futex_wake(word, 1);
}

/// How often a kernel thread spins at most when it waits for another: less than a microsecond.
inline constexpr int kMostSpins = 40;

/// Tells the processor that it spins.
inline void pause_processor() {
#if defined(__x86_64__)
  __builtin_ia32_pause();
#elif defined(__aarch64__)
  asm volatile("yield");
#endif
}

class RuntimeLock {
 public:
  void lock() {
    std::uint32_t expected = kFree;
    if (!word_.compare_exchange_strong(expected, kLocked, std::memory_order_acquire)) {
      lock_slowly();
    }
  }
  void unlock() {
    if (word_.exchange(kFree, std::memory_order_release) == kAwaited) futex_wake_one(word_);
  }

 private:
  static constexpr std::uint32_t kFree = 0;
  static constexpr std::uint32_t kLocked = 1;
  static constexpr std::uint32_t kAwaited = 2;

  [[gnu::noinline]] void lock_slowly() {
    for (int i = 0; i < kMostSpins; ++i) {
      std::uint32_t expected = kFree;
      if (word_.load(std::memory_order_relaxed) == kFree &&
          word_.compare_exchange_weak(expected, kLocked, std::memory_order_acquire)) {
        return;
      }
      pause_processor();
    }
    while (word_.exchange(kAwaited, std::memory_order_acquire) != kFree) {
      futex_wait(word_, kAwaited);
    }
  }

  std::atomic<std::uint32_t> word_ = kFree;
};

}  // namespace spindle::thread
