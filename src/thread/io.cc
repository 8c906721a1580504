#include "spindle/thread/io.h"

#include "spindle/thread/section.h"
#include "thread/scheduler.h"

namespace spindle::thread {

Result<> wait_readable(int fd, std::int64_t deadline_ns) {
  const Section section;
  Poller& poller = calling_thread().scheduler->poller();
  return poller.wait(fd, Poller::Direction::kReadable, deadline_ns);
}

Result<> wait_writable(int fd, std::int64_t deadline_ns) {
  const Section section;
  Poller& poller = calling_thread().scheduler->poller();
  return poller.wait(fd, Poller::Direction::kWritable, deadline_ns);
}

void forget(int fd) {
  CHECK(current_scheduler != nullptr);
  const Section section;
  current_scheduler->poller().forget(fd);
}

}  // namespace spindle::thread
