// What the runtime owes to its policy: which threads stand in it, and which stand elsewhere.
#include <atomic>
#include <memory>
#include <string>
#include <thread>
#include <vector>

#include "spindle/base/clock.h"
#include "spindle/thread/event.h"
#include "spindle/thread/mutex.h"
#include "spindle/thread/semaphore.h"
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

}  // namespace
}  // namespace spindle::thread
