// What the runtime owes to its policy: which threads are in it, where other ready threads are, and
// what it is told of their bursts.
#include <atomic>
#include <functional>
#include <memory>
#include <string>
#include <thread>
#include <vector>

#include "spindle/base/clock.h"
#include "spindle/thread/event.h"
#include "spindle/thread/inspect.h"
#include "spindle/thread/mutex.h"
#include "spindle/thread/semaphore.h"
#include "spindle/thread/trace.h"
#include "thread_test.h"

namespace spindle::thread {
namespace {

constexpr std::int64_t kDutySliceNs = 1'000'000;

// Spins in the program's own code, where a thread can be interrupted. ThreadSanitizer lets a signal
// come where the clock is read.
void keep_busy_while(const std::function<bool()>& goes_on) {
  while (goes_on() && monotonic_ns() > 0) {
    for (int i = 0; i < 4096; ++i) asm volatile("" ::: "memory");
  }
}

void keep_busy(std::int64_t span_ns) {
  const std::int64_t until_ns = monotonic_ns() + span_ns;
  keep_busy_while([&] { return monotonic_ns() < until_ns; });
}

// A thread is ready but not in the policy, for it is pinned and its worker is busy.
TEST(PolicyDuties, APinnedThreadThatIsReadyMayBeGivenAPriority) {
  auto runtime = Runtime::create({.policy = "priority", .workers = 2}).take();
  const Result<> result = runtime->run([&] {
    ASSERT_TRUE(current_thread::pin_to(0).ok());
    yield();
    Mutex mutex("wanted");
    Semaphore go(0, "go");
    Event locked("locked");
    int worker = -1;
    Thread pinned = spawn(ThreadOptions{.name = "pinned", .priority = 1, .pinned_to = 1}, [&] {
      const std::lock_guard lock(mutex);
      locked.set();
      go.acquire();
      worker = current_thread::worker();
    });
    locked.wait();
    std::atomic<bool> busy = false, over = false;
    Thread hog = spawn(ThreadOptions{.name = "hog", .priority = 5, .pinned_to = 1}, [&] {
      for (busy = true; !over;) keep_busy(1000);
    });
    while (!busy) yield();
    go.release();
    Thread high = spawn(ThreadOptions{.name = "high", .priority = 9, .pinned_to = 0},
                        [&] { const std::lock_guard lock(mutex); });
    for (int i = 0; i < 20; ++i) yield();
    pinned.set_priority(2);
    over = true;
    for (Thread* thread : {&high, &pinned, &hog}) EXPECT_TRUE(thread->join().ok());
    EXPECT_EQ(worker, 1);
  });
  EXPECT_TRUE(result.ok());
}

// A thread was interrupted, and it is not decided yet whether it goes on.
TEST(PolicyDuties, AThreadThatWasPreemptedMayBeGivenAPriorityByPostedWork) {
  auto runtime = Runtime::create({.policy = "priority", .preemption_ns = kDutySliceNs}).take();
  std::atomic<bool> over = false;
  int changes = 0;
  const Result<> result = runtime->run([&] {
    Thread spinner = spawn("spinner", [&] {
      while (!over.load(std::memory_order_relaxed)) {
      }
    });
    const Runtime::ExternalWork coming(*runtime);
    std::thread poster([&] {
      for (int i = 0; i < 20; ++i) {
        std::atomic<bool> done = false;
        runtime->post([&] {
          spinner.set_priority(++changes % 3);
          done = true;
        });
        while (!done) std::this_thread::yield();
      }
      over = true;
    });
    EXPECT_TRUE(spinner.join().ok());
    poster.join();
  });
  EXPECT_TRUE(result.ok());
  EXPECT_EQ(changes, 20);
}

// The pinned one yields all the time, and its worker has both in front of it all the time.
TEST(PolicyDuties, AThreadThatIsPinnedDoesNotKeepOthersFromItsWorker) {
  for (const char* policy : {"priority", "rr", "lottery", "mlfq", "cfs"}) {
    SCOPED_TRACE(policy);
    auto runtime = Runtime::create({.policy = policy, .workers = 2}).take();
    std::atomic<int> pinned_turns = 0;
    std::atomic<bool> ran = false;
    const Result<> result = runtime->run([&] {
      ASSERT_TRUE(current_thread::pin_to(0).ok());
      yield();
      std::atomic<bool> over = false;
      Thread pinned = spawn(ThreadOptions{.name = "pinned", .pinned_to = 1}, [&] {
        for (; !over; ++pinned_turns) yield();
      });
      while (pinned_turns == 0) yield();
      pinned_turns = 0;
      Thread free = spawn(ThreadOptions{.name = "free", .priority = 9}, [&] { ran = true; });
      // Main keeps the other worker.
      while (!ran && pinned_turns < 100'000) {
      }
      EXPECT_TRUE(ran);
      over = true;
      EXPECT_TRUE(free.join().ok());
      EXPECT_TRUE(pinned.join().ok());
    });
    EXPECT_TRUE(result.ok());
  }
}

/// First come, first served; notes what it is told of threads that ran. Every tick ends a thread's
/// turn if `ticks`.
class RecordingPolicy : public CpuPolicy {
 public:
  struct Told {
    TaskInfo info;
    Why why;
  };
  explicit RecordingPolicy(std::vector<Told>& told, bool ticks = false)
      : told_(told), ticks_(ticks) {}
  std::string_view name() const override { return "recording"; }
  void ready(TaskId task, const TaskInfo& info, Why why) override {
    told_.push_back({info, why});
    ready_.push_back(task);
  }
  std::optional<TaskId> next(VirtualTime) override {
    if (ready_.empty()) return std::nullopt;
    const TaskId task = ready_.front();
    ready_.erase(ready_.begin());
    return task;
  }
  std::optional<VirtualTime> quantum(TaskId) const override { return std::nullopt; }
  bool preempts(TaskId, const TaskInfo&) override { return ticks_; }
  void removed(TaskId task) override { std::erase(ready_, task); }

