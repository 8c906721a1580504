#include "spindle/thread/shared_mutex.h"

#include "spindle/base/clock.h"
#include "thread/scheduler.h"

namespace spindle::thread {

bool SharedMutex::may_read() const {
  return writer_ == nullptr && (prefer_ == Prefer::kReaders || waiting_writers_.empty());
}

bool SharedMutex::try_lock() {
  if (writer_ != nullptr || readers_ > 0) return false;
  writer_ = &calling_thread();
  return true;
}

bool SharedMutex::try_lock_shared() {
  if (!may_read()) return false;
  ++readers_;
  return true;
}

void SharedMutex::lock() {
  try_lock_until(kNever);
}
void SharedMutex::lock_shared() {
  try_lock_shared_until(kNever);
}

bool SharedMutex::try_lock_for(std::int64_t duration_ns) {
  return try_lock() || (duration_ns > 0 && try_lock_until(monotonic_ns() + duration_ns));
}

bool SharedMutex::try_lock_shared_for(std::int64_t duration_ns) {
  return try_lock_shared() ||
         (duration_ns > 0 && try_lock_shared_until(monotonic_ns() + duration_ns));
}

bool SharedMutex::try_lock_until(std::int64_t deadline_ns) {
  if (try_lock()) return true;
  CHECK(writer_ != &calling_thread());
  return wait_in(waiting_writers_, deadline_ns);
}

bool SharedMutex::try_lock_shared_until(std::int64_t deadline_ns) {
  if (try_lock_shared()) return true;
  CHECK(writer_ != &calling_thread());
  return wait_in(waiting_readers_, deadline_ns);
}

bool SharedMutex::wait_in(WaitQueue& queue, std::int64_t deadline_ns) {
  Waiter waiter;
  waiter.ticket = ++last_ticket_;
  queue.enqueue(waiter);
  // Woken means that `admit` has given this thread the lock.
  if (WaitQueue::park(waiter, deadline_ns)) return true;
  // A writer that gives up may be what kept readers out.
  admit();
  return false;
}

bool SharedMutex::readers_turn() const {
  if (waiting_readers_.empty()) return false;
  if (waiting_writers_.empty() || prefer_ == Prefer::kReaders) return true;
  return prefer_ == Prefer::kFair &&
         static_cast<const Waiter*>(waiting_readers_.front())->ticket <
             static_cast<const Waiter*>(waiting_writers_.front())->ticket;
}

void SharedMutex::admit() {
  while (writer_ == nullptr) {
    if (readers_turn()) {
      ++readers_;
      waiting_readers_.wake_one();
    } else if (readers_ == 0 && !waiting_writers_.empty()) {
      writer_ = waiting_writers_.front()->thread;
      waiting_writers_.wake_one();
    } else {
      return;
    }
  }
}

void SharedMutex::unlock() {
  CHECK(writer_ == &calling_thread());
  writer_ = nullptr;
  admit();
}

void SharedMutex::unlock_shared() {
  CHECK(readers_ > 0);
  --readers_;
  admit();
}

}  // namespace spindle::thread
