#include "spindle/thread/io.h"

#include <fcntl.h>
#include <sys/socket.h>
#include <unistd.h>

#include <array>
#include <chrono>
#include <thread>

#include "spindle/base/clock.h"
#include "spindle/base/random.h"
#include "spindle/thread/linger.h"
#include "spindle/thread/stream.h"
#include "thread_test.h"

namespace spindle::thread {
namespace {

struct SocketPair {
  SocketPair() { EXPECT_EQ(socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0, ends.data()), 0); }
  ~SocketPair() {
    for (const int fd : ends) {
      if (Runtime::current() != nullptr) forget(fd);
      if (fd >= 0) close(fd);
    }
  }
  std::array<int, 2> ends{};
};

// Blocking as seen by the thread.
void send_byte(int fd, char byte) {
  while (write(fd, &byte, 1) != 1) {
    ASSERT_EQ(errno, EAGAIN);
    ASSERT_TRUE(wait_writable(fd).ok());
  }
}

char receive_byte(int fd) {
  char byte = 0;
  while (read(fd, &byte, 1) != 1) {
    EXPECT_EQ(errno, EAGAIN);
    EXPECT_TRUE(wait_readable(fd).ok());
  }
  return byte;
}

TEST(Io, ManyPairsTalkAtOnce) {
  run_shuffled([](std::uint64_t) {
    std::array<SocketPair, 8> pairs;
    in_parallel(16, [&](std::size_t i) {
      const SocketPair& pair = pairs[i / 2];
      for (int k = 0; k < 30; ++k) {
        const char byte = static_cast<char>('a' + k % 26);
        if (i % 2 == 0) send_byte(pair.ends[0], byte);
        EXPECT_EQ(receive_byte(pair.ends[i % 2]), byte);
        if (i % 2 == 1) send_byte(pair.ends[1], byte);
      }
    });
  });
}

char read_byte(int fd, std::int64_t deadline_ns = kNever) {
  std::byte byte{};
  EXPECT_EQ(read_some(fd, {&byte, 1}, deadline_ns).take(), 1u);
  return static_cast<char>(byte);
}

// A read that found nothing is put off the next time: none may be forgotten, whatever other threads
// do.
TEST(Io, ReadsThatArePutOffFindWhatIsThere) {
  run_shuffled([](std::uint64_t seed) {
    std::array<SocketPair, 4> pairs;
    in_parallel(8, [&](std::size_t i) {
      Random random(seed * 8 + i);
      const SocketPair& pair = pairs[i / 2];
      for (int k = 0; k < 60; ++k) {
        const char byte = static_cast<char>('a' + k % 26);
        if (i % 2 == 0) send_byte(pair.ends[0], byte);
        if (random.below(4) == 0) yield();
        if (random.below(16) == 0) sleep_for(kNsPerMs / 20);
        EXPECT_EQ(read_byte(pair.ends[i % 2]), byte);
        if (i % 2 == 1) send_byte(pair.ends[1], byte);
      }
    });
  });
}

// A read that was put off while no other thread waits is tried when events are looked for; a
// deadline, a cancellation and `forget` end it as they end any wait.
TEST(Io, ReadsThatArePutOffEndAsOthers) {
  run([] {
    SocketPair pair;
    Thread echo = spawn("echo", [&] {
      for (int i = 0; i < 3; ++i) send_byte(pair.ends[1], read_byte(pair.ends[1]));
    });
    for (const char byte : {'x', 'y', 'z'}) {
      send_byte(pair.ends[0], byte);
      EXPECT_EQ(read_byte(pair.ends[0]), byte);
    }
    echo.join().take();
    std::byte byte{};
    const auto read_code = [&](std::int64_t deadline_ns) {
      return read_some(pair.ends[0], {&byte, 1}, deadline_ns).code();
    };
    const std::int64_t deadline_ns = monotonic_ns() + 2 * kNsPerMs;
    EXPECT_EQ(read_code(deadline_ns), ETIMEDOUT);
    EXPECT_GE(monotonic_ns(), deadline_ns);
    send_byte(pair.ends[1], '!');
    EXPECT_EQ(read_byte(pair.ends[0], deadline_ns), '!') << "what is there needs no time";
    bool over = false;
    Thread busy = spawn("busy", [&] {
      while (!over) yield();
    });
    Thread answer = spawn("answer", [&] { send_byte(pair.ends[1], '?'); });
    EXPECT_EQ(read_byte(pair.ends[0]), '?');
    over = true;
    Thread cancelled = spawn("cancelled", [&] { read_code(kNever); });
    yield();
    cancelled.cancel();
    cancelled.join().take();
    int code = 0;
    Thread forgotten = spawn("forgotten", [&] { code = read_code(kNever); });
    yield();
    close_descriptor(std::exchange(pair.ends[0], -1));
    forgotten.join().take();
    EXPECT_EQ(code, ECANCELED) << "the number may be another's by now";
  });
}

// Both ends are full or empty again and again, and nobody reads all that is there: readiness must
// be seen without an edge.
TEST(Io, ReadinessIsSeenAgainWithoutNewData) {
  run([] {
    SocketPair pair;
    ASSERT_EQ(write(pair.ends[0], "abc", 3), 3);
    for (const char expected : {'a', 'b', 'c'}) {
      ASSERT_TRUE(wait_readable(pair.ends[1], monotonic_ns() + 5'000 * kNsPerMs).ok());
      // Looks for events come in between, while no thread waits for this descriptor.
      sleep_for(kNsPerMs / 10);
      char byte = 0;
      ASSERT_EQ(read(pair.ends[1], &byte, 1), 1);
      EXPECT_EQ(byte, expected);
    }
    EXPECT_EQ(wait_readable(pair.ends[1], monotonic_ns() + kNsPerMs).code(), ETIMEDOUT);
  });
}

TEST(Io, WaitingToWriteEndsWhenThereIsRoom) {
  run([] {
    SocketPair pair;
    std::array<char, 4096> block{};
    std::size_t sent = 0;
    while (true) {
      const ssize_t count = write(pair.ends[0], block.data(), block.size());
      if (count < 0) break;
      sent += static_cast<std::size_t>(count);
    }
    EXPECT_EQ(wait_writable(pair.ends[0], monotonic_ns() + kNsPerMs).code(), ETIMEDOUT);
    Thread reader = spawn("reader", [&] {
      std::size_t got = 0;
      while (got < sent) {
        const ssize_t count = read(pair.ends[1], block.data(), block.size());
        if (count > 0) got += static_cast<std::size_t>(count);
      }
    });
    EXPECT_TRUE(wait_writable(pair.ends[0]).ok());
    reader.join().take();
  });
}

TEST(Io, ReaderAndWriterMayWaitOnTheSameDescriptor) {
  run([] {
    SocketPair pair;
    Thread reader = spawn("reader", [&] { EXPECT_TRUE(wait_readable(pair.ends[0]).ok()); });
    Thread second = spawn("second", [&] { EXPECT_TRUE(wait_readable(pair.ends[0]).ok()); });
    Thread writer = spawn("writer", [&] { EXPECT_TRUE(wait_writable(pair.ends[0]).ok()); });
    writer.join().take();
    send_byte(pair.ends[1], 'x');
    reader.join().take();
    second.join().take();
  });
}

TEST(Io, TheEndOfAStreamWakesAndDoesNotSpin) {
  run([] {
    SocketPair pair;
    Thread reader = spawn("reader", [&] {
      EXPECT_TRUE(wait_readable(pair.ends[0]).ok());
      char byte = 0;
      EXPECT_EQ(read(pair.ends[0], &byte, 1), 0);
    });
    yield();
    shutdown(pair.ends[1], SHUT_RDWR);
    reader.join().take();
    // The broken descriptor stays registered; while nobody waits for it, it must not keep the
    // worker from sleeping: this many short sleeps would otherwise switch at every look.
    const std::uint64_t before = Runtime::current()->switches();
    for (int i = 0; i < 5; ++i) sleep_for(kNsPerMs);
    EXPECT_LE(Runtime::current()->switches() - before, 20u);
    EXPECT_TRUE(wait_readable(pair.ends[0], monotonic_ns() + 1'000 * kNsPerMs).ok());
  });
}

TEST(Io, ForgettingCancelsTheWaits) {
  run([] {
    SocketPair pair;
    int code = 0;
    Thread reader = spawn("reader", [&] { code = wait_readable(pair.ends[0]).code(); });
    yield();
    forget(pair.ends[0]);
    forget(pair.ends[0]);
    reader.join().take();
    EXPECT_EQ(code, ECANCELED);
    send_byte(pair.ends[1], 'x');
    EXPECT_TRUE(wait_readable(pair.ends[0]).ok());
  });
}

TEST(Io, ANumberMayBeUsedAgainForAnotherFile) {
  run([] {
    for (int i = 0; i < 5; ++i) {
      SocketPair pair;
      Thread reader = spawn("reader", [&] { EXPECT_EQ(receive_byte(pair.ends[0]), 'y'); });
      yield();
      send_byte(pair.ends[1], 'y');
      reader.join().take();
    }
  });
}

TEST(Io, NothingIsRegisteredBetweenTheRuns) {
  auto runtime = make_runtime();
  for (int i = 0; i < 3; ++i) {
    SocketPair pair;
    const Result<> result = runtime->run([&] {
      Thread reader = spawn("reader", [&] { EXPECT_EQ(receive_byte(pair.ends[0]), 'y'); });
      yield();
      send_byte(pair.ends[1], 'y');
      reader.join().take();
    });
    EXPECT_TRUE(result.ok());
    forget(pair.ends[0]);
    close_descriptor(std::exchange(pair.ends[0], -1));
  }
}

TEST(Io, WhatIsWaitedForIsNotWatched) {
  struct : FdWatcher {
    bool readable() override { return false; }
  } watcher;
  run([&] {
    SocketPair pair;
    const auto expect_not_watched = [&](const std::function<void()>& wait) {
      Thread thread = spawn("waiter", [&] { wait(); });
      yield();
      EXPECT_EQ(Runtime::current()->watch(pair.ends[0], watcher).code(), EEXIST);
      thread.cancel();
      EXPECT_TRUE(thread.join().ok());
    };
    std::array<std::byte, 4096> bytes{};
    // The second read is put off, for the first has found nothing.
    for (int i = 0; i < 2; ++i) {
      expect_not_watched([&] { read_some(pair.ends[0], bytes).take(); });
    }
    expect_not_watched([&] {
      while (write_all(pair.ends[0], bytes).ok()) {
      }
    });
    EXPECT_TRUE(Runtime::current()->watch(pair.ends[0], watcher).ok());
    Runtime::current()->unwatch(pair.ends[0]);
  });
}

TEST(Io, WhatCannotBePolledIsAnError) {
  run([] {
    EXPECT_EQ(wait_readable(-1).code(), EBADF);
    EXPECT_EQ(wait_readable(1000).code(), EBADF);
    const int file = open("/proc/self/exe", O_RDONLY | O_CLOEXEC);
    EXPECT_EQ(wait_readable(file).code(), EPERM);
    close(file);
  });
}

TEST(Io, AWorkerThatIsKeptBusyStillSeesEvents) {
  run([] {
    SocketPair pair;
    bool stop = false;
    Thread reader = spawn("reader", [&] {
      EXPECT_EQ(receive_byte(pair.ends[0]), 'z');
      stop = true;
    });
    send_byte(pair.ends[1], 'z');
    while (!stop) yield();
    reader.join().take();
  });
}

// The other side answers at once, after a time for which the worker lingers, and after one for
// which it sleeps.
class Echo {
 public:
  explicit Echo(int fd) : thread_([fd] { answer(fd); }) {}
  ~Echo() { thread_.join(); }

 private:
  static void answer(int fd) {
    char byte = 0;
    for (int k = 0; ::read(fd, &byte, 1) == 1; ++k) {
      if (k % 8 == 0) std::this_thread::sleep_for(std::chrono::microseconds(k));
      EXPECT_EQ(::write(fd, &byte, 1), 1);
    }
    close(fd);
  }
  std::thread thread_;
};

TEST(Io, LingeringAnswersAsSleepingDoes) {
  std::array<int, 2> ends{};
  ASSERT_EQ(socketpair(AF_UNIX, SOCK_STREAM, 0, ends.data()), 0);
  fcntl(ends[0], F_SETFL, O_NONBLOCK);
  const Echo echo(ends[1]);
  set_linger_ns(50'000);
  run([&] {
    for (int k = 0; k < 400; ++k) {
      const char byte = static_cast<char>('a' + k % 26);
      send_byte(ends[0], byte);
      EXPECT_EQ(receive_byte(ends[0]), byte);
      if (k % 64 != 0) continue;
      const std::int64_t deadline_ns = monotonic_ns() + kNsPerMs / 4;
      EXPECT_EQ(wait_readable(ends[0], deadline_ns).code(), ETIMEDOUT);
      EXPECT_GE(monotonic_ns(), deadline_ns);
    }
    forget(ends[0]);
  });
  set_linger_ns(0);
  close(ends[0]);
}

TEST(Io, DeadlinesOfManyWaitsOnOneDescriptor) {
  run([] {
    SocketPair pair;
    int timed_out = 0;
    int ready = 0;
    std::vector<Thread> threads;
    for (int i = 0; i < 20; ++i) {
      threads.push_back(spawn("t", [&, i] {
        const std::int64_t deadline = monotonic_ns() + (i < 10 ? kNsPerMs : 10'000 * kNsPerMs);
        const int code = wait_readable(pair.ends[0], deadline).code();
        if (code == ETIMEDOUT) {
          EXPECT_GE(monotonic_ns(), deadline);
        }
        (code == 0 ? ready : timed_out) += 1;
      }));
    }
    for (std::size_t i = 0; i < 10; ++i) threads[i].join().take();
    send_byte(pair.ends[1], 'x');
    for (std::size_t i = 10; i < 20; ++i) threads[i].join().take();
    EXPECT_EQ(timed_out, 10);
    EXPECT_EQ(ready, 10);
  });
}

}  // namespace
}  // namespace spindle::thread
