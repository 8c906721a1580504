#include "spindle/thread/linger.h"

#include <sys/eventfd.h>
#include <unistd.h>

#include <atomic>
#include <thread>

#include "spindle/base/clock.h"
#include "spindle/thread/event.h"
#include "spindle/thread/inspect.h"
#include "spindle/thread/io.h"
#include "spindle/thread/latch.h"
#include "spindle/thread/linger.h"
#include "spindle/thread/mutex.h"
#include "spindle/thread/semaphore.h"
#include "thread_test.h"

namespace spindle::thread {
namespace {

TEST(Runtime, RunsMainAndWhatItSpawnsToTheirEnds) {
  auto runtime = make_runtime();
  std::vector<int> order;
  ASSERT_TRUE(runtime
                  ->run([&] {
                    order.push_back(1);
                    spawn_detached("later", [&] { order.push_back(3); }).take();
                    order.push_back(2);
                  })
                  .ok());
  EXPECT_EQ(order, (std::vector<int>{1, 2, 3}));
  EXPECT_EQ(runtime->live_threads(), 0u);
  EXPECT_TRUE(list_threads(*runtime).empty());
}

TEST(Runtime, CanRunAgain) {
  auto runtime = make_runtime();
  int runs = 0;
  for (int i = 0; i < 3; ++i) ASSERT_TRUE(runtime->run([&] { ++runs; }).ok());
  EXPECT_EQ(runs, 3);
}

TEST(Runtime, CurrentIsKnownInsideOnly) {
  EXPECT_EQ(Runtime::current(), nullptr);
  auto runtime = make_runtime();
  ASSERT_TRUE(runtime->run([&] { EXPECT_EQ(Runtime::current(), runtime.get()); }).ok());
  EXPECT_EQ(Runtime::current(), nullptr);
  EXPECT_FALSE(current_thread::exists());
  EXPECT_EQ(current_thread::id(), 0u);
}

TEST(Runtime, RefusesToRunInsideARun) {
  run([] {
    auto inner = make_runtime();
    EXPECT_EQ(inner->run([] {}).code(), EBUSY);
  });
}

TEST(Runtime, RefusesBadOptions) {
  EXPECT_EQ(Runtime::create({.policy = "nonsense"}).code(), EINVAL);
  EXPECT_EQ(Runtime::create({.stack_size = 4096}).code(), EINVAL);
  EXPECT_EQ(Runtime::create({.stack_size = std::size_t{2} << 30}).code(), EINVAL);
}

TEST(Runtime, EveryPolicyRunsEveryThread) {
  for (const std::string_view policy : cpu_policy_names()) {
    SCOPED_TRACE(policy);
    auto runtime = Runtime::create({.policy = policy}).take();
    EXPECT_EQ(runtime->policy_name(), policy);
    int finished = 0;
    Semaphore tokens(2);
    ASSERT_TRUE(runtime
                    ->run([&] {
                      in_parallel(50, [&](std::size_t) {
                        for (int i = 0; i < 10; ++i) {
                          tokens.acquire();
                          yield();
                          tokens.release();
                        }
                        ++finished;
                      });
                    })
                    .ok());
    EXPECT_EQ(finished, 50);
  }
}

TEST(Runtime, TheSameSeedGivesTheSameOrder) {
  auto trace = [](std::uint64_t seed) {
    std::vector<std::size_t> order;
    auto runtime = make_shuffled_runtime(seed);
    runtime
        ->run([&] {
          in_parallel(8, [&](std::size_t i) {
            for (int k = 0; k < 5; ++k) {
              order.push_back(i);
              yield();
            }
          });
        })
        .take();
    return order;
  };
  EXPECT_EQ(trace(7), trace(7));
  EXPECT_NE(trace(7), trace(8));
}

TEST(Runtime, AllAsleepIsAnErrorAndNotAHang) {
  Semaphore never(0, "the call that never comes");
  auto runtime = make_runtime();
  const Result<> result = runtime->run([&] {
    spawn_detached("waiter", [&] { never.acquire(); }).take();
    never.acquire();
  });
  EXPECT_EQ(result.code(), EDEADLK);
  const std::vector<ThreadInfo> threads = list_threads(*runtime);
  ASSERT_EQ(threads.size(), 2u);
  EXPECT_EQ(threads[0].name, "main");
  EXPECT_EQ(threads[1].name, "waiter");
  for (const ThreadInfo& thread : threads) {
    EXPECT_EQ(thread.state, ThreadState::kWaiting);
    EXPECT_EQ(thread.waits_for, WaitKind::kSemaphore);
    EXPECT_EQ(thread.object_name, "the call that never comes");
  }
}

class CountingHandler : public IdleHandler {
 public:
  CountingHandler(Semaphore& wakes, int times) : wakes_(wakes), times_(times) {}
  bool idle() override {
    if (times_ == 0) return false;
    EXPECT_FALSE(current_thread::exists());
    --times_;
    ++calls;
    wakes_.release();
    return true;
  }
  int calls = 0;

