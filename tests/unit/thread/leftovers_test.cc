// What is left of threads that could not be made, whose runtime was destroyed while they waited, or
// that ended with a lock.
#include <array>
#include <functional>
#include <memory>
#include <mutex>
#include <stdexcept>
#include <string>
#include <vector>

#include "spindle/thread/channel.h"
#include "spindle/thread/future.h"
#include "spindle/thread/inspect.h"
#include "spindle/thread/monitor.h"
#include "spindle/thread/mutex.h"
#include "spindle/thread/semaphore.h"
#include "spindle/thread/shared_mutex.h"
#include "thread_test.h"

namespace spindle::thread {
namespace {

/// A callable of a size that is kept with the thread, on its stack, or on the heap.
template <std::size_t kSize>
struct ThrowsWhenCopied {
  ThrowsWhenCopied() = default;
  ThrowsWhenCopied(const ThrowsWhenCopied&) { throw std::runtime_error("copied"); }
  void operator()() const { ADD_FAILURE() << "it was not made"; }
  std::array<char, kSize> room = {};
};

TEST(Leftovers, AThreadWhoseCallableCannotBeCopiedIsNone) {
  for (const unsigned workers : {1u, 2u}) {
    SCOPED_TRACE(workers);
    auto runtime = Runtime::create({.workers = workers}).take();
    const Result<> result = runtime->run([&] {
      const auto fails = [](const ThreadOptions& options, const auto& callable) {
        EXPECT_THROW(static_cast<void>(spawn(options, callable)), std::runtime_error);
      };
      for (const std::size_t stack_size : {0, 16 * 1024}) {
        const ThreadOptions options{.name = "none", .stack_size = stack_size};
        for (int i = 0; i < 100; ++i) {
          fails(options, ThrowsWhenCopied<8>());
          fails(options, ThrowsWhenCopied<100>());
          fails(options, ThrowsWhenCopied<5000>());
        }
      }
      EXPECT_EQ(runtime->live_threads(), 1u);
      EXPECT_EQ(list_threads(*runtime).size(), 1u);
      bool ran = false;
      EXPECT_TRUE(spawn("some", [&] { ran = true; }).join().ok());
      EXPECT_TRUE(ran);
    });
    EXPECT_TRUE(result.ok());
  }
}

/// Runs a thread that waits for ever, in a runtime that is gone when this returns. The thread's
/// stack is freed without being unwound: nothing on it may own memory.
void strand(unsigned workers, const std::function<void()>& body) {
  Runtime::Options options;
  options.workers = workers;
  options.on_deadlock = [](std::string_view) {};
  auto runtime = Runtime::create(std::move(options)).take();
  EXPECT_EQ(
      runtime->run([&] { EXPECT_TRUE(spawn_detached("stranded", [&] { body(); }).ok()); }).code(),
      EDEADLK);
}

TEST(Leftovers, NobodyWaitsForWhatOutlivesItsRuntime) {
  for (const unsigned workers : {1u, 2u}) {
    SCOPED_TRACE(workers);
    Semaphore semaphore(0, "semaphore");
    Channel<int> channel(0, "channel");
    auto promise = std::make_unique<Promise<int>>();
    strand(workers, [&] { semaphore.acquire(); });
    strand(workers, [&] { EXPECT_TRUE(channel.receive().ok()); });
    const auto future = promise->future();
    strand(workers, [&] { EXPECT_TRUE(future.get().ok()); });
    promise.reset();
    run([&] {
      semaphore.release();
      EXPECT_TRUE(semaphore.try_acquire());
      EXPECT_EQ(channel.send(1, 0).code(), ETIMEDOUT);
    });
  }
}

// The runtime still stands, and may be looked at.
TEST(Leftovers, WhatIsWaitedForMayGoBeforeTheRuntime) {
  for (const unsigned workers : {1u, 2u}) {
    SCOPED_TRACE(workers);
    Runtime::Options options;
    options.workers = workers;
    options.on_deadlock = [](std::string_view) {};
    auto runtime = Runtime::create(std::move(options)).take();
    auto semaphore = std::make_unique<Semaphore>(0, "semaphore");
    auto promise = std::make_unique<Promise<int>>();
    const auto future = promise->future();
    EXPECT_EQ(runtime
                  ->run([&] {
                    EXPECT_TRUE(spawn_detached("a", [&] { semaphore->acquire(); }).ok());
                    EXPECT_TRUE(spawn_detached("b", [&] { EXPECT_FALSE(future.get().ok()); }).ok());
                  })
                  .code(),
              EDEADLK);
    semaphore.reset();
    promise.reset();
    EXPECT_EQ(list_threads(*runtime).size(), 2u);
  }
}

// Not held by a thread of the next runtime that happens to have the same place in memory.
TEST(Leftovers, ALockStaysThatOfAThreadThatIsGone) {
  for (const unsigned workers : {1u, 2u}) {
    SCOPED_TRACE(workers);
    auto held = std::make_unique<Mutex>("held");
    Semaphore never(0, "never");
    strand(workers, [&] {
      held->lock();
      never.acquire();
    });
    std::vector<std::string> reports;
    auto runtime = make_reporting_runtime(reports);
    const Result<> result = runtime->run([&] {
      in_parallel(3, [&](std::size_t i) {
        current_thread::set_priority(static_cast<int>(i));
        EXPECT_FALSE(held->held_by_this_thread());
        EXPECT_FALSE(held->try_lock());
        EXPECT_EQ(held->lock_checked(1).code(), ETIMEDOUT);
      });
      held->lock();
    });
    EXPECT_EQ(result.code(), EDEADLK);
    ASSERT_EQ(reports.size(), 1u);
    EXPECT_TRUE(says(reports[0], "waits for mutex \"held\"")) << reports[0];
    EXPECT_TRUE(says(reports[0], "held by \"stranded\" since")) << reports[0];
    held.reset();
  }
}

void end_holding(const std::function<void()>& take) {
  Runtime::Options options;
  options.check_lock_order = true;
  auto runtime = Runtime::create(std::move(options)).take();
  static_cast<void>(runtime->run([&] { spawn("careless", take).join().take(); }).ok());
}

TEST(LeftoversDeathTest, AThreadThatEndsAndHoldsALockIsToldWhereOrdersAreChecked) {
  testing::FLAGS_gtest_death_test_style = "threadsafe";
  constexpr auto kSays = "thread \"careless\" ends and holds the .* \"forgotten\", taken at ";
  Mutex mutex("forgotten");
  SharedMutex shared("forgotten");
  HoareMonitor monitor("forgotten");
  EXPECT_DEATH(end_holding([&] { mutex.lock(); }), kSays);
  EXPECT_DEATH(end_holding([&] { shared.lock_shared(); }), kSays);
  EXPECT_DEATH(end_holding([&] { monitor.enter(); }), kSays);
  end_holding([&] {
    const std::scoped_lock lock(mutex, shared);
    const HoareMonitor::Entry entry(monitor);
  });
}

}  // namespace
}  // namespace spindle::thread
