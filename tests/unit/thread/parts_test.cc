// The parts of the scheduler, each by itself: the deque from which workers steal, the gate that
// stops them, the pools with a cache for each, the queue of timers, the weaker guards of stacks,
// and AwakeProcessors.
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/syscall.h>

#include <array>
#include <atomic>
#include <cstddef>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <map>
#include <set>
#include <span>
#include <thread>
#include <vector>

#include "spindle/base/clock.h"
#include "spindle/base/whole_file.h"
#include "thread/awake_processors.h"
#include "thread/gate.h"
#include "thread/poller.h"
#include "thread/pools.h"
#include "thread/timer_queue.h"
#include "thread/work_deque.h"
#include "thread/worker.h"
#include "thread_test.h"

namespace spindle::thread {
namespace {

constexpr std::size_t kControls = 3000;  // so that the deque grows some times

TEST(WorkDequeTest, TheOwnerTakesFromBothEnds) {
  std::vector<Control> controls(kControls);
  WorkDeque deque;
  const LightBarrier barrier;
  EXPECT_EQ(deque.take_newest(barrier), nullptr);
  EXPECT_EQ(deque.take_oldest(), nullptr);
  for (Control& one : controls) deque.push(one);
  EXPECT_EQ(deque.size(), static_cast<std::int64_t>(kControls));
  for (std::size_t i = 0; i < kControls / 2; ++i) {
    ASSERT_EQ(deque.take_oldest(), &controls[i]);
    ASSERT_EQ(deque.take_newest(barrier), &controls[kControls - 1 - i]);
  }
  EXPECT_EQ(deque.take_newest(barrier), nullptr);
  EXPECT_EQ(deque.size(), 0);
}

// Each thread comes out once, whichever side takes it.
TEST(WorkDequeTest, NothingIsLostOrDoubledAmongThieves) {
  std::vector<Control> controls(kControls);
  for (std::size_t i = 0; i < kControls; ++i) controls[i].id = i;
  std::vector<std::atomic<int>> taken(kControls);
  std::atomic<std::size_t> left = kControls;
  WorkDeque deque;
  const LightBarrier barrier;
  const auto note = [&](const Control* one) {
    if (one == nullptr) return;
    ++taken[one->id];
    --left;
  };
  std::vector<std::thread> thieves;
  for (int i = 0; i < 2; ++i) {
    thieves.emplace_back([&] {
      while (left > 0) note(deque.steal(barrier));
    });
  }
  Random random(1);
  for (Control& one : controls) {
    deque.push(one);
    if (random.below(3) == 0)
      note(random.below(2) == 0 ? deque.take_newest(barrier) : deque.take_oldest());
  }
  while (left > 0) note(deque.take_newest(barrier));
  for (std::thread& thief : thieves) thief.join();
  for (const auto& count : taken) ASSERT_EQ(count, 1);
}

TEST(GateTest, NobodyPassesABarredOne) {
  Gate gate;
  Gate::Passing passing = 0;
  gate.bar();
  EXPECT_FALSE(gate.try_enter(passing) || gate.enter_slowly(passing));
  EXPECT_EQ(passing, 0u);
  gate.close();
  gate.unbar();
  gate.open();
  EXPECT_TRUE(gate.try_enter(passing) || gate.enter_slowly(passing));
  if (!gate.leave(passing)) gate.say_left(passing);
  EXPECT_EQ(passing, 0u);
}

// Workers that pass and the one that has closed the gate use the same plain numbers, for
// ThreadSanitizer to see.
TEST(GateTest, NobodyPassesWhileItIsClosed) {
  constexpr std::size_t kPassers = 2;
  struct alignas(64) Passer {
    Gate::Passing passing = 0;
    std::uint64_t passed = 0;
  };
  Gate gate;
  std::vector<Passer> passers(kPassers);
  std::uint64_t changed_by_closer = 0;
  std::atomic<bool> over = false;
  std::vector<std::thread> threads;
  for (Passer& one : passers) {
    threads.emplace_back([&] {
      std::uint64_t seen = 0;
      while (!over) {
        EXPECT_TRUE(gate.try_enter(one.passing) || gate.enter_slowly(one.passing));
        ++one.passed;
        EXPECT_GE(changed_by_closer, seen);
        seen = changed_by_closer;
        if (!gate.leave(one.passing)) gate.say_left(one.passing);
      }
    });
  }
  for (int round = 0; round < 300; ++round) {
    gate.close();
    for (Passer& one : passers) Gate::wait_for(one.passing);
    std::uint64_t before = 0;
    for (const Passer& one : passers) before += one.passed;
    ++changed_by_closer;
    std::this_thread::yield();
    std::uint64_t after = 0;
    for (const Passer& one : passers) after += one.passed;
    EXPECT_EQ(before, after);
    gate.open();
    if (round % 10 == 0) std::this_thread::yield();
  }
  over = true;
  for (std::thread& thread : threads) thread.join();
}

/// Threads as the pools see them, of two workers in turn: made, bound, buried, given back.
class PooledThreads {
 public:
  explicit PooledThreads(bool several) : pools_(64 * 1024, several), several_(several) {}

