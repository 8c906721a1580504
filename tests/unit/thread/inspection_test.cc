// Looking at threads: backtraces, traces, CPU time, stack use; and what waits for the host.
#include <fcntl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <atomic>
#include <cstdlib>
#include <ctime>
#include <functional>
#include <memory>
#include <nlohmann/json.hpp>
#include <thread>

#include "spindle/base/clock.h"
#include "spindle/base/temporary_folder.h"
#include "spindle/thread/event.h"
#include "spindle/thread/file_io.h"
#include "spindle/thread/inspect.h"
#include "spindle/thread/mutex.h"
#include "spindle/thread/offload.h"
#include "spindle/thread/semaphore.h"
#include "spindle/thread/signals.h"
#include "spindle/thread/stream.h"
#include "spindle/thread/trace.h"
#include "thread_test.h"

namespace spindle::thread {
namespace {

[[gnu::noinline]] void wait_deep_inside(Semaphore& semaphore, int depth) {
  volatile int room = depth;
  if (depth > 0) {
    wait_deep_inside(semaphore, depth - 1);
  } else {
    semaphore.acquire();
  }
  room = room + 1;
}

TEST(Backtrace, OfWaitingReadyAndRunningThreads) {
  run([] {
    Semaphore never(0, "never");
    const Runtime& runtime = *Runtime::current();
    Thread shallow = spawn("shallow", [&] { wait_deep_inside(never, 1); });
    Thread deep = spawn("deep", [&] { wait_deep_inside(never, 11); });
    EXPECT_TRUE(backtrace(runtime, deep.id()).empty()) << "it has not run yet";
    yield();
    const auto few = backtrace(runtime, shallow.id());
    const auto many = backtrace(runtime, deep.id());
    EXPECT_GE(few.size(), 4u);
    EXPECT_GE(many.size(), few.size() + 9) << "a compiler may make two steps of one";
    EXPECT_EQ(backtrace(runtime, deep.id(), 3).size(), 3u);
    // The frames of the recursion return to one place.
    EXPECT_GE(std::count(many.begin(), many.end(), many[many.size() / 2]), 9);
    EXPECT_GE(backtrace(runtime, current_thread::id()).size(), 3u);
    EXPECT_TRUE(backtrace(runtime, 9999).empty());
    const std::string text = describe_threads(runtime);
    EXPECT_NE(text.find("\"deep\" waiting for semaphore \"never\""), std::string::npos) << text;
    never.release(2);
  });
}

#if defined(__SANITIZE_THREAD__)
constexpr std::size_t kMany = 5'000;  // ThreadSanitizer knows no more than some 8,000
#else
constexpr std::size_t kMany = 10'000;
#endif

/// The processor time for listing that many threads with their backtraces.
std::int64_t listing_ns(std::size_t count) {
  std::int64_t taken_ns = 0;
  run([&] {
    Semaphore never(0, "never");
    std::vector<Thread> threads;
    for (std::size_t i = 0; i < count; ++i) {
      threads.push_back(spawn("waiter", [&] { wait_deep_inside(never, 3); }));
    }
    yield();
    EXPECT_EQ(list_threads(*Runtime::current()).size(), count + 1);
    EXPECT_GE(backtrace(*Runtime::current(), threads.back().id()).size(), 6u);
    timespec begin{}, end{};
    clock_gettime(CLOCK_THREAD_CPUTIME_ID, &begin);
    const std::string text = describe_threads(*Runtime::current());
    clock_gettime(CLOCK_THREAD_CPUTIME_ID, &end);
    EXPECT_NE(text.find("\"waiter\" waiting for semaphore \"never\""), std::string::npos);
    taken_ns = (end.tv_sec - begin.tv_sec) * 1'000'000'000 + end.tv_nsec - begin.tv_nsec;
    never.release(threads.size());
  });
  return taken_ns;
}

// If time grew with the square of their number, it would take 64 times as long.
TEST(Backtrace, OfManyThreadsTakesNoMoreThanTheirNumber) {
  EXPECT_LT(listing_ns(kMany), 32 * listing_ns(kMany / 8));
}

TEST(TraceTest, IsJsonWithRunsAndWaits) {
  run([] {
    Trace trace(*Runtime::current());
    Semaphore semaphore(0, "a \"quoted\" name");
    Thread waiter = spawn("waiter", [&] { semaphore.acquire(); });
    yield();
    semaphore.release();
    EXPECT_TRUE(waiter.join().ok());
    const auto json = nlohmann::json::parse(trace.chrome_json());
    int runs = 0, waits = 0, names = 0;
    for (const auto& event : json["traceEvents"]) {
      if (event["ph"] == "M") {
        names += event["args"]["name"] == "waiter";
      } else if (event["name"] == "runs") {
        ++runs;
        EXPECT_GE(event["dur"].get<double>(), 0);
      } else if (event["name"] == "semaphore") {
        ++waits;
        EXPECT_EQ(event["args"]["object"], "a \"quoted\" name");
      }
    }
    EXPECT_GE(runs, 3);
    EXPECT_EQ(waits, 1);
    EXPECT_EQ(names, 2);
    EXPECT_EQ(trace.lost(), 0u);
  });
}

TEST(TraceTest, HasTheWaitsThatNeverEndedAndNamesThatAreWhole) {
  std::vector<std::string> reports;
  Event never("never");
  auto runtime = make_reporting_runtime(reports);
  const Trace trace(*runtime);
  // The 31st byte of the name is the first half of a letter.
  const std::string name = std::string(30, 'n') + "\u00e9";
  EXPECT_EQ(runtime->run([&] { spawn_detached(name, [&] { never.wait(); }).take(); }).code(),
            EDEADLK);
  EXPECT_EQ(list_threads(*runtime).at(0).name, std::string(30, 'n'));
  const auto json = nlohmann::json::parse(trace.chrome_json());
  bool waits = false;
  for (const auto& event : json["traceEvents"]) {
    waits |= event["name"] == "event" && event["args"]["object"] == "never";
  }
  EXPECT_TRUE(waits);
}

TEST(TraceTest, IsJsonWhateverBytesANameHas) {
  run([] {
    const Trace trace(*Runtime::current());
    spawn("\"\n\xff\xc3", [] {}).join().take();
    const std::string text = trace.chrome_json();
    EXPECT_TRUE(nlohmann::json::accept(text));
    EXPECT_TRUE(says(text, R"("\"\\x0a\\xff\\xc3")")) << text;
  });
}

TEST(TraceTest, KeepsTheNewestEvents) {
  run([] {
    Trace trace(*Runtime::current(), 8);
    in_parallel(2, [](std::size_t) {
      for (int i = 0; i < 20; ++i) yield();
    });
    EXPECT_GT(trace.lost(), 0u);
    EXPECT_FALSE(nlohmann::json::parse(trace.chrome_json())["traceEvents"].empty());
  });
}

// However many threads and objects there were.
TEST(TraceTest, NamesOnlyWhatItsEventsAreOf) {
  run([] {
    Trace trace(*Runtime::current(), 8);
    for (int i = 0; i < 2000; ++i) {
      const std::string name = "number " + std::to_string(i);
      Event event(name.c_str());
      Thread thread = spawn(name, [&] { event.wait(); });
      yield();
      event.set();
      EXPECT_TRUE(thread.join().ok());
    }
    const std::string json = trace.chrome_json();
    EXPECT_NE(json.find("number 1999"), std::string::npos);
    EXPECT_NE(json.find("\"main\""), std::string::npos);
    EXPECT_EQ(json.find("number 500"), std::string::npos);
    EXPECT_LT(nlohmann::json::parse(json)["traceEvents"].size(), 40u);
  });
}

TEST(CpuTime, IsCountedWhereAsked) {
  auto runtime = Runtime::create({.count_cpu_time = true}).take();
  const Result<> result = runtime->run([&] {
    Semaphore never(0);
    Thread worker = spawn("worker", [&] {
      const std::int64_t until_ns = monotonic_ns() + 5'000'000;
      while (monotonic_ns() < until_ns) {
      }
      never.acquire();
    });
    yield();
    EXPECT_GE(list_threads(*runtime)[1].cpu_time_ns, 5'000'000);
    never.release();
  });
  EXPECT_TRUE(result.ok());
}

TEST(CpuTime, HasThePresentTurnAndThatInWhichAThreadEnded) {
  for (const char* policy : {"fcfs", "rr"}) {
    SCOPED_TRACE(policy);
    auto runtime = Runtime::create({.policy = policy, .count_cpu_time = true}).take();
    const Result<> result = runtime->run([&] {
      Thread worker = spawn("worker", [&] {
        const std::int64_t until_ns = monotonic_ns() + kNsPerMs;
        while (monotonic_ns() < until_ns) {
        }
        EXPECT_GE(list_threads(*runtime)[1].cpu_time_ns, kNsPerMs);
      });
      yield();
      EXPECT_GE(list_threads(*runtime)[1].cpu_time_ns, kNsPerMs);
    });
    EXPECT_TRUE(result.ok());
  }
}

TEST(OffloadTest, OthersRunMeanwhileAndResultsAndExceptionsComeBack) {
  run([] {
    std::atomic<int> steps = 0;
    Thread other = spawn("other", [&] {
      for (int i = 0; i < 5; ++i) {
        ++steps;
        sleep_for(1'000'000);
      }
    });
    const int value = offload([&] {
      while (steps < 5) std::this_thread::yield();
      return 42;
    });
    EXPECT_EQ(value, 42);
    EXPECT_THROW(offload([] { throw 3; }), int);
    EXPECT_TRUE(other.join().ok());
    in_parallel(100, [](std::size_t index) { EXPECT_EQ(offload([=] { return index; }), index); });
  });
}

TEST(OffloadTest, ErrnoComesBack) {
  const auto fail = [] { return open("/no/such/file", O_RDONLY); };
  const auto expect_errno = [&](int before, int after, const std::function<void()>& call) {
    current_thread::error_number() = before;
    call();
    EXPECT_EQ(current_thread::error_number(), after);
  };
  run([&] {
    expect_errno(0, ENOENT, [&] { EXPECT_EQ(offload(fail), -1); });
    expect_errno(0, ENOENT, [&] { EXPECT_EQ(offload_for(60 * kNsPerSecond, fail).take(), -1); });
    expect_errno(EDOM, EDOM, [] { offload([] {}); });
  });
  expect_errno(0, ENOENT, [&] { EXPECT_EQ(offload(fail), -1); });
}

/// Calls that block until they are released, one by one.
class BlockedCalls {
 public:
  BlockedCalls() { EXPECT_EQ(pipe(ends_.data()), 0); }
  ~BlockedCalls() {
    for (const int fd : ends_) close(fd);
  }
  BlockedCalls(const BlockedCalls&) = delete;
  BlockedCalls& operator=(const BlockedCalls&) = delete;

  void call() {
    ++begun;
    char byte = 0;
    EXPECT_EQ(read(ends_[0], &byte, 1), 1);
    ++ended;
  }
  void let_go(std::size_t calls) {
    const std::string bytes(calls, 'x');
    EXPECT_EQ(write(ends_[1], bytes.data(), calls), static_cast<ssize_t>(calls));
  }

  std::atomic<std::size_t> begun = 0;
  std::atomic<std::size_t> ended = 0;

 private:
  std::array<int, 2> ends_{};
};

constexpr std::int64_t kHour = 3'600'000'000'000;

TEST(OffloadTest, ACallThatIsLateIsLeftToItsHelper) {
  for (const unsigned workers : {1u, 2u}) {
    const auto calls = std::make_shared<BlockedCalls>();
    auto runtime = Runtime::create({.workers = workers}).take();
    const Result<> result = runtime->run([&] {
      const auto late = [calls] { calls->call(); };
      EXPECT_EQ(offload_until(monotonic_ns() + 1'000'000, late).code(), ETIMEDOUT);
      Thread cancelled = spawn("cancelled", [&] {
        static_cast<void>(offload_until(monotonic_ns() + kHour, late).ok());
        ADD_FAILURE() << "it was cancelled";
      });
      while (calls->begun == 0) sleep_for(1'000'000);
      cancelled.cancel();
      EXPECT_TRUE(cancelled.join().ok());
      const std::int64_t late_enough = monotonic_ns() + kHour;
      EXPECT_EQ(offload_until(late_enough, [] { return std::string("in time"); }).take(),
                "in time");
      EXPECT_THROW(offload_until(late_enough, [] { throw 3; }).take(), int);
    });
    EXPECT_TRUE(result.ok());
    runtime.reset();
    // One of the two may have been left before it began.
    const std::size_t begun = calls->begun;
    calls->let_go(2);
    while (calls->ended < begun) usleep(1'000);
  }
}

// A file for reading and writing that no name leads to any more.
int open_temporary_file() {
  const std::string folder = make_temporary_folder("spindle-file-io").take();
  const std::string path = folder + "/file";
  const int fd = open(path.c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0600);
  unlink(path.c_str());
  rmdir(folder.c_str());
  return fd;
}

TEST(OffloadTest, WhatNoHelperBeganInTimeIsNotDone) {
  run([] {
    BlockedCalls calls;
    std::vector<Thread> threads;
    for (std::size_t i = 0; i < kMostHelpers; ++i) {
      threads.push_back(spawn("caller", [&] { offload([&] { calls.call(); }); }));
    }
    while (calls.begun < kMostHelpers) sleep_for(1'000'000);
    const auto called = std::make_shared<std::atomic<bool>>(false);
    const auto soon = [] { return monotonic_ns() + 1'000'000; };
    EXPECT_EQ(offload_until(soon(), [called] { *called = true; }).code(), ETIMEDOUT);
    const int fd = open_temporary_file();
    ASSERT_GE(fd, 0);
    std::vector<std::byte> block(5, std::byte{7});
    EXPECT_EQ(write_at(fd, block, 0, soon()).code(), ETIMEDOUT);
    EXPECT_EQ(read_at(fd, block, 0, soon()).code(), ETIMEDOUT);
    EXPECT_EQ(sync_file(fd, soon()).code(), ETIMEDOUT);
    calls.let_go(kMostHelpers);
    for (Thread& thread : threads) EXPECT_TRUE(thread.join().ok());

    const std::int64_t late_enough = monotonic_ns() + kHour;
    std::vector<std::byte> seen(9);
    EXPECT_EQ(read_at(fd, seen, 0, late_enough).take(), 0u) << "nothing was written";
    EXPECT_TRUE(write_at(fd, block, 2, late_enough).ok());
    EXPECT_EQ(read_at(fd, seen, 2, late_enough).take(), block.size());
    EXPECT_EQ(seen[4], std::byte{7});
    EXPECT_TRUE(sync_file(fd, late_enough).ok());
    close(fd);
    EXPECT_EQ(read_at(fd, seen, 0, late_enough).code(), EBADF);
    EXPECT_FALSE(*called);
  });
}

// The program ends while its first helper begins, with calls in the queue that were left.
TEST(OffloadDeathTest, CallsThatNobodyHasBegunDoNotDisturbTheEndOfTheProgram) {
  GTEST_FLAG_SET(death_test_style, "threadsafe");
  for (int i = 0; i < 5; ++i) {
    EXPECT_EXIT(
        {
          run([] {
            for (int call = 0; call < 3; ++call) {
              EXPECT_EQ(offload_until(0, [] {}).code(), ETIMEDOUT);
            }
          });
          std::exit(0);
        },
        testing::ExitedWithCode(0), "");
  }
}

// ThreadSanitizer lets a process that was forked beside helpers make none.
#if !defined(__SANITIZE_THREAD__)
TEST(OffloadTest, AForkedProcessHasHelpersOfItsOwn) {
  const auto offload_some = [] {
    in_parallel(3, [](std::size_t index) { EXPECT_EQ(offload([=] { return index; }), index); });
  };
  run(offload_some);
  const pid_t child = fork();
  ASSERT_GE(child, 0);
  if (child == 0) {
    alarm(60);
    run(offload_some);
    std::_Exit(testing::Test::HasFailure() ? 1 : 0);
  }
  int status = -1;
  EXPECT_EQ(waitpid(child, &status, 0), child);
  EXPECT_EQ(status, 0);
}
#endif

TEST(FileIo, ManyThreadsReadAndWriteOneFile) {
  run([] {
    const int fd = open_temporary_file();
    ASSERT_GE(fd, 0);
    constexpr std::size_t kBlock = 512;
    in_parallel(200, [&](std::size_t index) {
      const std::vector<std::byte> block(kBlock, static_cast<std::byte>(index));
      EXPECT_TRUE(write_at(fd, block, index * kBlock).ok());
      std::vector<std::byte> seen(kBlock);
      EXPECT_EQ(read_at(fd, seen, index * kBlock).take(), kBlock);
      EXPECT_EQ(seen, block);
    });
    EXPECT_TRUE(sync_file(fd).ok());
    std::vector<std::byte> rest(3 * kBlock);
    EXPECT_EQ(read_at(fd, rest, 199 * kBlock).take(), kBlock) << "the file ends there";
    close(fd);
    EXPECT_EQ(read_at(fd, rest, 0).code(), EBADF);
    EXPECT_EQ(write_at(fd, rest, 0).code(), EBADF);
  });
  std::vector<std::byte> outside(1);
  EXPECT_EQ(read_at(-1, outside, 0).code(), EBADF);
}

TEST(FileIo, NoOffsetMeansWhereTheDescriptorStands) {
  const int fd = open_temporary_file();
  ASSERT_EQ(write(fd, "0123456789", 10), 10);
  const auto refuses = [&] {
    std::vector<std::byte> bytes(2);
    for (const std::uint64_t offset : {UINT64_MAX, std::uint64_t{1} << 63}) {
      for (const std::int64_t deadline_ns : {kNever, monotonic_ns() + 60 * kNsPerSecond}) {
        EXPECT_EQ(read_at(fd, bytes, offset, deadline_ns).code(), EINVAL);
        EXPECT_EQ(write_at(fd, bytes, offset, deadline_ns).code(), EINVAL);
      }
    }
    EXPECT_EQ(lseek(fd, 0, SEEK_CUR), 10);
  };
  run(refuses);
  refuses();
  close(fd);
}

TEST(SignalEventsTest, ASignalIsAnEvent) {
  auto signals = SignalEvents::open({SIGUSR1, SIGUSR2}).take();
  run([&] {
    Thread waiter = spawn("waiter", [&] {
      EXPECT_EQ(signals->wait().take(), SIGUSR1);
      EXPECT_EQ(signals->wait().take(), SIGUSR2);
      EXPECT_EQ(signals->wait(monotonic_ns() + 1'000'000).code(), ETIMEDOUT);
    });
    kill(getpid(), SIGUSR1);
    yield();
    sleep_for(1'000'000);
    kill(getpid(), SIGUSR2);
    EXPECT_TRUE(waiter.join().ok());
    signals.reset();
  });
  EXPECT_EQ(SignalEvents::open({99999}).code(), EINVAL);
}

TEST(SignalEventsTest, ASignalShowsEveryThread) {
  auto signals = SignalEvents::open({SIGQUIT}).take();
  run([&] {
    Semaphore never(0, "never");
    std::vector<Thread> threads;
    for (int i = 0; i < 200; ++i) {
      threads.push_back(spawn("waiter " + std::to_string(i), [&] { never.acquire(); }));
    }
    std::string shown;
    Thread watcher = spawn("watcher", [&] {
      EXPECT_EQ(signals->wait().take(), SIGQUIT);
      shown = describe_threads(*Runtime::current());
    });
    yield();
    kill(getpid(), SIGQUIT);
    EXPECT_TRUE(watcher.join().ok());
    for (int i = 0; i < 200; ++i) {
      const std::string line =
          "\"waiter " + std::to_string(i) + "\" waiting for semaphore \"never\"";
      EXPECT_NE(shown.find(line), std::string::npos) << line;
    }
    never.release(threads.size());
    signals.reset();
  });
}

TEST(StreamTest, PipesSocketsAndPoll) {
  run([] {
    int ends[2];
    ASSERT_EQ(pipe(ends), 0);
    EXPECT_TRUE(set_nonblocking(ends[0]).ok());
    EXPECT_TRUE(set_nonblocking(ends[1]).ok());
    pollfd polled = {.fd = ends[0], .events = POLLIN, .revents = 0};
    EXPECT_EQ(poll({&polled, 1}, monotonic_ns() + 1'000'000).take(), 0u);
    // More than a pipe holds, so that both sides must wait.
    const std::vector<std::byte> sent(300'000, std::byte{7});
    Thread writer = spawn("writer", [&] {
      EXPECT_TRUE(write_all(ends[1], sent).ok());
      close_descriptor(ends[1]);
    });
    EXPECT_EQ(poll({&polled, 1}).take(), 1u);
    std::size_t total = 0;
    std::vector<std::byte> buffer(70'000);
    while (const std::size_t count = read_some(ends[0], buffer).take()) total += count;
    EXPECT_EQ(total, sent.size());
    EXPECT_TRUE(writer.join().ok());
    close_descriptor(ends[0]);
    EXPECT_EQ(read_some(ends[0], buffer).code(), EBADF);
    EXPECT_EQ(write_all(ends[0], sent).code(), EBADF);
    EXPECT_EQ(accept(ends[0]).code(), EBADF);
    EXPECT_EQ(set_nonblocking(ends[0]).code(), EBADF);
  });
}

TEST(StreamTest, PollWaitsForAllThatIsAskedOfOneDescriptor) {
  run([] {
    int ends[2];
    ASSERT_EQ(pipe(ends), 0);
    std::array<pollfd, 2> polled = {{{.fd = ends[0], .events = POLLPRI, .revents = 0},
                                     {.fd = ends[0], .events = POLLIN, .revents = 0}}};
    Thread writer = spawn("writer", [&] { EXPECT_EQ(write(ends[1], "x", 1), 1); });
    const std::int64_t deadline_ns = monotonic_ns() + 60'000'000'000;
    EXPECT_EQ(poll(polled, deadline_ns).take(), 1u);
    EXPECT_LT(monotonic_ns(), deadline_ns);
    EXPECT_TRUE(writer.join().ok());
    close_descriptor(ends[0]);
    close_descriptor(ends[1]);
  });
}

}  // namespace
}  // namespace spindle::thread
