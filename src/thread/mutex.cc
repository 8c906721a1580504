#include "spindle/thread/mutex.h"

#include <cstdio>
#include <cstdlib>

#include "spindle/base/clock.h"
#include "thread/scheduler.h"

namespace spindle::thread {
namespace {

// Holds what is locked outside of any thread.
constinit Control nobody;

Control& caller() {
  Control* self = current_control;
  return self != nullptr ? *self : nobody;
}

const char* name_of(const Control* thread) {
  if (thread == nullptr) return "nobody";
  return thread == &nobody ? "outside of a runtime" : thread->name;
}

[[noreturn]] void misuse(const char* what, const char* mutex, const Control* owner) {
  std::fprintf(stderr, "thread \"%s\" %s mutex \"%s\", held by \"%s\"\n", name_of(&caller()), what,
               mutex, name_of(owner));
  std::abort();
}

}  // namespace

void Mutex::lock() {
  if (owner_ == nullptr) {
    owner_ = &caller();
  } else {
    lock_contended(kNever);
  }
}

bool Mutex::try_lock() {
  if (owner_ != nullptr) return false;
  owner_ = &caller();
  return true;
}

bool Mutex::try_lock_for(std::int64_t duration_ns) {
  return try_lock() || (duration_ns > 0 && lock_contended(monotonic_ns() + duration_ns));
}

bool Mutex::try_lock_until(std::int64_t deadline_ns) {
  return try_lock() || lock_contended(deadline_ns);
}

bool Mutex::lock_contended(std::int64_t deadline_ns) {
  if (owner_ == &caller()) misuse("locks again the", name(), owner_);
  // Woken means that unlock has made this thread the owner.
  return waiters_.wait_until(deadline_ns);
}

void Mutex::unlock() {
  if (owner_ != &caller()) misuse("unlocks the", name(), owner_);
  WaitNode* const first = waiters_.front();
  if (first == nullptr) {
    owner_ = nullptr;
    return;
  }
  owner_ = first->thread;
  waiters_.wake(*first);
}

bool Mutex::held_by_this_thread() const {
  return owner_ == &caller();
}

void RecursiveMutex::lock() {
  if (!mutex_.held_by_this_thread()) mutex_.lock();
  ++depth_;
}

bool RecursiveMutex::try_lock() {
  const bool locked = mutex_.held_by_this_thread() || mutex_.try_lock();
  if (locked) ++depth_;
  return locked;
}

bool RecursiveMutex::try_lock_for(std::int64_t duration_ns) {
  return try_lock_until(duration_ns > 0 ? monotonic_ns() + duration_ns : 0);
}

bool RecursiveMutex::try_lock_until(std::int64_t deadline_ns) {
  const bool locked = mutex_.held_by_this_thread() || mutex_.try_lock_until(deadline_ns);
  if (locked) ++depth_;
  return locked;
}

void RecursiveMutex::unlock() {
  if (!mutex_.held_by_this_thread() || --depth_ == 0) mutex_.unlock();
}

}  // namespace spindle::thread
