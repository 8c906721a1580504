// Waiting for file descriptors: the thread is parked, the worker goes on.
//
// The descriptor should be non-blocking: try the call, wait on EAGAIN, try again. Any descriptor
// that epoll takes will do. Each is registered at its first wait and stays registered: `forget` it
// before closing it. Any number of threads may wait on one descriptor; readiness wakes them all.
#pragma once

#include <cstdint>

#include "spindle/base/result.h"
#include "spindle/thread/wait_queue.h"

namespace spindle::thread {

/// Parks until the descriptor is readable (or at its end, or broken). ETIMEDOUT if the deadline
/// came first; ECANCELED if it was forgotten meanwhile; EPERM for a descriptor that cannot be
/// polled (a regular file), EBADF for a number that is no descriptor.
Result<> wait_readable(int fd, Timeout timeout = kNever);
Result<> wait_writable(int fd, Timeout timeout = kNever);

/// To be called before a read that is tried at once and waits only if it finds nothing. If the last
/// reads of this descriptor found nothing, lets the other ready threads run first. Afterwards there
/// may be something to read or not, for the deadline may have come. ECANCELED if the descriptor was
/// forgotten meanwhile. Does nothing outside of a thread.
Result<> put_off_read(int fd, Timeout timeout = kNever);

/// Ends the registration; threads that wait on the descriptor get ECANCELED. Harmless if it is not
/// registered, and outside of a run: the end of a run ends all registrations.
void forget(int fd);

}  // namespace spindle::thread
