// Waiting for file descriptors: the thread is parked, the worker goes on.
//
// The descriptor should be non-blocking: try the call, wait on EAGAIN, try again. Any descriptor
// that epoll takes will do; each is registered once, at its first wait, and stays so: `forget` it
// before closing it. Any number of threads may wait on one descriptor; readiness wakes them all.
#pragma once

#include <cstdint>

#include "spindle/base/result.h"
#include "spindle/thread/wait_queue.h"

namespace spindle::thread {

/// Parks until the descriptor is readable (or at its end, or broken). ETIMEDOUT if the deadline
/// came first; ECANCELED if it was forgotten meanwhile; EPERM for a descriptor that cannot be
/// polled (a regular file), EBADF for none.
Result<> wait_readable(int fd, Timeout timeout = kNever);
Result<> wait_writable(int fd, Timeout timeout = kNever);

/// For those who read at once and wait if there was nothing: to be called before. Lets the other
/// ready threads run first if the last reads of this descriptor found nothing; there may be
/// something afterwards or not, as the deadline may have come. ECANCELED if it was forgotten
/// meanwhile.
Result<> put_off_read(int fd, Timeout timeout = kNever);

/// Ends the registration; threads that wait on it get ECANCELED. Harmless if there is none, as
/// outside of a run, whose end ends all registrations.
void forget(int fd);

}  // namespace spindle::thread
