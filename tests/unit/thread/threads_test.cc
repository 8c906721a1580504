#include "spindle/thread/thread.h"

#include <unistd.h>

#include <array>
#include <atomic>
#include <climits>
#include <csignal>
#include <cstdlib>
#include <cstring>
#include <exception>
#include <stdexcept>

#include "spindle/base/clock.h"
#include "spindle/thread/event.h"
#include "spindle/thread/inspect.h"
#include "spindle/thread/latch.h"
#include "spindle/thread/semaphore.h"
#include "spindle/thread/task.h"
#include "thread/sanitizer.h"
#include "thread_test.h"

namespace spindle::thread {
namespace {

TEST(Thread, JoinWaitsForTheEnd) {
  run_shuffled([](std::uint64_t seed) {
    Random random(seed);
    int ended = 0;
    std::vector<Thread> threads;
    for (int i = 0; i < 20; ++i) {
      threads.push_back(spawn("t", [&ended, seed = random()] {
        Random own(seed);
        yield_some(own, 5);
        ++ended;
      }));
    }
    for (Thread& thread : threads) {
      EXPECT_TRUE(thread.joinable());
      EXPECT_TRUE(thread.join().ok());
      EXPECT_FALSE(thread.joinable());
    }
    EXPECT_EQ(ended, 20);
  });
}

TEST(Thread, JoiningTwiceOrAnEmptyHandleIsAnError) {
  run([] {
    Thread empty;
    EXPECT_EQ(empty.join().code(), EINVAL);
    EXPECT_EQ(empty.detach().code(), EINVAL);
    Thread thread = spawn("t", [] {});
    EXPECT_TRUE(thread.join().ok());
    EXPECT_EQ(thread.join().code(), EINVAL);
    EXPECT_EQ(thread.id(), 0u);
  });
}

TEST(Thread, JoiningWhatAnotherWaitsForIsAnError) {
  run([] {
    Event go;
    Thread thread = spawn("t", [&] { go.wait(); });
    Thread joiner = spawn("joiner", [&] { EXPECT_TRUE(thread.join().ok()); });
    yield();
    EXPECT_EQ(thread.join().code(), EBUSY);
    EXPECT_TRUE(thread.joinable());
    go.set();
    EXPECT_TRUE(joiner.join().ok());
    EXPECT_EQ(thread.join().code(), EINVAL);
  });
}

TEST(Thread, CannotJoinItself) {
  run([] {
    Thread thread;
    int code = 0;
    thread = spawn("narcissus", [&] { code = thread.join().code(); });
    yield();
    EXPECT_EQ(code, EDEADLK);
    EXPECT_TRUE(thread.join().ok());
  });
}

TEST(Thread, AHandleMayBeUsedAfterTheEnd) {
  run([] {
    Thread ended = spawn("ended", [] {});
    const std::uint64_t id = ended.id();
    yield();
    ended.cancel();
    ended.set_priority(3);
    EXPECT_EQ(ended.id(), id);
    EXPECT_TRUE(ended.joinable());
    Thread other = spawn("other", [] {});
    EXPECT_NE(other.id(), id) << "its place is its own until it is joined";
    EXPECT_TRUE(ended.join().ok());
    ended.cancel();
    ended.set_priority(3);
    EXPECT_EQ(ended.id(), 0u);
    EXPECT_EQ(ended.detach().code(), EINVAL);
    EXPECT_EQ(ended.join_until(kNever).code(), EINVAL);
    EXPECT_TRUE(other.detach().ok());
    EXPECT_EQ(other.join().code(), EINVAL) << "joined after it was let go";
  });
}

TEST(Thread, AHandleMayOutliveItsRuntime) {
  for (const unsigned workers : {1u, 2u}) {
    auto runtime = Runtime::create({.workers = workers}).take();
    Thread early, ended, stuck, dropped, let_go;
    const Result<> result = runtime->run([&] {
      early = spawn("early", [] {});
      ended = spawn("ended", [] {});
      Semaphore never(0, "never");
      for (Thread* thread : {&stuck, &dropped, &let_go}) {
        *thread = spawn("stuck", [&] { never.acquire(); });
      }
      never.acquire();
    });
    EXPECT_EQ(result.code(), EDEADLK);
    EXPECT_TRUE(early.join().ok()) << "when the run is over";
    const std::uint64_t id = stuck.id();
    runtime.reset();
    EXPECT_TRUE(ended.join().ok());
    EXPECT_FALSE(ended.joinable());
    EXPECT_EQ(stuck.join().code(), ESRCH);
    stuck.cancel();
    stuck.set_priority(3);
    EXPECT_EQ(stuck.id(), id);
    EXPECT_TRUE(let_go.detach().ok());
    run([&] {
      EXPECT_EQ(stuck.join_until(kNever).code(), ESRCH) << "in another runtime, too";
      dropped = Thread();
    });
  }
}

TEST(Thread, JoinUntilGivesUpAndCanBeRepeated) {
  run([] {
    Event go;
    Thread thread = spawn("t", [&] { go.wait(); });
    EXPECT_EQ(thread.join_until(monotonic_ns() + 1'000'000).code(), ETIMEDOUT);
    EXPECT_EQ(thread.join_until(0).code(), ETIMEDOUT);
    EXPECT_TRUE(thread.joinable());
    go.set();
    EXPECT_TRUE(thread.join_until(kNever).ok());
  });
}

TEST(Thread, DestroyingTheHandleJoins) {
  run([] {
    bool ended = false;
    {
      Thread thread = spawn("t", [&] {
        yield();
        ended = true;
      });
    }
    EXPECT_TRUE(ended);
  });
}

TEST(Thread, AssigningOverAHandleJoinsTheOldThread) {
  run([] {
    Event go;
    bool first_ended = false;
    Thread thread = spawn("a", [&] { first_ended = true; });
    thread = spawn("b", [&] { go.wait(); });
    EXPECT_TRUE(first_ended);
    go.set();
    EXPECT_TRUE(thread.join().ok());
  });
}

TEST(Thread, DetachedThreadsRunOn) {
  int ended = 0;
  run([&] {
    Thread running = spawn("a", [&] {
      yield();
      ++ended;
    });
    Thread done = spawn("b", [&] { ++ended; });
    yield();
    EXPECT_TRUE(done.detach().ok());
    EXPECT_TRUE(running.detach().ok());
  });
  EXPECT_EQ(ended, 2);
}

TEST(Thread, CallablesAreDestroyedOnceWhereverTheyAreKept) {
  auto counter = std::make_shared<int>(0);
  run([&] {
    struct Large {
      std::array<char, 5000> bytes = {};
    };
    spawn_detached("small", [counter] { ++*counter; }).take();
    spawn_detached("large", [counter, large = Large{}] { *counter += large.bytes[77] + 1; }).take();
    auto movable = std::make_unique<int>(5);
    spawn_detached("move-only", [counter, held = std::move(movable)] { *counter += *held; }).take();
  });
  EXPECT_EQ(*counter, 7);
  EXPECT_EQ(counter.use_count(), 1);
}

TEST(Thread, OveralignedCallablesStandWhereTheyMust) {
  struct alignas(256) Aligned {
    char byte = 0;
    void operator()() const {
      EXPECT_EQ(reinterpret_cast<std::uintptr_t>(this) % alignof(Aligned), 0u);
    }
  };
  run([] {
    for (int i = 0; i < 40; ++i) spawn_detached("aligned", Aligned{}).take();
  });
}

TEST(Thread, StacksAreAlignedForVectorInstructions) {
  run([] {
    in_parallel(20, [](std::size_t) {
      alignas(16) volatile char local[64] = {};
      EXPECT_EQ(reinterpret_cast<std::uintptr_t>(&local[0]) % 16, 0u);
      EXPECT_EQ(std::to_string(0.1 * static_cast<double>(local[3] + 5)), "0.500000");
    });
  });
}

TEST(Thread, KnowsItsNameAndId) {
  run([] {
    EXPECT_EQ(current_thread::name(), "main");
    const std::uint64_t main_id = current_thread::id();
    const std::string longest(31, 'x');
    Thread thread = spawn(longest + "cut off", [&] {
      EXPECT_EQ(current_thread::name(), longest);
      EXPECT_NE(current_thread::id(), main_id);
    });
    EXPECT_GT(thread.id(), main_id);
    EXPECT_TRUE(thread.join().ok());
  });
}

TEST(Thread, EachHasItsOwnErrno) {
  run_shuffled([](std::uint64_t seed) {
    in_parallel(10, [seed](std::size_t i) {
      EXPECT_EQ(errno, 0);
      Random random(seed * 100 + i);
      for (int k = 0; k < 20; ++k) {
        errno = static_cast<int>(i) + 1;
        yield_some(random);
        EXPECT_EQ(errno, static_cast<int>(i) + 1);
      }
    });
  });
}

TEST(Thread, EachHasItsOwnExceptions) {
  run_shuffled([](std::uint64_t seed) {
    in_parallel(8, [seed](std::size_t i) {
      Random random(seed * 100 + i);
      for (int k = 0; k < 10; ++k) {
        struct YieldInDestructor {
          Random& random;
          ~YieldInDestructor() {
            EXPECT_EQ(std::uncaught_exceptions(), 1);
            yield_some(random);
            EXPECT_EQ(std::uncaught_exceptions(), 1);
          }
        };
        const std::string text = std::to_string(i) + " " + std::to_string(k);
        try {
          const YieldInDestructor yields{random};
          throw std::runtime_error(text);
        } catch (const std::runtime_error&) {
          yield_some(random);
          EXPECT_EQ(std::uncaught_exceptions(), 0);
          try {
            std::rethrow_exception(std::current_exception());
          } catch (const std::runtime_error& error) {
            EXPECT_EQ(error.what(), text);
          }
        }
      }
    });
  });
}

TEST(Thread, ManyLiveAtOnceAndTheirStacksAreUsedAgain) {
  auto runtime = Runtime::create({.stack_size = 16 * 1024}).take();
#if defined(__SANITIZE_THREAD__)
  constexpr std::size_t kManyThreads = 5'000;  // ThreadSanitizer has a limit of its own
#else
  constexpr std::size_t kManyThreads = 50'000;
#endif
  ASSERT_TRUE(runtime
                  ->run([&] {
                    for (int round = 0; round < 2; ++round) {
                      Latch gate(1);
                      std::size_t through = 0;
                      for (std::size_t i = 0; i < kManyThreads; ++i) {
                        ASSERT_TRUE(spawn_detached("one of many", [&] {
                                      gate.wait();
                                      ++through;
                                    }).ok());
                      }
                      yield();
                      EXPECT_EQ(runtime->live_threads(), kManyThreads + 1);
                      gate.count_down();
                      yield();
                      EXPECT_EQ(through, kManyThreads);
                    }
                  })
                  .ok());
}

// Sleeps for ever, below that many frames.
void sleep_below(std::size_t frames, Semaphore& never) {
  [[maybe_unused]] volatile char frame[100];
  frame[0] = 1;
  if (frames > 0)
    sleep_below(frames - 1, never);
  else
    never.acquire();
  frame[1] = 1;
}

// The frames that nobody returned from have left red zones of AddressSanitizer's behind.
TEST(Thread, StacksStandWhereThoseOfAnotherRuntimeStood) {
  for (std::size_t size = std::size_t{60} << 10; size > std::size_t{20} << 10; size -= 4096) {
    auto runtime = Runtime::create({.stack_size = size}).take();
    Semaphore never(0, "never");
    const Result<> ran = runtime->run([&] {
      std::array<Thread, 30> threads;
      for (Thread& thread : threads) thread = spawn("asleep", [&] { sleep_below(60, never); });
      EXPECT_TRUE(threads.front().join().ok());
    });
    EXPECT_EQ(ran.code(), EDEADLK);
  }
}

TEST(Thread, StackSizesAreAsAsked) {
  run([] {
    for (const std::size_t size :
         {std::size_t{16} << 10, std::size_t{100'000}, std::size_t{8} << 20}) {
      Thread thread = spawn(ThreadOptions{.name = "sized", .stack_size = size}, [size] {
        std::vector<ThreadInfo> threads = list_threads(*Runtime::current());
        EXPECT_GE(threads.back().stack_size + 2048, size);
        // All but the last two pages can be written to.
        const std::size_t usable = size - 8192;
        auto* memory = static_cast<volatile char*>(__builtin_alloca(usable));
        for (std::size_t at = usable; at > 0; at -= std::min<std::size_t>(at, 512))
          memory[at - 1] = 1;
        threads = list_threads(*Runtime::current());
        EXPECT_GE(threads.back().stack_used, usable);
      });
      EXPECT_TRUE(thread.join().ok());
    }
    Thread impossible =
        spawn(ThreadOptions{.name = "giant", .stack_size = std::size_t{1} << 40}, [] {});
    EXPECT_FALSE(impossible.joinable());
    EXPECT_EQ(spawn_detached(ThreadOptions{.stack_size = std::size_t{1} << 40}, [] {}).code(),
              ENOMEM);
  });
}

TEST(ThreadOptions, WhateverTheyAreEachThreadRuns) {
  constexpr std::int64_t kLeast = INT64_MIN;
  for (const std::string_view policy : cpu_policy_names()) {
    SCOPED_TRACE(policy);
    int ran = 0;
    auto runtime = Runtime::create({.policy = policy}).take();
    const Result<> result = runtime->run([&] {
      const auto work = [&] {
        for (int i = 0; i < 3; ++i) yield();
        ++ran;
      };
      std::vector<Thread> threads;
      for (const std::uint32_t weight : {0u, 1u, UINT32_MAX}) {
        threads.push_back(spawn(ThreadOptions{.weight = weight}, work));
      }
      for (const int priority : {INT_MIN, -1, INT_MAX}) {
        threads.push_back(spawn(ThreadOptions{.priority = priority}, work));
      }
      for (const std::int64_t deadline_ns : {kLeast, std::int64_t{1}, kNever}) {
        threads.push_back(spawn(ThreadOptions{.deadline_ns = deadline_ns}, work));
      }
      for (const std::size_t stack_size : {std::size_t{1}, std::size_t{8191}}) {
        threads.push_back(spawn(ThreadOptions{.stack_size = stack_size}, work));
      }
      for (const int worker : {INT_MIN, INT_MAX}) {
        threads.push_back(spawn(ThreadOptions{.pinned_to = worker}, work));
      }
      current_thread::set_priority(INT_MIN);
      for (Thread& thread : threads) EXPECT_TRUE(thread.join().ok());
    });
    EXPECT_TRUE(result.ok());
    EXPECT_EQ(ran, 13);
  }
}

TEST(ThreadOptions, AStackBeyondAllMemoryMakesNoThread) {
  run([] {
    for (const std::size_t size : {(std::size_t{1} << 30) + 1, SIZE_MAX - 1, SIZE_MAX}) {
      EXPECT_FALSE(spawn(ThreadOptions{.stack_size = size}, [] {}).joinable());
      EXPECT_EQ(launch(ThreadOptions{.stack_size = size}, [] {}).join().code(), ENOMEM);
    }
  });
}

TEST(ThreadOptions, ANameIsKeptToItsFirstNulOrSoFarAsThereIsRoom) {
  using namespace std::string_view_literals;
  run([] {
    const auto name_of = [](std::string_view name) {
      std::string seen;
      Thread thread = spawn(name, [&] { seen = current_thread::name(); });
      EXPECT_TRUE(thread.join().ok());
      return seen;
    };
    EXPECT_EQ(name_of("before\0after"sv), "before");
    EXPECT_EQ(name_of("\0"sv), "");
    EXPECT_EQ(name_of(std::string(1'000'000, 'n')), std::string(31, 'n'));
  });
}

TEST(ThreadOptions, ManyMoreThanProcessorsWork) {
  std::atomic<int> ran = 0;
  auto runtime = Runtime::create({.workers = 100}).take();
  EXPECT_TRUE(runtime
                  ->run([&] {
                    in_parallel(1000, [&](std::size_t i) {
                      EXPECT_TRUE(current_thread::pin_to(static_cast<int>(i % 100)).ok());
                      yield();
                      EXPECT_EQ(current_thread::worker(), static_cast<int>(i % 100));
                      ++ran;
                    });
                  })
                  .ok());
  EXPECT_EQ(ran, 1000);
}

// Not even an id whose lowest bits are those of another.
TEST(ThreadOptions, AWorkerThatIsNotThereIsAnyWorker) {
  auto runtime = Runtime::create({.workers = 2}).take();
  EXPECT_TRUE(runtime
                  ->run([] {
                    for (const int number : {2, -2, 0x10006, -0xfffa, INT_MAX, INT_MIN}) {
                      Thread thread = spawn(ThreadOptions{.pinned_to = number}, [] { yield(); });
                      EXPECT_TRUE(thread.join().ok());
                    }
                  })
                  .ok());
}

TEST(Inspect, TellsWhatEachThreadDoes) {
  auto runtime = make_runtime();
  ASSERT_TRUE(runtime
                  ->run([&] {
                    Semaphore tokens(0, "tokens");
                    Thread waits = spawn("waits", [&] { tokens.acquire(); });
                    Thread sleeps = spawn("sleeps", [] { sleep_for(3600'000'000'000); });
                    Thread joins = spawn("joins", [&] { waits.join().take(); });
                    Thread ended = spawn("ended", [] {});
                    yield();
                    Thread ready = spawn("ready", [] {});
                    const auto threads = list_threads(*runtime);
                    ASSERT_EQ(threads.size(), 6u);
                    EXPECT_EQ(threads[0].state, ThreadState::kRunning);
                    EXPECT_EQ(threads[1].state, ThreadState::kWaiting);
                    EXPECT_EQ(threads[1].waits_for, WaitKind::kSemaphore);
                    EXPECT_EQ(threads[1].object_name, "tokens");
                    EXPECT_GT(threads[1].waiting_since_ns, 0);
                    EXPECT_EQ(threads[1].switches, 1u);
                    EXPECT_EQ(threads[2].waits_for, WaitKind::kSleep);
                    EXPECT_EQ(threads[3].waits_for, WaitKind::kJoin);
                    EXPECT_EQ(threads[3].object_name, "waits");
                    EXPECT_EQ(threads[4].state, ThreadState::kEnded);
                    EXPECT_EQ(threads[5].state, ThreadState::kReady);
                    EXPECT_EQ(to_string(threads[5].state), "ready");
                    EXPECT_EQ(to_string(threads[2].waits_for), "sleep");
                    sleeps.cancel();
                    tokens.release();
                  })
                  .ok());
}

std::uintptr_t deepest_frame = 0;

// The address is made where the optimiser cannot follow, so that the recursion stays one.
[[gnu::noinline]] std::size_t descend(std::size_t depth) {
  volatile char frame[256];
  frame[0] = static_cast<char>(depth);
  deepest_frame = reinterpret_cast<std::uintptr_t>(__builtin_frame_address(0));
  if (depth == 0) return 0;
  return descend(depth - 1) + static_cast<std::size_t>(frame[0] & 1);
}

// The depth is right for a stack that is used again, too, whether the thread before went deeper or
// not. Under a sanitizer stacks are not wiped, and may show more.
TEST(Inspect, TellsHowDeepEachThreadWent) {
  constexpr bool kIsWiped = sanitizer::kStackGrowth == 1;
  const auto page = static_cast<std::size_t>(sysconf(_SC_PAGESIZE));
  for (const unsigned workers : {1u, 2u}) {
    Runtime::Options options;
    options.workers = workers;
    auto runtime = Runtime::create(std::move(options)).take();
    const Result<> result = runtime->run([&] {
      // And after many that were not deep.
      std::vector<std::size_t> depths = {100, 10, 0, 50, 1, 150};
      depths.insert(depths.end(), 40, 0);
      depths.insert(depths.end(), {150, 20});
      for (const std::size_t depth : depths) {
        Semaphore seen(0, "seen");
        Latch down(1, "down");
        std::size_t depth_bytes = 0;
        Thread diver = spawn("diver", [&] {
          const auto begin = reinterpret_cast<std::uintptr_t>(__builtin_frame_address(0));
          descend(depth);
          depth_bytes = begin - deepest_frame;
          down.count_down();
          seen.acquire();
        });
        down.wait();
        const std::size_t used = list_threads(*runtime).back().stack_used;
        EXPECT_GE(used, depth_bytes) << depth;
        if (kIsWiped) EXPECT_LE(used, depth_bytes + 2 * page) << depth;
        seen.release();
        EXPECT_TRUE(diver.join().ok());
      }
    });
    EXPECT_TRUE(result.ok());
  }
}

TEST(OverflowDeathTest, NamesTheThread) {
  EXPECT_DEATH(run([] {
                 Thread neighbour = spawn("neighbour", [] { yield(); });
                 Thread deep = spawn("deep thought", [] { descend(1'000'000); });
                 deep.join().take();
               }),
               "stack overflow in thread deep thought");
}

// The kernel gives no address in this case. If a sanitizer makes stacks larger, there is room.
#if !defined(SPINDLE_ASAN) && !defined(SPINDLE_TSAN)
TEST(OverflowDeathTest, NamesTheThreadThatHasNoRoomForASignal) {
  constexpr std::size_t kStack = 64 * 1024;
  const auto spin_at_the_bottom = [] {
    volatile char room[kStack - 2'000];
    for (;;) room[0] = static_cast<char>(room[0] + 1);
  };
  EXPECT_DEATH(
      {
        auto runtime = Runtime::create({.stack_size = kStack, .preemption_ns = 1'000'000}).take();
        static_cast<void>(
            runtime->run([&] { spawn("spinner", spin_at_the_bottom).join().take(); }));
      },
      "stack overflow in thread spinner");
}
#endif

TEST(OverflowDeathTest, OtherFaultsKeepTheirAnswer) {
  EXPECT_DEATH(run([] {
                 volatile std::uintptr_t nowhere = 8;
                 *reinterpret_cast<volatile int*>(nowhere) = 1;
               }),
               "");
}

TEST(OverflowDeathTest, ASignalThatWasSentKeepsItsAnswer) {
  EXPECT_DEATH(run([] { raise(SIGSEGV); }), "");
}

TEST(ThreadDeathTest, WaitingOutsideOfARuntimeIsABug) {
  EXPECT_DEATH(Semaphore(0).acquire(), "CHECK failed.*inside of Runtime::run");
  EXPECT_DEATH(yield(), "CHECK failed.*inside of Runtime::run");
  EXPECT_DEATH(static_cast<void>(spawn("early", [] {})), "CHECK failed.*inside of Runtime::run");
}

TEST(ThreadDeathTest, AnExceptionThatLeavesAThreadEndsTheProgram) {
  EXPECT_DEATH(run([] {
                 Thread thread = spawn("thrower", [] { throw std::runtime_error("catch me"); });
                 thread.join().take();
               }),
               "catch me");
}

}  // namespace
}  // namespace spindle::thread
