// Readers and writers in the graph of who waits for whom.
#include <array>
#include <atomic>
#include <mutex>
#include <shared_mutex>
#include <string>

#include "spindle/base/clock.h"
#include "spindle/thread/mutex.h"
#include "spindle/thread/shared_mutex.h"
#include "thread_test.h"

namespace spindle::thread {
namespace {

TEST(Deadlock, GoesThroughWritersOfSharedMutexes) {
  std::vector<std::string> reports;
  Mutex mutex("mutex");
  SharedMutex table("table");
  auto runtime = make_reporting_runtime(reports);
  EXPECT_EQ(runtime
                ->run([&] {
                  spawn_detached("reader", [&] {
                    const std::lock_guard lock(mutex);
                    yield();
                    table.lock_shared();
                  }).take();
                  const std::lock_guard lock(table);
                  yield();
                  mutex.lock();
                })
                .code(),
            EDEADLK);
  ASSERT_GE(reports.size(), 1u);
  EXPECT_TRUE(says(reports[0], "waits for shared mutex \"table\"")) << reports[0];
}

/// The report of a thread that waits for the lock names its readers.
TEST(Deadlock, GoesThroughEachReader) {
  std::vector<std::string> reports;
  Mutex mutex("mutex");
  SharedMutex table("table");
  auto runtime = make_reporting_runtime(reports);
  EXPECT_EQ(runtime
                ->run([&] {
                  for (const char* name : {"first", "second"}) {
                    spawn_detached(name, [&, name] {
                      table.lock_shared();
                      if (name == std::string_view("second")) mutex.lock();
                      WaitQueue("nothing").wait();
                    }).take();
                  }
                  mutex.lock();
                  yield();
                  table.lock();
                })
                .code(),
            EDEADLK);
  EXPECT_EQ(runtime->deadlocks(), 1u);
  ASSERT_EQ(reports.size(), 2u);
  for (const char* part :
       {"\"main\" (1) waits for shared mutex \"table\" at ", ", read by \"second\" since ",
        "\"second\" (3) waits for mutex \"mutex\" at ", ", held by \"main\" since "}) {
    EXPECT_TRUE(says(reports[0], part)) << part << " in\n" << reports[0];
  }
  EXPECT_FALSE(says(reports[0], "first")) << reports[0];
  EXPECT_TRUE(says(reports[1], ", read by \"first\" since ")) << reports[1];
}

TEST(Deadlock, AReaderThatWouldWriteWaitsForItself) {
  std::vector<std::string> reports;
  SharedMutex table("table");
  auto runtime = make_reporting_runtime(reports);
  const auto upgrade = [&] {
    table.lock_shared();
    EXPECT_FALSE(table.try_lock_for(kNsPerMs));
    EXPECT_EQ(table.lock_checked().code(), EDEADLK);
    table.lock();
  };
  EXPECT_EQ(runtime->run(upgrade).code(), EDEADLK);
  ASSERT_EQ(reports.size(), 2u);
  EXPECT_TRUE(says(reports[0], ", read by \"main\" since ")) << reports[0];
}

// A writer that gives up lets the readers behind it in; one that does not keeps them out for ever.
TEST(Deadlock, GoesThroughTheWritersThatKeepReadersOut) {
  for (const bool gives_up : {true, false}) {
    std::vector<std::string> reports;
    auto runtime = make_reporting_runtime(reports);
    SharedMutex table("table");
    const Result<> result = runtime->run([&] {
      table.lock_shared();
      spawn_detached("writer", [&] {
        if (!gives_up) table.lock();
        EXPECT_FALSE(table.try_lock_for(kNsPerMs));
      }).take();
      yield();
      table.lock_shared();
      table.unlock_shared();
      table.unlock_shared();
    });
    EXPECT_EQ(result.code(), gives_up ? 0 : EDEADLK);
    EXPECT_EQ(runtime->deadlocks(), gives_up ? 0u : 1u);
  }
}

/// "reader" reads and wants a mutex; "both" has the mutex and wants to read, but a writer with a
/// deadline keeps it out.
class Overtaking {
 public:
  explicit Overtaking(Prefer prefer = Prefer::kWriters) : table("table", prefer) {}

  void begin() {
    start("reader", [this] {
      const std::shared_lock reading(table);
      for (int i = 0; i < 3; ++i) yield();
      const std::lock_guard lock(mutex);
    });
    start("patient", [this] { EXPECT_FALSE(table.try_lock_for(20 * kNsPerMs)); });
    start("both", [this] {
      const std::lock_guard lock(mutex);
      const std::shared_lock reading(table);
    });
    for (int i = 0; i < 5; ++i) yield();
  }
  void join() {
    for (Thread& thread : threads_) EXPECT_TRUE(thread.join().ok());
  }

