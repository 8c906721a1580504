#include "spindle/thread/monitor.h"

#include "spindle/thread/section.h"
#include "thread/blocking.h"
#include "thread/scheduler.h"

namespace spindle::thread {

struct HoareMonitor::Waiter : WaitNode {
  explicit Waiter(const void* place) : where(place) {}
  const void* where;
};

void HoareMonitor::enter() {
  enter_until(kNever, __builtin_return_address(0));
}

bool HoareMonitor::enter_until(std::int64_t deadline_ns) {
  return enter_until(deadline_ns, __builtin_return_address(0));
}

bool HoareMonitor::enter_until(std::int64_t deadline_ns, const void* where) {
  const Section section;
  Control& self = caller();
  if (inside_.thread == &self) report_misuse("enters again", entering_, inside_);
  if (inside_.thread != nullptr) return wait_in(entering_, deadline_ns, where);
  inside_ = {&self, where};
  return true;
}

void HoareMonitor::leave() {
  const Section section;
  check_inside("leaves");
  leave_to_next();
}

bool HoareMonitor::inside() const {
  const Section section;
  return inside_.thread == &caller();
}

void HoareMonitor::check_inside(const char* what) const {
  if (inside_.thread != &caller()) report_misuse(what, entering_, inside_);
}

// Woken means that this thread was put inside.
bool HoareMonitor::wait_in(WaitQueue& queue, std::int64_t deadline_ns, const void* where) {
  Blocking blocking(inside_, queue, where, deadline_ns == kNever);
  Waiter waiter(where);
  waiter.interruptible = false;  // as in locking a mutex
  queue.enqueue(waiter);
  const bool woken = WaitQueue::park(waiter, deadline_ns);
  blocking.ended(woken);
  return woken;
}

// The first of the queue goes on, inside.
void HoareMonitor::hand_to(WaitQueue& queue) {
  const auto& next = static_cast<const Waiter&>(*queue.front());
  inside_ = {next.thread, next.where};
  queue.wake_one();
  Scheduler& scheduler = *inside_.thread->scheduler;
  // Others may wait for the monitor still.
  if (scheduler.priorities_differ()) scheduler.settle(*inside_.thread);
}

// To one who signalled, else to one who would enter.
void HoareMonitor::leave_to_next() {
  Control& self = caller();
  if (!urgent_.empty()) {
    hand_to(urgent_);
  } else if (!entering_.empty()) {
    hand_to(entering_);
  } else {
    inside_ = {};
  }
  if (self.priority != self.own_priority) self.scheduler->settle(self);
}

void HoareMonitor::Condition::wait() {
  wait_until(kNever, __builtin_return_address(0));
}

bool HoareMonitor::Condition::wait_until(std::int64_t deadline_ns) {
  return wait_until(deadline_ns, __builtin_return_address(0));
}

bool HoareMonitor::Condition::wait_until(std::int64_t deadline_ns, const void* where) {
  const Section section;
  monitor_.check_inside("waits in");
  Waiter waiter(where);
  waiters_.enqueue(waiter);
  monitor_.leave_to_next();
  try {
    if (WaitQueue::park(waiter, deadline_ns)) return true;
  } catch (...) {  // the thread was cancelled
    monitor_.enter_until(kNever, where);
    throw;
  }
  monitor_.enter_until(kNever, where);
  return false;
}

void HoareMonitor::Condition::signal() {
  const Section section;
  monitor_.check_inside("signals in");
  if (waiters_.empty()) return;
  const void* const where = __builtin_return_address(0);
  monitor_.hand_to(waiters_);
  monitor_.wait_in(monitor_.urgent_, kNever, where);
}

bool HoareMonitor::Condition::empty() const {
  const Section section;
  return waiters_.empty();
}

}  // namespace spindle::thread
