// Mutex and RecursiveMutex, with the names of the standard, so that std::scoped_lock and
// std::unique_lock work.
//
// A lock that is free is taken in a few nanoseconds. When it is contended, unlock hands it to the
// first waiter (of those with the highest priority, where threads differ in it): nobody overtakes.
// One exception: a thread that has just tried another lock in vain only wakes that waiter, which
// tries again before all others, so that threads which take several locks by std::lock or
// std::scoped_lock all succeed in the end. While threads wait, the holder runs with the priority of
// the most urgent of them.
//
// Locking a Mutex twice, unlocking one that another thread holds, or destroying one that is locked,
// is a bug of the caller that stops the program with a message naming both. So is a thread's end
// while it holds a lock, but only under Runtime::Options::check_lock_order: without it the lock
// stays locked, and may seem to be held by a later thread. If a wait without a deadline closes a
// circle of waiting threads, the circle is reported (Runtime::Options::on_deadlock), with where
// each lock was taken, and the thread then waits. `lock_checked` returns EDEADLK instead, also with
// a deadline: a wait that only the deadline would end is no use. Outside of a runtime an
// uncontended lock and unlock are harmless; waiting is not possible there.
//
// A thread that has unlocked a mutex and knows that nobody else will lock it may destroy it, even
// while the holder before it is still about to return from `unlock`.
#pragma once

#include <cstddef>
#include <cstdint>

#include "spindle/base/result.h"
#include "spindle/thread/wait_queue.h"

namespace spindle::thread {

struct LockRequest;
enum class LockOutcome : std::uint8_t;
enum class Taking : bool;

class Mutex {
 public:
  explicit Mutex(const char* name = "") : waiters_(name, WaitKind::kMutex) {}
  ~Mutex() {
    if (locked()) check_may_go();
    if (in_order_) forget_order();
  }

  void lock();
  /// Does not lock, but returns EDEADLK if the calling thread holds the mutex or waiting would
  /// close a circle, and ETIMEDOUT if the deadline came first.
  Result<> lock_checked(Timeout timeout = kNever);
  bool try_lock();
  /// False if the time passed first. A time that is not positive only tries.
  bool try_lock_for(Duration duration);
  bool try_lock_until(Deadline deadline);
  void unlock();

  [[nodiscard]] bool locked() const {
    return __atomic_load_n(&holder_.thread, __ATOMIC_RELAXED) != nullptr;
  }
  [[nodiscard]] bool held_by_this_thread() const;
  [[nodiscard]] const char* name() const { return waiters_.name(); }

 private:
  friend class RecursiveMutex;
  LockOutcome acquire(const LockRequest& request);
  LockOutcome acquire_contended(const LockRequest& request);
  bool try_acquire(const void* where);
  void unlock_contended(Control& self);
  void hand_on();
  void wake_to_try();
  void track(const void* where, Taking taking);
  void forget_order();
  void check_may_go() const;

  Holder holder_;
  WaitQueue waiters_;
  bool in_order_ = false;  // the runtime's LockOrder knows it
};

/// A mutex that its holder may lock again; it is free once it has been unlocked as often as locked.
class RecursiveMutex {
 public:
  explicit RecursiveMutex(const char* name = "") : mutex_(name) {}

  void lock();
  /// EDEADLK if waiting would close a circle, ETIMEDOUT if the deadline came first.
  Result<> lock_checked(Timeout timeout = kNever);
  bool try_lock();
  bool try_lock_for(Duration duration);
  bool try_lock_until(Deadline deadline);
  void unlock();

  [[nodiscard]] bool locked() const { return mutex_.locked(); }
  [[nodiscard]] bool held_by_this_thread() const { return mutex_.held_by_this_thread(); }

 private:
  LockOutcome acquire(const LockRequest& request);
  bool try_acquire(const void* where);

  Mutex mutex_;
  std::size_t depth_ = 0;
};

}  // namespace spindle::thread
