// The explorer itself, and the library's primitives under every schedule within the bound: no lost
// wake-up, no deadlock, no overtaking.

#include "spindle/thread/explore.h"

#include <sys/resource.h>

#include <mutex>
#include <set>
#include <shared_mutex>
#include <string>

#include "spindle/thread/barrier.h"
#include "spindle/thread/channel.h"
#include "spindle/thread/condition_variable.h"
#include "spindle/thread/event.h"
#include "spindle/thread/latch.h"
#include "spindle/thread/mutex.h"
#include "spindle/thread/semaphore.h"
#include "spindle/thread/shared_mutex.h"
#include "thread_test.h"

namespace spindle::thread {
namespace {

void expect_sound(const std::function<bool()>& test, std::uint32_t most_delays = 4) {
  const Exploration found = explore(test, {.most_delays = most_delays, .most_schedules = 200'000});
  EXPECT_FALSE(found.failed) << "schedule " << testing::PrintToString(found.schedule);
  EXPECT_TRUE(found.complete) << found.schedules;
  EXPECT_GT(found.schedules, 10u);
}

bool lost_update() {
  int counter = 0;
  auto add = [&] {
    const int seen = counter;
    yield();
    counter = seen + 1;
  };
  Thread a = spawn("a", add);
  a.join().take();
  Thread b = spawn("b", add);
  Thread c = spawn("c", [&] { counter += 10; });
  b.join().take();
  c.join().take();
  return counter == 12;
}

TEST(Explore, FindsALostUpdateAndReplaysIt) {
  const Exploration found = explore(lost_update);
  ASSERT_TRUE(found.failed);
  EXPECT_FALSE(found.complete);
  for (int i = 0; i < 3; ++i) EXPECT_FALSE(replay(lost_update, found.schedule).take());
}

// A test that uses something from outside may go another way each time: that is reported, and is
// not a failure.
TEST(Explore, GivesUpOnATestThatDoesNotRepeatItself) {
  int runs = 0;
  const auto fewer_each_time = [&runs] {
    std::vector<Thread> threads;
    for (int i = runs++; i < 4; ++i) threads.push_back(spawn("t", [] { yield(); }));
    for (Thread& thread : threads) thread.join().take();
    return true;
  };
  const Exploration found = explore(fewer_each_time);
  EXPECT_TRUE(found.strayed);
  EXPECT_FALSE(found.failed);
  EXPECT_FALSE(found.complete);
  EXPECT_NE(describe(found).find("did not go the same way"), std::string::npos);
  const std::uint32_t other[] = {0, 3, 2};
  EXPECT_EQ(replay(lost_update, other).code(), EINVAL);
}

TEST(Explore, TellsTheScheduleThatFails) {
  // First come, first served lets a write last; b has to be passed over once.
  const Exploration found = explore([] {
    std::string written;
    Thread a = spawn("a", [&] { written += 'a'; });
    Thread b = spawn("b", [&] { written += 'b'; });
    a.join().take();
    b.join().take();
    return written == "ab";
  });
  ASSERT_TRUE(found.failed);
  EXPECT_EQ(found.order.size(), found.schedule.size());
  EXPECT_NE(describe(found).find("went on:\n  main b (past 1) a"), std::string::npos)
      << describe(found);

  const Exploration stuck = explore([] {
    Semaphore never(0, "never");
    never.acquire();
    return true;
  });
  EXPECT_NE(describe(stuck).find("thread \"main\" (1) waits for semaphore \"never\""),
            std::string::npos)
      << describe(stuck);
  const Exploration right = explore([] { return true; });
  EXPECT_EQ(describe(right), "right in all schedules (1)\n");
}

TEST(Explore, FindsADeadlockThatNeedsADelay) {
  // First come, first served never meets it: b starts when a is through.
  auto dine = [] {
    Mutex left("left");
    Mutex right("right");
    Thread a = spawn("a", [&] {
      left.lock();
      yield();
      right.lock();
      right.unlock();
      left.unlock();
    });
    Thread b = spawn("b", [&] {
      for (int i = 0; i < 3; ++i) yield();
      right.lock();
      yield();
      left.lock();
      left.unlock();
      right.unlock();
    });
    a.join().take();
    b.join().take();
    return true;
  };
  EXPECT_FALSE(explore(dine, {.most_delays = 0}).failed);
  const Exploration found = explore(dine, {.most_delays = 3});
  ASSERT_TRUE(found.failed);
  EXPECT_EQ(replay(dine, found.schedule).code(), EDEADLK);
}

TEST(Explore, TriesEveryOrder) {
  std::set<std::string> orders;
  const Exploration found = explore(
      [&] {
        std::string order;
        std::vector<Thread> threads;
        for (const char name : {'a', 'b', 'c', 'd'}) {
          threads.push_back(spawn("t", [&order, name] { order += name; }));
        }
        for (Thread& thread : threads) thread.join().take();
        orders.insert(order);
        return true;
      },
      {.most_delays = 100});
  EXPECT_TRUE(found.complete);
  EXPECT_EQ(orders.size(), 24u);
}

TEST(Explore, StopsAtItsBound) {
  const Exploration found = explore(
      [] {
        in_parallel(5, [](std::size_t) { yield(); });
        return true;
      },
      {.most_delays = 100, .most_schedules = 50});
  EXPECT_EQ(found.schedules, 50u);
  EXPECT_FALSE(found.complete);
  EXPECT_FALSE(found.failed);
}

// Each makes way for the other, and comes back when the other does.
bool make_way(int turns) {
  bool a_wants = false, b_wants = false;
  const auto pass = [turns](bool& mine, const bool& other) {
    for (int i = 0; i < turns; ++i) {
      mine = true;
      yield();
      if (!other) break;
      yield();
      mine = false;
      yield();
    }
    mine = false;
  };
  Thread a = spawn("a", [&] { pass(a_wants, b_wants); });
  Thread b = spawn("b", [&] { pass(b_wants, a_wants); });
  a.join().take();
  b.join().take();
  return true;
}

TEST(Explore, EndsWhereAScheduleDoesNot) {
  const auto livelock = [] { return make_way(INT32_MAX); };
  const Exploration found = explore(livelock, {.most_switches = 5000});
  ASSERT_TRUE(found.failed);
  EXPECT_TRUE(found.endless);
  EXPECT_EQ(found.schedule.size(), 5000u);
  EXPECT_EQ(describe(found).find("no end of schedule"), 0u) << describe(found);
  EXPECT_NE(describe(found).find("and so on, 5000 switches in all"), std::string::npos);
  EXPECT_LT(describe(found).size(), 1000u);
  EXPECT_EQ(replay(livelock, found.schedule, {.most_switches = 5000}).code(), EDEADLK);
  EXPECT_FALSE(explore([] { return make_way(3); }).failed);
}

// Nothing is wrong with the test if there is no runtime to run it in.
TEST(Explore, TellsThatNothingCouldBeRun) {
  rlimit before = {};
  getrlimit(RLIMIT_NOFILE, &before);
  const rlimit none = {0, before.rlim_max};
  setrlimit(RLIMIT_NOFILE, &none);
  const Exploration found = explore([] { return true; });
  const Result<bool> replayed = replay([] { return true; }, {});
  setrlimit(RLIMIT_NOFILE, &before);
  EXPECT_FALSE(found.failed);
  EXPECT_FALSE(found.complete);
  EXPECT_EQ(found.refused, EMFILE);
  EXPECT_EQ(describe(found),
            "given up after 0 schedules: the kernel gives no runtime (Too many open files)\n");
  EXPECT_EQ(replayed.code(), EMFILE);
}

TEST(ExploreDeathTest, TellsTheScheduleThatAborts) {
  EXPECT_DEATH(explore([] {
                 bool b_was_here = false;
                 Thread a = spawn("a", [&] { CHECK(!b_was_here); });
                 Thread b = spawn("b", [&] { b_was_here = true; });
                 a.join().take();
                 b.join().take();
                 return true;
               }),
               "aborted in the schedule \\{0, 1, 0\\}, in which these threads went on:\n"
               "  main b a\n");
}

TEST(EverySchedule, Mutex) {
  expect_sound([] {
    Mutex mutex;
    int inside = 0;
    bool alone = true;
    in_parallel(3, [&](std::size_t) {
      const std::lock_guard lock(mutex);
      alone = alone && ++inside == 1;
      yield();
      --inside;
    });
    return alone && !mutex.locked();
  });
}

TEST(EverySchedule, SharedMutex) {
  for (const Prefer prefer : {Prefer::kWriters, Prefer::kReaders, Prefer::kFair}) {
    expect_sound(
        [prefer] {
          SharedMutex mutex("", prefer);
          int readers = 0;
          int writers = 0;
          bool good = true;
          in_parallel(4, [&](std::size_t i) {
            if (i % 2 == 0) {
              const std::unique_lock lock(mutex);
              good = good && ++writers == 1 && readers == 0;
              yield();
              --writers;
            } else {
              const std::shared_lock lock(mutex);
              ++readers;
              good = good && writers == 0;
              yield();
              --readers;
            }
          });
          return good && !mutex.locked() && mutex.readers() == 0;
        },
        3);
  }
}

TEST(EverySchedule, ConditionVariable) {
  expect_sound([] {
    Mutex mutex;
    ConditionVariable changed;
    int items = 0;
    int taken = 0;
    in_parallel(4, [&](std::size_t i) {
      std::unique_lock lock(mutex);
      if (i < 2) {
        changed.wait(lock, [&] { return items > 0; });
        --items;
        ++taken;
      } else {
        ++items;
        changed.notify_one();
        lock.unlock();
        yield();
      }
    });
    return taken == 2 && items == 0;
  });
}

TEST(EverySchedule, Semaphore) {
  expect_sound([] {
    Semaphore units(1);
    int inside = 0;
    bool good = true;
    in_parallel(3, [&](std::size_t) {
      units.acquire();
      good = good && ++inside == 1;
      yield();
      --inside;
      units.release();
    });
    return good && units.count() == 1;
  });
}

TEST(EverySchedule, LatchBarrierAndEvent) {
  expect_sound([] {
    Latch latch(3);
    Barrier barrier(3);
    Event event;
    int arrived = 0;
    int last = 0;
    bool good = true;
    in_parallel(3, [&](std::size_t i) {
      ++arrived;
      latch.arrive_and_wait();
      good = good && arrived == 3;
      last += barrier.arrive_and_wait() ? 1 : 0;
      if (i == 0) {
        event.set();
      } else {
        event.wait();
      }
    });
    return good && last == 1;
  });
}

TEST(EverySchedule, Channel) {
  for (const std::size_t capacity : {0, 1, 2}) {
    expect_sound([capacity] {
      Channel<int> channel(capacity);
      int sum = 0;
      int refused = 0;
      std::vector<Thread> receivers;
      for (int i = 0; i < 2; ++i) {
        receivers.push_back(spawn("receiver", [&] {
          while (true) {
            const Result<int> value = channel.receive();
            if (!value.ok()) break;
            sum += *value;
          }
          ++refused;
        }));
      }
      Thread sender = spawn("sender", [&] { channel.send(1).take(); });
      channel.send(2).take();
      sender.join().take();
      channel.close();
      for (Thread& receiver : receivers) receiver.join().take();
      return sum == 3 && refused == 2;
    });
  }
}

}  // namespace
}  // namespace spindle::thread
