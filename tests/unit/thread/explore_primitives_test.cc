// The library's own primitives under every schedule within a bound, with a switch possible at the
// beginning of each call.
#include <mutex>
#include <shared_mutex>

#include "spindle/thread/barrier.h"
#include "spindle/thread/channel.h"
#include "spindle/thread/condition_variable.h"
#include "spindle/thread/event.h"
#include "spindle/thread/explore.h"
#include "spindle/thread/monitor.h"
#include "spindle/thread/mutex.h"
#include "spindle/thread/once.h"
#include "spindle/thread/select.h"
#include "spindle/thread/semaphore.h"
#include "spindle/thread/shared_mutex.h"
#include "thread_test.h"

namespace spindle::thread {
namespace {

constexpr ExploreOptions kEverywhere = {.most_delays = 2, .at_primitives = true};

void expect_always_good(const std::function<bool()>& test) {
  const Exploration found = explore(test, kEverywhere);
  EXPECT_FALSE(found.failed) << "after " << found.schedules << " schedules";
  EXPECT_TRUE(found.complete);
  EXPECT_GT(found.schedules, 10u);
}

TEST(ExplorePrimitives, FindsWhatOnlyASwitchBetweenCallsShows) {
  // Nobody yields between the two calls: only a switch at a primitive shows the mistake.
  const auto test = [] {
    Semaphore count(1);
    int inside = 0;
    bool overlapped = false;
    const auto body = [&] {
      if (count.count() == 0) return;  // looked at, and then taken: not at once
      count.try_acquire();
      overlapped |= ++inside > 1;
      yield();
      --inside;
      count.release();
    };
    Thread a = spawn("a", body), b = spawn("b", body);
    a.join().take();
    b.join().take();
    return !overlapped;
  };
  EXPECT_FALSE(explore(test).failed);
  const Exploration found = explore(test, kEverywhere);
  ASSERT_TRUE(found.failed);
  EXPECT_FALSE(*replay(test, found.schedule, kEverywhere));
}

TEST(ExplorePrimitives, MutexAndCondition) {
  expect_always_good([] {
    Mutex mutex;
    ConditionVariable changed;
    int items = 0;
    Thread consumer = spawn("consumer", [&] {
      for (int i = 0; i < 2; ++i) {
        std::unique_lock lock(mutex);
        changed.wait(lock, [&] { return items > 0; });
        --items;
      }
    });
    for (int i = 0; i < 2; ++i) {
      const std::lock_guard lock(mutex);
      ++items;
      changed.notify_one();
    }
    consumer.join().take();
    return items == 0;
  });
}

TEST(ExplorePrimitives, SemaphoresAndBarrier) {
  expect_always_good([] {
    Semaphore ping(0), pong(0);
    Barrier barrier(2);
    int rounds = 0;
    Thread other = spawn("other", [&] {
      for (int i = 0; i < 2; ++i) {
        ping.acquire();
        ++rounds;
        pong.release();
      }
      barrier.arrive_and_wait();
    });
    for (int i = 0; i < 2; ++i) {
      ping.release();
      pong.acquire();
    }
    barrier.arrive_and_wait();
    other.join().take();
    return rounds == 2;
  });
}

TEST(ExplorePrimitives, ReadersAndWriters) {
  for (const Prefer prefer : {Prefer::kReaders, Prefer::kWriters, Prefer::kFair}) {
    expect_always_good([prefer] {
      SharedMutex lock("", prefer);
      int value = 0;
      bool good = true;
      Thread writer = spawn("writer", [&] {
        const std::lock_guard alone(lock);
        ++value;
        yield();
        ++value;
      });
      Thread reader = spawn("reader", [&] {
        lock.lock_shared();
        good &= value % 2 == 0;
        lock.unlock_shared();
      });
      writer.join().take();
      reader.join().take();
      return good && value == 2;
    });
  }
}

// A reader wants a mutex, and its holder wants to write: the one that comes last is refused, and so
// both end, whatever the order.
TEST(ExplorePrimitives, ACheckedLockIsRefusedInsteadOfADeadlock) {
  expect_always_good([] {
    Mutex mutex;
    SharedMutex table;
    int refused = 0;
    int done = 0;
    Thread reader = spawn("reader", [&] {
      const std::shared_lock reading(table);
      const Result<> locked = mutex.lock_checked();
      locked.ok() ? mutex.unlock(), ++done : ++refused;
    });
    Thread writer = spawn("writer", [&] {
      const std::lock_guard lock(mutex);
      const Result<> locked = table.lock_checked();
      locked.ok() ? table.unlock(), ++done : ++refused;
    });
    reader.join().take();
    writer.join().take();
    return refused <= 1 && refused + done == 2 && table.readers() == 0 && !mutex.locked();
  });
}

TEST(ExplorePrimitives, NoDeadlockOfReadersAndWritersGoesWithoutAReport) {
  int reports = 0;
  const auto test = [&] {
    SharedMutex first, second;
    const auto both = [](SharedMutex& read, SharedMutex& write) {
      read.lock_shared();
      write.lock();
      write.unlock();
      read.unlock_shared();
    };
    Thread a = spawn("a", [&] { both(first, second); });
    Thread b = spawn("b", [&] { both(second, first); });
    a.join().take();
    b.join().take();
    reports += static_cast<int>(Runtime::current()->deadlocks());
    return true;
  };
  const Exploration found = explore(test, kEverywhere);
  EXPECT_TRUE(found.failed);
  EXPECT_EQ(reports, 0) << "those that end well";
  EXPECT_NE(found.deadlock.find("read by \"a\""), std::string::npos) << found.deadlock;
  EXPECT_NE(found.deadlock.find("read by \"b\""), std::string::npos) << found.deadlock;
}

TEST(ExplorePrimitives, ChannelsAndSelect) {
  expect_always_good([] {
    Channel<int> a, b(1);
    int sum = 0;
    Thread first = spawn("first", [&] { a.send(1).take(); });
    Thread second = spawn("second", [&] { b.send(2).take(); });
    for (int i = 0; i < 2; ++i) {
      int value = 0;
      select({receive_case(a, value), receive_case(b, value)}).take();
      sum += value;
    }
    first.join().take();
    second.join().take();
    return sum == 3;
  });
}

TEST(ExplorePrimitives, OnceAndHoareMonitor) {
  expect_always_good([] {
    Once once;
    HoareMonitor monitor;
    HoareMonitor::Condition ready(monitor);
    int calls = 0;
    bool item = false, got = false;
    Thread taker = spawn("taker", [&] {
      once.call([&] { ++calls; });
      const HoareMonitor::Entry entry(monitor);
      if (!item) ready.wait();
      got = item;
      item = false;
    });
    once.call([&] { ++calls; });
    {
      const HoareMonitor::Entry entry(monitor);
      item = true;
      ready.signal();
    }
    taker.join().take();
    return calls == 1 && got;
  });
}

TEST(ExplorePrimitives, CancellationLosesNoUnit) {
  expect_always_good([] {
    Semaphore units(0);
    bool got = false;
    Thread victim = spawn("victim", [&] {
      units.acquire();
      got = true;
    });
    Thread helper = spawn("helper", [&] { units.release(); });
    victim.cancel();
    victim.join().take();
    helper.join().take();
    return units.count() == (got ? 0u : 1u);
  });
}

}  // namespace
}  // namespace spindle::thread
