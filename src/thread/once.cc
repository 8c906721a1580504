#include "spindle/thread/once.h"

#include "thread/blocking.h"
#include "thread/scheduler.h"

namespace spindle::thread {

bool Once::begin() {
  const LockRequest request{.where = __builtin_return_address(0), .cancellable = true};
  return begin_as(request).take();
}

Result<bool> Once::begin_until(Deadline deadline) {
  return begin_as({deadline, __builtin_return_address(0), true, true});
}

Result<bool> Once::begin_as(const LockRequest& request) {
  const Section section;
  while (at_it_.thread != nullptr) {
    WaitNode node;
    TRY(to_result(wait_for_lock(node, waiters_, {at_it_}, request)));
  }
  if (done_) return false;
  at_it_ = {&caller(), request.where};
  return true;
}

void Once::finish(bool done) {
  const Section section;
  at_it_ = {};
  done_ = done;
  waiters_.wake_all();
  Control& self = caller();
  if (self.priority != self.own_priority) self.scheduler->settle(self);
}

}  // namespace spindle::thread
