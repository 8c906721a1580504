// Reading, writing, accepting and connecting that park the thread, not the worker.
//
// The descriptors are non-blocking sockets, pipes and the like (`set_nonblocking`; `accept` returns
// non-blocking ones). Each call tries first and waits only if it must; a read that is likely to
// find nothing, as the last ones did, lets the other ready threads run before it tries. Regular
// files are always "ready": where a disk may be slow, `offload` the call (offload.h).
// `close_descriptor` forgets and closes. Outside of a thread they do what can be done at once.
#pragma once

#include <poll.h>
#include <sys/socket.h>

#include <cstddef>
#include <cstdint>
#include <span>

#include "spindle/base/result.h"
#include "spindle/thread/wait_queue.h"

namespace spindle::thread {

Result<> set_nonblocking(int fd);

/// Reads some bytes, at least one; 0 at the end. ETIMEDOUT if the deadline came first.
Result<std::size_t> read_some(int fd, std::span<std::byte> to, Timeout timeout = kNever);
/// Writes all of them. EPIPE if the other side is gone (without a signal, for sockets).
Result<> write_all(int fd, std::span<const std::byte> from, Timeout timeout = kNever);
/// The descriptor of the next connection, non-blocking.
Result<int> accept(int listener, Timeout timeout = kNever);
/// Waits until the listener has room, too. ETIMEDOUT if the deadline came first.
Result<> connect(int fd, const sockaddr* address, socklen_t size, Timeout timeout = kNever);
/// Waits, like poll(2), until one of the descriptors is ready. Returns how many are, with `revents`
/// set; 0 if the deadline came first.
Result<std::size_t> poll(std::span<pollfd> descriptors, Timeout timeout = kNever);
void close_descriptor(int fd);

}  // namespace spindle::thread
