// What is a point of cancellation, and what keeps it away.
#include <functional>

#include "spindle/thread/thread.h"
#include "thread_test.h"

namespace spindle::thread {
namespace {

void without_cancellation(int depth, const std::function<void()>& body) {
  const current_thread::CancellationOff off;
  depth > 1 ? without_cancellation(depth - 1, body) : body();
}

TEST(CancellationOff, NestsHoweverDeep) {
  run([] {
    for (const int depth : {1, 255, 256, 257, 65536}) {
      bool slept = false;
      const ThreadOptions options{.name = "deep", .stack_size = std::size_t{64} << 20};
      Thread thread = spawn(options, [&] {
        without_cancellation(depth, [&] {
          sleep_for(1);
          slept = true;
        });
      });
      thread.cancel();
      EXPECT_TRUE(thread.join().ok());
      EXPECT_TRUE(slept) << depth;
    }
  });
}

TEST(Cancellation, EndsASleepOfNoTimeToo) {
  run([] {
    bool slept = false;
    for (const std::int64_t ns : {std::int64_t{0}, std::int64_t{-1}, std::int64_t{1}}) {
      Thread thread = spawn("sleeper", [&] {
        sleep_for(ns);
        slept = true;
      });
      thread.cancel();
      EXPECT_TRUE(thread.join().ok());
      EXPECT_FALSE(slept) << ns;
    }
  });
}

}  // namespace
}  // namespace spindle::thread