 private:
  std::vector<Told>& told_;
  const bool ticks_;
  std::vector<TaskId> ready_;
};

// The machine's uptime would be the result if a burst were measured from a time that nobody had
// noted.
TEST(PolicyDuties, WhatRanWhenThePolicyCameIsChargedFromThenOn) {
  for (const unsigned workers : {1u, 2u}) {
    SCOPED_TRACE(workers);
    std::vector<RecordingPolicy::Told> told;
    auto runtime = Runtime::create({.workers = workers}).take();
    std::int64_t begin_ns = 0;
    const Result<> result = runtime->run([&] {
      begin_ns = monotonic_ns();
      runtime->set_policy(std::make_unique<RecordingPolicy>(told));
      yield();
    });
    EXPECT_TRUE(result.ok());
    ASSERT_FALSE(told.empty());
    EXPECT_LE(told.front().info.ran.ns, monotonic_ns() - begin_ns);
  }
}

TEST(PolicyDuties, APinnedThreadIsChargedFromWhenItsWorkerTookIt) {
  std::vector<RecordingPolicy::Told> told;
  auto runtime = Runtime::create({.workers = 2, .count_cpu_time = true}).take();
  const Result<> result = runtime->run([&] {
    const std::int64_t begin_ns = monotonic_ns();
    runtime->set_policy(std::make_unique<RecordingPolicy>(told));
    Thread pinned = spawn(ThreadOptions{.name = "pinned", .pinned_to = 1}, [] {
      for (int i = 0; i < 3; ++i) yield();
      sleep_for(kNsPerSecond / 100);
    });
    sleep_for(kNsPerSecond / 200);
    for (const ThreadInfo& thread : list_threads(*runtime)) {
      EXPECT_LE(thread.cpu_time_ns, monotonic_ns() - begin_ns) << thread.name;
    }
    EXPECT_TRUE(pinned.join().ok());
  });
  EXPECT_TRUE(result.ok());
}

TEST(PolicyDuties, WhatRanWhenATraceBeganIsChargedFromThenOn) {
  run([] {
    const std::int64_t begin_ns = monotonic_ns();
    const Trace trace(*Runtime::current());
    yield();
    sleep_for(1);
    for (const ThreadInfo& thread : list_threads(*Runtime::current())) {
      EXPECT_LE(thread.cpu_time_ns, monotonic_ns() - begin_ns) << thread.name;
    }
  });
}

// The priority of a ready thread changes: it comes into the policy again, but has not run again.
TEST(PolicyDuties, WhatAThreadRanIsToldOnce) {
  std::vector<RecordingPolicy::Told> told;
  Runtime::Options options;
  options.custom_policy = std::make_unique<RecordingPolicy>(told);
  auto runtime = Runtime::create(std::move(options)).take();
  const Result<> result = runtime->run([&] {
    Thread worker = spawn("worker", [] {
      keep_busy(kDutySliceNs);
      yield();
    });
    yield();
    const std::size_t before = told.size();
    for (int priority = 1; priority <= 5; ++priority) worker.set_priority(priority);
    ASSERT_EQ(told.size(), before + 5);
    for (std::size_t i = before; i < told.size(); ++i) {
      EXPECT_EQ(told[i].info.priority, static_cast<int>(i - before) + 1);
      EXPECT_EQ(told[i].info.ran.ns, 0);
      EXPECT_EQ(told[i].why, Why::kYielded);
    }
    EXPECT_TRUE(worker.join().ok());
  });
  EXPECT_TRUE(result.ok());
}

// A burst goes on where it was interrupted: what is left of it becomes less, and the estimate of
// the next one is made of the whole.
TEST(PolicyDuties, ThePolicyIsToldWhatIsLeftOfABurst) {
  std::vector<RecordingPolicy::Told> told;
  Runtime::Options options;
  options.custom_policy = std::make_unique<RecordingPolicy>(told, true);
  options.preemption_ns = kDutySliceNs;
  auto runtime = Runtime::create(std::move(options)).take();
  constexpr std::int64_t kBurstNs = 20 * kDutySliceNs;
  const Result<> result = runtime->run([&] {
    keep_busy(kBurstNs);
    sleep_for(1);
    told.clear();
    keep_busy_while([&] { return told.size() < 5; });
  });
  EXPECT_TRUE(result.ok());
  std::int64_t left_ns = 0;
  for (const auto& [info, why] : told) {
    EXPECT_EQ(why, Why::kPreempted);
    if (&info == &told.front().info) left_ns = info.expected_burst.ns + info.ran.ns;
    left_ns = std::max(left_ns - info.ran.ns, std::int64_t{0});
    EXPECT_EQ(info.expected_burst.ns, left_ns);
  }
  // A burst in pieces would be taken for one of a slice.
  EXPECT_GE(told.front().info.expected_burst.ns + told.front().info.ran.ns, kBurstNs / 4);
}

/// Wrong on purpose, in one of three ways, at its fourth choice.
class WrongPolicy : public CpuPolicy {
 public:
  enum class Wrong { kTwice, kUnknown, kWithholds };
  explicit WrongPolicy(Wrong wrong) : wrong_(wrong) {}
  std::string_view name() const override { return "wrong"; }
  void ready(TaskId task, const TaskInfo&, Why) override { ready_.push_back(task); }
  std::optional<TaskId> next(VirtualTime) override {
    if (ready_.empty()) return std::nullopt;
    const TaskId task = ready_.front();
    const bool now = ++choices_ >= 4;
    if (now && wrong_ == Wrong::kUnknown) return TaskId{4000};
    if (now && wrong_ == Wrong::kWithholds) return std::nullopt;
    if (!now || wrong_ != Wrong::kTwice) ready_.erase(ready_.begin());
    return task;
  }
  std::optional<VirtualTime> quantum(TaskId) const override { return std::nullopt; }
  void removed(TaskId task) override { std::erase(ready_, task); }

