// SharedMutex: many readers or one writer.
//
// The names are std::shared_mutex's, so std::shared_lock and std::unique_lock work. Who goes first
// is chosen when it is made: by default a waiting writer keeps new readers out, so writers do not
// starve. With kReaders, readers enter as long as any reader is inside; with kFair, readers and
// writers go in the order in which they came. A lock is handed to the one who waits. A reader must
// not lock shared again while it holds the lock: a writer waiting in between would stop both.
// Misuse and circles through a writer are answered as by Mutex.
#pragma once

#include <cstddef>
#include <cstdint>

#include "spindle/thread/wait_queue.h"

namespace spindle::thread {

enum class Prefer : std::uint8_t { kWriters, kReaders, kFair };

class SharedMutex {
 public:
  explicit SharedMutex(const char* name = "", Prefer prefer = Prefer::kWriters)
      : waiting_readers_(name, WaitKind::kSharedMutex),
        waiting_writers_(name, WaitKind::kSharedMutex),
        prefer_(prefer) {}
  ~SharedMutex() {
    if (locked() || readers_ > 0) check_may_go();
    if (in_order_) forget_order();
  }

  void lock();
  bool try_lock();
  bool try_lock_for(std::int64_t duration_ns);
  bool try_lock_until(std::int64_t deadline_ns);
  void unlock();

  void lock_shared();
  bool try_lock_shared();
  bool try_lock_shared_for(std::int64_t duration_ns);
  bool try_lock_shared_until(std::int64_t deadline_ns);
  void unlock_shared();

  [[nodiscard]] std::size_t readers() const { return readers_; }
  [[nodiscard]] bool locked() const { return writer_.thread != nullptr; }

 private:
  struct Waiter : WaitNode {
    std::uint64_t ticket = 0;
  };
  [[nodiscard]] bool may_read() const;
  [[nodiscard]] bool readers_turn() const;
  bool acquire(std::int64_t deadline_ns, const void* where);
  bool acquire_shared(std::int64_t deadline_ns, const void* where);
  bool wait_in(WaitQueue& queue, std::int64_t deadline_ns, const void* where);
  void admit();
  void track(const void* where);
  void forget_order();
  void check_may_go() const;

  Holder writer_;
  std::size_t readers_ = 0;
  std::uint64_t last_ticket_ = 0;
  WaitQueue waiting_readers_;
  WaitQueue waiting_writers_;
  Prefer prefer_;
  bool in_order_ = false;  // known to the runtime's order of locks, as a writer's lock
};

}  // namespace spindle::thread
