// Sleeping, descriptors, and a partner on another kernel thread.
#pragma once

#include <atomic>
#include <memory>

#include "suite_base.h"

namespace thread_bench {

template <class P>
class TimeAndIo : protected Bench<P> {
  using Thread = typename P::Thread;
  using Bench<P>::go;
  using Bench<P>::idle;
  using Bench<P>::nothing;

 public:
  static void sleep_many(Context& context) {
    if constexpr (HasSleep<P> && can_sem<P>) {
      const long n = context.count("sleep.n", 100'000);
      std::vector<std::int64_t> late(static_cast<std::size_t>(n));
      std::atomic<long> started{0};
      Gate<P> gate;
      auto body = [&] {
        const long i = started.fetch_add(1);
        const long us = 1000 + long((std::uint64_t(i) * 2654435761u) % 999'000);
        gate.wait();
        const auto t0 = now_ns();
        P::sleep_us(us);
        late[static_cast<std::size_t>(i)] = now_ns() - t0 - us * 1000;
      };
      std::vector<Thread> t(static_cast<std::size_t>(n));
      for (auto& x : t) x = go(body);
      while (started.load() < n) idle();
      Stopwatch stopwatch;
      gate.open(n);
      for (auto& x : t) P::join(x);
      const Lap lap = stopwatch.lap();
      std::sort(late.begin(), late.end());
      context.emit("wall_ms", "ms", lap.wall_ns / 1e6);
      context.emit("cpu_ms", "ms", lap.cpu_ns / 1e6);
      context.emit("late_p50", "us",
                   static_cast<double>(late[static_cast<std::size_t>(n / 2)]) / 1e3);
      context.emit("late_p99", "us",
                   static_cast<double>(late[static_cast<std::size_t>(n * 99 / 100)]) / 1e3);
      context.emit("early", "count",
                   static_cast<double>(
                       std::count_if(late.begin(), late.end(), [](auto x) { return x < 0; })));
    }
  }

  // One byte to and fro over a socketpair between two threads, with `idle` other threads
  // blocked on sockets that never become ready.
  static void io_run(Context& context, long idle_pairs, long n) {
    if constexpr (HasStream<P>) {
      int sv[2];
      std::vector<int> quiet;
      std::vector<std::unique_ptr<typename P::Stream>> ends;
      std::vector<Thread> waiters(static_cast<std::size_t>(idle_pairs));
      std::atomic<std::size_t> next{0};
      auto waiter = [&] {
        char c;
        ends[next.fetch_add(1)]->read(&c, 1);
      };
      for (long i = 0; i < idle_pairs; ++i) {
        if (socketpair(AF_UNIX, SOCK_STREAM, 0, sv) != 0) fail("socketpair");
        quiet.push_back(sv[1]);
        ends.push_back(std::make_unique<typename P::Stream>(sv[0]));
      }
      for (auto& w : waiters) w = go(waiter);
      if (socketpair(AF_UNIX, SOCK_STREAM, 0, sv) != 0) fail("socketpair");
      typename P::Stream s0(sv[0]), s1(sv[1]);
      auto ping = [&] {
        char c = 'x';
        for (long i = 0; i < n; ++i)
          if (s0.write(&c, 1) != 1 || s0.read(&c, 1) != 1) fail("io.pingpong");
      };
      auto pong = [&] {
        char c;
        for (long i = 0; i < n; ++i)
          if (s1.read(&c, 1) != 1 || s1.write(&c, 1) != 1) fail("io.pingpong");
      };
      Stopwatch stopwatch;
      Thread a = go(ping), b = go(pong);
      P::join(a);
      P::join(b);
      context.emit_rate("round_trip", stopwatch.lap(), static_cast<double>(n));
      for (int fd : quiet)
        if (::write(fd, "x", 1) != 1) fail("write");
      for (auto& w : waiters) P::join(w);
      for (int fd : quiet) ::close(fd);
    }
  }
  static void io_pingpong(Context& context) {
    io_run(context, 0, context.count("io.pingpong.n", 100'000));
  }
  static void io_idle(Context& context) {
    io_run(context, context.param("io.idle.pairs", 400), context.count("io.idle.n", 20'000));
  }

  // Semaphore ping-pong between threads on two kernel threads.
  static void remote_pingpong(Context& context) {
    if constexpr (HasRemote<P> && can_sem<P>) {
      const long n = context.count("remote.pingpong.n", 50'000);
      SemOf<P> ping(0), pong(0);
      auto a_body = [&] {
        for (long i = 0; i < n; ++i) {
          ping.release();
          pong.acquire();
        }
      };
      auto b_body = [&] {
        for (long i = 0; i < n; ++i) {
          ping.acquire();
          pong.release();
        }
      };
      using B = decltype(b_body);
      Stopwatch stopwatch;
      auto r = P::spawn_remote([](void* p) { (*static_cast<B*>(p))(); }, &b_body);
      Thread a = go(a_body);
      P::join(a);
      P::join_remote(r);
      context.emit_rate("round_trip", stopwatch.lap(), static_cast<double>(n));
      if (!HasSem<P>) context.note("composed");
    }
  }
};

}  // namespace thread_bench
