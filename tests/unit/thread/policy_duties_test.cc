// What the runtime owes to its policy: which threads stand in it, where others stand that are
// ready, and what it is told of their bursts.
#include <atomic>
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

void keep_busy(std::int64_t span_ns) {
  for (const std::int64_t until_ns = monotonic_ns() + span_ns; monotonic_ns() < until_ns;) {
  }
}

// A thread that is ready and stands in no policy, for it is pinned and its worker is busy.
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

// One that was interrupted and of which is not decided yet whether it goes on.
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

/// First come, first served; it writes down what it is told of threads that ran.
class RecordingPolicy : public CpuPolicy {
 public:
  struct Told {
    TaskInfo info;
    Why why;
  };
  explicit RecordingPolicy(std::vector<Told>& told) : told_(told) {}
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
  void removed(TaskId task) override { std::erase(ready_, task); }

 private:
  std::vector<Told>& told_;
  std::vector<TaskId> ready_;
};

// As the machine's uptime was, when it was measured from a time of which nobody had taken note.
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

}  // namespace
}  // namespace spindle::thread
