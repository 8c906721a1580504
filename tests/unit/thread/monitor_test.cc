// Hoare's monitors: handing over, the graph of who waits for whom, misuse; and waits with an end.
#include "spindle/thread/monitor.h"

#include <mutex>
#include <string>
#include <vector>

#include "spindle/base/clock.h"
#include "spindle/thread/mutex.h"
#include "spindle/thread/once.h"
#include "thread_test.h"

namespace spindle::thread {
namespace {

// The signalled condition still holds when the waiter goes on: `if` is enough.
TEST(HoareMonitorTest, HandsTheMonitorToTheOneSignalled) {
  run_shuffled([](std::uint64_t seed) {
    HoareMonitor monitor("buffer");
    HoareMonitor::Condition not_empty(monitor, "not empty"), not_full(monitor, "not full");
    std::vector<int> items;
    int taken = 0;
    in_parallel(6, [&](std::size_t index) {
      Random random(seed + index);
      for (int i = 0; i < 20; ++i) {
        yield_some(random);
        const HoareMonitor::Entry entry(monitor);
        if (index % 2 == 0) {
          if (items.size() == 2) not_full.wait();
          EXPECT_LT(items.size(), 2u);
          items.push_back(i);
          not_empty.signal();
        } else {
          if (items.empty()) not_empty.wait();
          ASSERT_FALSE(items.empty());
          items.pop_back();
          ++taken;
          not_full.signal();
        }
      }
    });
    EXPECT_EQ(taken, 60);
    EXPECT_TRUE(not_empty.empty());
  });
}

TEST(TimeOuts, OfOnceAndHoareMonitor) {
  run([] {
    Once once;
    Event go;
    Thread slow = spawn("slow", [&] { once.call([&] { go.wait(); }); });
    yield();
    const auto must_not_run = [] { ADD_FAILURE(); };
    EXPECT_EQ(once.call_until(monotonic_ns() + kNsPerMs, must_not_run).code(), ETIMEDOUT);
    go.set();
    EXPECT_TRUE(slow.join().ok());
    EXPECT_TRUE(once.call_until(0, must_not_run).ok());

    HoareMonitor monitor;
    HoareMonitor::Condition never(monitor);
    const HoareMonitor::Entry entry(monitor);
    EXPECT_FALSE(never.wait_until(monotonic_ns() + kNsPerMs));
    bool entered = false;
    Thread other = spawn("other", [&] {
      const HoareMonitor::Entry second(monitor);
      entered = true;
      never.signal();
    });
    yield();
    EXPECT_FALSE(entered) << "after the time-out the waiter is inside again";
    EXPECT_TRUE(never.wait_until(monotonic_ns() + 1000 * kNsPerMs));
    EXPECT_TRUE(entered);
    Thread late =
        spawn("late", [&] { EXPECT_FALSE(monitor.enter_until(monotonic_ns() + kNsPerMs)); });
    EXPECT_TRUE(late.join().ok());
    EXPECT_TRUE(monitor.inside());
    monitor.leave();
    EXPECT_TRUE(other.join().ok());
    EXPECT_TRUE(monitor.enter_until(0));
  });
}

TEST(HoareMonitorTest, IsPartOfTheGraphOfWhoWaitsForWhom) {
  std::string report;
  Runtime::Options options;
  options.on_deadlock = [&](std::string_view text) { report += text; };
  auto runtime = Runtime::create(std::move(options)).take();
  const Result<> result = runtime->run([] {
    HoareMonitor monitor("teller");
    Mutex vault("vault");
    Thread other = spawn("guard", [&] {
      vault.lock();
      monitor.enter();
    });
    const HoareMonitor::Entry entry(monitor);
    yield();
    vault.lock();
  });
  EXPECT_EQ(result.code(), EDEADLK);
  EXPECT_EQ(runtime->deadlocks(), 1u);
  EXPECT_NE(report.find("\"guard\" (2) waits for monitor \"teller\" at "), std::string::npos)
      << report;
  EXPECT_NE(report.find(", held by \"main\" since "), std::string::npos) << report;
}

TEST(HoareMonitorTest, WhoeverIsInsideIsRaisedByThoseThatWait) {
  run([] {
    HoareMonitor monitor;
    const HoareMonitor::Entry entry(monitor);
    Thread urgent = spawn(ThreadOptions{.name = "urgent", .priority = 7},
                          [&] { const HoareMonitor::Entry second(monitor); });
    yield();
    EXPECT_EQ(current_thread::priority(), 7);
    monitor.leave();
    EXPECT_EQ(current_thread::priority(), 0);
    EXPECT_TRUE(urgent.join().ok());
    monitor.enter();  // for `entry`
  });
}

TEST(HoareMonitorDeathTest, MisuseIsNamed) {
  const auto in_monitor = [](void (*misuse)(HoareMonitor&)) {
    run([misuse] {
      HoareMonitor monitor("buffer");
      misuse(monitor);
    });
  };
  const char* const kHeldByNobody = "the monitor \"buffer\", held by \"nobody\"";
  EXPECT_DEATH(in_monitor([](HoareMonitor& monitor) { monitor.leave(); }), kHeldByNobody);
  EXPECT_DEATH(in_monitor([](HoareMonitor& monitor) { HoareMonitor::Condition(monitor).wait(); }),
               kHeldByNobody);
  EXPECT_DEATH(in_monitor([](HoareMonitor& monitor) { HoareMonitor::Condition(monitor).signal(); }),
               kHeldByNobody);
  EXPECT_DEATH(in_monitor([](HoareMonitor& monitor) {
                 monitor.enter();
                 monitor.enter();
               }),
               "\"main\" enters again the monitor \"buffer\", held by \"main\" since ");
}

TEST(HoareMonitorDeathTest, MustNotGoWhileSomebodyIsInsideOrWaits) {
  EXPECT_DEATH(run([] { HoareMonitor("buffer").enter(); }),
               "\"main\" destroys the monitor \"buffer\", held by \"main\" since ");
  EXPECT_DEATH(run([] {
                 HoareMonitor monitor("buffer");
                 auto gone = std::make_unique<HoareMonitor::Condition>(monitor, "not empty");
                 Thread waiter = spawn("waiter", [&] {
                   monitor.enter();
                   gone->wait();
                 });
                 yield();
                 gone.reset();
               }),
               "\"main\" destroys the condition \"not empty\", for which \"waiter\" waits");
}

TEST(HoareMonitorTest, MayGoWithTheThreadsThatAreStuckInIt) {
  HoareMonitor monitor;
  HoareMonitor::Condition never(monitor);
  const auto get_stuck = [&] {
    spawn_detached("waits", [&] {
      monitor.enter();
      never.wait();
    }).take();
    yield();
    monitor.enter();
    WaitQueue("nothing").wait();
  };
  EXPECT_EQ(make_runtime()->run(get_stuck).code(), EDEADLK);
}

}  // namespace
}  // namespace spindle::thread
