// Polling descriptors that others read, too; connecting to a listener without room.
#include "spindle/thread/stream.h"

#include <sys/un.h>
#include <unistd.h>

#include <array>
#include <vector>

#include "spindle/base/clock.h"
#include "spindle/thread/thread.h"
#include "thread_test.h"

namespace spindle::thread {
namespace {

TEST(Poll, GoesOnWaitingIfAnotherTookWhatWokeIt) {
  run([] {
    std::array<int, 2> ends{};
    ASSERT_EQ(pipe(ends.data()), 0);
    ASSERT_TRUE(set_nonblocking(ends[0]).ok());
    const auto poll_and_read = [&](std::size_t) {
      pollfd polled = {.fd = ends[0], .events = POLLIN, .revents = 0};
      EXPECT_EQ(poll({&polled, 1}).take(), 1u);
      EXPECT_EQ(polled.revents, POLLIN);
      char byte = 0;
      EXPECT_EQ(read(ends[0], &byte, 1), 1);
    };
    Thread writer = spawn("writer", [&] {
      for (int i = 0; i < 4; ++i) {
        EXPECT_EQ(write(ends[1], "x", 1), 1);
        sleep_for(kNsPerMs);
      }
    });
    in_parallel(4, poll_and_read);
    EXPECT_TRUE(writer.join().ok());
    for (const int end : ends) close_descriptor(end);
  });
}

// With so many descriptors poll(2) takes a good part of a time slice.
TEST(Poll, GoesOnIfTheSignalsOfPreemptionInterruptIt) {
  auto runtime = Runtime::create({.preemption_ns = 100'000}).take();
  const Result<> result = runtime->run([] {
    std::array<int, 2> ends{};
    ASSERT_EQ(pipe(ends.data()), 0);
    std::vector<pollfd> polled(900, {.fd = ends[0], .events = POLLIN, .revents = 0});
    for (int i = 0; i < 10; ++i) {
      const Result<std::size_t> ready = poll(polled, 0);
      ASSERT_TRUE(ready.ok()) << ready.error().describe();
      EXPECT_EQ(*ready, 0u);
    }
    for (const int end : ends) close_descriptor(end);
  });
  EXPECT_TRUE(result.ok());
}

TEST(ReadSome, OutsideOfAThreadReadsWhatIsThere) {
  std::array<int, 2> ends{};
  ASSERT_EQ(pipe(ends.data()), 0);
  ASSERT_EQ(write(ends[1], "x", 1), 1);
  std::array<std::byte, 2> bytes{};
  EXPECT_EQ(read_some(ends[0], bytes).take(), 1u);
  for (const int end : ends) close_descriptor(end);
}

/// A listener without room for another connection.
class FullListener {
 public:
  FullListener() : fd_(make_socket()), first_(make_socket()) {
    // The kernel chooses a name.
    EXPECT_EQ(bind(fd_, generic(), size_), 0);
    size_ = sizeof address_;
    EXPECT_EQ(getsockname(fd_, generic(), &size_), 0);
    EXPECT_EQ(listen(fd_, 0), 0);
    EXPECT_TRUE(connect(first_).ok());
  }
  ~FullListener() {
    for (const int fd : {fd_, first_}) close_descriptor(fd);
  }
  FullListener(const FullListener&) = delete;
  FullListener& operator=(const FullListener&) = delete;

  static int make_socket() {
    return socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
  }
  Result<> connect(int fd, Timeout timeout = kNever) {
    return thread::connect(fd, generic(), size_, timeout);
  }
  [[nodiscard]] int fd() const { return fd_; }

 private:
  sockaddr* generic() { return reinterpret_cast<sockaddr*>(&address_); }
  sockaddr_un address_ = {.sun_family = AF_UNIX, .sun_path = {}};
  socklen_t size_ = sizeof(sa_family_t);
  int fd_;
  int first_;
};

TEST(Connect, WaitsForRoomInTheBacklogOfAUnixSocket) {
  run([] {
    FullListener listener;
    const int second = FullListener::make_socket();
    EXPECT_EQ(listener.connect(second, 0).code(), ETIMEDOUT);
    EXPECT_EQ(listener.connect(second, monotonic_ns() + kNsPerMs).code(), ETIMEDOUT);
    Thread connecting = spawn("second", [&] { EXPECT_TRUE(listener.connect(second).ok()); });
    for (int i = 0; i < 2; ++i) close_descriptor(accept(listener.fd()).take());
    EXPECT_TRUE(connecting.join().ok());
    close_descriptor(second);
  });
}

// Each worker's kernel thread has an errno, and a compiler may keep the address of the first one.
TEST(Connect, LooksAtTheErrnoOfTheWorkerOnWhichItGoesOn) {
  auto runtime = Runtime::create({.workers = 2}).take();
  const Result<> result = runtime->run([] {
    Thread moves = spawn({.name = "moves", .pinned_to = 0}, [] {
      FullListener listener;
      const int second = FullListener::make_socket();
      EXPECT_TRUE(current_thread::pin_to(1).ok());  // from its next wait on
      EXPECT_EQ(listener.connect(second, monotonic_ns() + 3 * kNsPerMs).code(), ETIMEDOUT);
      close_descriptor(second);
    });
    EXPECT_TRUE(moves.join().ok());
  });
  EXPECT_TRUE(result.ok());
}

}  // namespace
}  // namespace spindle::thread
