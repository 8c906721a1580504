#include <array>
#include <chrono>
#include <mutex>
#include <string>

#include "spindle/base/clock.h"
#include "spindle/thread/channel.h"
#include "spindle/thread/event.h"
#include "spindle/thread/group.h"
#include "spindle/thread/inspect.h"
#include "spindle/thread/monitor.h"
#include "spindle/thread/mutex.h"
#include "spindle/thread/once.h"
#include "spindle/thread/select.h"
#include "spindle/thread/semaphore.h"
#include "spindle/thread/shared_mutex.h"
#include "thread_test.h"

namespace spindle::thread {
namespace {

TEST(Deadlock, OppositeOrderIsReportedWithThreadsAndLocks) {
  std::vector<std::string> reports;
  Mutex salt("salt");
  Mutex pepper("pepper");
  auto runtime = make_reporting_runtime(reports);
  const Result<> result = runtime->run([&] {
    auto eat = [](Mutex& first, Mutex& second) {
      const std::lock_guard a(first);
      yield();
      const std::lock_guard b(second);
    };
    spawn_detached("Ann", [&] { eat(salt, pepper); }).take();
    spawn_detached("Bob", [&] { eat(pepper, salt); }).take();
  });
  EXPECT_EQ(result.code(), EDEADLK);
  EXPECT_EQ(runtime->deadlocks(), 1u);
  ASSERT_EQ(reports.size(), 2u);
  for (const char* part :
       {"thread \"Ann\"", "thread \"Bob\"", "waits for mutex \"salt\" at ",
        "waits for mutex \"pepper\" at ", "held by \"Ann\" since ", "held by \"Bob\" since "}) {
    EXPECT_TRUE(says(reports[0], part)) << part << " in\n" << reports[0];
  }
  EXPECT_TRUE(says(reports[1], "all threads are asleep"));

  const std::vector<ThreadInfo> threads = list_threads(*runtime);
  ASSERT_EQ(threads.size(), 2u);
  EXPECT_EQ(threads[0].held_by, threads[1].id);
  EXPECT_EQ(threads[1].held_by, threads[0].id);
  for (const ThreadInfo& thread : threads) {
    EXPECT_NE(thread.wanted_at, nullptr);
    EXPECT_NE(thread.taken_at, nullptr);
    EXPECT_FALSE(describe_code(thread.taken_at).empty());
  }
}

// Threads that hold what they have and want a random lock more: some runs end in a circle, some do
// not. A circle is reported exactly when the run cannot end.
TEST(Deadlock, IsReportedExactlyWhenTheRunCannotEnd) {
  int stuck = 0;
  int ended = 0;
  for (std::uint64_t seed = 1; seed <= 200; ++seed) {
    SCOPED_TRACE(testing::Message() << "seed " << seed);
    std::vector<std::string> reports;
    std::vector<std::unique_ptr<Mutex>> mutexes;
    for (int i = 0; i < 6; ++i) mutexes.push_back(std::make_unique<Mutex>("m"));
    auto runtime = make_reporting_runtime(reports, std::make_unique<ShufflePolicy>(seed));
    const Result<> result = runtime->run([&, seed] {
      for (std::uint64_t i = 0; i < 4; ++i) {
        spawn_detached("t", [&, seed, i] {
          Random random(seed * 100 + i);
          for (int round = 0; round < 3; ++round) {
            // No memory of its own: a thread that is stuck for ever is not unwound.
            std::array<Mutex*, 3> held{};
            for (std::uint64_t k = 1 + random.below(3); k > 0; --k) {
              Mutex* wanted = mutexes[random.below(mutexes.size())].get();
              if (wanted->held_by_this_thread()) continue;
              wanted->lock();
              held[k - 1] = wanted;
              yield_some(random);
            }
            for (Mutex* mutex : held) {
              if (mutex != nullptr) mutex->unlock();
            }
          }
        }).take();
      }
    });
    EXPECT_EQ(result.code(), runtime->deadlocks() > 0 ? EDEADLK : 0);
    ++(result.ok() ? ended : stuck);
  }
  EXPECT_GT(stuck, 5);
  EXPECT_GT(ended, 5);
}

TEST(Deadlock, CheckedLocksFailInsteadOfWaiting) {
  run([] {
    Mutex a("a");
    Mutex b("b");
    Event second_waits;
    ASSERT_TRUE(a.lock_checked().ok());
    EXPECT_EQ(a.lock_checked().code(), EDEADLK);
    Thread other = spawn("other", [&] {
      ASSERT_TRUE(b.lock_checked().ok());
      second_waits.set();
      EXPECT_TRUE(a.lock_checked().ok());
      a.unlock();
      b.unlock();
    });
    second_waits.wait();
    EXPECT_EQ(b.lock_checked().code(), EDEADLK);
    EXPECT_FALSE(b.held_by_this_thread());
    a.unlock();
    EXPECT_TRUE(other.join().ok());
    EXPECT_EQ(Runtime::current()->deadlocks(), 0u);
  });
}

TEST(Deadlock, AWaitWithADeadlineClosesNoCircle) {
  std::vector<std::string> reports;
  auto runtime = make_reporting_runtime(reports);
  ASSERT_TRUE(runtime
                  ->run([&] {
                    Mutex a;
                    Mutex b;
                    Thread other;
                    {
                      const std::lock_guard lock(a);
                      other = spawn("other", [&] {
                        const std::lock_guard inner(b);
                        EXPECT_FALSE(a.try_lock_for(kNsPerMs));
                      });
                      yield();
                      const std::lock_guard second(b);
                    }
                    EXPECT_TRUE(other.join().ok());
                  })
                  .ok());
  EXPECT_TRUE(reports.empty());
}

TEST(Deadlock, EveryLockCanBeAskedForChecked) {
  run([] {
    Mutex mutex;
    RecursiveMutex recursive;
    SharedMutex read, written;
    HoareMonitor monitor;
    Mutex main_has;
    main_has.lock();
    Thread other = spawn("other", [&] {
      mutex.lock();
      recursive.lock();
      read.lock_shared();
      written.lock();
      monitor.enter();
      main_has.lock();
      main_has.unlock();
      monitor.leave();
      written.unlock();
      read.unlock_shared();
      recursive.unlock();
      mutex.unlock();
    });
    yield();
    for (const std::int64_t deadline_ns : {kNever, monotonic_ns() + 10'000 * kNsPerMs}) {
      EXPECT_EQ(mutex.lock_checked(deadline_ns).code(), EDEADLK);
      EXPECT_EQ(recursive.lock_checked(deadline_ns).code(), EDEADLK);
      EXPECT_EQ(read.lock_checked(deadline_ns).code(), EDEADLK);
      EXPECT_EQ(written.lock_checked(deadline_ns).code(), EDEADLK);
      EXPECT_EQ(written.lock_shared_checked(deadline_ns).code(), EDEADLK);
      EXPECT_EQ(monitor.enter_checked(deadline_ns).code(), EDEADLK);
    }
    EXPECT_TRUE(read.lock_shared_checked().ok());
    read.unlock_shared();
    main_has.unlock();
    EXPECT_TRUE(other.join().ok());

    // Nobody has any of them now.
    EXPECT_TRUE(mutex.lock_checked().ok());
    EXPECT_TRUE(recursive.lock_checked().ok());
    EXPECT_TRUE(recursive.lock_checked().ok());
    EXPECT_TRUE(written.lock_checked().ok());
    EXPECT_EQ(written.lock_checked().code(), EDEADLK);
    EXPECT_EQ(written.lock_shared_checked().code(), EDEADLK);
    EXPECT_TRUE(monitor.enter_checked().ok());
    EXPECT_EQ(monitor.enter_checked().code(), EDEADLK);
    Event over;
    Thread late = spawn("late", [&] {
      const std::int64_t deadline_ns = monotonic_ns() + kNsPerMs;
      EXPECT_EQ(mutex.lock_checked(deadline_ns).code(), ETIMEDOUT);
      EXPECT_EQ(recursive.lock_checked(deadline_ns).code(), ETIMEDOUT);
      EXPECT_EQ(written.lock_checked(deadline_ns).code(), ETIMEDOUT);
      EXPECT_EQ(written.lock_shared_checked(deadline_ns).code(), ETIMEDOUT);
      EXPECT_EQ(monitor.enter_checked(deadline_ns).code(), ETIMEDOUT);
      over.set();
    });
    over.wait();  // to join it now would close the circle
    EXPECT_TRUE(late.join().ok());
    monitor.leave();
    written.unlock();
    recursive.unlock();
    recursive.unlock();
    mutex.unlock();
    EXPECT_EQ(Runtime::current()->deadlocks(), 0u);
  });
}

// The first calls of two tables need one another, and that of a third itself.
TEST(Deadlock, GoesThroughFirstCalls) {
  std::vector<std::string> reports;
  auto runtime = make_reporting_runtime(reports);
  Once left("left");
  Once right("right");
  Mutex mutex("mutex");
  const auto load = [&] {
    right.call([&] {
      const std::lock_guard lock(mutex);
      yield();
      left.call([] { FAIL(); });
    });
  };
  const Result<> result = runtime->run([&] {
    spawn_detached("loader", load).take();
    left.call([&] {
      yield();
      EXPECT_EQ(right.call_until(kNever, [] { FAIL(); }).code(), EDEADLK);
      EXPECT_EQ(right.call_for(std::chrono::hours(1), [] { FAIL(); }).code(), EDEADLK);
      EXPECT_EQ(mutex.lock_checked().code(), EDEADLK);
      EXPECT_TRUE(reports.empty());
      right.call([] { FAIL(); });
    });
  });
  EXPECT_EQ(result.code(), EDEADLK);
  ASSERT_EQ(reports.size(), 2u);
  for (const char* part :
       {"\"main\" (1) waits for once \"right\" at ", ", called by \"loader\" since ",
        "\"loader\" (2) waits for once \"left\" at ", ", called by \"main\" since "}) {
    EXPECT_TRUE(says(reports[0], part)) << part << " in\n" << reports[0];
  }
}

TEST(Deadlock, OfAFirstCallThatCallsItself) {
  std::vector<std::string> reports;
  auto runtime = make_reporting_runtime(reports);
  Once once("itself");
  const auto call = [&] {
    once.call([&] {
      EXPECT_EQ(once.call_until(kNever, [] { FAIL(); }).code(), EDEADLK);
      call_once(once, [] { FAIL(); });
    });
  };
  EXPECT_EQ(runtime->run(call).code(), EDEADLK);
  ASSERT_EQ(reports.size(), 2u);
  EXPECT_TRUE(says(reports[0], "\"main\" (1) waits for once \"itself\" at ")) << reports[0];
  EXPECT_TRUE(says(reports[0], ", called by \"main\" since ")) << reports[0];
}

TEST(Deadlock, GoesThroughJoins) {
  std::vector<std::string> reports;
  Mutex mutex("mutex");
  auto runtime = make_reporting_runtime(reports);
  EXPECT_EQ(runtime
                ->run([&] {
                  mutex.lock();
                  static_cast<void>(spawn("joined", [&] {
                                      yield();
                                      mutex.lock();
                                    }).join());
                })
                .code(),
            EDEADLK);
  ASSERT_GE(reports.size(), 1u);
  EXPECT_TRUE(says(reports[0], "\"joined\" (2) waits for mutex \"mutex\" at ")) << reports[0];
  EXPECT_TRUE(says(reports[0], "\"main\" (1) waits for join \"joined\"")) << reports[0];
}

// One of a group's threads waits for what the group's waiter holds; others go on.
TEST(Deadlock, GoesThroughGroups) {
  std::vector<std::string> reports;
  auto runtime = make_reporting_runtime(reports);
  Mutex mutex("mutex");
  const Result<> result = runtime->run([&] {
    spawn_detached("waiter", [&] {
      const std::lock_guard lock(mutex);
      TaskGroup group("group");
      group.run([] { yield(); });
      group.run([&] { const std::lock_guard inner(mutex); });
      group.wait();
    }).take();
    for (int i = 0; i < 10; ++i) yield();
    EXPECT_EQ(Runtime::current()->deadlocks(), 1u);
  });
  EXPECT_EQ(result.code(), EDEADLK);
  ASSERT_EQ(reports.size(), 2u);
  for (const char* part : {"wait for one another", "waits for join \"group\" at ",
                           "waits for mutex \"mutex\" at ", "held by \"waiter\" since "}) {
    EXPECT_TRUE(says(reports[0], part)) << part << " in\n" << reports[0];
  }
}

TEST(Deadlock, ReportsTellWhereAJoinStandsAndAllThatASelectWantsToo) {
  std::vector<std::string> reports;
  Channel<int> first(0, "first"), second(0, "second");
  auto runtime = make_reporting_runtime(reports);
  const Result<> result = runtime->run([&] {
    Thread selects = spawn("selects", [&] {
      int value = 0;
      static_cast<void>(select({receive_case(first, value), receive_case(second, value)}).ok());
    });
    static_cast<void>(selects.join().ok());
  });
  EXPECT_EQ(result.code(), EDEADLK);
  // Then they go on, and what they own is destroyed.
  EXPECT_TRUE(runtime->run([&] { EXPECT_TRUE(second.send(1).ok()); }).ok());
  ASSERT_EQ(reports.size(), 1u);
  EXPECT_TRUE(says(reports[0], "waits for channel \"first\" or channel \"second\"")) << reports[0];
  EXPECT_TRUE(says(reports[0], "waits for join \"selects\" at ")) << reports[0];
  EXPECT_FALSE(says(reports[0], "Thread::join")) << reports[0];
}

TEST(Deadlock, OfThreadsThatJoinEachOtherIsRefused) {
  run([] {
    Thread first, second;
    int refused = 0;
    const auto join = [&refused](Thread& other) {
      const int code = other.join().code();
      refused += code == EDEADLK ? 1 : 0;
    };
    first = spawn("first", [&] { join(second); });
    second = spawn("second", [&] { join(first); });
    while (first.joinable() && second.joinable()) yield();
    EXPECT_EQ(refused, 1);
    Thread& left = first.joinable() ? first : second;
    EXPECT_TRUE(left.join().ok());
  });
}

TEST(Deadlock, JoiningOneWhoWaitsForTheJoinerFails) {
  run([] {
    Mutex mutex;
    mutex.lock();
    Thread other = spawn("other", [&] { const std::lock_guard lock(mutex); });
    yield();
    EXPECT_EQ(other.join().code(), EDEADLK);
    EXPECT_TRUE(other.joinable());
    mutex.unlock();
    EXPECT_TRUE(other.join().ok());
  });
}

TEST(Deadlock, AllAsleepNamesWhoWaitsForWhat) {
  std::vector<std::string> reports;
  Semaphore never(0, "never");
  auto runtime = make_reporting_runtime(reports);
  EXPECT_EQ(runtime->run([&] { never.acquire(); }).code(), EDEADLK);
  ASSERT_EQ(reports.size(), 1u);
  EXPECT_TRUE(says(reports[0], "\"main\" (1) waits for semaphore \"never\"")) << reports[0];
  EXPECT_EQ(runtime->deadlocks(), 0u);
}

}  // namespace
}  // namespace spindle::thread