  void make(std::size_t stack_size) {
    Worker& worker = any_worker();
    Control* const thread = pools_.take(worker, stack_size);
    ASSERT_NE(thread, nullptr);
    ASSERT_TRUE(live_.insert(thread).second) << "given out twice";
    ASSERT_TRUE(ids_.insert(pools_.new_id(worker)).second);
    pools_.bind(any_worker(), *thread);
    ASSERT_TRUE(stacks_.insert(thread->stack).second) << "a stack of two threads";
    ASSERT_GE(pools_.stacks().stack_size(*thread), stack_size);
    order_.push_back(thread);
  }
  void bury(std::size_t index) {
    Control* const thread = order_[index];
    order_.erase(order_.begin() + static_cast<std::ptrdiff_t>(index));
    stacks_.erase(thread->stack);
    live_.erase(thread);
    pools_.unbind(any_worker(), *thread);
    pools_.give_back(any_worker(), *thread);
  }
  [[nodiscard]] std::size_t live() const { return order_.size(); }
  [[nodiscard]] std::uint32_t ever_made() const { return pools_.controls().size(); }
  Random& random() { return random_; }

 private:
  Worker& any_worker() { return workers_[several_ ? random_.below(2) : 0]; }

  Pools pools_;
  const bool several_;
  Random random_{7};
  std::array<Worker, 2> workers_;
  std::set<const Control*> live_;
  std::set<const Stack*> stacks_;
  std::set<std::uint64_t> ids_;
  std::vector<Control*> order_;
};

TEST(PoolsTest, GiveEachThreadItsOwnAndUseAllAgain) {
  for (const bool several : {false, true}) {
    PooledThreads threads(several);
    constexpr std::size_t kMost = 400;
    for (int step = 0; step < 20'000; ++step) {
      const bool grows = threads.live() < kMost && threads.random().below(kMost) >= threads.live();
      if (grows) {
        threads.make(threads.random().below(8) == 0 ? 20'000 : 0);
      } else {
        threads.bury(threads.random().below(threads.live()));
      }
      ASSERT_FALSE(testing::Test::HasFatalFailure()) << "step " << step;
    }
    // Beside the living ones there are those in the caches.
    EXPECT_LE(threads.ever_made(), kMost + 2 * 2 * 64);
    while (threads.live() > 0) threads.bury(0);
  }
}

// Deadlines from nanoseconds to years away; the time goes on in steps of all sizes.
TEST(TimerQueueTest, GivesOutWhatIsDueInOrder) {
  Random random(3);
  TimerQueue timers;
  std::vector<WaitNode> nodes(500);
  std::multimap<std::int64_t, WaitNode*> expected;  // equal ones in the order of their coming
  std::int64_t now = 1'000'000'000'000;
  constexpr std::int64_t kLongestDelayNs = 200'000;
  const auto some_time = [&](std::uint64_t bits) {
    return static_cast<std::int64_t>(random.below(std::uint64_t{1} << random.below(bits)));
  };
  for (int step = 0; step < 60'000; ++step) {
    WaitNode& node = nodes[random.below(nodes.size())];
    if (node.timer_index != 0 && random.one_in(4)) {
      timers.remove(node);
      std::erase_if(expected, [&](const auto& one) { return one.second == &node; });
    } else if (node.timer_index == 0) {
      const std::int64_t moment = now + some_time(57) / 8 * 8;
      timers.insert(node, moment);
      expected.emplace(moment, &node);
    } else {
      // Sometimes to exactly the moment that next_look_ns gives, which is the first deadline or
      // before it.
      const std::int64_t said = timers.next_look_ns();
      ASSERT_LE(said, std::max(expected.begin()->first, now + kLongestDelayNs));
      now = random.one_in(3) ? std::max(now, said) : now + some_time(random.one_in(50) ? 55 : 22);
      std::array<WaitNode*, 10> due;
      for (std::size_t count = due.size(); count == due.size();) {
        count = timers.take_due(now, due);
        for (std::size_t i = 0; i < count; ++i) {
          ASSERT_FALSE(expected.empty());
          ASSERT_LE(expected.begin()->first, now);
          ASSERT_EQ(due[i], expected.begin()->second) << "step " << step;
          expected.erase(expected.begin());
        }
      }
      ASSERT_TRUE(expected.empty() || expected.begin()->first > now) << "step " << step;
    }
    ASSERT_EQ(timers.empty(), expected.empty());
    if (expected.empty()) ASSERT_EQ(timers.next_look_ns(), kNever);
  }
}

// Sleeping until the moment that next_look_ns gives, and asking again, leads to the first deadline
// in few steps.
TEST(TimerQueueTest, SaysWhenToLookAgain) {
  TimerQueue timers;
  std::vector<WaitNode> nodes(1000);
  constexpr std::int64_t kHour = 3'600'000'000'000;
  for (std::size_t i = 0; i < nodes.size(); ++i) {
    timers.insert(nodes[i], kHour + static_cast<std::int64_t>(i));
  }
  int steps = 0;
  std::int64_t now = 0;
  std::array<WaitNode*, 1> due;
  while (timers.take_due(now, due) == 0) {
    const std::int64_t next = timers.next_look_ns();
    ASSERT_GT(next, now);
    now = next;
    ASSERT_LT(++steps, 10);
  }
  EXPECT_EQ(now, kHour);
  WaitNode alone;
  TimerQueue another;
  another.insert(alone, kHour);
  EXPECT_EQ(another.next_look_ns(), kHour);
}

// --- What the kernel may lack -----------------------------------------------------------------

void install(std::span<sock_filter> filter) {
  const sock_fprog program = {.len = static_cast<unsigned short>(filter.size()),
                              .filter = filter.data()};
  CHECK(prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) == 0);
  CHECK(prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &program) == 0);
}

/// From now on the system call fails for this process.
void let_fail(long call, std::uint32_t code) {
  sock_filter filter[] = {
      BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(seccomp_data, nr)),
      BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, static_cast<std::uint32_t>(call), 0, 1),
      BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ERRNO | code),
      BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
  };
  install(filter);
}

