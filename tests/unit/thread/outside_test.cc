// What other kernel threads may do to a runtime, and what a later run finds.
#include <sys/resource.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <memory>
#include <string>
#include <thread>

#include "spindle/thread/event.h"
#include "spindle/thread/mutex.h"
#include "spindle/thread/offload.h"
#include "spindle/thread/semaphore.h"
#include "spindle/thread/trace.h"
#include "thread_test.h"

namespace spindle::thread {
namespace {

std::unique_ptr<Runtime> make_quiet_runtime(unsigned workers) {
  return Runtime::create({.workers = workers, .on_deadlock = [](std::string_view) {}}).take();
}

TEST(Outside, OneKernelThreadAtATimeIsInARun) {
  for (const unsigned workers : {1u, 2u}) {
    auto runtime = Runtime::create({.workers = workers}).take();
    int code = 0;
    EXPECT_TRUE(
        runtime->run([&] { std::thread([&] { code = runtime->run([] {}).code(); }).join(); }).ok());
    EXPECT_EQ(code, EBUSY);
    std::thread([&] { code = runtime->run([] {}).code(); }).join();
    EXPECT_EQ(code, 0);
  }
}

TEST(Outside, AMainThatALaterRunWakesHasAllThatItCaptured) {
  for (const unsigned workers : {1u, 2u}) {
    auto runtime = make_quiet_runtime(workers);
    Semaphore wakes(0, "wakes");
    const auto captured = std::make_shared<std::string>("all that it captured");
    std::array<std::string, 2> seen;
    for (std::string& text : seen) {
      EXPECT_EQ(runtime
                    ->run([&wakes, &text, captured] {
                      wakes.acquire();
                      text = *captured;
                    })
                    .code(),
                EDEADLK);
    }
    EXPECT_EQ(captured.use_count(), 3);
    EXPECT_TRUE(runtime->run([&] { wakes.release(2); }).ok());
    EXPECT_EQ(seen[0], *captured);
    EXPECT_EQ(seen[1], *captured);
    EXPECT_EQ(captured.use_count(), 1);
  }
}

TEST(Outside, WhoeverIsAsleepForEverMayBeWokenBetweenRuns) {
  for (const unsigned workers : {1u, 2u}) {
    auto runtime = make_quiet_runtime(workers);
    Semaphore wakes(0, "wakes");
    bool woken = false;
    EXPECT_EQ(runtime
                  ->run([&] {
                    wakes.acquire();
                    woken = true;
                  })
                  .code(),
              EDEADLK);
    wakes.release();
    EXPECT_TRUE(runtime->run([] {}).ok());
    EXPECT_TRUE(woken);
  }
}

/// Runs `body` on a kernel thread of its own, while "waiter" waits for a semaphore.
void wake_from_outside(const std::function<void(Semaphore&, Thread&)>& body) {
  run([&] {
    Semaphore wakes(0, "wakes");
    Thread waiter = spawn("waiter", [&] { wakes.acquire(); });
    yield();
    std::thread([&] { body(wakes, waiter); }).join();
  });
}

constexpr const char* kSaysWhoMayNot =
    "wakes from outside of its runtime a thread at the semaphore \"wakes\", for which \"waiter\" "
    "waits: only Runtime::post may be called there";

TEST(OutsideDeathTest, NobodyIsWokenFromAnotherKernelThread) {
  GTEST_FLAG_SET(death_test_style, "threadsafe");
  EXPECT_DEATH(wake_from_outside([](Semaphore& wakes, Thread&) { wakes.release(); }),
               kSaysWhoMayNot);
  EXPECT_DEATH(wake_from_outside([](Semaphore&, Thread& waiter) { waiter.cancel(); }),
               kSaysWhoMayNot);
  EXPECT_DEATH(wake_from_outside([](Semaphore& wakes, Thread&) { run([&] { wakes.release(); }); }),
               kSaysWhoMayNot);
}

TEST(OutsideDeathTest, ACallOnAHelperWakesNobody) {
  GTEST_FLAG_SET(death_test_style, "threadsafe");
  EXPECT_DEATH(run([] {
                 Semaphore wakes(0, "wakes");
                 Thread waiter = spawn("waiter", [&] { wakes.acquire(); });
                 yield();
                 offload([&] { wakes.release(); });
               }),
               kSaysWhoMayNot);
}

/// The kernel gives this process no more threads; root would not be limited.
void run_out_of_kernel_threads() {
  constexpr uid_t kNobody = 65534;
  const rlimit none{0, 0};
  ASSERT_EQ(setrlimit(RLIMIT_NPROC, &none), 0);
  if (geteuid() == 0) ASSERT_EQ(setresuid(kNobody, kNobody, kNobody), 0);
}

TEST(OutsideDeathTest, WithoutAHelperACallIsMadeHereOrNotAtAll) {
  GTEST_FLAG_SET(death_test_style, "threadsafe");
  const auto try_both = [] {
    run_out_of_kernel_threads();
    run([] {
      const auto here = std::this_thread::get_id();
      const bool is_made_here = offload([&] { return std::this_thread::get_id() == here; });
      bool is_made = false;
      const Result<bool> elsewhere = offload_elsewhere([&] { return is_made = true; });
      _exit(is_made_here && !is_made && elsewhere.code() == EAGAIN ? 0 : 1);
    });
  };
  EXPECT_EXIT(try_both(), testing::ExitedWithCode(0), "");
}

TEST(OutsideDeathTest, WhatThreadsWaitForIsNotDestroyedByAnotherKernelThread) {
  const auto destroy_waited_for = [] {
    auto wakes = std::make_unique<Semaphore>(0, "wakes");
    run([&] {
      Thread waiter = spawn("waiter", [&] { wakes->acquire(); });
      yield();
      std::thread([&] { wakes.reset(); }).join();
    });
  };
  EXPECT_DEATH(destroy_waited_for(),
               "destroys the semaphore \"wakes\", for which \"waiter\" waits");
}

TEST(OutsideDeathTest, ARuntimeThatRunsIsNotDestroyed) {
  const auto destroy_by_another = [] {
    auto runtime = make_runtime();
    static_cast<void>(runtime->run([&] { std::thread([&] { runtime.reset(); }).join(); }).ok());
  };
  const auto destroy_within = [] {
    auto runtime = make_runtime();
    static_cast<void>(runtime->run([&] { runtime.reset(); }).ok());
  };
  EXPECT_DEATH(destroy_by_another(), "a runtime is destroyed while it runs");
  EXPECT_DEATH(destroy_within(), "a runtime is destroyed while it runs");
}

TEST(OutsideDeathTest, ASecondTraceIsRefused) {
  GTEST_FLAG_SET(death_test_style, "threadsafe");
  auto runtime = make_runtime();
  const Trace trace(*runtime);
  EXPECT_DEATH(Trace another(*runtime), "one Trace at a time");
}

}  // namespace
}  // namespace spindle::thread
