#include <array>
#include <mutex>
#include <string>

#include "spindle/base/clock.h"
#include "spindle/thread/event.h"
#include "spindle/thread/inspect.h"
#include "spindle/thread/mutex.h"
#include "spindle/thread/semaphore.h"
#include "spindle/thread/shared_mutex.h"
#include "thread_test.h"

namespace spindle::thread {
namespace {

constexpr std::int64_t kMs = 1'000'000;

std::unique_ptr<Runtime> make_reporting_runtime(std::vector<std::string>& reports,
                                                std::unique_ptr<CpuPolicy> policy = nullptr) {
  Runtime::Options options;
  options.custom_policy = std::move(policy);
  options.on_deadlock = [&reports](std::string_view report) { reports.emplace_back(report); };
  return Runtime::create(std::move(options)).take();
}

bool says(const std::string& report, std::string_view what) {
  return report.find(what) != std::string::npos;
}

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
                        EXPECT_FALSE(a.try_lock_for(kMs));
                      });
                      yield();
                      const std::lock_guard second(b);
                    }
                    EXPECT_TRUE(other.join().ok());
                  })
                  .ok());
  EXPECT_TRUE(reports.empty());
}

TEST(Deadlock, GoesThroughWritersOfSharedMutexes) {
  std::vector<std::string> reports;
  Mutex mutex("mutex");
  SharedMutex table("table");
  auto runtime = make_reporting_runtime(reports);
  EXPECT_EQ(runtime
                ->run([&] {
                  spawn_detached("reader", [&] {
                    const std::lock_guard lock(mutex);
                    yield();
                    table.lock_shared();
                  }).take();
                  const std::lock_guard lock(table);
                  yield();
                  mutex.lock();
                })
                .code(),
            EDEADLK);
  ASSERT_GE(reports.size(), 1u);
  EXPECT_TRUE(says(reports[0], "waits for shared mutex \"table\"")) << reports[0];
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

TEST(SharedMutex, IsHarmlessOutsideOfARuntime) {
  SharedMutex mutex;
  mutex.lock();
  EXPECT_FALSE(mutex.try_lock_shared());
  mutex.unlock();
  mutex.lock_shared();
  EXPECT_FALSE(mutex.try_lock());
  mutex.unlock_shared();
}

TEST(SharedMutexDeathTest, MisuseIsNamed) {
  EXPECT_DEATH(run([] {
                 SharedMutex table("table");
                 table.lock();
                 table.lock_shared();
               }),
               "\"main\" locks again the shared mutex \"table\"");
  EXPECT_DEATH(run([] { SharedMutex("table").unlock_shared(); }), "held by \"nobody\"");
}

}  // namespace
}  // namespace spindle::thread
