#include "spindle/thread/thread.h"

#include "spindle/base/clock.h"
#include "thread/blocking.h"
#include "thread/scheduler.h"

namespace spindle::thread {

namespace detail {

Control* prepare(const ThreadOptions& options, std::size_t size, std::size_t alignment,
                 void (*entry)(void*), void** storage) {
  CHECK(current_scheduler != nullptr);
  return current_scheduler->prepare(options, size, alignment, entry, storage);
}

void start(Control* control) {
  control->scheduler->start(*control);
}

void start_detached(Control* control) {
  control->detached = true;
  control->scheduler->start(*control);
}

}  // namespace detail

Thread& Thread::operator=(Thread&& other) noexcept {
  if (this != &other) {
    Thread old(std::exchange(control_, std::exchange(other.control_, nullptr)));
  }
  return *this;
}

Thread::~Thread() {
  if (control_ == nullptr) return;
  // Where nobody can wait, or would wait for ever, a thread that has not ended is let go.
  const bool can_join = current_control != nullptr || control_->state == ThreadState::kEnded;
  if (!can_join || !join().ok()) detach().take();
}

Result<> Thread::join() {
  return join_until(kNever);
}

Result<> Thread::join_until(std::int64_t deadline_ns) {
  if (control_ == nullptr) return Error{EINVAL, "there is no thread to join"};
  Control& thread = *control_;
  if (&thread == current_control) return Error{EDEADLK, "a thread cannot join itself"};
  if (thread.state != ThreadState::kEnded) {
    WaitQueue end(thread.name, WaitKind::kJoin);
    const Holder holder{&thread, nullptr};
    Blocking blocking(holder, end, __builtin_return_address(0), false);
    if (deadline_ns == kNever && closes_circle(calling_thread())) {
      blocking.ended(false);
      return Error{EDEADLK, "the thread waits for the one that would join it"};
    }
    thread.joiner = &end;
    const bool ended = end.wait_until(deadline_ns);
    thread.joiner = nullptr;
    blocking.ended(ended);
    if (!ended) return Error{ETIMEDOUT, "the thread did not end in time"};
  }
  control_ = nullptr;
  thread.scheduler->release(thread);
  return {};
}

Result<> Thread::detach() {
  if (control_ == nullptr) return Error{EINVAL, "there is no thread to detach"};
  Control& thread = *std::exchange(control_, nullptr);
  if (thread.state == ThreadState::kEnded) {
    thread.scheduler->release(thread);
  } else {
    thread.detached = true;
  }
  return {};
}

std::uint64_t Thread::id() const {
  return control_ == nullptr ? 0 : control_->id;
}

void Thread::set_priority(int priority) {
  if (control_ != nullptr) control_->scheduler->set_own_priority(*control_, priority);
}

void yield() {
  calling_thread().scheduler->yield();
}

void sleep_for(std::int64_t duration_ns) {
  sleep_until(monotonic_ns() + duration_ns);
}

void sleep_until(std::int64_t monotonic_deadline_ns) {
  WaitQueue alarm("", WaitKind::kSleep);
  if (monotonic_deadline_ns <= monotonic_ns()) {
    yield();
  } else {
    alarm.wait_until(monotonic_deadline_ns);
  }
}

namespace current_thread {
bool exists() {
  return current_control != nullptr;
}
std::uint64_t id() {
  return exists() ? current_control->id : 0;
}
std::string_view name() {
  return exists() ? current_control->name : std::string_view();
}
int priority() {
  return caller().priority;
}
void set_priority(int priority) {
  Control& self = calling_thread();
  self.scheduler->set_own_priority(self, priority);
}
}  // namespace current_thread

}  // namespace spindle::thread