 private:
  Wrong wrong_;
  int choices_ = 0;
  std::vector<TaskId> ready_;
};

Result<> run_wrongly(WrongPolicy::Wrong wrong, unsigned workers,
                     std::function<void(std::string_view)> on_deadlock = {}) {
  Runtime::Options options;
  options.custom_policy = std::make_unique<WrongPolicy>(wrong);
  options.workers = workers;
  options.on_deadlock = std::move(on_deadlock);
  auto runtime = Runtime::create(std::move(options)).take();
  return runtime->run([] {
    for (int n = 0; n < 4; ++n) {
      const auto body = [] {
        for (int i = 0; i < 5; ++i) yield();
      };
      EXPECT_TRUE(spawn_detached("t", body).ok());
    }
  });
}

TEST(PolicyDuties, APolicyThatGivesWhatIsNotReadyIsTold) {
  testing::FLAGS_gtest_death_test_style = "threadsafe";
  constexpr auto kNotReady = "the policy \"wrong\" gave task .*, which is not among its ready ones";
  EXPECT_DEATH(static_cast<void>(run_wrongly(WrongPolicy::Wrong::kTwice, 1).ok()), kNotReady);
  EXPECT_DEATH(static_cast<void>(run_wrongly(WrongPolicy::Wrong::kUnknown, 1).ok()), kNotReady);
}

TEST(PolicyDuties, ThreadsThatThePolicyWithholdsAreReported) {
  for (const unsigned workers : {1u, 2u}) {
    SCOPED_TRACE(workers);
    std::string report;
    const Result<> result = run_wrongly(WrongPolicy::Wrong::kWithholds, workers,
                                        [&](std::string_view text) { report = std::string(text); });
    EXPECT_EQ(result.code(), EDEADLK);
    EXPECT_TRUE(says(report, "is ready, but the policy \"wrong\" does not give it")) << report;
  }
}

// A policy of a course that loses threads can be replaced while they wait.
TEST(PolicyDuties, WhatThePolicyWithholdsGoesOverToTheNextOne) {
  Runtime::Options options;
  options.custom_policy = std::make_unique<WrongPolicy>(WrongPolicy::Wrong::kWithholds);
  auto runtime = Runtime::create(std::move(options)).take();
  std::thread poster;
  std::atomic<int> ended = 0;
  const Result<> result = runtime->run([&] {
    const Runtime::ExternalWork coming(*runtime);
    poster =
        std::thread([&] { runtime->post([&] { EXPECT_TRUE(runtime->set_policy("rr").ok()); }); });
    in_parallel(4, [&](std::size_t) {
      yield();
      ++ended;
    });
  });
  poster.join();
  EXPECT_TRUE(result.ok());
  EXPECT_EQ(ended, 4);
}

// While all have the same priority nobody keeps a list of who waits for whom.
TEST(PolicyDuties, WhoWaitedBeforePrioritiesDifferedDonatesToo) {
  run([] {
    Mutex mutex("shared");
    std::vector<Thread> threads;
    mutex.lock();
    for (int i = 0; i < 3; ++i) {
      threads.push_back(spawn("waits", [&] { const std::lock_guard lock(mutex); }));
    }
    yield();
    EXPECT_EQ(current_thread::priority(), 0);
    threads[1].set_priority(7);
    EXPECT_EQ(current_thread::priority(), 7);
    threads[2].set_priority(8);
    EXPECT_EQ(current_thread::priority(), 8);
    threads[2].set_priority(0);
    EXPECT_EQ(current_thread::priority(), 7);
    mutex.unlock();
    EXPECT_EQ(current_thread::priority(), 0);
    for (Thread& thread : threads) EXPECT_TRUE(thread.join().ok());
  });
}

}  // namespace
}  // namespace spindle::thread
