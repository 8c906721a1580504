// The policy that schedules the threads: changing it, priorities, and their donation.

#include <map>
#include <mutex>
#include <string>
#include <vector>

#include "spindle/base/clock.h"
#include "spindle/thread/event.h"
#include "spindle/thread/inspect.h"
#include "spindle/thread/mutex.h"
#include "spindle/thread/semaphore.h"
#include "spindle/thread/shared_mutex.h"
#include "thread_test.h"

namespace spindle::thread {
namespace {

/// Strictly by priority; first come, first served among equals. It checks what the runtime promises
/// to every policy.
class StrictPolicy : public CpuPolicy {
 public:
  std::string_view name() const override { return "strict"; }
  void ready(TaskId task, const TaskInfo& info, Why why) override {
    EXPECT_EQ(known_.count(task) == 0, why == Why::kCreated);
    known_[task] = true;
    for (const auto& [key, other] : ready_) EXPECT_NE(other, task);
    ready_.emplace(std::pair(-info.priority, ++arrivals_), task);
  }
  std::optional<TaskId> next(VirtualTime) override {
    if (ready_.empty()) return std::nullopt;
    const TaskId task = ready_.begin()->second;
    ready_.erase(ready_.begin());
    return task;
  }
  std::optional<VirtualTime> quantum(TaskId) const override { return std::nullopt; }
  void removed(TaskId task) override {
    EXPECT_EQ(std::erase_if(ready_, [&](const auto& entry) { return entry.second == task; }), 1u);
  }
  void finished(TaskId task) override { EXPECT_EQ(known_.erase(task), 1u); }

 private:
  std::map<std::pair<int, std::uint64_t>, TaskId> ready_;
  std::map<TaskId, bool> known_;
  std::uint64_t arrivals_ = 0;
};

void run_strictly(const std::function<void()>& body) {
  Runtime::Options options;
  options.custom_policy = std::make_unique<StrictPolicy>();
  auto runtime = Runtime::create(std::move(options)).take();
  const Result<> result = runtime->run(body);
  ASSERT_TRUE(result.ok()) << result.error().describe();
}

Thread spawn_with(int priority, std::string_view name, std::function<void()> body) {
  return spawn(ThreadOptions{.name = name, .priority = priority}, std::move(body));
}

TEST(Policy, CanBeChangedWhileThreadsRun) {
  for (std::uint64_t seed = 1; seed <= 20; ++seed) {
    SCOPED_TRACE(testing::Message() << "seed " << seed);
    auto runtime = make_shuffled_runtime(seed);
    int finished = 0;
    ASSERT_TRUE(runtime
                    ->run([&] {
                      Semaphore tokens(3);
                      Mutex mutex;
                      Random random(seed);
                      in_parallel(20, [&](std::size_t i) {
                        for (int k = 0; k < 20; ++k) {
                          tokens.acquire();
                          yield();
                          if (i == 0) {
                            const auto names = cpu_policy_names();
                            const auto chosen = names[random.below(names.size())];
                            EXPECT_TRUE(runtime->set_policy(chosen).ok());
                            EXPECT_EQ(runtime->policy_name(), chosen);
                          }
                          const std::lock_guard lock(mutex);
                          yield();
                          tokens.release();
                        }
                        ++finished;
                      });
                    })
                    .ok());
    EXPECT_EQ(finished, 20);
  }
}

/// Five methods, as in docs/THREADS.md.
class LastComeFirstServed : public CpuPolicy {
 public:
  std::string_view name() const override { return "lcfs"; }
  void ready(TaskId task, const TaskInfo&, Why) override { stack_.push_back(task); }
  std::optional<TaskId> next(VirtualTime) override {
    if (stack_.empty()) return std::nullopt;
    const TaskId task = stack_.back();
    stack_.pop_back();
    return task;
  }
  std::optional<VirtualTime> quantum(TaskId) const override { return std::nullopt; }
  void removed(TaskId task) override { std::erase(stack_, task); }

