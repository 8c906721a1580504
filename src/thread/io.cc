#include "spindle/thread/io.h"

#include "spindle/thread/section.h"
#include "thread/scheduler.h"

namespace spindle::thread {

Result<> wait_readable(int fd, Timeout timeout) {
  const Section section;
  Scheduler& scheduler = *calling_thread().scheduler;
  return scheduler.poller().wait(fd, Poller::Direction::kReadable, timeout);
}

Result<> wait_writable(int fd, Timeout timeout) {
  const Section section;
  Scheduler& scheduler = *calling_thread().scheduler;
  return scheduler.poller().wait(fd, Poller::Direction::kWritable, timeout);
}

Result<> put_off_read(int fd, Timeout timeout) {
  if (current_control == nullptr) return {};
  const Section section;
  const Control& self = *current_control;
  Scheduler& scheduler = *self.scheduler;
  // Among several workers there is no moment when nobody runs.
  if (scheduler.workers() > 1) return {};
  return scheduler.poller().put_off_read(fd, timeout, self.worker->switches);
}

void forget(int fd) {
  if (current_scheduler == nullptr) return;
  const Section section;
  current_scheduler->poller().forget(fd);
}

}  // namespace spindle::thread