/// Where its third argument is the one given.
void let_fail(long call, std::uint32_t third_argument, std::uint32_t code) {
  sock_filter filter[] = {
      BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(seccomp_data, nr)),
      BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, static_cast<std::uint32_t>(call), 0, 3),
      BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(seccomp_data, args[2])),
      BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, third_argument, 0, 1),
      BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ERRNO | code),
      BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
  };
  install(filter);
}

constexpr std::uint32_t kGuardInstall = 102;  // MADV_GUARD_INSTALL

void write_below_the_stack() {
  Thread neighbour = spawn("neighbour", [] { yield(); });
  Thread thread = spawn("digger", [] {
    volatile char* const bottom = reinterpret_cast<volatile char*>(current_control->stack->bottom);
    bottom[-8] = 1;
    yield();
  });
  thread.join().take();
}

// The hundredth stack has one, whether guards are installed one by one or many at a time.
void overflow_the_hundredth() {
  run([] {
    std::vector<Thread> threads;
    for (int i = 0; i < 99; ++i) threads.push_back(spawn("neighbour", [] { yield(); }));
    write_below_the_stack();
  });
}

TEST(GuardDeathTest, ManyAreGuardedAtATime) {
  EXPECT_DEATH(overflow_the_hundredth(), "stack overflow in thread digger");
  EXPECT_DEATH((let_fail(SYS_pidfd_open, ENOSYS), overflow_the_hundredth()),
               "stack overflow in thread digger");
  EXPECT_DEATH((let_fail(SYS_process_madvise, EPERM), overflow_the_hundredth()),
               "stack overflow in thread digger");
}

TEST(GuardDeathTest, WithoutMadviseAPageIsProtected) {
  EXPECT_DEATH(
      {
        let_fail(SYS_madvise, kGuardInstall, EINVAL);
        run([] {
          spawn("t", [] {}).join().take();
          CHECK(Runtime::current()->guard_kind() == GuardKind::kMprotect);
          write_below_the_stack();
        });
      },
      "stack overflow in thread digger");
}

TEST(GuardDeathTest, WithoutMappingsACanaryIsLookedAt) {
  EXPECT_DEATH(
      {
        let_fail(SYS_madvise, kGuardInstall, EINVAL);
        let_fail(SYS_mprotect, PROT_NONE, ENOMEM);
        run([] {
          spawn("t", [] {}).join().take();
          CHECK(Runtime::current()->guard_kind() == GuardKind::kCanary);
          write_below_the_stack();
        });
      },
      "stack overflow in thread digger .found late");
}

int dig(int depth) {
  volatile char soil[256] = {};
  soil[0] = 1;
  return depth == INT32_MAX ? 0 : dig(depth + 1) + soil[0];
}

