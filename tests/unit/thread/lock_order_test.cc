// The order of locks: inversions are reported even if nothing came of them.
#include <functional>
#include <mutex>
#include <optional>
#include <shared_mutex>
#include <string>
#include <vector>

#include "spindle/thread/inspect.h"
#include "spindle/thread/monitor.h"
#include "spindle/thread/mutex.h"
#include "spindle/thread/shared_mutex.h"
#include "thread_test.h"

namespace spindle::thread {
namespace {

std::vector<std::string> inversions_in(const std::function<void()>& body) {
  std::vector<std::string> reports;
  Runtime::Options options;
  options.check_lock_order = true;
  options.on_lock_order = [&](std::string_view text) { reports.emplace_back(text); };
  auto runtime = Runtime::create(std::move(options)).take();
  EXPECT_TRUE(runtime->run(body).ok());
  EXPECT_EQ(runtime->lock_order_inversions(), reports.size());
  return reports;
}

TEST(LockOrderTest, AnInversionIsReportedOnceEvenIfNothingHappened) {
  const auto reports = inversions_in([] {
    Mutex accounts("accounts"), log("log");
    for (int i = 0; i < 3; ++i) {
      Thread first = spawn("first", [&] { const std::scoped_lock both(accounts, log); });
      EXPECT_TRUE(first.join().ok());
      Thread second = spawn("second", [&] {
        const std::lock_guard outer(log);
        const std::lock_guard inner(accounts);
      });
      EXPECT_TRUE(second.join().ok());
    }
  });
  ASSERT_EQ(reports.size(), 0u) << "std::scoped_lock only tries the second lock: " << reports[0];
  const auto real = inversions_in([] {
    Mutex accounts("accounts"), log("log");
    const auto both = [](Mutex& a, Mutex& b) {
      const std::lock_guard outer(a);
      const std::lock_guard inner(b);
    };
    for (int i = 0; i < 3; ++i) {
      both(accounts, log);
      both(log, accounts);
    }
  });
  ASSERT_EQ(real.size(), 1u);
  for (const char* word : {"accounts", "log", "main", "lock order"}) {
    EXPECT_NE(real[0].find(word), std::string::npos) << real[0];
  }
}

TEST(LockOrderTest, GoesThroughOtherLocksAndForgetsDeadOnes) {
  const auto reports = inversions_in([] {
    Mutex a("a"), b("b");
    SharedMutex c("c");
    {
      const std::lock_guard one(a);
      const std::lock_guard two(b);
    }
    {
      const std::lock_guard one(b);
      const std::lock_guard two(c);
    }
    const std::lock_guard one(c);
    const std::lock_guard two(a);
  });
  EXPECT_EQ(reports.size(), 1u);
  const auto none = inversions_in([] {
    Mutex a("a");
    for (int i = 0; i < 10; ++i) {
      Mutex temporary("temporary");
      if (i % 2 == 0) {
        const std::lock_guard one(a);
        const std::lock_guard two(temporary);
      } else {
        const std::lock_guard one(temporary);
        const std::lock_guard two(a);
      }
    }
  });
  EXPECT_EQ(none.size(), 0u);
}

TEST(LockOrderTest, ForgetsWhatGoesBetweenTheRunsOrInAnother) {
  Runtime::Options options;
  options.check_lock_order = true;
  auto runtime = Runtime::create(std::move(options)).take();
  std::array<std::optional<Mutex>, 2> locks;
  for (int i = 0; i < 3; ++i) {
    for (auto& lock : locks) lock.emplace("lock");
    const Result<> result = runtime->run([&] {
      const std::lock_guard one(*locks[i % 2 == 0 ? 0 : 1]);
      const std::lock_guard two(*locks[i % 2 == 0 ? 1 : 0]);
    });
    EXPECT_TRUE(result.ok());
    const auto drop = [&] {
      for (auto& lock : locks) lock.reset();
    };
    i == 0 ? drop() : run(drop);
  }
  EXPECT_EQ(runtime->lock_order_inversions(), 0u);
}

TEST(LockOrderTest, LooksAtMonitors) {
  const auto reports = inversions_in([] {
    HoareMonitor teller("teller");
    HoareMonitor::Condition money(teller, "money");
    Mutex vault("vault");
    {
      const HoareMonitor::Entry entry(teller);
      EXPECT_FALSE(money.wait_until(monotonic_ns() + 1));
      const std::lock_guard lock(vault);
    }
    const std::lock_guard lock(vault);
    EXPECT_TRUE(teller.enter_checked().ok());
    teller.leave();
  });
  ASSERT_EQ(reports.size(), 1u);
  EXPECT_NE(reports[0].find("takes \"teller\" at "), std::string::npos) << reports[0];
}

// A thread that waits for a condition of a monitor leaves only that monitor.
TEST(LockOrderTest, AWaitInAnInnerMonitorIsAnInversion) {
  const auto reports = inversions_in([] {
    HoareMonitor outer("outer"), inner("inner");
    HoareMonitor::Condition never(inner, "never");
    const HoareMonitor::Entry first(inner);
    const HoareMonitor::Entry second(outer);
    EXPECT_FALSE(never.wait_until(monotonic_ns() + 1));
  });
  EXPECT_EQ(reports.size(), 1u);
}

TEST(LockOrderTest, LooksAtReadersWhereTheyCanWaitForOneAnother) {
  const auto take_both = [](Prefer prefer, bool second_writes) {
    return inversions_in([&] {
      SharedMutex a("a", prefer), b("b", prefer);
      {
        const std::shared_lock one(a);
        const std::shared_lock two(b);
      }
      const std::shared_lock one(b);
      second_writes ? a.lock() : a.lock_shared();
      second_writes ? a.unlock() : a.unlock_shared();
    });
  };
  EXPECT_EQ(take_both(Prefer::kWriters, false).size(), 1u) << "a writer may wait in between";
  EXPECT_EQ(take_both(Prefer::kFair, false).size(), 1u);
  EXPECT_EQ(take_both(Prefer::kReaders, false).size(), 0u);
  // The reader of b waits for nobody who reads it.
  EXPECT_EQ(take_both(Prefer::kReaders, true).size(), 0u);
  const auto reports = inversions_in([] {
    SharedMutex table("table", Prefer::kReaders);
    Mutex mutex("mutex");
    {
      const std::shared_lock one(table);
      const std::lock_guard two(mutex);
    }
    const std::lock_guard one(mutex);
    const std::lock_guard two(table);
  });
  EXPECT_EQ(reports.size(), 1u);
}

}  // namespace
}  // namespace spindle::thread
