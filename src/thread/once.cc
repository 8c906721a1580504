#include "spindle/thread/once.h"

#include "thread/blocking.h"
#include "thread/scheduler.h"

namespace spindle::thread {

bool Once::begin() {
  const LockRequest request{.where = __builtin_return_address(0), .cancellable = true};
  return begin_as(request).take();
}

Result<bool> Once::begin_until(Deadline deadline) {
  return begin_as({.deadline = deadline,
                   .where = __builtin_return_address(0),
                   .checked = true,
                   .cancellable = true});
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

void Once::finish() {
  const Section section;
  done_ = true;
  let_others_go();
}

void Once::give_up() {
  const Section section;
  let_others_go();
}

// In a section.
void Once::let_others_go() {
  at_it_ = {};
  waiters_.wake_all();
  Control& self = caller();
  if (self.priority != self.own_priority) self.scheduler->settle(self);
}

void Once::check_may_go() const {
  if (checks_what_goes()) report_misuse("destroys", waiters_, {at_it_});
}

}  // namespace spindle::thread