// It comes to where no memory is before it waits.
TEST(GuardDeathTest, WithoutMappingsADeepOverflowIsNamedToo) {
  EXPECT_DEATH(
      {
        let_fail(SYS_madvise, kGuardInstall, EINVAL);
        let_fail(SYS_mprotect, PROT_NONE, ENOMEM);
        run([] { spawn("digger", [] { static_cast<void>(dig(0)); }).join().take(); });
      },
      "stack overflow in thread digger");
}

TEST(PollerDeathTest, SleepsWhereAFilterRefusesTheNewerSystemCall) {
  for (const std::uint32_t error : {ENOSYS, EPERM}) {
    EXPECT_EXIT(
        {
          let_fail(SYS_epoll_pwait2, error);
          run([] { sleep_for(kNsPerMs); });
          std::_Exit(0);
        },
        testing::ExitedWithCode(0), "");
  }
}

// A busy worker looks for events while another, which has been kicked, has not come back from the
// kernel yet.
TEST(PollerTest, AKickIsLeftForTheOneThatWaits) {
  constexpr std::int64_t kLongNs = 60'000'000'000;
  const auto poller = Poller::create().take();
  for (int i = 0; i < 3; ++i) {
    poller->kick();
    poller->poll(0, nullptr);
    const std::int64_t deadline_ns = monotonic_ns() + kLongNs;
    poller->poll(deadline_ns, nullptr);
    EXPECT_LT(monotonic_ns(), deadline_ns);
    poller->poll(monotonic_ns() + 1'000'000, nullptr);  // and it is gone then
  }
}

// What the kernel would be told, written to a file instead of its device.
class AwakeProcessorsTest : public ::testing::Test {
 protected:
  AwakeProcessorsTest() {
    std::filesystem::create_directory(folder_);
    std::ofstream(files_.latency).close();
  }
  ~AwakeProcessorsTest() override { std::filesystem::remove_all(folder_); }

  void idle_driver(const char* name) const { std::ofstream(files_.idle_driver) << name << '\n'; }
  /// Every demand so far, in microseconds.
  [[nodiscard]] std::vector<std::int32_t> demands() const {
    const std::string bytes = whole_file(files_.latency).value();
    std::vector<std::int32_t> demands(bytes.size() / sizeof(std::int32_t));
    std::memcpy(demands.data(), bytes.data(), demands.size() * sizeof(std::int32_t));
    return demands;
  }
  static void events(AwakeProcessors& processors, int count) {
    for (int i = 0; i < count; ++i) processors.event_came();
  }

  std::string folder_ = ::testing::TempDir() + "awake_processors." + std::to_string(::getpid());
  AwakeProcessors::Files files_{.idle_driver = folder_ + "/driver",
                                .latency = folder_ + "/latency"};
};

TEST_F(AwakeProcessorsTest, ManyEventsInARowKeepThemAwakeUntilNoneComes) {
  idle_driver("haltpoll");
  AwakeProcessors processors(files_);
  events(processors, AwakeProcessors::kEventsInARow - 1);
  processors.none_came();
  events(processors, AwakeProcessors::kEventsInARow - 1);
  EXPECT_TRUE(demands().empty());
  EXPECT_FALSE(processors.are_awake());
  events(processors, 2 * AwakeProcessors::kEventsInARow);
  EXPECT_EQ(demands(), std::vector<std::int32_t>{0});
  EXPECT_TRUE(processors.are_awake());
  processors.none_came();
  EXPECT_FALSE(processors.are_awake());
  processors.none_came();
  ASSERT_EQ(demands().size(), 2u);
  EXPECT_GE(demands()[1], 1'000'000'000);
  events(processors, AwakeProcessors::kEventsInARow);
  EXPECT_EQ(demands().size(), 3u);
  EXPECT_EQ(demands()[2], 0);
}

TEST_F(AwakeProcessorsTest, OnesThatSoonWakeByThemselvesAreLeftAlone) {
  for (const char* driver : {"intel_idle", "acpi_idle", "none"}) {
    idle_driver(driver);
    AwakeProcessors processors(files_);
    events(processors, AwakeProcessors::kEventsInARow);
    processors.none_came();
  }
  EXPECT_TRUE(demands().empty());
}

TEST_F(AwakeProcessorsTest, ADeviceThatMayNotBeOpenedIsDoneWithout) {
  idle_driver("haltpoll");
  std::filesystem::remove(files_.latency);
  AwakeProcessors processors(files_);
  events(processors, AwakeProcessors::kEventsInARow);
  processors.none_came();
  EXPECT_FALSE(std::filesystem::exists(files_.latency));
}

}  // namespace
}  // namespace spindle::thread
