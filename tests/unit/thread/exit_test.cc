// std::exit in a thread, while others wait and hold.
#include <unistd.h>

#include <cstdlib>
#include <string>

#include "spindle/thread/monitor.h"
#include "spindle/thread/mutex.h"
#include "spindle/thread/offload.h"
#include "spindle/thread/semaphore.h"
#include "spindle/thread/shared_mutex.h"
#include "thread_test.h"

namespace spindle::thread {
namespace {

// They are destroyed after exit has begun.
Semaphore static_semaphore(0, "static");
Mutex static_mutex("static");
SharedMutex static_table("static");
HoareMonitor static_monitor("static");

void exit_beside(const std::function<void()>& other) {
  run([&] {
    Thread thread = spawn("other", [&] {
      other();
      sleep_for(60 * kNsPerSecond);
    });
    sleep_for(kNsPerMs);
    std::exit(0);
  });
}

// A death test that begins the program anew. LeakSanitizer reports as leaked what is reachable only
// from the stacks of threads that never ended, so it is switched off.
class ExitDeathTest : public testing::Test {
 protected:
  ExitDeathTest() {
    GTEST_FLAG_SET(death_test_style, "threadsafe");
    const char* const options = std::getenv("ASAN_OPTIONS");
    if (options != nullptr) before_ = options;
    setenv("ASAN_OPTIONS", (before_ + ":detect_leaks=0").c_str(), 1);
  }
  ~ExitDeathTest() override { setenv("ASAN_OPTIONS", before_.c_str(), 1); }

 private:
  std::string before_;
};

TEST_F(ExitDeathTest, LetsGoWhatIsHeldAndWaitedFor) {
  const auto ended = testing::ExitedWithCode(0);
  EXPECT_EXIT(exit_beside([] { static_semaphore.acquire(); }), ended, "");
  EXPECT_EXIT(exit_beside([] { static_mutex.lock(); }), ended, "");
  EXPECT_EXIT(exit_beside([] { static_table.lock(); }), ended, "");
  EXPECT_EXIT(exit_beside([] { static_table.lock_shared(); }), ended, "");
  EXPECT_EXIT(exit_beside([] { static_monitor.enter(); }), ended, "");
}

void exit_in_static_runtime(unsigned workers) {
  static const auto runtime = Runtime::create({.workers = workers}).take();
  runtime->run([] { spawn("leaver", [] { std::exit(7); }).join().take(); }).take();
}

TEST_F(ExitDeathTest, LeavesTheRuntimeThatRuns) {
  EXPECT_EXIT(exit_in_static_runtime(1), testing::ExitedWithCode(7), "");
  EXPECT_EXIT(exit_in_static_runtime(2), testing::ExitedWithCode(7), "");
}

TEST_F(ExitDeathTest, DoesNotWaitForCalls) {
  EXPECT_EXIT(exit_beside([] { offload([] { pause(); }); }), testing::ExitedWithCode(0), "");
}

}  // namespace
}  // namespace spindle::thread