 private:
  std::vector<TaskId> stack_;
};

TEST(Policy, OfOnesOwnIsAClassOfFiveMethods) {
  const auto order_of_four = [] {
    std::string order;
    std::vector<Thread> threads;
    for (const char letter : {'a', 'b', 'c', 'd'}) {
      threads.push_back(spawn("t", [&order, letter] { order += letter; }));
    }
    for (Thread& thread : threads) EXPECT_TRUE(thread.join().ok());
    return order;
  };
  Runtime::Options options;
  options.custom_policy = std::make_unique<LastComeFirstServed>();
  auto runtime = Runtime::create(std::move(options)).take();
  const Result<> result = runtime->run([&] {
    EXPECT_EQ(runtime->policy_name(), "lcfs");
    EXPECT_EQ(order_of_four(), "dcba");
    EXPECT_TRUE(runtime->set_policy("fcfs").ok());
    EXPECT_EQ(order_of_four(), "abcd");
    runtime->set_policy(std::make_unique<LastComeFirstServed>());
    EXPECT_EQ(order_of_four(), "dcba");
  });
  EXPECT_TRUE(result.ok());
}

/// Keeps for how long each task that waited or ended had run before.
class ToldOfTurns : public LastComeFirstServed {
 public:
  explicit ToldOfTurns(std::vector<std::int64_t>& turns_ns) : turns_ns_(turns_ns) {}
  void waits(TaskId, const TaskInfo& info) override { turns_ns_.push_back(info.ran.ns); }

