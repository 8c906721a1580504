// Threads that take several locks as std::lock does, waiting for one and trying the rest, all come
// to an end.
#include <array>
#include <mutex>
#include <shared_mutex>
#include <vector>

#include "spindle/base/check.h"
#include "spindle/thread/mutex.h"
#include "spindle/thread/shared_mutex.h"
#include "thread_test.h"

namespace spindle::thread {
namespace {

constexpr int kMostTurns = 100'000;

/// How often a thread yields with all locks, and with only one: that many combinations for each.
constexpr int kHabits = 9;

/// Three threads, each of which takes all three locks and then one, again and again.
template <class Lock>
void take_all_and_one(int habits) {
  std::array<Lock, 3> locks;
  std::size_t ended = 0;
  for (std::size_t i = 0; i < locks.size(); ++i, habits /= kHabits) {
    const auto body = [&, i, with_all = habits % 3, with_one = habits % kHabits / 3] {
      for (int k = 0; k < 3; ++k) {
        {
          const std::scoped_lock all(locks[0], locks[1], locks[2]);
          for (int n = 0; n < with_all; ++n) yield();
        }
        const std::scoped_lock one(locks[i]);
        for (int n = 0; n < with_one; ++n) yield();
      }
      ++ended;
    };
    ASSERT_TRUE(spawn_detached("t", body).ok());
  }
  // The threads would go on for ever: the program has to end here.
  for (int turns = 0; ended < locks.size(); ++turns) {
    CHECK(turns < kMostTurns && "no thread gets all locks");
    yield();
  }
}

TEST(Livelock, ScopedLocksOfThreeMutexesGoOn) {
  for (int habits = 0; habits < kHabits * kHabits * kHabits; ++habits) {
    SCOPED_TRACE(habits);
    run([=] { take_all_and_one<Mutex>(habits); });
  }
}

struct FairSharedMutex : SharedMutex {
  FairSharedMutex() : SharedMutex("fair", Prefer::kFair) {}
};
struct ReadersFirst : SharedMutex {
  ReadersFirst() : SharedMutex("readers first", Prefer::kReaders) {}
};

TEST(Livelock, ScopedLocksOfThreeSharedMutexesGoOn) {
  for (int habits = 0; habits < kHabits * kHabits * kHabits; ++habits) {
    SCOPED_TRACE(habits);
    run([=] { take_all_and_one<FairSharedMutex>(habits); });
    run([=] { take_all_and_one<ReadersFirst>(habits); });
  }
}

/// Reads one at a time and writes all three, so that readers are woken to try, too.
template <class Lock>
void read_and_write(std::uint64_t seed) {
  std::array<Lock, 3> locks;
  std::array<int, 3> values = {};
  in_parallel(6, [&](std::size_t i) {
    Random random(seed * 100 + i);
    for (int k = 0; k < 20; ++k) {
      if (random.one_in(2)) {
        const std::scoped_lock all(locks[0], locks[1], locks[2]);
        for (int& value : values) ++value;
        yield_some(random);
        EXPECT_EQ(values[0], values[2]);
      } else if (random.one_in(3)) {
        std::array<std::shared_lock<Lock>, 3> reading;
        for (std::size_t n = 0; n < 3; ++n) reading[n] = {locks[n], std::defer_lock};
        std::lock(reading[0], reading[1], reading[2]);
        EXPECT_EQ(values[0], values[2]);
        yield_some(random);
        EXPECT_EQ(values[0], values[1]);
      } else {
        const std::size_t n = random.below(3);
        const std::shared_lock lock(locks[n]);
        const int before = values[n];
        yield_some(random);
        EXPECT_EQ(values[n], before);
      }
    }
  });
  EXPECT_EQ(values[0], values[1]);
  EXPECT_EQ(values[0], values[2]);
}

TEST(Livelock, ReadersAndWritersOfThreeLocksAllComeThrough) {
  for (std::uint64_t seed = 1; seed <= kSeeds; ++seed) {
    SCOPED_TRACE(seed);
    for (const unsigned workers : {1u, 2u}) {
      auto runtime = Runtime::create({.workers = workers}).take();
      EXPECT_TRUE(runtime->run([=] { read_and_write<FairSharedMutex>(seed); }).ok());
      EXPECT_TRUE(runtime->run([=] { read_and_write<ReadersFirst>(seed); }).ok());
      EXPECT_TRUE(runtime->run([=] { read_and_write<SharedMutex>(seed); }).ok());
    }
  }
  run_shuffled([](std::uint64_t seed) { read_and_write<SharedMutex>(seed); });
}

// A thread that is woken to try and finds that another was faster waits on before all others, and
// those behind it are not forgotten.
TEST(Livelock, MutexesOnSeveralWorkersGoOn) {
  for (const std::int64_t preemption_ns : {0, 50'000}) {
    Runtime::Options options;
    options.workers = 3;
    options.preemption_ns = preemption_ns;
    auto runtime = Runtime::create(std::move(options)).take();
    int count = 0;
    const Result<> result = runtime->run([&] {
      std::array<Mutex, 3> locks;
      in_parallel(8, [&](std::size_t i) {
        for (int k = 0; k < 200; ++k) {
          if ((static_cast<std::size_t>(k) + i) % 3 == 0) {
            const std::scoped_lock all(locks[0], locks[1], locks[2]);
            ++count;
          } else {
            const std::scoped_lock one(locks[i % 3]);
            if (k % 8 == 0) yield();
          }
        }
      });
    });
    EXPECT_TRUE(result.ok());
    EXPECT_GT(count, 0);
  }
}

}  // namespace
}  // namespace spindle::thread
