#include "spindle/thread/group.h"

#include "thread/blocking.h"
#include "thread/scheduler.h"

namespace spindle::thread {
namespace {

constexpr Holder kNobodyAlone;

}  // namespace

void TaskGroup::enter() {
  const Section section;
  ++running_;
}

void TaskGroup::leave() {
  const Section section;
  if (--running_ == 0) waiters_.wake_all();
}

void TaskGroup::begin(MemberNode& member) {
  const Section section;
  Control& self = caller();
  member.thread = &self;
  members_.add(member);
  // Threads that wait may have lent their priority to the members so far.
  if (!waiters_.empty() && self.scheduler->priorities_differ()) self.scheduler->settle(self);
}

void TaskGroup::end(MemberNode& member) {
  const Section section;
  members_.remove(member);
  Control& self = *member.thread;
  if (self.priority != self.own_priority) self.scheduler->settle(self);
  leave();
}

bool TaskGroup::wait_for_all(Deadline deadline) {
  const Section section;
  if (running_ == 0) return true;
  WaitNode node;
  const LockRequest request{
      .deadline = deadline, .where = __builtin_return_address(0), .cancellable = true};
  return wait_for_lock(node, waiters_, {.alone = kNobodyAlone, .members = &members_}, request) ==
         LockOutcome::kTaken;
}

}  // namespace spindle::thread
