// Semaphore, Latch, Barrier, Channel and WaitQueue itself.

#include <deque>
#include <memory>
#include <string>

#include "spindle/base/clock.h"
#include "spindle/thread/barrier.h"
#include "spindle/thread/channel.h"
#include "spindle/thread/latch.h"
#include "spindle/thread/semaphore.h"
#include "thread_test.h"

namespace spindle::thread {
namespace {

TEST(WaitQueue, WakesInOrderAndOnlyWhoWaits) {
  run([] {
    WaitQueue queue("q");
    EXPECT_FALSE(queue.wake_one());
    EXPECT_EQ(queue.wake_all(), 0u);
    std::vector<std::size_t> order;
    std::vector<Thread> threads;
    for (std::size_t i = 0; i < 5; ++i) {
      threads.push_back(spawn("t", [&, i] {
        queue.wait();
        order.push_back(i);
      }));
    }
    yield();
    EXPECT_EQ(queue.size(), 5u);
    EXPECT_TRUE(queue.wake_one());
    EXPECT_TRUE(queue.wake_one());
    yield();
    EXPECT_EQ(order, (std::vector<std::size_t>{0, 1}));
    EXPECT_EQ(queue.wake_all(), 3u);
    for (Thread& thread : threads) thread.join().take();
    EXPECT_EQ(order, (std::vector<std::size_t>{0, 1, 2, 3, 4}));
  });
}

// Random waits with and without deadlines against random wakes: every waiter returns for exactly
// one reason, and every wake goes to exactly one waiter.
TEST(WaitQueue, EachWakeGoesToOneWaiter) {
  run_shuffled([](std::uint64_t seed) {
    WaitQueue queue;
    std::size_t woken = 0;
    std::size_t wakes = 0;
    std::size_t left = 12;
    std::vector<Thread> threads;
    for (std::size_t i = 0; i < 12; ++i) {
      threads.push_back(spawn("waiter", [&, i] {
        Random random(seed * 100 + i);
        for (int k = 0; k < 5; ++k) {
          const auto patience = static_cast<std::int64_t>(random.below(200'000));
          const std::int64_t deadline = monotonic_ns() + patience;
          if (random.one_in(2)) {
            queue.wait();
            ++woken;
          } else if (queue.wait_until(deadline)) {
            ++woken;
          } else {
            EXPECT_GE(monotonic_ns(), deadline);
          }
        }
        --left;
      }));
    }
    Random random(seed);
    while (left > 0) {
      if (random.one_in(5)) {
        wakes += queue.wake_all();
      } else {
        wakes += queue.wake_one() ? 1 : 0;
      }
      if (random.one_in(3)) sleep_for(static_cast<std::int64_t>(random.below(20'000)));
      yield();
    }
    EXPECT_EQ(woken, wakes);
    for (Thread& thread : threads) thread.join().take();
  });
}

TEST(Semaphore, NeverMoreInsideThanUnits) {
  run_shuffled([](std::uint64_t seed) {
    Semaphore units(3);
    int inside = 0;
    in_parallel(10, [&](std::size_t i) {
      Random random(seed * 100 + i);
      for (int k = 0; k < 20; ++k) {
        if (random.one_in(4)) {
          if (!units.try_acquire_until(monotonic_ns() + 10'000)) continue;
        } else if (!random.one_in(4)) {
          units.acquire();
        } else if (!units.try_acquire()) {
          continue;
        }
        EXPECT_LE(++inside, 3);
        yield_some(random);
        --inside;
        units.release();
      }
    });
    EXPECT_EQ(units.count(), 3u);
  });
}

TEST(Semaphore, NobodyOvertakesAWaiter) {
  run([] {
    Semaphore units(0);
    bool got_it = false;
    Thread waiter = spawn("waiter", [&] {
      units.acquire();
      got_it = true;
    });
    yield();
    units.release();
    EXPECT_FALSE(units.try_acquire());
    EXPECT_TRUE(waiter.join().ok());
    EXPECT_TRUE(got_it);
    units.release(5);
    EXPECT_EQ(units.count(), 5u);
  });
}

TEST(Semaphore, TimesOut) {
  run([] {
    Semaphore units(0);
    const std::int64_t deadline = monotonic_ns() + kNsPerMs;
    EXPECT_FALSE(units.try_acquire_until(deadline));
    EXPECT_GE(monotonic_ns(), deadline);
    units.release();
    EXPECT_TRUE(units.try_acquire_until(0));
  });
}

TEST(Latch, OpensAtZeroAndStaysOpen) {
  run_shuffled([](std::uint64_t seed) {
    Latch latch(10);
    int arrived = 0;
    in_parallel(10, [&](std::size_t i) {
      Random random(seed * 100 + i);
      yield_some(random, 5);
      ++arrived;
      if (i % 2 == 0) {
        latch.arrive_and_wait();
      } else {
        latch.count_down();
        latch.wait();
      }
      EXPECT_EQ(arrived, 10);
    });
    EXPECT_TRUE(latch.try_wait());
    latch.count_down(3);
    latch.wait();
    EXPECT_TRUE(latch.wait_until(0));
  });
}

TEST(Latch, TimesOut) {
  run([] {
    Latch latch(1);
    EXPECT_FALSE(latch.wait_until(monotonic_ns() + kNsPerMs));
    latch.count_down();
    EXPECT_TRUE(latch.wait_until(0));
  });
}

// A thread that is late has arrived all the same, and does not keep the others waiting.
TEST(Latch, CountsWhoArrivesAndGivesUp) {
  run([] {
    Latch latch(4);
    EXPECT_FALSE(latch.arrive_and_wait_for(kNsPerMs));
    EXPECT_FALSE(latch.arrive_and_wait_until(0, 2));
    EXPECT_FALSE(latch.try_wait());
    EXPECT_TRUE(latch.arrive_and_wait_until(0));
    EXPECT_TRUE(latch.arrive_and_wait_for(0)) << "it is open already";
  });
}

TEST(Barrier, NobodyIsARoundAhead) {
  run_shuffled([](std::uint64_t seed) {
    constexpr int kRounds = 10;
    Barrier barrier(6);
    std::vector<int> round(6, 0);
    int last = 0;
    in_parallel(6, [&](std::size_t i) {
      Random random(seed * 100 + i);
      for (int k = 0; k < kRounds; ++k) {
        yield_some(random);
        ++round[i];
        if (barrier.arrive_and_wait()) ++last;
        for (const int of_other : round) {
          EXPECT_GE(of_other, k + 1);
          EXPECT_LE(of_other, k + 2);
        }
      }
    });
    EXPECT_EQ(last, kRounds);
    EXPECT_EQ(barrier.rounds(), static_cast<std::uint64_t>(kRounds));
  });
}

class ChannelTest : public testing::TestWithParam<std::size_t> {};

TEST_P(ChannelTest, EveryValueArrivesOnce) {
  run_shuffled([](std::uint64_t seed) {
    constexpr std::size_t kSenders = 3;
    constexpr std::size_t kEach = 30;
    Channel<std::unique_ptr<std::pair<std::size_t, std::size_t>>> channel(GetParam());
    std::vector<std::vector<std::size_t>> seen_by_sender(kSenders);
    std::size_t receivers_ended = 0;
    std::vector<Thread> receivers;
    for (std::size_t i = 0; i < 2; ++i) {
      receivers.push_back(spawn("receiver", [&, i] {
        Random random(seed * 100 + 50 + i);
        for (;;) {
          auto value = channel.receive();
          if (!value.ok()) break;
          // One receiver at a time takes and files, for there is no switch in between.
          seen_by_sender[(*value)->first].push_back((*value)->second);
          yield_some(random);
        }
        ++receivers_ended;
      }));
    }
    in_parallel(kSenders, [&](std::size_t i) {
      Random random(seed * 100 + i);
      for (std::size_t k = 0; k < kEach; ++k) {
        EXPECT_TRUE(channel.send(std::make_unique<std::pair<std::size_t, std::size_t>>(i, k)).ok());
        EXPECT_LE(channel.size(), channel.capacity());
        yield_some(random);
      }
    });
    channel.close();
    for (Thread& receiver : receivers) receiver.join().take();
    EXPECT_EQ(receivers_ended, 2u);
    for (auto& seen : seen_by_sender) {
      EXPECT_EQ(seen.size(), kEach);
      std::sort(seen.begin(), seen.end());
      EXPECT_EQ(std::unique(seen.begin(), seen.end()), seen.end());
    }
  });
}

TEST_P(ChannelTest, OneReceiverSeesEachSendersOrder) {
  run_shuffled([](std::uint64_t seed) {
    Channel<int> channel(GetParam());
    std::vector<int> got;
    Thread receiver = spawn("receiver", [&] {
      for (int k = 0; k < 100; ++k) got.push_back(channel.receive().take());
    });
    Random random(seed);
    for (int k = 0; k < 100; ++k) {
      EXPECT_TRUE(channel.send(k).ok());
      yield_some(random, 1);
    }
    receiver.join().take();
    for (int k = 0; k < 100; ++k) EXPECT_EQ(got[static_cast<std::size_t>(k)], k);
  });
}

TEST_P(ChannelTest, TimesOutAndNeverWaitsWhereItMustNot) {
  run([] {
    Channel<std::string> channel(GetParam());
    EXPECT_EQ(channel.receive(monotonic_ns() + kNsPerMs).code(), ETIMEDOUT);
    EXPECT_FALSE(channel.try_receive());
    std::string value = "kept";
    for (std::size_t i = 0; i < GetParam(); ++i) EXPECT_TRUE(channel.send("x").ok());
    EXPECT_EQ(channel.try_send(value).code(), EAGAIN);
    EXPECT_EQ(value, "kept");
    EXPECT_EQ(channel.send("late", monotonic_ns() + kNsPerMs).code(), ETIMEDOUT);
    for (std::size_t i = 0; i < GetParam(); ++i) EXPECT_EQ(channel.try_receive(), "x");
    EXPECT_FALSE(channel.try_receive());
  });
}

TEST_P(ChannelTest, CloseRefusesSendersAndDrainsToReceivers) {
  run([] {
    Channel<int> channel(GetParam());
    for (std::size_t i = 0; i < GetParam(); ++i) EXPECT_TRUE(channel.send(1).ok());
    int waiting_code = 0;
    Thread sender = spawn("sender", [&] { waiting_code = channel.send(2).code(); });
    yield();
    channel.close();
    sender.join().take();
    EXPECT_EQ(waiting_code, EPIPE);
    EXPECT_EQ(channel.send(3).code(), EPIPE);
    int value = 3;
    EXPECT_EQ(channel.try_send(value).code(), EPIPE);
    for (std::size_t i = 0; i < GetParam(); ++i) EXPECT_EQ(channel.receive().take(), 1);
    EXPECT_EQ(channel.receive().code(), EPIPE);
  });
}

INSTANTIATE_TEST_SUITE_P(Capacities, ChannelTest, testing::Values(0, 1, 2, 7));

TEST(Channel, ARendezvousReturnsWhenTheValueIsTaken) {
  run([] {
    Channel<int> channel;
    bool sent = false;
    Thread sender = spawn("sender", [&] {
      EXPECT_TRUE(channel.send(5).ok());
      sent = true;
    });
    yield();
    EXPECT_FALSE(sent);
    EXPECT_EQ(channel.try_receive(), 5);
    yield();
    EXPECT_TRUE(sent);
    sender.join().take();
  });
}

}  // namespace
}  // namespace spindle::thread