 private:
  Semaphore& wakes_;
  int times_;
};

TEST(IdleHandler, IsCalledOnlyWhenNobodyIsReady) {
  auto runtime = make_runtime();
  Semaphore wakes(0);
  CountingHandler handler(wakes, 10);
  runtime->add_idle_handler(handler);
  int progress = 0;
  ASSERT_TRUE(runtime
                  ->run([&] {
                    for (int i = 0; i < 1000; ++i) yield();
                    EXPECT_EQ(handler.calls, 0);
                    for (int i = 1; i <= 10; ++i) {
                      wakes.acquire();
                      EXPECT_EQ(handler.calls, i);
                      ++progress;
                    }
                  })
                  .ok());
  EXPECT_EQ(progress, 10);
  runtime->remove_idle_handler(handler);
  EXPECT_EQ(runtime->run([&] { wakes.acquire(); }).code(), EDEADLK);
}

TEST(IdleHandler, TheNextIsAskedWhenTheFirstHasNothing) {
  auto runtime = make_runtime();
  Semaphore wakes(0);
  CountingHandler nothing(wakes, 0);
  CountingHandler something(wakes, 3);
  runtime->add_idle_handler(nothing);
  runtime->add_idle_handler(something);
  ASSERT_TRUE(runtime
                  ->run([&] {
                    for (int i = 0; i < 3; ++i) wakes.acquire();
                  })
                  .ok());
  EXPECT_EQ(something.calls, 3);
}

TEST(Post, WakesAWorkerThatSleepsInTheKernel) {
  auto runtime = make_runtime();
  Event done("done");
  std::thread helper;
  ASSERT_TRUE(runtime
                  ->run([&] {
                    const Runtime::ExternalWork pending(*runtime);
                    helper = std::thread([&] {
                      std::this_thread::sleep_for(std::chrono::milliseconds(20));
                      runtime->post([&] { done.set(); });
                    });
                    done.wait();
                  })
                  .ok());
  helper.join();
}

TEST(Post, WhatTheLastThreadPostsIsDone) {
  for (const unsigned workers : {1u, 3u}) {
    auto runtime = Runtime::create({.workers = workers}).take();
    int done = 0;
    const auto post_last = [&](auto what) { return [&, what] { runtime->post(what); }; };
    EXPECT_TRUE(runtime->run(post_last([&] { ++done; })).ok());
    EXPECT_EQ(done, 1);
    const auto spawn_one = [&] { spawn_detached("late", [&] { yield(), ++done; }).take(); };
    EXPECT_TRUE(runtime->run(post_last(spawn_one)).ok());
    EXPECT_EQ(done, 2);
  }
}

TEST(Post, NothingIsLostAmongManyPosters) {
  constexpr int kPosters = 4;
  constexpr int kEach = 2000;
  auto runtime = make_runtime();
  Semaphore arrived(0);
  std::vector<std::thread> posters;
  ASSERT_TRUE(runtime
                  ->run([&] {
                    const Runtime::ExternalWork pending(*runtime);
                    for (int i = 0; i < kPosters; ++i) {
                      posters.emplace_back([&] {
                        for (int k = 0; k < kEach; ++k) {
                          runtime->post([&] { arrived.release(); });
                          if (k % 100 == 0) std::this_thread::yield();
                        }
                      });
                    }
                    for (int i = 0; i < kPosters * kEach; ++i) arrived.acquire();
                  })
                  .ok());
  for (std::thread& poster : posters) poster.join();
  EXPECT_EQ(arrived.count(), 0u);
}

TEST(Post, ComesThroughWhileThreadsKeepTheWorkerBusy) {
  auto runtime = make_runtime();
  bool stop = false;
  runtime->post([&] { stop = true; });
  ASSERT_TRUE(runtime
                  ->run([&] {
                    while (!stop) yield();
                  })
                  .ok());
}

class DrainingWatcher : public FdWatcher {
 public:
  DrainingWatcher(int fd, Semaphore& events) : fd_(fd), events_(events) {}
  bool readable() override {
    std::uint64_t count = 0;
    if (read(fd_, &count, sizeof count) != static_cast<ssize_t>(sizeof count)) {
      ++asked_in_vain_;
      return false;
    }
    events_.release(count);
    return true;
  }
  [[nodiscard]] int asked_in_vain() const { return asked_in_vain_; }

