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

TEST(Connect, WaitsForRoomInTheBacklogOfAUnixSocket) {
  run([] {
    // The kernel chooses a name.
    sockaddr_un address = {.sun_family = AF_UNIX, .sun_path = {}};
    socklen_t size = sizeof(sa_family_t);
    auto* const generic = reinterpret_cast<sockaddr*>(&address);
    const auto make = [] { return socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0); };
    const int listener = make();
    ASSERT_EQ(bind(listener, generic, size), 0);
    size = sizeof address;
    ASSERT_EQ(getsockname(listener, generic, &size), 0);
    ASSERT_EQ(listen(listener, 0), 0);
    const int first = make();
    const int second = make();
    ASSERT_TRUE(connect(first, generic, size, kNever).ok());
    EXPECT_EQ(connect(second, generic, size, 0).code(), ETIMEDOUT);
    EXPECT_EQ(connect(second, generic, size, monotonic_ns() + kNsPerMs).code(), ETIMEDOUT);
    Thread connecting =
        spawn("second", [&] { EXPECT_TRUE(connect(second, generic, size, kNever).ok()); });
    for (int i = 0; i < 2; ++i) close_descriptor(accept(listener).take());
    EXPECT_TRUE(connecting.join().ok());
    for (const int fd : {listener, first, second}) close_descriptor(fd);
  });
}

}  // namespace
}  // namespace spindle::thread