 private:
  std::vector<std::int64_t>& turns_ns_;
};

TEST(Policy, IsToldOfTheTurnsThatEndInAWaitOrWithTheThread) {
  constexpr std::int64_t kWorkNs = 2'000'000;
  const auto work = [] {
    for (const std::int64_t began_ns = monotonic_ns(); monotonic_ns() - began_ns < kWorkNs;) {
    }
  };
  std::vector<std::int64_t> turns_ns;
  Runtime::Options options;
  options.custom_policy = std::make_unique<ToldOfTurns>(turns_ns);
  auto runtime = Runtime::create(std::move(options)).take();
  ASSERT_TRUE(runtime->run([&] { EXPECT_TRUE(spawn("worker", work).join().ok()); }).ok());
  // The first thread waits, the worker ends, the first thread ends.
  ASSERT_EQ(turns_ns.size(), 3u);
  EXPECT_GE(turns_ns[1], kWorkNs);
}

TEST(Policy, AnUnknownNameChangesNothing) {
  auto runtime = make_shuffled_runtime(1);
  EXPECT_EQ(runtime->set_policy("nonsense").code(), EINVAL);
  EXPECT_EQ(runtime->policy_name(), "shuffle");
  EXPECT_TRUE(runtime->set_policy("fcfs").ok());
  EXPECT_EQ(runtime->policy_name(), "fcfs");
}

TEST(Priority, HigherRunsFirst) {
  run_strictly([] {
    std::string order;
    std::vector<Thread> threads;
    for (const int priority : {1, 3, 2, 3}) {
      threads.push_back(spawn_with(priority, "t", [&order, priority] {
        order += std::to_string(priority);
        yield();
        order += std::to_string(priority);
      }));
    }
    threads[0].set_priority(4);
    for (Thread& thread : threads) EXPECT_TRUE(thread.join().ok());
    EXPECT_EQ(order, "11333322");
    EXPECT_EQ(current_thread::priority(), 0);
  });
}

// Low holds a lock that high wants, while middle keeps the worker: without donation high would wait
// until middle is done.
TEST(Priority, IsDonatedToTheHolderOfALock) {
  run_strictly([] {
    Mutex mutex("shared");
    Event go;
    std::string order;
    Thread low = spawn_with(1, "low", [&] {
      mutex.lock();
      go.wait();
      EXPECT_EQ(current_thread::priority(), 3);
      order += 'l';
      mutex.unlock();
      EXPECT_EQ(current_thread::priority(), 1);
      yield();
      order += 'L';
    });
    yield();
    Thread middle = spawn_with(2, "middle", [&] {
      for (int i = 0; i < 5; ++i) {
        order += 'm';
        yield();
      }
    });
    Thread high = spawn_with(3, "high", [&] {
      const std::lock_guard lock(mutex);
      order += 'h';
    });
    go.set();
    for (Thread* thread : {&low, &middle, &high}) EXPECT_TRUE(thread->join().ok());
    EXPECT_EQ(order, "lhmmmmmL");
  });
}

TEST(Priority, IsDonatedAlongChains) {
  run_strictly([] {
    constexpr std::size_t kChain = 5;
    std::vector<std::unique_ptr<Mutex>> mutexes;
    for (std::size_t i = 0; i < kChain; ++i) mutexes.push_back(std::make_unique<Mutex>("link"));
    Event go;
    std::vector<Thread> threads;
    // Thread i holds lock i and wants lock i - 1; the last one has the highest priority.
    for (std::size_t i = 0; i < kChain; ++i) {
      threads.push_back(spawn_with(static_cast<int>(i) + 1, "link", [&, i] {
        const std::lock_guard own(*mutexes[i]);
        if (i == 0) {
          go.wait();
        } else {
          mutexes[i - 1]->lock();
          mutexes[i - 1]->unlock();
        }
        EXPECT_EQ(current_thread::priority(), static_cast<int>(kChain));
      }));
      yield();
    }
    for (const ThreadInfo& thread : list_threads(*Runtime::current())) {
      EXPECT_EQ(thread.priority, thread.name == "link" ? static_cast<int>(kChain) : 0);
    }
    go.set();
    for (Thread& thread : threads) EXPECT_TRUE(thread.join().ok());
  });
}

TEST(Priority, IsDonatedToTheThreadThatIsJoined) {
  run_strictly([] {
    std::string order;
    Thread low = spawn_with(1, "low", [&] { order += 'l'; });
    Thread middle = spawn_with(2, "middle", [&] { order += 'm'; });
    current_thread::set_priority(3);
    EXPECT_TRUE(low.join().ok());
    EXPECT_EQ(order, "l");
    EXPECT_TRUE(middle.join().ok());
  });
}

TEST(Priority, ADonorThatGivesUpTakesItsPriorityBack) {
  run_strictly([] {
    current_thread::set_priority(1);
    Mutex mutex;
    mutex.lock();
    Thread impatient =
        spawn_with(9, "impatient", [&] { EXPECT_FALSE(mutex.try_lock_for(300'000'000)); });
    yield();
    EXPECT_EQ(current_thread::priority(), 9);
    EXPECT_TRUE(impatient.join().ok());
    EXPECT_EQ(current_thread::priority(), 1);
    mutex.unlock();
  });
}

TEST(Priority, TheMostUrgentWaiterGetsTheLock) {
  run_strictly([] {
    current_thread::set_priority(50);
    Mutex mutex;
    std::string order;
    mutex.lock();
    std::vector<Thread> threads;
    for (const int priority : {1, 3, 2}) {
      threads.push_back(spawn_with(priority, "t", [&, priority] {
        const std::lock_guard lock(mutex);
        order += std::to_string(priority);
      }));
    }
    sleep_for(1);
    current_thread::set_priority(0);
    yield();
    mutex.unlock();
    for (Thread& thread : threads) EXPECT_TRUE(thread.join().ok());
    EXPECT_EQ(order, "321");
  });
}

// Random locks in a fixed order, with random priorities: whatever happens, in the end each thread
// has its own priority again.
TEST(Priority, AllDonationsAreTakenBackInTheEnd) {
  for (std::uint64_t seed = 1; seed <= 20; ++seed) {
    SCOPED_TRACE(testing::Message() << "seed " << seed);
    run_strictly([seed] {
      std::vector<std::unique_ptr<Mutex>> mutexes;
      for (int i = 0; i < 4; ++i) mutexes.push_back(std::make_unique<Mutex>("m"));
      SharedMutex table;
      std::vector<Thread> threads;
      for (std::uint64_t i = 0; i < 8; ++i) {
        const int priority = static_cast<int>(i % 5);
        threads.push_back(spawn_with(priority, "t", [&, seed, i, priority] {
          Random random(seed * 100 + i);
          for (int k = 0; k < 10; ++k) {
            std::vector<Mutex*> held;
            for (const auto& mutex : mutexes) {
              if (random.one_in(2)) continue;
              if (random.one_in(4)) {
                if (!mutex->try_lock_for(static_cast<std::int64_t>(random.below(50'000)))) continue;
              } else {
                mutex->lock();
              }
              held.push_back(mutex.get());
              yield_some(random);
            }
            if (random.one_in(3)) {
              const std::lock_guard lock(table);
              yield_some(random);
            }
            for (Mutex* mutex : held) mutex->unlock();
            EXPECT_EQ(current_thread::priority(), priority);
            if (random.one_in(4)) sleep_for(static_cast<std::int64_t>(random.below(50'000)));
          }
        }));
      }
      for (Thread& thread : threads) EXPECT_TRUE(thread.join().ok());
    });
  }
}

}  // namespace
}  // namespace spindle::thread
