// The same programs and primitives on several workers, with and without preemption.
#include <dlfcn.h>
#include <sys/mman.h>
#include <ucontext.h>
#include <unistd.h>

#include <array>
#include <atomic>
#include <cerrno>
#include <csignal>
#include <cstdio>
#include <cstdlib>
#include <ctime>
#include <functional>
#include <mutex>
#include <new>
#include <numeric>
#include <shared_mutex>
#include <thread>

#include "spindle/base/clock.h"
#include "spindle/thread/barrier.h"
#include "spindle/thread/channel.h"
#include "spindle/thread/condition_variable.h"
#include "spindle/thread/event.h"
#include "spindle/thread/future.h"
#include "spindle/thread/group.h"
#include "spindle/thread/inspect.h"
#include "spindle/thread/io.h"
#include "spindle/thread/latch.h"
#include "spindle/thread/local.h"
#include "spindle/thread/mutex.h"
#include "spindle/thread/offload.h"
#include "spindle/thread/section.h"
#include "spindle/thread/semaphore.h"
#include "spindle/thread/shared_mutex.h"
#include "spindle/thread/task.h"
#include "thread_test.h"

namespace {
constexpr int kNoneRefused = 1'000'000'000;
std::atomic<int> timers_to_refuse_after = kNoneRefused;
}  // namespace

// Replaces the C library's function in this program.
extern "C" int timer_create(clockid_t clock, sigevent* event, timer_t* timer) noexcept {
  using Create = int (*)(clockid_t, sigevent*, timer_t*);
  static const auto create = reinterpret_cast<Create>(dlsym(RTLD_NEXT, "timer_create"));
  if (timers_to_refuse_after.fetch_sub(1) > 0) return create(clock, event, timer);
  errno = EAGAIN;
  return -1;
}

