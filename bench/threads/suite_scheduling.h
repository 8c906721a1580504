// Making threads, yielding, and many threads alive at a time.
#pragma once

#include <atomic>
#include <cstring>
#include <optional>

#include "suite_base.h"

namespace thread_bench {

template <class P>
class Scheduling : protected Bench<P> {
  using Thread = typename P::Thread;
  using Bench<P>::go;
  using Bench<P>::idle;
  using Bench<P>::nothing;

 public:
  static void yield_pair(Context& context) {
    const long n = context.count("yield.pair.n", 2'000'000);
    auto body = [n] {
      for (long i = 0; i < n; ++i) P::yield();
    };
    Stopwatch stopwatch;
    Thread a = go(body), b = go(body);
    P::join(a);
    P::join(b);
    context.emit_rate("switch", stopwatch.lap(), 2.0 * static_cast<double>(n));
  }

  static void yield_many(Context& context) {
    const long threads = context.param("yield.many.threads", 10'000);
    const long n = context.count("yield.many.n", 200);
    std::atomic<long> started{0}, finished{0};
    std::optional<Stopwatch> stopwatch;
    Lap lap{};
    auto body = [&] {
      started.fetch_add(1);
      while (started.load(std::memory_order_relaxed) < threads) P::yield();
      if (finished.load() == 0 && !stopwatch) stopwatch.emplace();
      for (long i = 0; i < n; ++i) P::yield();
      if (finished.fetch_add(1) + 1 == threads) lap = stopwatch->lap();
    };
    std::vector<Thread> t;
    for (long i = 0; i < threads; ++i) t.push_back(go(body));
    for (auto& x : t) P::join(x);
    context.emit_rate("switch", lap, static_cast<double>(threads) * static_cast<double>(n));
  }

  static void spawn_join(Context& context) {
    const long n = context.count("spawn.join.n", 500'000);
    auto one = [] {
      Thread t = P::spawn(nothing, nullptr);
      P::join(t);
    };
    for (long i = 0; i < std::min(n, 1000L); ++i) one();
    Stopwatch stopwatch;
    for (long i = 0; i < n; ++i) one();
    context.emit_rate("thread", stopwatch.lap(), static_cast<double>(n));
  }

  static void spawn_batch(Context& context) {
    const long batch = context.param("spawn.batch.size", 1000);
    const long rounds = context.count("spawn.batch.rounds", 300);
    std::vector<Thread> t;
    t.reserve(static_cast<std::size_t>(batch));
    auto round = [&] {
      for (long i = 0; i < batch; ++i) t.push_back(P::spawn(nothing, nullptr));
      for (auto& x : t) P::join(x);
      t.clear();
    };
    round();
    Stopwatch stopwatch;
    for (long r = 0; r < rounds; ++r) round();
    context.emit_rate("thread", stopwatch.lap(),
                      static_cast<double>(batch) * static_cast<double>(rounds));
  }

  // n threads alive and blocked at the same moment.
  static void live(Context& context) {
    if constexpr (can_sem<P>) {
      const long n = context.count("live.n", 1'000'000);
      Gate<P> gate;
      std::atomic<long> started{0};
      auto body = [&] {
        char local[64];
        std::memset(local, int(started.load(std::memory_order_relaxed)), sizeof local);
        asm volatile("" : : "r"(local) : "memory");
        started.fetch_add(1, std::memory_order_relaxed);
        gate.wait();
      };
      std::vector<Thread> t(static_cast<std::size_t>(n));  // handles are not counted
      for (auto& x : t) asm volatile("" : : "r"(&x) : "memory");
      const Memory m0 = memory_now();
      Stopwatch stopwatch;
      for (long i = 0; i < n; ++i) t[static_cast<std::size_t>(i)] = go(body);
      while (started.load() < n) idle();
      context.emit_rate("thread_started", stopwatch.lap(), static_cast<double>(n));
      const Memory m1 = memory_now();
      const double d = static_cast<double>(n);
      context.emit("threads", "count", d);
      context.emit("rss_per_thread", "B", (m1.rss - m0.rss) / d);
      context.emit("page_tables_per_thread", "B", (m1.page_tables - m0.page_tables) / d);
      context.emit("virtual_per_thread", "B", (m1.vm - m0.vm) / d);
      context.emit("maps_per_thread", "count", (m1.maps - m0.maps) / d);
      Stopwatch down;
      gate.open(n);
      for (auto& x : t) P::join(x);
      context.emit_rate("thread_finished", down.lap(), d);
    }
  }
};

}  // namespace thread_bench
