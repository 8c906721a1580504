#include <mutex>
#include <shared_mutex>

#include "spindle/base/clock.h"
#include "spindle/thread/condition_variable.h"
#include "spindle/thread/event.h"
#include "spindle/thread/mutex.h"
#include "spindle/thread/semaphore.h"
#include "spindle/thread/shared_mutex.h"
#include "thread_test.h"

namespace spindle::thread {
namespace {

TEST(Mutex, OneAtATimeWhateverTheInterleaving) {
  run_shuffled([](std::uint64_t seed) {
    Mutex mutex("counter");
    int inside = 0;
    int total = 0;
    in_parallel(8, [&](std::size_t i) {
      Random random(seed * 100 + i);
      for (int k = 0; k < 20; ++k) {
        const std::lock_guard lock(mutex);
        EXPECT_EQ(++inside, 1);
        const int seen = total;
        yield_some(random);
        total = seen + 1;
        --inside;
      }
    });
    EXPECT_EQ(total, 8 * 20);
    EXPECT_FALSE(mutex.locked());
  });
}

TEST(Mutex, WaitersGetItInTheOrderOfTheirComing) {
  run([] {
    Mutex mutex;
    std::vector<std::size_t> order;
    mutex.lock();
    std::vector<Thread> threads;
    for (std::size_t i = 0; i < 10; ++i) {
      threads.push_back(spawn("t", [&, i] {
        const std::lock_guard lock(mutex);
        order.push_back(i);
      }));
    }
    yield();
    mutex.unlock();
    // It was handed over: a thread that did not wait cannot overtake.
    EXPECT_FALSE(mutex.try_lock());
    for (Thread& thread : threads) thread.join().take();
    EXPECT_EQ(order, (std::vector<std::size_t>{0, 1, 2, 3, 4, 5, 6, 7, 8, 9}));
  });
}

TEST(Mutex, TimedTriesGiveUpAndLeaveNoTrace) {
  run([] {
    Mutex mutex;
    mutex.lock();
    Event gave_up;
    Thread other = spawn("other", [&] {
      const std::int64_t start = monotonic_ns();
      EXPECT_FALSE(mutex.try_lock_for(2 * kNsPerMs));
      EXPECT_GE(monotonic_ns(), start + 2 * kNsPerMs);
      EXPECT_FALSE(mutex.try_lock_for(-1));
      EXPECT_FALSE(mutex.try_lock_until(0));
      gave_up.set();
      EXPECT_TRUE(mutex.try_lock_for(60'000 * kNsPerMs));
      EXPECT_TRUE(mutex.held_by_this_thread());
      mutex.unlock();
    });
    gave_up.wait();
    EXPECT_TRUE(mutex.held_by_this_thread());
    mutex.unlock();
    other.join().take();
    EXPECT_TRUE(mutex.try_lock());
    mutex.unlock();
  });
}

TEST(Mutex, ATimeBeyondAllOthersIsWaitedFor) {
  run([] {
    Mutex mutex;
    RecursiveMutex recursive;
    SharedMutex shared;
    std::unique_lock lock(mutex);
    std::unique_lock lock_of_recursive(recursive);
    std::unique_lock lock_of_shared(shared);
    const auto locks = [&](auto& what) {
      EXPECT_TRUE(what.try_lock_for(kNever));
      what.unlock();
    };
    Thread other = spawn("other", [&] {
      locks(mutex);
      locks(recursive);
      locks(shared);
    });
    Thread reader = spawn("reader", [&] {
      EXPECT_TRUE(shared.try_lock_shared_for(kNever));
      shared.unlock_shared();
    });
    yield();
    lock.unlock();
    lock_of_recursive.unlock();
    lock_of_shared.unlock();
    EXPECT_TRUE(other.join().ok());
    EXPECT_TRUE(reader.join().ok());
  });
}

TEST(Mutex, StandardLocksWork) {
  run([] {
    Mutex a;
    Mutex b;
    {
      const std::scoped_lock both(a, b);
      EXPECT_TRUE(a.locked() && b.locked());
    }
    std::unique_lock lock(a, std::try_to_lock);
    EXPECT_TRUE(lock.owns_lock());
  });
}

TEST(Mutex, IsHarmlessOutsideOfARuntime) {
  Mutex mutex;
  mutex.lock();
  EXPECT_TRUE(mutex.held_by_this_thread());
  EXPECT_FALSE(mutex.try_lock());
  mutex.unlock();
  EXPECT_FALSE(mutex.locked());
}

TEST(MutexDeathTest, MisuseIsNamed) {
  EXPECT_DEATH(run([] {
                 Mutex mutex("the one");
                 mutex.lock();
                 mutex.lock();
               }),
               "\"main\" locks again the mutex \"the one\"");
  EXPECT_DEATH(run([] {
                 Mutex mutex("the one");
                 mutex.lock();
                 Thread thief = spawn("thief", [&] { mutex.unlock(); });
                 thief.join().take();
               }),
               "\"thief\" unlocks the mutex \"the one\", held by \"main\"");
  EXPECT_DEATH(run([] { Mutex("free").unlock(); }), "held by \"nobody\"");
  EXPECT_DEATH(run([] {
                 Mutex mutex("twice");
                 mutex.lock();
                 mutex.unlock();
                 mutex.unlock();
               }),
               "\"main\" unlocks the mutex \"twice\", held by \"nobody\"");
  EXPECT_DEATH(run([] {
                 RecursiveMutex mutex("twice");
                 mutex.lock();
                 mutex.unlock();
                 mutex.unlock();
               }),
               "\"main\" unlocks the mutex \"twice\", held by \"nobody\"");
}

TEST(MutexDeathTest, ALockThatIsHeldMustNotGo) {
  EXPECT_DEATH(run([] {
                 auto gone = std::make_unique<Mutex>("gone");
                 Thread holder = spawn("holder", [&] { gone->lock(); });
                 yield();
                 gone.reset();
               }),
               "\"main\" destroys the mutex \"gone\", held by \"holder\" since ");
  EXPECT_DEATH(run([] { RecursiveMutex("twice").lock(); }), "destroys the mutex \"twice\"");
  EXPECT_DEATH(Mutex("early").lock(), "destroys the mutex \"early\"");
  EXPECT_DEATH(run([] { SharedMutex("book").lock(); }), "book\", held by \"main\" since ");
  EXPECT_DEATH(run([] { SharedMutex("book").lock_shared(); }), "book\", read by \"main\" since ");
}

TEST(Mutex, MayGoWithTheThreadsThatAreStuckInIt) {
  Mutex mutex;
  SharedMutex shared;
  EXPECT_EQ(make_runtime()
                ->run([&] {
                  const std::scoped_lock both(mutex, shared);
                  WaitQueue("never").wait();
                })
                .code(),
            EDEADLK);
}

TEST(WaitQueueDeathTest, MustNotGoWhileSomebodyWaits) {
  EXPECT_DEATH(run([] {
                 auto gone = std::make_unique<Semaphore>(0, "gone");
                 Thread waiter = spawn("waiter", [&] { gone->acquire(); });
                 yield();
                 gone.reset();
               }),
               "\"main\" destroys the semaphore \"gone\", for which \"waiter\" waits");
}

TEST(RecursiveMutex, IsFreeWhenUnlockedAsOftenAsLocked) {
  run_shuffled([](std::uint64_t seed) {
    RecursiveMutex mutex;
    int inside = 0;
    in_parallel(5, [&](std::size_t i) {
      Random random(seed * 100 + i);
      for (int k = 0; k < 10; ++k) {
        const std::uint64_t depth = 1 + random.below(4);
        for (std::uint64_t d = 0; d < depth; ++d) {
          if (d % 2 == 0) {
            mutex.lock();
          } else {
            EXPECT_TRUE(mutex.try_lock());
          }
          if (d == 0) {
            EXPECT_EQ(++inside, 1);
          }
          yield_some(random);
        }
        --inside;
        for (std::uint64_t d = 0; d < depth; ++d) mutex.unlock();
      }
    });
    EXPECT_FALSE(mutex.locked());
  });
}

TEST(RecursiveMutex, OthersTimeOut) {
  run([] {
    RecursiveMutex mutex;
    mutex.lock();
    Thread other = spawn("other", [&] {
      EXPECT_FALSE(mutex.try_lock());
      EXPECT_FALSE(mutex.try_lock_for(kNsPerMs));
    });
    other.join().take();
    EXPECT_TRUE(mutex.try_lock_for(0));
    mutex.unlock();
    mutex.unlock();
    EXPECT_FALSE(mutex.locked());
  });
}

class SharedMutexTest : public testing::TestWithParam<Prefer> {};

TEST_P(SharedMutexTest, ReadersShareAndWritersAreAlone) {
  run_shuffled([](std::uint64_t seed) {
    SharedMutex mutex("table", GetParam());
    int readers = 0;
    int writers = 0;
    int timed_out = 0;
    in_parallel(8, [&](std::size_t i) {
      Random random(seed * 100 + i);
      for (int k = 0; k < 15; ++k) {
        const bool timed = random.one_in(4);
        // Most deadlines are past: the attempt fails where it would have to wait.
        const std::int64_t deadline = random.one_in(2) ? 0 : monotonic_ns() + 20'000;
        if (random.one_in(3)) {
          if (timed && !mutex.try_lock_until(deadline)) {
            ++timed_out;
            continue;
          }
          if (!timed) mutex.lock();
          EXPECT_EQ(++writers, 1);
          EXPECT_EQ(readers, 0);
          yield_some(random);
          --writers;
          mutex.unlock();
        } else {
          if (timed && !mutex.try_lock_shared_until(deadline)) {
            ++timed_out;
            continue;
          }
          if (!timed) mutex.lock_shared();
          ++readers;
          EXPECT_EQ(writers, 0);
          yield_some(random);
          --readers;
          mutex.unlock_shared();
        }
      }
    });
    EXPECT_FALSE(mutex.locked());
    EXPECT_EQ(mutex.readers(), 0u);
  });
}

INSTANTIATE_TEST_SUITE_P(Preferences, SharedMutexTest,
                         testing::Values(Prefer::kWriters, Prefer::kReaders, Prefer::kFair));

// Reader, writer, reader, writer come while a reader is inside: who gets in, in which order?
std::string order_of_entry(Prefer prefer) {
  std::string order;
  run([&] {
    SharedMutex mutex("", prefer);
    mutex.lock_shared();
    std::vector<Thread> threads;
    auto reader = [&](char name) {
      threads.push_back(spawn("r", [&, name] {
        const std::shared_lock lock(mutex);
        order += name;
        yield();
      }));
      yield();
    };
    auto writer = [&](char name) {
      threads.push_back(spawn("w", [&, name] {
        const std::unique_lock lock(mutex);
        order += name;
        yield();
      }));
      yield();
    };
    writer('A');
    reader('1');
    writer('B');
    reader('2');
    mutex.unlock_shared();
    for (Thread& thread : threads) thread.join().take();
  });
  return order;
}

TEST(SharedMutex, PreferenceDecidesTheOrder) {
  EXPECT_EQ(order_of_entry(Prefer::kWriters), "AB12");
  EXPECT_EQ(order_of_entry(Prefer::kReaders), "12AB");
  EXPECT_EQ(order_of_entry(Prefer::kFair), "A1B2");
}

TEST(SharedMutex, AWriterThatGivesUpLetsTheReadersIn) {
  run([] {
    SharedMutex mutex;
    mutex.lock_shared();
    Thread writer = spawn("writer", [&] { EXPECT_FALSE(mutex.try_lock_for(kNsPerMs)); });
    yield();
    Thread reader = spawn("reader", [&] {
      mutex.lock_shared();
      mutex.unlock_shared();
    });
    yield();
    EXPECT_EQ(mutex.readers(), 1u);
    reader.join().take();
    mutex.unlock_shared();
  });
}

TEST(SharedMutex, ATimeThatIsNotPositiveOnlyTries) {
  run([] {
    SharedMutex mutex;
    EXPECT_TRUE(mutex.try_lock_for(0));
    EXPECT_FALSE(mutex.try_lock_for(-1));  // and is no misuse, as locking it again would be
    EXPECT_FALSE(mutex.try_lock_shared_for(0));
    mutex.unlock();
    EXPECT_TRUE(mutex.try_lock_shared_for(-1));
    EXPECT_FALSE(mutex.try_lock_for(0));
    mutex.unlock_shared();
  });
}

TEST(ConditionVariable, ABoundedBufferLosesNothing) {
  run_shuffled([](std::uint64_t seed) {
    constexpr int kItems = 60;
    constexpr std::size_t kRoom = 3;
    Mutex mutex;
    ConditionVariable not_empty;
    ConditionVariable not_full;
    std::vector<int> buffer;
    std::vector<int> received;
    in_parallel(6, [&](std::size_t i) {
      Random random(seed * 100 + i);
      for (int k = 0; k < kItems / 3; ++k) {
        yield_some(random);
        std::unique_lock lock(mutex);
        if (i % 2 == 0) {
          not_full.wait(lock, [&] { return buffer.size() < kRoom; });
          buffer.push_back(k);
          not_empty.notify_one();
        } else {
          not_empty.wait(lock, [&] { return !buffer.empty(); });
          received.push_back(buffer.front());
          buffer.erase(buffer.begin());
          not_full.notify_one();
        }
        EXPECT_LE(buffer.size(), kRoom);
      }
    });
    ASSERT_EQ(received.size(), static_cast<std::size_t>(kItems));
    std::sort(received.begin(), received.end());
    for (int k = 0; k < kItems; ++k) EXPECT_EQ(received[static_cast<std::size_t>(k)], k / 3);
  });
}

TEST(ConditionVariable, NotifyAllWakesAllAndTheLockIsHeldAgain) {
  run_shuffled([](std::uint64_t) {
    Mutex mutex;
    ConditionVariable changed;
    bool go = false;
    int through = 0;
    std::vector<Thread> threads;
    for (int i = 0; i < 10; ++i) {
      threads.push_back(spawn("t", [&] {
        mutex.lock();
        changed.wait(mutex, [&] { return go; });
        EXPECT_TRUE(mutex.held_by_this_thread());
        ++through;
        mutex.unlock();
      }));
    }
    yield();
    mutex.lock();
    go = true;
    changed.notify_all();
    mutex.unlock();
    for (Thread& thread : threads) thread.join().take();
    EXPECT_EQ(through, 10);
  });
}

TEST(ConditionVariable, NobodyWaitsWhoseLockCannotBeUnlocked) {
  run([] {
    Mutex mutex;
    ConditionVariable changed;
    Thread careless = spawn("careless", [&] {
      std::unique_lock lock(mutex, std::defer_lock);
      EXPECT_THROW(changed.wait(lock), std::system_error);
    });
    EXPECT_TRUE(careless.join().ok());
    bool woken = false;
    Thread waiter = spawn("waiter", [&] {
      std::unique_lock lock(mutex);
      changed.wait(lock);
      woken = true;
    });
    yield();
    changed.notify_one();
    EXPECT_TRUE(waiter.join().ok());
    EXPECT_TRUE(woken);
  });
}

TEST(ConditionVariable, TimesOutWithTheLockHeld) {
  run([] {
    Mutex mutex;
    ConditionVariable changed;
    std::unique_lock lock(mutex);
    const std::int64_t deadline = monotonic_ns() + kNsPerMs;
    EXPECT_FALSE(changed.wait_until(lock, deadline, [] { return false; }));
    EXPECT_GE(monotonic_ns(), deadline);
    EXPECT_TRUE(mutex.held_by_this_thread());
    EXPECT_TRUE(changed.wait_until(lock, deadline, [] { return true; }));
    EXPECT_FALSE(changed.wait_until(lock, deadline));
  });
}

TEST(Event, LetsAllThroughUntilReset) {
  run_shuffled([](std::uint64_t) {
    Event event;
    int through = 0;
    std::vector<Thread> threads;
    for (int i = 0; i < 5; ++i) {
      threads.push_back(spawn("t", [&] {
        event.wait();
        ++through;
      }));
    }
    while (through == 0) {
      yield();
      event.set();
      event.wait();
    }
    for (Thread& thread : threads) thread.join().take();
    EXPECT_EQ(through, 5);
    event.reset();
    EXPECT_FALSE(event.is_set());
    EXPECT_FALSE(event.wait_until(monotonic_ns() + 100'000));
    event.set();
    EXPECT_TRUE(event.wait_until(0));
  });
}

TEST(Event, WhoeverWaitedGoesOnThoughItWasResetAtOnce) {
  run([] {
    Event event;
    Thread thread = spawn("t", [&] { event.wait(); });
    yield();
    event.set();
    event.reset();
    EXPECT_TRUE(thread.join().ok());
  });
}

}  // namespace
}  // namespace spindle::thread
