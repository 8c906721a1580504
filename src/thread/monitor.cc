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
  enter_as({.where = __builtin_return_address(0)});
}

Result<> HoareMonitor::enter_checked(Timeout timeout) {
  const LockRequest request{
      .deadline = timeout, .where = __builtin_return_address(0), .checked = true};
  return to_result(enter_as(request));
}

bool HoareMonitor::enter_until(Deadline deadline) {
  return enter_as({deadline, __builtin_return_address(0)}) == LockOutcome::kTaken;
}

bool HoareMonitor::enter_for(Duration duration) {
  const LockRequest request{duration.from_now(), __builtin_return_address(0)};
  return enter_as(request) == LockOutcome::kTaken;
}

LockOutcome HoareMonitor::enter_as(const LockRequest& request) {
  const Section section;
  Control& self = caller();
  if (inside_.thread == &self) {
    if (request.checked) return LockOutcome::kClosesCircle;
    report_misuse("enters again", entering_, {inside_});
  }
  if (inside_.thread != nullptr) return wait_in(entering_, request);
  inside_ = {&self, request.where};
  if (self.tracks_locks) {
    track(request.where, request.deadline != 0 ? Taking::kByWait : Taking::kByTry);
  }
  return LockOutcome::kTaken;
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
  if (inside_.thread != &caller()) report_misuse(what, entering_, {inside_});
}

// kTaken means that this thread was put inside.
LockOutcome HoareMonitor::wait_in(WaitQueue& queue, const LockRequest& request) {
  Waiter waiter(request.where);
  const LockOutcome outcome = wait_for_lock(waiter, queue, {inside_}, request);
  if (outcome == LockOutcome::kTaken && waiter.thread->tracks_locks) {
    track(request.where, Taking::kByWait);
  }
  return outcome;
}

// The first thread of the queue goes on, inside.
void HoareMonitor::hand_to(WaitQueue& queue) {
  const auto& next = static_cast<const Waiter&>(*queue.front());
  inside_ = {next.thread, next.where};
  queue.wake_one();
  Scheduler& scheduler = *inside_.thread->scheduler;
  // Others may still wait for the monitor.
  if (scheduler.priorities_differ()) scheduler.settle(*inside_.thread);
}

// Hands it to a thread that signalled; if there is none, to one that wants to enter.
void HoareMonitor::leave_to_next() {
  Control& self = caller();
  if (self.tracks_locks) note_released(entering_);
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

bool HoareMonitor::Condition::wait_until(Deadline deadline) {
  return wait_until(deadline, __builtin_return_address(0));
}

bool HoareMonitor::Condition::wait_for(Duration duration) {
  return wait_until(duration.from_now(), __builtin_return_address(0));
}

bool HoareMonitor::Condition::wait_until(Deadline deadline, const void* where) {
  const Section section;
  monitor_.check_inside("waits in");
  Waiter waiter(where);
  waiters_.enqueue(waiter);
  monitor_.leave_to_next();
  bool signalled = false;
  try {
    signalled = WaitQueue::park(waiter, deadline);
  } catch (...) {  // the thread was cancelled
    monitor_.enter_as({.where = where});
    throw;
  }
  if (!signalled) {
    monitor_.enter_as({.where = where});
  } else if (waiter.thread->tracks_locks) {
    monitor_.track(where, Taking::kByWait);
  }
  return signalled;
}

void HoareMonitor::Condition::signal() {
  const Section section;
  monitor_.check_inside("signals in");
  if (waiters_.empty()) return;
  if (caller().tracks_locks) note_released(monitor_.entering_);
  monitor_.hand_to(waiters_);
  monitor_.wait_in(monitor_.urgent_, {.where = __builtin_return_address(0)});
}

bool HoareMonitor::Condition::empty() const {
  const Section section;
  return waiters_.empty();
}

void HoareMonitor::track(const void* where, Taking taking) {
  in_order_ = true;
  note_taken({&entering_}, where, taking);
}

void HoareMonitor::forget_order() {
  forget_in_order(entering_);
}

void HoareMonitor::check_may_go() const {
  if (checks_what_goes()) report_misuse("destroys", entering_, {inside_});
}

}  // namespace spindle::thread
