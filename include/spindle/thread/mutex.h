// Mutex and RecursiveMutex, with the names of the standard, so that std::scoped_lock and
// std::unique_lock work.
//
// A lock that is free is taken in a few nanoseconds. When it is contended, unlock hands it to the
// first waiter: nobody overtakes, nobody starves. Locking a Mutex twice, or unlocking one that
// another thread holds, is a bug of the caller that stops the program with a message naming both.
// Outside of a runtime an uncontended lock and unlock are harmless; waiting there is not possible.
#pragma once

#include <cstddef>
#include <cstdint>

#include "spindle/thread/wait_queue.h"

namespace spindle::thread {

class Mutex {
 public:
  explicit Mutex(const char* name = "") : waiters_(name, WaitKind::kMutex) {}

  void lock();
  bool try_lock();
  /// False if the time passed first. A time that is not positive only tries.
  bool try_lock_for(std::int64_t duration_ns);
  bool try_lock_until(std::int64_t deadline_ns);
  void unlock();

  [[nodiscard]] bool locked() const { return owner_ != nullptr; }
  [[nodiscard]] bool held_by_this_thread() const;
  [[nodiscard]] const char* name() const { return waiters_.name(); }

 private:
  bool lock_contended(std::int64_t deadline_ns);

  Control* owner_ = nullptr;
  WaitQueue waiters_;
};

/// A mutex that its owner may lock again; it is free when unlocked as often as locked.
class RecursiveMutex {
 public:
  explicit RecursiveMutex(const char* name = "") : mutex_(name) {}

  void lock();
  bool try_lock();
  bool try_lock_for(std::int64_t duration_ns);
  bool try_lock_until(std::int64_t deadline_ns);
  void unlock();

  [[nodiscard]] bool locked() const { return mutex_.locked(); }
  [[nodiscard]] bool held_by_this_thread() const { return mutex_.held_by_this_thread(); }

 private:
  Mutex mutex_;
  std::size_t depth_ = 0;
};

}  // namespace spindle::thread
