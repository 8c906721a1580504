// Descriptors that several threads wait for at a time.
#include "spindle/thread/stream.h"

#include <unistd.h>

#include <array>

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

}  // namespace
}  // namespace spindle::thread
