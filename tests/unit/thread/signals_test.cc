// Signals as events: which signals are blocked while SignalEvents exist, and afterwards.
#include "spindle/thread/signals.h"

#include <unistd.h>

#include <atomic>
#include <csignal>

#include "thread_test.h"

namespace spindle::thread {
namespace {

bool blocks(int signal) {
  sigset_t mask;
  pthread_sigmask(SIG_SETMASK, nullptr, &mask);
  return sigismember(&mask, signal) == 1;
}

TEST(SignalEvents, MayGoInAnotherOrderThanTheyCame) {
  run([] {
    auto first = SignalEvents::open({SIGUSR1}).take();
    auto second = SignalEvents::open({SIGUSR1, SIGUSR2}).take();
    first.reset();
    EXPECT_TRUE(blocks(SIGUSR1) && blocks(SIGUSR2));
    auto third = SignalEvents::open({SIGUSR2}).take();
    second.reset();
    EXPECT_FALSE(blocks(SIGUSR1));
    EXPECT_TRUE(blocks(SIGUSR2));
    third.reset();
    EXPECT_FALSE(blocks(SIGUSR2));
  });
}

TEST(SignalEvents, LeaveBlockedWhatWasBlockedBefore) {
  sigset_t set;
  sigemptyset(&set);
  sigaddset(&set, SIGUSR1);
  pthread_sigmask(SIG_BLOCK, &set, nullptr);
  SignalEvents::open({SIGUSR1, SIGUSR2}).take().reset();
  EXPECT_TRUE(blocks(SIGUSR1));
  EXPECT_FALSE(blocks(SIGUSR2));
  pthread_sigmask(SIG_UNBLOCK, &set, nullptr);
}

// ThreadSanitizer calls handlers itself, and restores the mask of before.
#if !defined(__SANITIZE_THREAD__)
// A thread that was preempted before goes on after they came, by the return from a handler.
TEST(SignalEvents, StayBlockedWherePreemptedThreadsGoOn) {
  Runtime::Options options;
  options.preemption_ns = 1'000'000;
  auto runtime = Runtime::create(std::move(options)).take();
  const Result<> result = runtime->run([&] {
    std::atomic<bool> stop = false;
    std::atomic<std::uint64_t> rounds = 0;
    Thread spinner = spawn("spinner", [&] {
      while (!stop) ++rounds;
    });
    while (runtime->preemptions() < 3) yield();
    auto signals = SignalEvents::open({SIGUSR1}).take();
    for (int i = 0; i < 3; ++i) {
      const std::uint64_t before = rounds;
      while (rounds == before) yield();
    }
    EXPECT_TRUE(blocks(SIGUSR1));
    stop = true;
    EXPECT_TRUE(spinner.join().ok());
    signals.reset();
    EXPECT_FALSE(blocks(SIGUSR1));
  });
  EXPECT_TRUE(result.ok());
}
#endif

}  // namespace
}  // namespace spindle::thread
