// Results, exceptions, cancellation, once, futures, groups, select, Hoare monitors.
#include <memory>
#include <stdexcept>

#include "spindle/base/clock.h"
#include "spindle/thread/barrier.h"
#include "spindle/thread/channel.h"
#include "spindle/thread/condition_variable.h"
#include "spindle/thread/event.h"
#include "spindle/thread/future.h"
#include "spindle/thread/group.h"
#include "spindle/thread/latch.h"
#include "spindle/thread/monitor.h"
#include "spindle/thread/mutex.h"
#include "spindle/thread/once.h"
#include "spindle/thread/select.h"
#include "spindle/thread/semaphore.h"
#include "spindle/thread/task.h"
#include "thread_test.h"

namespace spindle::thread {
namespace {

TEST(Task, ResultReachesTheJoiner) {
  run([] {
    Task<std::string> task = launch("answer", [] { return std::string("forty-two"); });
    EXPECT_EQ(task.join().take(), "forty-two");
    EXPECT_FALSE(task.joinable());
    EXPECT_EQ(task.join().code(), EINVAL);
    EXPECT_TRUE(launch("nothing", [] {}).join().ok());
  });
}

TEST(Task, ExceptionReachesTheJoiner) {
  run([] {
    Task<int> task = launch("thrower", []() -> int { throw std::runtime_error("no answer"); });
    try {
      static_cast<void>(task.join().ok());
      ADD_FAILURE() << "nothing was thrown";
    } catch (const std::runtime_error& error) {
      EXPECT_STREQ(error.what(), "no answer");
    }
  });
}

TEST(Task, WhatIsAssignedToEndsFirst) {
  run([] {
    const auto result = std::make_shared<int>(1);
    Task<std::shared_ptr<int>> task = launch("first", [&] {
      yield();
      return result;
    });
    task = launch("second", [&] { return result; });
    EXPECT_EQ(result.use_count(), 2) << "of the first nothing is left";
    EXPECT_EQ(task.join().take(), result);
    EXPECT_EQ(result.use_count(), 1);
  });
}

TEST(Task, JoinTimesOutAndMemoryMayLack) {
  run([] {
    Event go;
    Task<int> task = launch("slow", [&] {
      go.wait();
      return 1;
    });
    EXPECT_EQ(task.join_until(monotonic_ns() + kNsPerMs).code(), ETIMEDOUT);
    go.set();
    EXPECT_EQ(task.join().take(), 1);
    Task<int> giant = launch(ThreadOptions{.name = "giant", .stack_size = std::size_t{1} << 40},
                             [] { return 1; });
    EXPECT_EQ(giant.join().code(), ENOMEM);
  });
}

/// Counts the objects that live: those on a cancelled thread's stack must be destroyed.
struct Witness {
  explicit Witness(int& count) : count_(count) { ++count_; }
  ~Witness() { --count_; }
  Witness(const Witness&) = delete;
  Witness& operator=(const Witness&) = delete;
  int& count_;
};

TEST(Cancellation, EndsEveryKindOfWaitAndUnwinds) {
  run([] {
    Semaphore semaphore(0);
    Event event;
    Latch latch(1);
    Barrier barrier(2);
    Channel<int> channel;
    Mutex mutex;
    ConditionVariable condition;
    HoareMonitor monitor;
    HoareMonitor::Condition never(monitor);
    Thread other = spawn("other", [&] { event.wait(); });
    const std::vector<std::function<void()>> waits = {
        [&] { semaphore.acquire(); },
        [&] { event.wait(); },
        [&] { latch.wait(); },
        [&] { barrier.arrive_and_wait(); },
        [&] { static_cast<void>(channel.receive().ok()); },
        [&] { static_cast<void>(channel.send(1).ok()); },
        [&] {
          std::unique_lock lock(mutex);
          condition.wait(lock);
        },
        [&] {
          const HoareMonitor::Entry entry(monitor);
          never.wait();
        },
        [&] { sleep_for(1000'000 * kNsPerMs); },
        [&] { static_cast<void>(other.join().ok()); },
        [&] {
          for (;;) current_thread::cancellation_point(), yield();
        },
    };
    int alive = 0;
    for (std::size_t i = 0; i < waits.size(); ++i) {
      SCOPED_TRACE(i);
      for (const bool before_it_runs : {false, true}) {
        bool went_on = false;
        Task<void> task = launch("victim", [&] {
          const Witness witness(alive);
          waits[i]();
          went_on = true;
        });
        if (!before_it_runs) yield();
        task.cancel();
        EXPECT_EQ(task.join().code(), ECANCELED);
        EXPECT_EQ(alive, 0);
        EXPECT_FALSE(went_on);
        EXPECT_FALSE(mutex.locked());
      }
    }
    // None of it left a trace.
    EXPECT_TRUE(never.empty());
    EXPECT_TRUE(monitor.enter_until(0));
    monitor.leave();
    semaphore.release();
    EXPECT_TRUE(semaphore.try_acquire());
    Thread partner = spawn("partner", [&] { barrier.arrive_and_wait(); });
    yield();
    EXPECT_TRUE(barrier.arrive_and_wait());
    EXPECT_TRUE(partner.join().ok());
    event.set();
    EXPECT_TRUE(other.join().ok());
  });
}

TEST(Cancellation, IsNoPartOfLockingAndCanBePutOff) {
  run([] {
    Mutex mutex;
    mutex.lock();
    bool locked = false;
    Thread thread = spawn("locker", [&] {
      const current_thread::CancellationOff off;
      yield();
      mutex.lock();
      locked = true;
      mutex.unlock();
    });
    yield();
    thread.cancel();
    yield();
    EXPECT_FALSE(locked);
    mutex.unlock();
    EXPECT_TRUE(thread.join().ok());
    EXPECT_TRUE(locked);
  });
}

TEST(Cancellation, IsDeliveredOnceSoThatDestructorsMayWait) {
  run([] {
    bool cleaned = false;
    struct Cleaner {
      bool& cleaned;
      ~Cleaner() {
        sleep_for(kNsPerMs);
        cleaned = true;
      }
    };
    Thread thread = spawn("cleaner", [&] {
      const Cleaner cleaner{cleaned};
      sleep_for(1000'000 * kNsPerMs);
    });
    yield();
    thread.cancel();
    EXPECT_TRUE(thread.join().ok());
    EXPECT_TRUE(cleaned);
  });
}

TEST(BarrierTimeout, TakesTheArrivalBack) {
  run([] {
    Barrier barrier(2);
    EXPECT_EQ(barrier.arrive_and_wait_until(monotonic_ns() + kNsPerMs).code(), ETIMEDOUT);
    Thread other = spawn("other", [&] { EXPECT_FALSE(barrier.arrive_and_wait()); });
    yield();
    EXPECT_TRUE(barrier.arrive_and_wait());
    EXPECT_TRUE(other.join().ok());
    EXPECT_EQ(barrier.rounds(), 1u);
  });
}

// The last one comes when the wait of another is over, but that one has not run yet.
TEST(BarrierTimeout, AnArrivalThatCountedIsNotTakenBack) {
  run([] {
    Barrier barrier(2);
    Task<void> cancelled = launch("cancelled", [&] { barrier.arrive_and_wait(); });
    yield();
    cancelled.cancel();
    EXPECT_TRUE(barrier.arrive_and_wait());
    EXPECT_EQ(cancelled.join().code(), ECANCELED);
    Thread other = spawn("other", [&] { EXPECT_FALSE(barrier.arrive_and_wait()); });
    yield();
    EXPECT_TRUE(*barrier.arrive_and_wait_until(0)) << "two are still enough";
    EXPECT_TRUE(other.join().ok());
    EXPECT_EQ(barrier.rounds(), 2u);
  });
}

TEST(OnceTest, RunsOnceAndAgainAfterAnException) {
  run_shuffled([](std::uint64_t) {
    Once once;
    int calls = 0, failures = 0;
    in_parallel(6, [&](std::size_t) {
      try {
        call_once(once, [&] {
          ++calls;
          yield();
          if (calls == 1) throw std::runtime_error("first");
        });
      } catch (const std::runtime_error&) {
        ++failures;
      }
      EXPECT_TRUE(once.done() || failures > 0);
    });
    EXPECT_EQ(calls, 2);
    EXPECT_EQ(failures, 1);
    EXPECT_TRUE(once.done());
  });
}

TEST(OnceTest, WhoeverIsAtItIsRaisedByThoseThatWait) {
  run([] {
    Once once;
    Thread urgent, leaves;
    once.call([&] {
      urgent =
          spawn(ThreadOptions{.name = "urgent", .priority = 5}, [&] { once.call([] { FAIL(); }); });
      leaves = spawn(ThreadOptions{.name = "leaves", .priority = 7},
                     [&] { EXPECT_FALSE(once.call_for(kNsPerMs, [] { FAIL(); }).ok()); });
      yield();
      EXPECT_EQ(current_thread::priority(), 7);
      while (current_thread::priority() == 7) sleep_for(kNsPerMs);
      EXPECT_EQ(current_thread::priority(), 5);
    });
    EXPECT_EQ(current_thread::priority(), 0);
    EXPECT_TRUE(urgent.join().ok());
    EXPECT_TRUE(leaves.join().ok());
  });
}

TEST(OnceDeathTest, MustNotGoWhileItsFunctionRuns) {
  EXPECT_DEATH(run([] {
                 auto gone = std::make_unique<Once>("tables");
                 Thread loader = spawn("loader", [&] { gone->call([] { yield(); }); });
                 yield();
                 gone.reset();
               }),
               "\"main\" destroys the once \"tables\", called by \"loader\" since ");
}

TEST(OnceTest, WaitingForItIsAPointOfCancellation) {
  run([] {
    Once once;
    once.call([&] {
      Thread waiter = spawn("waiter", [&] {
        once.call([] { FAIL(); });
        FAIL();
      });
      yield();
      waiter.cancel();
      EXPECT_TRUE(waiter.join().ok());
    });
    EXPECT_TRUE(once.done());
  });
}

TEST(FutureTest, ValueExceptionBrokenPromiseAndTimeOut) {
  run([] {
    Promise<int> promise;
    const Future<int> future = promise.future();
    EXPECT_EQ(future.get(monotonic_ns() + kNsPerMs).code(), ETIMEDOUT);
    EXPECT_FALSE(future.ready());
    Thread setter = spawn("setter", [promise = std::move(promise)]() mutable { promise.set(7); });
    in_parallel(3, [&](std::size_t) { EXPECT_EQ(*future.get(), 7); });
    EXPECT_TRUE(setter.join().ok());
    Future<int> broken;
    EXPECT_EQ(broken.get().code(), EINVAL);
    {
      Promise<int> dropped;
      broken = dropped.future();
    }
    EXPECT_EQ(broken.get().code(), EPIPE);
    Promise<int> failing;
    failing.set_exception(std::make_exception_ptr(std::runtime_error("failed")));
    EXPECT_THROW(static_cast<void>(failing.future().get().ok()), std::runtime_error);
  });
}

TEST(FutureDeathTest, APromiseIsKeptOnceAndByWhoHasIt) {
  EXPECT_DEATH(run([] {
                 Promise<int> promise;
                 promise.set(1);
                 promise.set(2);
               }),
               "CHECK failed");
  EXPECT_DEATH(run([] {
                 Promise<int> promise;
                 const Promise<int> other = std::move(promise);
                 promise.set(1);
               }),
               "CHECK failed");
}

TEST(FutureTest, OfNothingSaysThatTheTimeHasCome) {
  run([] {
    Promise<void> promise;
    const Future<void> future = promise.future();
    EXPECT_EQ(future.get(0).code(), ETIMEDOUT);
    promise.set();
    EXPECT_TRUE(future.get().ok());
    Promise<void> failing;
    failing.set_exception(std::make_exception_ptr(std::runtime_error("failed")));
    EXPECT_THROW(static_cast<void>(failing.future().get().ok()), std::runtime_error);
    const Future<void> broken = Promise<void>().future();
    EXPECT_EQ(broken.get().code(), EPIPE);
  });
}

TEST(TaskGroupTest, WaitsForAllAndPassesTheFirstException) {
  run_shuffled([](std::uint64_t) {
    TaskGroup group("group");
    int ended = 0;
    for (int i = 0; i < 10; ++i) {
      group.run([&ended, i] {
        yield();
        ++ended;
        if (i == 4) throw std::runtime_error("four");
      });
    }
    EXPECT_THROW(group.wait(), std::runtime_error);
    EXPECT_EQ(ended, 10);
    group.wait();
  });
}

TEST(TaskGroupTest, AFunctionThatCannotBeCopiedIsNotWaitedFor) {
  struct Uncopyable {
    Uncopyable() = default;
    Uncopyable(const Uncopyable&) { throw std::runtime_error("no copy"); }
    void operator()() const {}
  };
  run([] {
    TaskGroup group;
    const Uncopyable function;
    EXPECT_THROW(group.run(function), std::runtime_error);
    EXPECT_EQ(group.running(), 0u);
  });
}

TEST(TaskGroupTest, WhatWasCapturedIsGoneWhenTheWaitIsOver) {
  struct Slow {
    explicit Slow(int& count) : alive(&count) {}
    Slow(Slow&& other) noexcept : alive(std::exchange(other.alive, nullptr)) {}
    ~Slow() {
      if (alive == nullptr) return;
      yield();
      --*alive;
    }
    int* alive;
  };
  run_shuffled([](std::uint64_t) {
    int alive = 3;
    TaskGroup group;
    for (int i = 0; i < 3; ++i) group.run([slow = Slow(alive)] {});
    group.wait();
    EXPECT_EQ(alive, 0);
  });
}

TEST(TaskGroupTest, WhoeverWaitsLendsItsPriorityToThoseThatRun) {
  run([] {
    TaskGroup group;
    std::vector<int> priorities;
    const auto note = [&] { priorities.push_back(current_thread::priority()); };
    const auto noting_twice = [&] {
      yield();
      note();
      yield();
      note();
    };
    spawn_detached({.name = "low", .priority = 1}, [&] {
      group.run(noting_twice);
      group.run(note);
    }).take();
    Thread high = spawn({.name = "high", .priority = 5}, [&] { group.wait(); });
    high.join().take();
    EXPECT_EQ(priorities.size(), 3u);
    for (const int priority : priorities) EXPECT_EQ(priority, 5);
  });
}

TEST(SelectTest, TakesAsManyCasesAsThereAreChannels) {
  run([] {
    std::vector<std::unique_ptr<Channel<int>>> channels;
    std::vector<int> values(9);
    std::vector<std::unique_ptr<SelectCase>> cases;
    EXPECT_EQ(select(cases).code(), EINVAL);
    for (int& value : values) {
      channels.push_back(std::make_unique<Channel<int>>());
      cases.push_back(receive_case(*channels.back(), value));
    }
    EXPECT_EQ(select(cases, 0).code(), ETIMEDOUT);
    Thread sender = spawn("sender", [&] { EXPECT_TRUE(channels[7]->send(70).ok()); });
    EXPECT_EQ(select(cases)->number, 7u);
    EXPECT_EQ(values[7], 70);
    EXPECT_TRUE(sender.join().ok());
  });
}

TEST(SelectTest, TakesTheFirstThatIsPossible) {
  run([] {
    Channel<int> numbers(1), more(1);
    Channel<std::string> words;
    int number = 0;
    std::string word;
    EXPECT_EQ(select({receive_case(numbers, number)}, 0).code(), ETIMEDOUT);
    EXPECT_EQ(select({receive_case(numbers, number)}, monotonic_ns() + kNsPerMs).code(), ETIMEDOUT);
    EXPECT_EQ(select({}).code(), EINVAL);
    Thread sender = spawn("sender", [&] { EXPECT_TRUE(words.send("hello").ok()); });
    Selected chosen = *select({receive_case(numbers, number), receive_case(words, word)});
    EXPECT_EQ(chosen.number, 1u);
    EXPECT_EQ(word, "hello");
    EXPECT_TRUE(sender.join().ok());
    int out = 5;
    chosen = *select({receive_case(numbers, number), send_case(more, out)});
    EXPECT_EQ(chosen.number, 1u);
    EXPECT_EQ(more.try_receive(), 5);
    numbers.close();
    chosen = *select({receive_case(numbers, number)});
    EXPECT_TRUE(chosen.closed);
  });
}

TEST(SelectTest, CasesMayBeUsedAgain) {
  run([] {
    Channel<int> numbers, answers;
    int number = 0, answer = 7;
    std::vector<std::unique_ptr<SelectCase>> cases;
    cases.push_back(receive_case(numbers, number));
    cases.push_back(send_case(answers, answer));
    EXPECT_EQ(select(cases, monotonic_ns() + kNsPerMs).code(), ETIMEDOUT);
    Thread other = spawn("other", [&] {
      for (const int sent : {1, 2}) EXPECT_TRUE(numbers.send(sent).ok());
      EXPECT_EQ(answers.receive().take(), 7);
      sleep_for(kNsPerMs);  // the cases wait
      answers.close();
    });
    for (const int expected : {1, 2}) {
      const Result<Selected> chosen = select(cases);  // the first one waits
      ASSERT_TRUE(chosen.ok()) << chosen.error().describe();
      EXPECT_EQ(chosen->number, 0u);
      EXPECT_EQ(number, expected);
    }
    Selected chosen = *select(cases);
    EXPECT_EQ(chosen.number, 1u);
    EXPECT_FALSE(chosen.closed);
    chosen = *select(cases);
    EXPECT_EQ(chosen.number, 1u);
    EXPECT_TRUE(chosen.closed);
    EXPECT_TRUE(other.join().ok());
  });
}

TEST(SelectTest, OneValueMayBeOfferedToSeveral) {
  run([] {
    Channel<std::string> left, right;
    std::string word = "a word that is too long to stand in the string itself";
    const std::string copy = word;
    EXPECT_EQ(
        select({send_case(left, word), send_case(right, word)}, monotonic_ns() + kNsPerMs).code(),
        ETIMEDOUT);
    EXPECT_EQ(word, copy);
    Task<std::string> receiver = launch("receiver", [&] {
      sleep_for(kNsPerMs);
      return right.receive().take();
    });
    EXPECT_EQ(select({send_case(left, word), send_case(right, word)})->number, 1u);
    EXPECT_EQ(receiver.join().take(), copy);
  });
}

TEST(SelectTest, NothingIsLostOrDoubled) {
  run_shuffled([](std::uint64_t) {
    Channel<int> a, b;
    std::vector<int> got;
    Thread first = spawn("first", [&] {
      for (int i = 0; i < 20; ++i) EXPECT_TRUE(a.send(i).ok());
    });
    Thread second = spawn("second", [&] {
      for (int i = 100; i < 120; ++i) {
        int value = i;
        const Selected done = *select({send_case(b, value)});
        EXPECT_FALSE(done.closed);
      }
    });
    for (int i = 0; i < 40; ++i) {
      int value = -1;
      const Selected done = *select({receive_case(a, value), receive_case(b, value)});
      EXPECT_EQ(done.number, value < 100 ? 0u : 1u);
      got.push_back(value);
    }
    EXPECT_TRUE(first.join().ok());
    EXPECT_TRUE(second.join().ok());
    std::sort(got.begin(), got.end());
    EXPECT_EQ(std::unique(got.begin(), got.end()), got.end());
    EXPECT_EQ(got.size(), 40u);
  });
}

TEST(Group, ThatRunsNothingMayGoWhereNoThreadExists) {
  const TaskGroup outside("outside");
  auto runtime = make_runtime();
  runtime->post([] { const TaskGroup between_threads; });
  EXPECT_TRUE(runtime->run([] { yield(); }).ok());
}

}  // namespace
}  // namespace spindle::thread
