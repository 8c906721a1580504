// SharedMutex: many readers or one writer.
//
// The names are std::shared_mutex's, so std::shared_lock and std::unique_lock work. Who goes first
// is chosen when the lock is made: by default a waiting writer keeps new readers out, so writers do
// not starve. With kReaders, readers enter as long as any reader is inside; with kFair, readers and
// writers go in the order in which they came. Unlocking hands the lock to whoever waits. A reader
// must not lock shared again while it holds the lock: if a writer waits in between, both stop.
//
// A lock knows its writer and each of its readers. Misuse and circles are treated as by Mutex, and
// a thread that keeps an urgent one waiting, even as a reader, runs with its priority.
#pragma once

#include <cstddef>
#include <cstdint>

#include "spindle/base/result.h"
#include "spindle/thread/readers.h"
#include "spindle/thread/section.h"
#include "spindle/thread/wait_queue.h"

namespace spindle::thread {

struct LockRequest;
enum class LockOutcome : std::uint8_t;
enum class Taking : bool;

enum class Prefer : std::uint8_t { kWriters, kReaders, kFair };

class SharedMutex {
 public:
  explicit SharedMutex(const char* name = "", Prefer prefer = Prefer::kWriters)
      : waiting_readers_(name, WaitKind::kSharedMutex),
        waiting_writers_(name, WaitKind::kSharedMutex),
        prefer_(prefer) {}
  ~SharedMutex() {
    if (is_written() || readers_.count() > 0) check_may_go();
    if (in_order_) forget_order();
  }

  void lock();
  /// Does not lock, but returns EDEADLK if the calling thread holds the lock for writing or waiting
  /// would close a circle (so it does if the caller reads, and if it would keep out a reader for
  /// whom other readers wait), and ETIMEDOUT if the deadline came first.
  Result<> lock_checked(Timeout timeout = kNever);
  bool try_lock();
  bool try_lock_for(Duration duration);
  bool try_lock_until(Deadline deadline);
  void unlock();

  void lock_shared();
  /// Like lock_checked.
  Result<> lock_shared_checked(Timeout timeout = kNever);
  bool try_lock_shared();
  bool try_lock_shared_for(Duration duration);
  bool try_lock_shared_until(Deadline deadline);
  void unlock_shared();

  [[nodiscard]] std::size_t readers() const {
    const Section section;
    return readers_.count();
  }
  [[nodiscard]] bool locked() const {
    const Section section;
    return is_written();
  }

 private:
  [[nodiscard]] bool is_written() const { return writer_.thread != nullptr; }
  [[nodiscard]] bool may_read() const;
  [[nodiscard]] bool readers_turn() const;
  LockOutcome acquire(const LockRequest& request);
  LockOutcome acquire_shared(const LockRequest& request);
  bool try_acquire(const void* where);
  bool try_acquire_shared(const void* where);
  [[nodiscard]] bool is_awaited() const;
  [[nodiscard]] bool needs_no_section(const Control& self) const;
  LockOutcome begin_reading(const LockRequest& request);
  void end_reading();
  [[nodiscard]] std::uint64_t place_among_writers(std::uint64_t ticket) const;
  void inherit_from_overtaken(Control& writer);
  LockOutcome wait_in(WaitQueue& queue, const LockRequest& request);
  bool try_again(const TicketNode& waiter, bool reads, const void* where);
  void let_go(Control& self);
  void admit();
  void track_reading(const void* where, Taking taking);
  void track_writing(const void* where, Taking taking);
  void forget_order();
  void check_may_go() const;

  Holder writer_;
  Readers readers_;
  std::uint64_t last_ticket_ = 0;
  WaitQueue waiting_readers_;
  WaitQueue waiting_writers_;
  Prefer prefer_;
  bool in_order_ = false;  // the runtime's LockOrder knows it, as `waiting_writers_`
};

}  // namespace spindle::thread
