#include "spindle/thread/stream.h"

#include <fcntl.h>
#include <sys/epoll.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>

#include "spindle/base/clock.h"
#include "spindle/thread/io.h"
#include "spindle/thread/thread.h"

namespace spindle::thread {
namespace {

using current_thread::error_number;  // after a wait the thread may be on another worker

bool would_wait(int error) {
  return error == EAGAIN || error == EWOULDBLOCK;
}

/// How often to look whether there is room in a backlog.
constexpr std::int64_t kBacklogLookNs = kNsPerMs;

/// A set of descriptors that is one descriptor to those who wait.
class PollSet {
 public:
  explicit PollSet(std::span<const pollfd> descriptors) : fd_(epoll_create1(EPOLL_CLOEXEC)) {
    for (const pollfd& one : descriptors) {
      if (one.fd < 0) continue;
      const auto events = static_cast<std::uint32_t>(one.events);
      if (set(EPOLL_CTL_ADD, one.fd, events) || errno != EEXIST) continue;
      set(EPOLL_CTL_MOD, one.fd, all_events(descriptors, one.fd));
    }
  }
  ~PollSet() { close_descriptor(fd_); }
  PollSet(const PollSet&) = delete;
  PollSet& operator=(const PollSet&) = delete;
  [[nodiscard]] int fd() const { return fd_; }

 private:
  /// The events for a descriptor, which may be listed more than once.
  static std::uint32_t all_events(std::span<const pollfd> descriptors, int fd) {
    std::uint32_t events = 0;
    for (const pollfd& one : descriptors) {
      if (one.fd == fd) events |= static_cast<std::uint32_t>(one.events);
    }
    return events;
  }
  bool set(int operation, int fd, std::uint32_t events) const {
    epoll_event event = {.events = events, .data = {}};
    return epoll_ctl(fd_, operation, fd, &event) == 0;
  }

  int fd_;
};

/// For a Unix socket: nothing tells when its backlog has room again.
Result<> wait_for_backlog(Deadline deadline) {
  const std::int64_t now_ns = monotonic_ns();
  if (deadline.ns() <= now_ns) return Error{ETIMEDOUT, "the backlog was full for too long"};
  sleep_until(std::min(now_ns + kBacklogLookNs, deadline.ns()));
  return {};
}

Result<> end_of_connecting(int fd, Timeout timeout) {
  TRY(wait_writable(fd, timeout));
  int error = 0;
  socklen_t length = sizeof error;
  getsockopt(fd, SOL_SOCKET, SO_ERROR, &error, &length);
  if (error != 0) return Error{error, "the connection failed"};
  return {};
}

}  // namespace

Result<> set_nonblocking(int fd) {
  const int flags = fcntl(fd, F_GETFL);
  if (flags < 0 || fcntl(fd, F_SETFL, flags | O_NONBLOCK) != 0) {
    return Error{errno, "the descriptor cannot be made non-blocking"};
  }
  return {};
}

Result<std::size_t> read_some(int fd, std::span<std::byte> to, Timeout timeout) {
  TRY(put_off_read(fd, timeout));
  for (;;) {
    const ssize_t count = ::read(fd, to.data(), to.size());
    if (count >= 0) return static_cast<std::size_t>(count);
    if (error_number() == EINTR) continue;
    if (!would_wait(error_number())) return Error{error_number(), "the descriptor cannot be read"};
    TRY(wait_readable(fd, timeout));
  }
}

Result<> write_all(int fd, std::span<const std::byte> from, Timeout timeout) {
  while (!from.empty()) {
    ssize_t count = ::send(fd, from.data(), from.size(), MSG_NOSIGNAL);
    if (count < 0 && error_number() == ENOTSOCK) count = ::write(fd, from.data(), from.size());
    if (count >= 0) {
      from = from.subspan(static_cast<std::size_t>(count));
    } else if (would_wait(error_number())) {
      TRY(wait_writable(fd, timeout));
    } else if (error_number() != EINTR) {
      return Error{error_number(), "the descriptor cannot be written"};
    }
  }
  return {};
}

Result<int> accept(int listener, Timeout timeout) {
  for (;;) {
    const int fd = ::accept4(listener, nullptr, nullptr, SOCK_NONBLOCK | SOCK_CLOEXEC);
    if (fd >= 0) return fd;
    if (error_number() == EINTR || error_number() == ECONNABORTED) continue;
    if (!would_wait(error_number())) return Error{error_number(), "no connection can be accepted"};
    TRY(wait_readable(listener, timeout));
  }
}

Result<> connect(int fd, const sockaddr* address, socklen_t size, Timeout timeout) {
  while (::connect(fd, address, size) != 0) {
    if (error_number() == EAGAIN && address->sa_family == AF_UNIX) {
      TRY(wait_for_backlog(timeout));
    } else if (error_number() == EINPROGRESS || error_number() == EINTR) {
      return end_of_connecting(fd, timeout);
    } else {
      return Error{error_number(), "the connection failed"};
    }
  }
  return {};
}

Result<std::size_t> poll(std::span<pollfd> descriptors, Timeout timeout) {
  // Where none is ready, a signal, as of preemption, makes even poll(2) without a wait say EINTR.
  const auto look = [&] {
    const int count = ::poll(descriptors.data(), descriptors.size(), 0);
    return count < 0 && error_number() == EINTR ? 0 : count;
  };
  int ready = look();
  if (ready == 0) {
    const PollSet set(descriptors);
    if (set.fd() < 0) return Error{error_number(), "epoll_create1 failed"};
    // A thread that ran before this one may have taken what woke it.
    for (bool in_time = true; ready == 0 && in_time; ready = look()) {
      const Result<> woken = wait_readable(set.fd(), timeout);
      in_time = woken.ok();
      if (!in_time && woken.code() != ETIMEDOUT) return woken.error();
    }
  }
  if (ready < 0) return Error{error_number(), "the descriptors cannot be polled"};
  return static_cast<std::size_t>(ready);
}

void close_descriptor(int fd) {
  forget(fd);
  ::close(fd);
}

}  // namespace spindle::thread