namespace spindle::thread {
namespace {

struct Mode {
  unsigned workers;
  std::int64_t preemption_ns;
  const char* policy;
};

void PrintTo(const Mode& mode, std::ostream* to) {
  *to << mode.workers << " workers, slice " << mode.preemption_ns << " ns, " << mode.policy;
}

class WorkersTest : public testing::TestWithParam<Mode> {
 protected:
  static void run(const std::function<void()>& body) {
    Runtime::Options options;
    options.workers = GetParam().workers;
    options.preemption_ns = GetParam().preemption_ns;
    options.policy = GetParam().policy;
    options.quantum_ns = 1'000'000;
    auto runtime = Runtime::create(std::move(options)).take();
    const Result<> result = runtime->run(body);
    ASSERT_TRUE(result.ok()) << result.error().describe();
  }
};

constexpr int kThreads = 16;
constexpr int kRounds = 300;

TEST_P(WorkersTest, MutexKeepsAllOthersOut) {
  long counter = 0;
  run([&] {
    Mutex mutex;
    in_parallel(kThreads, [&](std::size_t) {
      for (int i = 0; i < kRounds; ++i) {
        const std::lock_guard lock(mutex);
        const long seen = counter;
        if (i % 16 == 0) yield();
        counter = seen + 1;
      }
    });
  });
  EXPECT_EQ(counter, kThreads * kRounds);
}

TEST_P(WorkersTest, SemaphoresPassEveryItemOnce) {
  long sum = 0;
  run([&] {
    Semaphore room(4), items(0);
    Mutex mutex;
    std::vector<long> buffer;
    in_parallel(8, [&](std::size_t index) {
      for (int i = 0; i < kRounds; ++i) {
        if (index % 2 == 0) {
          room.acquire();
          {
            const std::lock_guard lock(mutex);
            buffer.push_back(i);
          }
          items.release();
        } else {
          items.acquire();
          {
            const std::lock_guard lock(mutex);
            sum += buffer.back();
            buffer.pop_back();
          }
          room.release();
        }
      }
    });
  });
  EXPECT_EQ(sum, 4L * kRounds * (kRounds - 1) / 2);
}

TEST_P(WorkersTest, ChannelsAndConditionsLoseNoWakeUp) {
  long sum = 0;
  run([&] {
    for (const std::size_t capacity : {0u, 3u}) {
      Channel<int> channel(capacity);
      Mutex mutex;
      in_parallel(6, [&](std::size_t index) {
        for (int i = 0; i < kRounds; ++i) {
          if (index % 2 == 0) {
            EXPECT_TRUE(channel.send(i).ok());
          } else {
            const int value = channel.receive().take();
            const std::lock_guard lock(mutex);
            sum += value;
          }
        }
      });
    }
    Mutex mutex;
    ConditionVariable changed;
    int turn = 0;
    in_parallel(3, [&](std::size_t index) {
      for (int i = 0; i < kRounds; ++i) {
        std::unique_lock lock(mutex);
        changed.wait(lock, [&] { return turn % 3 == static_cast<int>(index); });
        ++turn;
        changed.notify_all();
      }
    });
    EXPECT_EQ(turn, 3 * kRounds);
  });
  EXPECT_EQ(sum, 2L * 3 * kRounds * (kRounds - 1) / 2);
}

TEST_P(WorkersTest, BarriersLatchesAndSharedLocks) {
  run([&] {
    Barrier barrier(kThreads);
    SharedMutex shared;
    Latch latch(kThreads);
    std::atomic<int> last = 0;
    long value = 0;
    in_parallel(kThreads, [&](std::size_t) {
      for (int i = 0; i < 50; ++i) {
        if (barrier.arrive_and_wait()) ++last;
        if (i % 10 == 0) {
          const std::lock_guard lock(shared);
          ++value;
        } else {
          shared.lock_shared();
          EXPECT_GE(value, 0);
          shared.unlock_shared();
        }
      }
      latch.arrive_and_wait();
    });
    EXPECT_EQ(last, 50);
    EXPECT_EQ(value, kThreads * 5);
  });
}

long fibonacci(long n) {
  if (n < 2) return n;
  Task<long> left = launch("fibonacci", [n] { return fibonacci(n - 1); });
  const long right = fibonacci(n - 2);
  return left.join().take() + right;
}

/// One thread gives, another takes, and destroys what they share at once.
template <class Shared, class Give, class Take>
void hand_over(Give give, Take take, std::function<Shared*()> make) {
  for (int round = 0; round < 100; ++round) {
    Shared* const shared = make();
    Thread taker = spawn("taker", [=] {
      take(*shared);
      delete shared;
    });
    if (round % 2 == 0) yield();
    give(*shared);
    taker.join().take();
  }
}

// Threads take two locks in any order, the second one by lock_checked.
TEST_P(WorkersTest, CheckedLocksNeverStopTheRun) {
  run([] {
    constexpr std::size_t kLocks = 3;
    std::array<SharedMutex, kLocks> tables;
    std::array<Mutex, kLocks> mutexes;
    std::array<int, kLocks> written{}, counted{};
    std::atomic<int> writes = 0, counts = 0;
    in_parallel(kThreads, [&](std::size_t i) {
      Random random(i + 1);
      const auto change = [&random](int& value, std::atomic<int>& changes) {
        const int before = value;
        yield_some(random, 1);
        value = before + 1;
        ++changes;
      };
      for (int round = 0; round < kRounds; ++round) {
        const std::size_t table = random.below(kLocks);
        const std::size_t mutex = random.below(kLocks);
        if (random.below(2) == 0) {
          const std::shared_lock reading(tables[table]);
          if (!mutexes[mutex].lock_checked().ok()) continue;
          change(counted[mutex], counts);
          mutexes[mutex].unlock();
        } else {
          const std::lock_guard lock(mutexes[mutex]);
          if (!tables[table].lock_checked().ok()) continue;
          change(written[table], writes);
          tables[table].unlock();
        }
      }
    });
    EXPECT_EQ(std::accumulate(written.begin(), written.end(), 0), writes);
    EXPECT_EQ(std::accumulate(counted.begin(), counted.end(), 0), counts);
    EXPECT_EQ(Runtime::current()->deadlocks(), 0u);
  });
}

TEST_P(WorkersTest, WhoeverHasAPrimitiveAloneMayDestroyIt) {
  run([] {
    const auto unlock = [](auto& mutex) { mutex.unlock(); };
    const auto lock_and_unlock = [](auto& mutex) {
      mutex.lock();
      mutex.unlock();
    };
    const auto locked = [](auto* mutex) {
      mutex->lock();
      return mutex;
    };
    hand_over<Mutex>(unlock, lock_and_unlock, [&] { return locked(new Mutex("m")); });
    hand_over<SharedMutex>(unlock, lock_and_unlock, [&] { return locked(new SharedMutex("s")); });
    hand_over<Semaphore>([](auto& s) { s.release(); }, [](auto& s) { s.acquire(); },
                         [] { return new Semaphore(0); });
    hand_over<Latch>([](auto& latch) { latch.count_down(); }, [](auto& latch) { latch.wait(); },
                     [] { return new Latch(1); });
    hand_over<Event>([](auto& event) { event.set(); }, [](auto& event) { event.wait(); },
                     [] { return new Event("e"); });
    const auto arrive = [](auto& barrier) { barrier.arrive_and_wait(); };
    hand_over<Barrier>(arrive, arrive, [] { return new Barrier(2); });
    for (const std::size_t capacity : {0, 1}) {
      hand_over<Channel<int>>([](auto& channel) { channel.send(1).take(); },
                              [](auto& channel) { channel.receive().take(); },
                              [=] { return new Channel<int>(capacity); });
    }
    hand_over<Promise<int>>([](auto& promise) { promise.set(1); },
                            [](auto& promise) { promise.future().get().take(); },
                            [] { return new Promise<int>; });
    struct Monitored {
      Mutex mutex;
      ConditionVariable changed;
      bool done = false;
    };
    hand_over<Monitored>(
        [](auto& shared) {
          const std::lock_guard lock(shared.mutex);
          shared.done = true;
          shared.changed.notify_one();
        },
        [](auto& shared) {
          std::unique_lock lock(shared.mutex);
          shared.changed.wait(lock, [&] { return shared.done; });
        },
        [] { return new Monitored; });
  });
}

TEST_P(WorkersTest, ForksAndJoins) {
  run([&] {
    EXPECT_EQ(fibonacci(14), 377);
    std::atomic<int> ran = 0;
    TaskGroup group;
    for (int i = 0; i < 500; ++i) group.run([&] { ++ran; });
    group.wait();
    EXPECT_EQ(ran, 500);
  });
}

// Joining, giving up, letting go and ending come together in every order, on stacks of two sizes,
// while somebody looks at all threads.
TEST_P(WorkersTest, EndsMeetJoinsAndDetaches) {
  constexpr std::size_t kMakers = 4;
  std::atomic<std::size_t> ended = 0;
  run([&] {
    std::atomic<bool> over = false;
    Thread watcher = spawn("watcher", [&] {
      for (; !over; yield()) EXPECT_GT(list_threads(*Runtime::current()).size(), 1u);
    });
    in_parallel(kMakers, [&](std::size_t index) {
      Random random(index);
      for (int i = 0; i < kRounds; ++i) {
        ThreadOptions options{.name = "child"};
        if (random.below(4) == 0) options.stack_size = 96 * 1024;
        Thread child = spawn(options, [&ended, seed = random()] {
          Random own(seed);
          yield_some(own);
          ++ended;
        });
        yield_some(random);
        if (random.below(4) == 0) static_cast<void>(child.join_until(monotonic_ns() + 2'000).ok());
        if (!child.joinable()) continue;
        EXPECT_TRUE((random.below(3) == 0 ? child.detach() : child.join()).ok());
      }
    });
    over = true;
    EXPECT_TRUE(watcher.join().ok());
  });
  EXPECT_EQ(ended, kMakers * kRounds);
}

TEST_P(WorkersTest, SleepersAndDescriptorsWake) {
  run([&] {
    int ends[2];
    ASSERT_EQ(pipe(ends), 0);
    Thread reader = spawn("reader", [&] {
      EXPECT_TRUE(wait_readable(ends[0]).ok());
      forget(ends[0]);
    });
    in_parallel(20, [&](std::size_t index) {
      const std::int64_t span_ns = 1'000'000 * static_cast<std::int64_t>(1 + index % 5);
      const std::int64_t begin_ns = monotonic_ns();
      sleep_for(span_ns);
      EXPECT_GE(monotonic_ns() - begin_ns, span_ns);
    });
    ASSERT_EQ(write(ends[1], "x", 1), 1);
    EXPECT_TRUE(reader.join().ok());
    close(ends[0]);
    close(ends[1]);
  });
}

TEST_P(WorkersTest, LocalsErrnoAndExceptionsGoWithTheThread) {
  static Local<std::size_t> local;
  run([&] {
    in_parallel(kThreads, [&](std::size_t index) {
      *local = index;
      current_thread::error_number() = static_cast<int>(index);
      for (int i = 0; i < kRounds; ++i) {
        try {
          throw index;
        } catch (std::size_t caught) {
          yield();
          EXPECT_EQ(caught, index);
          EXPECT_EQ(std::uncaught_exceptions(), 0);
          EXPECT_NE(std::current_exception(), nullptr);
        }
        EXPECT_EQ(std::current_exception(), nullptr);
        EXPECT_EQ(*local, index);
        EXPECT_EQ(current_thread::error_number(), static_cast<int>(index));
        EXPECT_EQ(current_thread::name(), "worker " + std::to_string(index));
      }
    });
  });
}

TEST_P(WorkersTest, PinnedThreadsStay) {
  run([&] {
    const int workers = static_cast<int>(Runtime::current()->workers());
    in_parallel(8, [&](std::size_t index) {
      const int home = static_cast<int>(index) % workers;
      ASSERT_TRUE(current_thread::pin_to(home).ok());
      yield();
      for (int i = 0; i < kRounds; ++i) {
        EXPECT_EQ(current_thread::worker(), home);
        yield();
      }
    });
    EXPECT_EQ(current_thread::pin_to(workers).code(), EINVAL);
    Thread pinned = spawn(ThreadOptions{.name = "pinned", .pinned_to = workers - 1},
                          [&] { EXPECT_EQ(current_thread::worker(), workers - 1); });
    EXPECT_TRUE(pinned.join().ok());
  });
}

TEST_P(WorkersTest, AllAsleepIsAnError) {
  Runtime::Options options;
  options.workers = GetParam().workers;
  options.preemption_ns = GetParam().preemption_ns;
  options.policy = GetParam().policy;
  std::string report;
  options.on_deadlock = [&](std::string_view text) { report = text; };
  auto runtime = Runtime::create(std::move(options)).take();
  Semaphore never(0, "never");
  const Result<> result = runtime->run([&] {
    Thread sleeper = spawn("sleeper", [&] { never.acquire(); });
    never.acquire();
  });
  EXPECT_EQ(result.code(), EDEADLK);
  EXPECT_NE(report.find("sleeper"), std::string::npos) << report;
}

TEST_P(WorkersTest, PolicyMayBeChangedMeanwhile) {
  run([&] {
    std::atomic<bool> done = false;
    Thread changer = spawn("changer", [&] {
      for (const char* policy : {"rr", "lottery", "fcfs", "child-first", "priority", "rr"}) {
        EXPECT_TRUE(Runtime::current()->set_policy(policy).ok());
        EXPECT_EQ(Runtime::current()->policy_name(), policy);
        yield();
      }
      done = true;
    });
    in_parallel(kThreads, [&](std::size_t) {
      for (int i = 0; i < kRounds; ++i) {
        yield();
        if (i % 8 == 0) EXPECT_TRUE(spawn("child", [] { yield(); }).join().ok());
      }
    });
    EXPECT_TRUE(changer.join().ok());
    EXPECT_TRUE(done);
  });
}

#if defined(__x86_64__) && !defined(__SANITIZE_THREAD__)
// The next thread may destroy a mutex as soon as it is free. So its page is unmapped at that
// moment, which single-stepping finds, and any later access to it gets SIGSEGV.
constexpr std::int64_t kSingleSteps = 0x100;  // a flag of the processor
constexpr std::size_t kPage = 4096;
void* page_of_mutex = nullptr;

void after_step(int, siginfo_t*, void* context) {
  // The first word says which thread holds it.
  if (__atomic_load_n(static_cast<void**>(page_of_mutex), __ATOMIC_RELAXED) != nullptr) return;
  mprotect(page_of_mutex, kPage, PROT_NONE);
  static_cast<ucontext_t*>(context)->uc_mcontext.gregs[REG_EFL] &= ~kSingleSteps;
}

void unlock_a_mutex_that_goes() {
  page_of_mutex = mmap(nullptr, kPage, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  auto* const mutex = new (page_of_mutex) Mutex("m");
  mutex->lock();
  struct sigaction action = {};
  action.sa_sigaction = after_step;
  action.sa_flags = SA_SIGINFO;
  sigaction(SIGTRAP, &action, nullptr);
  asm volatile(
      "leaq -128(%%rsp), %%rsp\n\tpushfq\n\torq $0x100, (%%rsp)\n\tpopfq\n\t"
      "leaq 128(%%rsp), %%rsp" ::
          : "memory", "cc");
  mutex->unlock();
}

TEST(MutexDeathTest, UnlockHasNoMoreToDoWithWhatItLetGoOf) {
  const auto unlock = [] {
    auto runtime = Runtime::create({.workers = 2}).take();
    runtime->run(unlock_a_mutex_that_goes).take();
    const bool gone = mprotect(page_of_mutex, kPage, PROT_READ) == 0;
    std::_Exit(gone ? 0 : 1);
  };
  EXPECT_EXIT(unlock(), testing::ExitedWithCode(0), "");
}
#endif

INSTANTIATE_TEST_SUITE_P(Modes, WorkersTest,
                         testing::Values(Mode{1, 0, "fcfs"}, Mode{2, 0, "fcfs"}, Mode{4, 0, "fcfs"},
                                         Mode{1, 0, "child-first"}, Mode{2, 0, "child-first"},
                                         Mode{3, 0, "rr"}, Mode{1, 300'000, "fcfs"},
                                         Mode{1, 300'000, "rr"}, Mode{2, 300'000, "fcfs"},
                                         Mode{2, 300'000, "rr"}, Mode{4, 0, "child-first"},
                                         Mode{2, 300'000, "child-first"}));

TEST(WorkersOptions, AreChecked) {
  EXPECT_EQ(Runtime::create({.workers = 0}).code(), EINVAL);
  EXPECT_EQ(Runtime::create({.workers = 257}).code(), EINVAL);
  EXPECT_EQ(Runtime::create({.preemption_ns = -1}).code(), EINVAL);
  EXPECT_EQ(Runtime::create({.preemption_ns = 1'000}).code(), EINVAL);
}

TEST(Workers, ATimerThatOneOfThemDoesNotGetEndsTheRun) {
  auto runtime = Runtime::create({.workers = 3, .preemption_ns = 1'000'000}).take();
  bool ran = false;
  timers_to_refuse_after = 2;
  EXPECT_EQ(runtime->run([&] { ran = true; }).code(), EAGAIN);
  EXPECT_FALSE(ran);
  EXPECT_EQ(runtime->live_threads(), 0u);
  timers_to_refuse_after = kNoneRefused;
  EXPECT_TRUE(runtime->run([&] { ran = true; }).ok()) << "and later it may get one";
  EXPECT_TRUE(ran);
}

// Each thread keeps its worker busy until the other one has come to work, too, however late the
// machine lets it.
TEST(Workers, TakeWorkFromOneAnother) {
  auto runtime = Runtime::create({.workers = 2}).take();
  std::atomic<unsigned> seen = 0;  // a bit for each worker
  const std::int64_t until_ns = monotonic_ns() + 60'000'000'000;
  const Result<> result = runtime->run([&] {
    in_parallel(200, [&](std::size_t) {
      seen |= 1u << current_thread::worker();
      while (seen != 3 && monotonic_ns() < until_ns) {
      }
    });
  });
  ASSERT_TRUE(result.ok());
  EXPECT_EQ(seen, 3u);
  EXPECT_GT(runtime->steals(), 0u);
}

/// Makes a thread that sets a flag and waits for it without ever coming to switch.
void wait_for_one_that_another_worker_must_run() {
  std::atomic<bool> flag = false;
  Thread setter = spawn("setter", [&] { flag = true; });
  const std::int64_t until_ns = monotonic_ns() + 60'000'000'000;
  while (!flag && monotonic_ns() < until_ns) {
  }
  EXPECT_TRUE(flag);
  EXPECT_TRUE(setter.join().ok());
}

TEST(Workers, AnIdleOneTakesWhatABusyOneDoesNotComeTo) {
  auto runtime = Runtime::create({.workers = 2}).take();
  ASSERT_TRUE(runtime->run(wait_for_one_that_another_worker_must_run).ok());
}

// Again and again one worker computes, and a thread that it has made ready must be taken by a
// worker that fell asleep before, or is about to. If a wake-up is lost, this waits too long.
TEST(Workers, NoneOversleepsHoweverItFellAsleep) {
  for (const char* policy : {"fcfs", "child-first", "rr"}) {
    for (const unsigned workers : {2u, 3u}) {
      SCOPED_TRACE(testing::Message() << policy << ", " << workers << " workers");
      Runtime::Options options;
      options.workers = workers;
      options.policy = policy;
      auto runtime = Runtime::create(std::move(options)).take();
      const Result<> result = runtime->run([workers] {
        Random random(workers);
        for (int round = 0; round < 100; ++round) {
          if (random.below(3) == 0) sleep_for(static_cast<std::int64_t>(random.below(400'000)));
          if (random.below(3) == 0) offload([] { std::this_thread::yield(); });
          if (random.below(3) == 0) yield_some(random);
          const int home = static_cast<int>(random.below(workers + 1)) - 1;
          Semaphore there(0), back(0);
          Thread partner = spawn(ThreadOptions{.name = "partner", .pinned_to = home}, [&] {
            there.acquire();
            back.release();
          });
          if (random.below(2) == 0) yield();
          there.release();
          back.acquire();
          wait_for_one_that_another_worker_must_run();
          EXPECT_TRUE(partner.join().ok());
        }
      });
      EXPECT_TRUE(result.ok());
    }
  }
}

}  // namespace
}  // namespace spindle::thread