  SharedMutex table;
  Mutex mutex{"mutex"};

 private:
  template <class F>
  void start(const char* name, F body) {
    threads_.push_back(spawn(name, body));
  }

  std::vector<Thread> threads_;
};

// The circle that it closes is between others: they wait for one another as soon as it goes before
// a reader.
TEST(Deadlock, IsClosedByAWriterThatKeepsAReaderOut) {
  std::vector<std::string> reports;
  auto runtime = make_reporting_runtime(reports);
  Overtaking scene;
  const Result<> result = runtime->run([&] {
    scene.begin();
    EXPECT_TRUE(reports.empty());
    spawn_detached("late", [&] { scene.table.lock(); }).take();
    yield();
    EXPECT_EQ(reports.size(), 1u) << "while the patient one waits still";
    WaitQueue("nothing").wait();
  });
  EXPECT_EQ(result.code(), EDEADLK);
  ASSERT_EQ(reports.size(), 2u);
  for (const char* part :
       {"\"late\" (5) waits for shared mutex \"table\" at ", ", read by \"reader\" since ",
        "\"reader\" (2) waits for mutex \"mutex\" at ", ", held by \"both\" since ",
        "\"both\" (4) waits for shared mutex \"table\" at ", ", behind \"late\" since "}) {
    EXPECT_TRUE(says(reports[0], part)) << part << " in\n" << reports[0];
  }
  EXPECT_FALSE(says(reports[0], "patient")) << reports[0];
}

TEST(Deadlock, OfOthersIsRefusedToAWriter) {
  run([] {
    Overtaking scene;
    scene.begin();
    EXPECT_EQ(scene.table.lock_checked().code(), EDEADLK);
    scene.join();
    EXPECT_EQ(Runtime::current()->deadlocks(), 0u);
  });
}

TEST(Deadlock, IsNotClosedByAWriterThatStandsBehindTheReader) {
  run([] {
    Overtaking scene(Prefer::kFair);
    scene.begin();
    EXPECT_TRUE(scene.table.lock_checked().ok());
    scene.table.unlock();
    scene.join();
    EXPECT_EQ(Runtime::current()->deadlocks(), 0u);
  });
}

// It has what it waited for, but did not run since.
TEST(Deadlock, IsNotOfAReaderThatWasLetIn) {
  run([] {
    SharedMutex table;
    table.lock();
    Thread reader = spawn("reader", [&] { const std::shared_lock reading(table); });
    yield();
    table.unlock();
    EXPECT_EQ(table.readers(), 1u);
    EXPECT_TRUE(table.lock_checked().ok());
    table.unlock();
    EXPECT_TRUE(reader.join().ok());
  });
}

// As with mutexes alone: threads that have some locks, for reading or writing, and want another,
// some of them for a time.
TEST(Deadlock, OfReadersAndWritersIsReportedExactlyWhenTheRunCannotEnd) {
  for (const Prefer prefer : {Prefer::kWriters, Prefer::kReaders, Prefer::kFair}) {
    int stuck = 0;
    int ended = 0;
    for (std::uint64_t seed = 1; seed <= 200; ++seed) {
      SCOPED_TRACE(testing::Message() << "seed " << seed);
      std::vector<std::string> reports;
      std::vector<std::unique_ptr<SharedMutex>> locks;
      for (int i = 0; i < 6; ++i) locks.push_back(std::make_unique<SharedMutex>("s", prefer));
      auto runtime = make_reporting_runtime(reports, std::make_unique<ShufflePolicy>(seed));
      const Result<> result = runtime->run([&, seed] {
        for (std::uint64_t i = 0; i < 5; ++i) {
          spawn_detached("t", [&, seed, i] {
            Random random(seed * 100 + i);
            for (int round = 0; round < 3; ++round) {
              std::array<bool, 6> reads{}, writes{};
              for (std::uint64_t k = 1 + random.below(3); k > 0; --k) {
                const std::uint64_t wanted = random.below(6);
                if (reads[wanted] || writes[wanted]) continue;
                const bool gives_up = random.below(4) == 0;
                SharedMutex& lock = *locks[wanted];
                if (random.below(3) > 0) {
                  if (!gives_up) lock.lock_shared();
                  reads[wanted] = !gives_up || lock.try_lock_shared_for(kNsPerMs / 50);
                } else {
                  if (!gives_up) lock.lock();
                  writes[wanted] = !gives_up || lock.try_lock_for(kNsPerMs / 50);
                }
                yield_some(random);
              }
              for (std::size_t lock = 0; lock < locks.size(); ++lock) {
                if (reads[lock]) locks[lock]->unlock_shared();
                if (writes[lock]) locks[lock]->unlock();
              }
            }
          }).take();
        }
      });
      EXPECT_EQ(result.code(), runtime->deadlocks() > 0 ? EDEADLK : 0);
      ++(result.ok() ? ended : stuck);
    }
    EXPECT_GT(stuck, 5);
    EXPECT_GT(ended, 5);
  }
}

TEST(SharedMutex, WhoeverReadsIsRaisedByTheWriterThatWaits) {
  run([] {
    SharedMutex table;
    Mutex mutex;
    mutex.lock();
    Thread reader = spawn("reader", [&] {
      const std::shared_lock reading(table);
      EXPECT_EQ(current_thread::priority(), 0);
      const std::lock_guard nested(mutex);
      EXPECT_EQ(current_thread::priority(), 5);
    });
    const std::shared_lock reading(table);
    yield();
    Thread writer = spawn(ThreadOptions{.name = "writer", .priority = 5},
                          [&] { const std::lock_guard writing(table); });
    yield();
    EXPECT_EQ(current_thread::priority(), 5);
    mutex.unlock();
    table.unlock_shared();
    EXPECT_EQ(current_thread::priority(), 0);
    EXPECT_TRUE(reader.join().ok());
    EXPECT_TRUE(writer.join().ok());
    table.lock_shared();
  });
}

// An urgent reader behind writers waits for each that goes before it.
TEST(SharedMutex, WhoeverReadsIsRaisedByTheReadersThatAreKeptOut) {
  run([] {
    SharedMutex table;
    const std::shared_lock reading(table);
    Thread patient = spawn("patient", [&] { EXPECT_FALSE(table.try_lock_for(kNsPerMs)); });
    yield();
    Thread urgent = spawn(ThreadOptions{.name = "urgent", .priority = 5},
                          [&] { const std::shared_lock also(table); });
    yield();
    Thread late = spawn("late", [&] {
      const std::lock_guard writing(table);
      EXPECT_EQ(current_thread::priority(), 5) << "the urgent one waits still";
    });
    EXPECT_TRUE(patient.join().ok());
    EXPECT_EQ(current_thread::priority(), 5);
    table.unlock_shared();
    EXPECT_EQ(current_thread::priority(), 0);
    EXPECT_TRUE(late.join().ok());
    EXPECT_TRUE(urgent.join().ok());
    table.lock_shared();
  });
}

TEST(SharedMutex, IsHarmlessOutsideOfARuntime) {
  SharedMutex mutex;
  mutex.lock();
  EXPECT_FALSE(mutex.try_lock_shared());
  mutex.unlock();
  mutex.lock_shared();
  EXPECT_FALSE(mutex.try_lock());
  mutex.unlock_shared();
}

// For ThreadSanitizer.
TEST(SharedMutex, MayBeLookedAtByAnyWorker) {
  Runtime::Options options;
  options.workers = 2;
  auto runtime = Runtime::create(std::move(options)).take();
  const Result<> result = runtime->run([] {
    SharedMutex table("table");
    std::atomic<bool> over = false;
    Thread urgent = spawn(ThreadOptions{.name = "urgent", .priority = 9}, [&] {
      for (int i = 0; i < 3000; ++i) {
        const std::lock_guard alone(table);
        EXPECT_EQ(table.readers(), 0u);
      }
      over = true;
    });
    Thread reader = spawn("reader", [&] {
      while (!over) {
        const std::shared_lock shared(table);
        EXPECT_FALSE(table.locked());
        EXPECT_LE(current_thread::priority(), 9);
      }
    });
    while (!over) {
      EXPECT_LE(table.readers(), 1u);
      static_cast<void>(table.locked());
      yield();
    }
    EXPECT_TRUE(urgent.join().ok());
    EXPECT_TRUE(reader.join().ok());
  });
  EXPECT_TRUE(result.ok());
}

TEST(SharedMutexDeathTest, MisuseIsNamed) {
  EXPECT_DEATH(run([] {
                 SharedMutex table("table");
                 table.lock();
                 table.lock_shared();
               }),
               "\"main\" locks again the shared mutex \"table\"");
  EXPECT_DEATH(run([] {
                 SharedMutex table("table");
                 table.lock_shared();
                 Thread thief = spawn("thief", [&] { table.unlock_shared(); });
                 thief.join().take();
               }),
               "\"thief\" unlocks the shared mutex \"table\", read by \"main\" since ");
  EXPECT_DEATH(run([] { SharedMutex("table").unlock_shared(); }), "held by \"nobody\"");
}

}  // namespace
}  // namespace spindle::thread
