// A timer's signal takes the worker from threads that keep it.
#include <fcntl.h>
#include <unistd.h>

#include <array>
#include <atomic>
#include <csignal>
#include <cstdlib>
#include <cstring>
#include <map>
#include <stdexcept>
#include <string>
#include <vector>

#include "spindle/base/clock.h"
#include "spindle/thread/file_io.h"
#include "spindle/thread/io.h"
#include "spindle/thread/mutex.h"
#include "spindle/thread/section.h"
#include "spindle/thread/stream.h"
#include "thread_test.h"

namespace spindle::thread {
namespace {

constexpr std::int64_t kSliceNs = 1'000'000;

std::unique_ptr<Runtime> make(std::string_view policy, unsigned workers = 1) {
  Runtime::Options options;
  options.policy = policy;
  options.preemption_ns = kSliceNs;
  options.quantum_ns = kSliceNs;
  options.workers = workers;
  return Runtime::create(std::move(options)).take();
}

// Spins in the program's own code until the flag is set; false if that takes too long.
bool spin_until(const std::atomic<bool>& flag, std::int64_t most_ns = 60 * kNsPerSecond) {
  const std::int64_t begin_ns = monotonic_ns();
  for (std::uint64_t i = 0;; ++i) {
    if (flag.load(std::memory_order_relaxed)) return true;
    if (i % 4096 == 0 && monotonic_ns() - begin_ns > most_ns) return false;
  }
}

TEST(Preemption, AThreadThatNeverYieldsDoesNotStarveTheRest) {
  for (const char* policy : {"fcfs", "child-first", "rr", "cfs", "mlfq", "lottery", "stride"}) {
    SCOPED_TRACE(policy);
    auto runtime = make(policy);
    const Result<> result = runtime->run([&] {
      std::atomic<bool> flag = false;
      Thread spinner = spawn("spinner", [&] { EXPECT_TRUE(spin_until(flag)); });
      Thread setter = spawn("setter", [&] { flag = true; });
      EXPECT_TRUE(spinner.join().ok());
      EXPECT_TRUE(setter.join().ok());
    });
    EXPECT_TRUE(result.ok());
  }
}

// Also if all threads that are ready spin.
TEST(Preemption, TimersAndDescriptorsComeThroughBesideThreadsThatNeverYield) {
  for (const unsigned workers : {1u, 2u}) {
    for (const char* policy : {"fcfs", "child-first", "rr", "cfs"}) {
      SCOPED_TRACE(policy);
      auto runtime = make(policy, workers);
      const Result<> result = runtime->run([&] {
        std::array<int, 2> ends{};
        ASSERT_EQ(pipe2(ends.data(), O_NONBLOCK | O_CLOEXEC), 0);
        std::atomic<bool> over = false;
        std::vector<Thread> spinners;
        for (int i = 0; i < 3; ++i) {
          spinners.push_back(spawn("spinner", [&] { EXPECT_TRUE(spin_until(over)); }));
        }
        Thread reader = spawn("reader", [&] {
          EXPECT_TRUE(wait_readable(ends[0]).ok());
          over = true;
        });
        sleep_for(2 * kSliceNs);
        EXPECT_EQ(write(ends[1], "x", 1), 1);
        EXPECT_TRUE(reader.join().ok());
        for (Thread& spinner : spinners) EXPECT_TRUE(spinner.join().ok());
        for (const int end : ends) close_descriptor(end);
      });
      EXPECT_TRUE(result.ok());
    }
  }
}

TEST(Preemption, WithoutItTheThreadKeepsTheWorker) {
  run([] {
    std::atomic<bool> flag = false;
    Thread spinner = spawn("spinner", [&] { EXPECT_FALSE(spin_until(flag, 50'000'000)); });
    Thread setter = spawn("setter", [&] { flag = true; });
    EXPECT_TRUE(spinner.join().ok());
    EXPECT_TRUE(setter.join().ok());
  });
}

TEST(Preemption, IsPutOffWhileInterruptsAreOff) {
  auto runtime = make("fcfs");
  const Result<> result = runtime->run([&] {
    EXPECT_FALSE(interrupts_are_off());
    std::atomic<bool> flag = false;
    Thread spinner = spawn("spinner", [&] {
      Thread setter;
      {
        const InterruptsOff off;
        const InterruptsOff nested;
        setter = spawn("setter", [&] { flag = true; });
        EXPECT_TRUE(interrupts_are_off());
        EXPECT_FALSE(spin_until(flag, 20 * kSliceNs));
      }
      // A tick that was put off is made up for.
      EXPECT_TRUE(spin_until(flag));
      EXPECT_TRUE(setter.join().ok());
      const Section section;
      EXPECT_TRUE(interrupts_are_off());
    });
    EXPECT_TRUE(spinner.join().ok());
  });
  EXPECT_TRUE(result.ok());
  EXPECT_GT(runtime->preemptions(), 0u);
}

// Low holds a lock, middle spins, high wants the lock: with donation low is not kept from running.
TEST(Preemption, DonationCuresPriorityInversion) {
  auto runtime = make("priority-preemptive");
  const Result<> result = runtime->run([&] {
    Mutex mutex("resource");
    std::atomic<bool> over = false;
    std::atomic<bool> held = false;
    Thread low = spawn(ThreadOptions{.name = "low", .priority = 1}, [&] {
      mutex.lock();
      held = true;
      const std::int64_t until_ns = monotonic_ns() + 4 * kSliceNs;
      while (monotonic_ns() < until_ns) {
      }
      mutex.unlock();
    });
    current_thread::set_priority(1);
    while (!held) sleep_for(kSliceNs / 2);
    Thread high = spawn(ThreadOptions{.name = "high", .priority = 3}, [&] {
      mutex.lock();
      mutex.unlock();
      over = true;
    });
    Thread middle = spawn(ThreadOptions{.name = "middle", .priority = 2},
                          [&] { EXPECT_TRUE(spin_until(over)); });
    EXPECT_TRUE(low.join().ok());
    EXPECT_TRUE(high.join().ok());
    EXPECT_TRUE(middle.join().ok());
  });
  EXPECT_TRUE(result.ok());
}

bool is_blocked(int signal) {
  sigset_t mask;
  pthread_sigmask(SIG_SETMASK, nullptr, &mask);
  return sigismember(&mask, signal) == 1;
}

// Handlers return in another order than they were entered.
TEST(Preemption, LeavesTheSignalsAsTheyWere) {
  auto runtime = make("lottery");
  const Result<> result = runtime->run([&] {
    in_parallel(4, [&](std::size_t) {
      while (runtime->preemptions() < 40) EXPECT_FALSE(is_blocked(SIGTERM));
    });
  });
  EXPECT_TRUE(result.ok());
  for (const int signal : {SIGTERM, SIGVTALRM}) EXPECT_FALSE(is_blocked(signal));
}

TEST(Preemption, ComesAlsoWhereItsSignalIsBlocked) {
  sigset_t all, before;
  sigfillset(&all);
  pthread_sigmask(SIG_SETMASK, &all, &before);
  for (const unsigned workers : {1u, 2u}) {
    auto runtime = make("rr", workers);
    const Result<> result = runtime->run([&] {
      std::atomic<bool> flag = false;
      std::vector<Thread> spinners;
      for (unsigned i = 0; i < workers; ++i) {
        spinners.push_back(spawn("spinner", [&] { EXPECT_TRUE(spin_until(flag)); }));
      }
      yield();
      flag = true;
    });
    EXPECT_TRUE(result.ok());
    EXPECT_GE(runtime->preemptions(), 1u);
    EXPECT_TRUE(is_blocked(SIGVTALRM));
  }
  pthread_sigmask(SIG_SETMASK, &before, nullptr);
}

// Threads are interrupted all the time in malloc, exceptions and library locks.
TEST(Preemption, StormLeavesEverythingWhole) {
  for (const unsigned workers : {1u, 2u}) {
    auto runtime = make("rr", workers);
    long total = 0;
    const Result<> result = runtime->run([&] {
      Mutex mutex("total");
      in_parallel(8, [&](std::size_t index) {
        const std::int64_t until_ns = monotonic_ns() + 300'000'000;
        while (monotonic_ns() < until_ns) {
          std::map<int, std::string> numbers;
          for (int i = 0; i < 50; ++i) numbers[i * 7 % 50] = std::string(40, 'x');
          long sum = 0;
          for (const auto& [number, text] : numbers) {
            sum += number + static_cast<long>(text.size());
          }
          try {
            throw std::runtime_error("thrown by " + std::to_string(index));
          } catch (const std::runtime_error& error) {
            if (error.what() != "thrown by " + std::to_string(index)) sum = -1'000'000;
          }
          const std::lock_guard lock(mutex);
          total += sum - 49 * 50 / 2 - 50 * 40;
        }
      });
    });
    EXPECT_TRUE(result.ok());
    EXPECT_EQ(total, 0);
    EXPECT_GT(runtime->preemptions(), 0u);
  }
}

// Found in its own code only once in a hundred ticks or so, which is why it gets more of them.
TEST(Preemption, ComesToAThreadThatIsMostlyInASharedLibrary) {
  constexpr std::uint64_t kEnough = 5;
  auto runtime = make("rr");
  const std::vector<char> text(16 * 1024);
  const Result<> result = runtime->run([&] {
    in_parallel(2, [&](std::size_t) {
      for (int i = 0; i < 400'000; ++i) {
        EXPECT_EQ(std::memchr(text.data(), 'x', text.size()), nullptr);
        if (i % 1024 == 0 && runtime->preemptions() >= kEnough) return;
      }
    });
  });
  EXPECT_TRUE(result.ok());
  EXPECT_GE(runtime->preemptions(), kEnough);
}

// What runtimes have in common is under mutexes, whose holder must not lose the worker.
TEST(Preemption, ThreadsMakeAndDestroyRuntimes) {
  auto runtime = Runtime::create({.preemption_ns = 20'000}).take();
  const Result<> result = runtime->run([] {
    in_parallel(4, [](std::size_t index) {
      for (int i = 0; i < 25; ++i) {
        EXPECT_TRUE(Runtime::create({.check_lock_order = index % 2 == 0}).ok());
      }
    });
  });
  EXPECT_TRUE(result.ok());
}

// The kernel, too, is interrupted: what it needs to make a blocking call by itself it may not get.
TEST(Preemption, FilesAreSyncedBesideOneThatComputes) {
  const int fd = open("/tmp", O_TMPFILE | O_RDWR, 0600);
  ASSERT_GE(fd, 0);
  for (int i = 0; i < 100; ++i) {
    auto runtime = Runtime::create({.preemption_ns = 20'000}).take();
    const Result<> result = runtime->run([&] {
      std::atomic<bool> synced = false;
      Thread computes = spawn("computes", [&] { EXPECT_TRUE(spin_until(synced)); });
      for (int k = 0; k < 3; ++k) EXPECT_TRUE(sync_file(fd).ok());
      synced = true;
      EXPECT_TRUE(computes.join().ok());
    });
    EXPECT_TRUE(result.ok());
  }
  close(fd);
}

}  // namespace
}  // namespace spindle::thread