 private:
  int fd_;
  int asked_in_vain_ = 0;
  Semaphore& events_;
};

/// Says each time that it was asked that there was something, though there never is.
class GreedyWatcher : public FdWatcher {
 public:
  bool readable() override {
    ++asked_;
    return true;
  }
  [[nodiscard]] int asked() const { return asked_; }

 private:
  int asked_ = 0;
};

/// For as long as it exists the workers linger.
class Lingering {
 public:
  Lingering() { set_linger_ns(kNsPerMs); }
  ~Lingering() { set_linger_ns(0); }
  Lingering(const Lingering&) = delete;
  Lingering& operator=(const Lingering&) = delete;
};

TEST(PostDeathTest, AnExceptionThatLeavesAFunctionEndsTheProgram) {
  EXPECT_DEATH(run([] {
                 Runtime::current()->post([] { throw 1; });
                 sleep_for(kNsPerMs);
               }),
               "terminat");
}

TEST(Watch, TheWatcherIsCalledForEachEvent) {
  auto runtime = make_runtime();
  const int fd = eventfd(0, EFD_NONBLOCK);
  Semaphore events(0);
  DrainingWatcher watcher(fd, events);
  std::thread helper;
  ASSERT_TRUE(runtime
                  ->run([&] {
                    ASSERT_TRUE(runtime->watch(fd, watcher).ok());
                    EXPECT_EQ(runtime->watch(fd, watcher).code(), EEXIST);
                    const Runtime::ExternalWork pending(*runtime);
                    helper = std::thread([&] {
                      const std::uint64_t one = 1;
                      for (int i = 0; i < 100; ++i) {
                        EXPECT_EQ(write(fd, &one, sizeof one), static_cast<ssize_t>(sizeof one));
                      }
                    });
                    for (int i = 0; i < 100; ++i) events.acquire();
                    runtime->unwatch(fd);
                  })
                  .ok());
  helper.join();
  // A watched descriptor alone is nothing to wait for.
  ASSERT_TRUE(runtime->watch(fd, watcher).ok());
  EXPECT_EQ(runtime->run([&] { events.acquire(); }).code(), EDEADLK);
  close(fd);
}

TEST(Watch, AWorkerThatLingersAsksTheWatcherWhetherSomethingIsThere) {
  const Lingering lingering;
  auto runtime = make_runtime();
  const int fd = eventfd(1, EFD_NONBLOCK);
  Semaphore events(0);
  DrainingWatcher watcher(fd, events);
  ASSERT_TRUE(runtime
                  ->run([&] {
                    ASSERT_TRUE(runtime->watch(fd, watcher).ok());
                    const Runtime::ExternalWork pending(*runtime);
                    events.acquire();
                    while (watcher.asked_in_vain() == 0) sleep_for(kNsPerMs);
                    const std::uint64_t one = 1;
                    EXPECT_EQ(write(fd, &one, sizeof one), static_cast<ssize_t>(sizeof one));
                    events.acquire();
                    runtime->unwatch(fd);
                    const int before = watcher.asked_in_vain();
                    for (int i = 0; i < 3; ++i) sleep_for(kNsPerMs);
                    EXPECT_EQ(watcher.asked_in_vain(), before);
                  })
                  .ok());
  close(fd);
}

TEST(Watch, AWatcherThatIsAskedWithoutAnEventKeepsNoOtherOneWaiting) {
  const Lingering lingering;
  auto runtime = make_runtime();
  const int greedy_fd = eventfd(1, EFD_NONBLOCK);
  const int fd = eventfd(0, EFD_NONBLOCK);
  GreedyWatcher greedy;
  Semaphore events(0);
  DrainingWatcher watcher(fd, events);
  ASSERT_TRUE(runtime
                  ->run([&] {
                    ASSERT_TRUE(runtime->watch(greedy_fd, greedy).ok());
                    ASSERT_TRUE(runtime->watch(fd, watcher).ok());
                    const Runtime::ExternalWork pending(*runtime);
                    sleep_for(kNsPerMs);
                    std::uint64_t count = 1;
                    EXPECT_GT(read(greedy_fd, &count, sizeof count), 0);
                    while (greedy.asked() < 100) sleep_for(kNsPerMs);
                    EXPECT_GT(write(fd, &count, sizeof count), 0);
                    events.acquire();
                    runtime->unwatch(greedy_fd);
                    runtime->unwatch(fd);
                  })
                  .ok());
  close(greedy_fd);
  close(fd);
}

TEST(Time, NobodyWakesEarly) {
  auto runtime = make_runtime();
  ASSERT_TRUE(runtime
                  ->run([&] {
                    in_parallel(200, [](std::size_t i) {
                      Random random(i + 1);
                      for (int k = 0; k < 5; ++k) {
                        const std::int64_t deadline =
                            monotonic_ns() + static_cast<std::int64_t>(random.below(5 * kNsPerMs));
                        sleep_until(deadline);
                        EXPECT_GE(monotonic_ns(), deadline);
                      }
                    });
                  })
                  .ok());
}

TEST(Time, SleepersWakeInTheOrderOfTheirDeadlines) {
  bool all_slept = false;
  // On a machine that was busy elsewhere meanwhile, some deadlines are past before the sleep:
  // again, with more time.
  for (std::int64_t patience = 20 * kNsPerMs; !all_slept; patience *= 2) {
    std::vector<std::size_t> woken;
    run([&] {
      const std::int64_t start = monotonic_ns() + patience;
      std::vector<Thread> threads;
      for (std::size_t i = 0; i < 20; ++i) {
        threads.push_back(spawn("sleeper", [&woken, start, i] {
          // The same deadline for pairs: those come in the order in which they went to sleep.
          sleep_until(start + static_cast<std::int64_t>((19 - i) / 2) * kNsPerMs / 10);
          woken.push_back(i);
        }));
      }
      yield();
      all_slept = monotonic_ns() < start;
    });
    std::vector<std::size_t> expected;
    for (std::size_t pair = 10; pair-- > 0;) {
      expected.push_back(2 * pair);
      expected.push_back(2 * pair + 1);
    }
    EXPECT_TRUE(!all_slept || woken == expected);
  }
}

TEST(Time, ATimeThatIsPastOnlyYields) {
  run([] {
    bool other_ran = false;
    Thread other = spawn("other", [&] { other_ran = true; });
    sleep_for(-5);
    EXPECT_TRUE(other_ran);
    EXPECT_TRUE(other.join().ok());
  });
}

TEST(Time, TimersComeThroughWhileThreadsKeepTheWorkerBusy) {
  run([] {
    bool stop = false;
    Thread sleeper = spawn("sleeper", [&] {
      sleep_for(2 * kNsPerMs);
      stop = true;
    });
    while (!stop) yield();
    EXPECT_TRUE(sleeper.join().ok());
  });
}

// One thread lets the deadline pass; then a thread that slept does not wait for all that are ready,
// and many that slept do not keep these waiting either.
TEST(Time, WhoWakesAndWhoIsReadyGoOnByTurns) {
  constexpr int kReady = 2'000;
  for (const int sleepers : {1, 600}) {
    run([=] {
      int ready_ran = 0, woken = 0, ready_ran_before_half = 0;
      std::vector<Thread> threads;
      const std::int64_t deadline_ns = monotonic_ns() + 50 * kNsPerMs;
      for (int i = 0; i < sleepers; ++i) {
        threads.push_back(spawn("sleeper", [&] {
          sleep_until(deadline_ns);
          if (++woken == (sleepers + 1) / 2) ready_ran_before_half = ready_ran;
        }));
      }
      yield();
      const bool all_sleep = monotonic_ns() < deadline_ns;  // else the machine was too slow
      for (int i = 0; i < kReady; ++i) {
        threads.push_back(spawn("ready", [&] {
          while (monotonic_ns() < deadline_ns) {
          }
          ++ready_ran;
        }));
      }
      for (Thread& thread : threads) EXPECT_TRUE(thread.join().ok());
      EXPECT_TRUE(!all_sleep || ready_ran_before_half < sleepers / 2 + 1'000);
      EXPECT_TRUE(!all_sleep || ready_ran_before_half >= sleepers / 4);
    });
  }
}

}  // namespace
}  // namespace spindle::thread
