// Fork and join: how many threads are alive at a time, and whether every worker is used.
#pragma once

#include "suite_base.h"

namespace thread_bench {

template <class P>
class ForkJoin : protected Bench<P> {
  using Thread = typename P::Thread;
  using Bench<P>::go;
  using Bench<P>::idle;
  using Bench<P>::nothing;

 public:
  struct Sky {
    long num, size, result;
    static void run(void* p) {
      auto* s = static_cast<Sky*>(p);
      if (s->size == 1) {
        s->result = s->num;
        return;
      }
      const long sub = s->size / 10;
      Sky kids[10];
      Thread t[10];
      for (long i = 0; i < 10; ++i) {
        kids[i] = {s->num + i * sub, sub, 0};
        t[i] = P::spawn(&Sky::run, &kids[i]);
      }
      s->result = 0;
      for (int i = 0; i < 10; ++i) {
        P::join(t[i]);
        s->result += kids[i].result;
      }
    }
  };
  static void skynet(Context& context) {
    const long leaves = context.param("skynet.leaves", 1'000'000);
    Sky root{0, leaves, 0};
    Stopwatch stopwatch;
    Thread t = P::spawn(&Sky::run, &root);
    P::join(t);
    const Lap lap = stopwatch.lap();
    if (root.result != leaves * (leaves - 1) / 2) fail("skynet: wrong sum");
    context.emit("wall_ms", "ms", lap.wall_ns / 1e6);
    context.emit("cpu_ms", "ms", lap.cpu_ns / 1e6);
    context.emit("peak_rss", "MiB", memory_now().peak_rss / 1048576.0);
  }

  // Independent tasks of about 10 us: does the runtime use every worker?
  static void spread(Context& context) {
    const long n = context.count("spread.tasks", 20'000);
    const long spin = context.param("spread.work", 10'000);
    auto body = [spin] {
      unsigned long x = 88172645463325252UL;
      for (long i = 0; i < spin; ++i) {
        x ^= x << 13;
        x ^= x >> 7;
        x ^= x << 17;
        asm volatile("" : "+r"(x));
      }
    };
    Stopwatch serial;
    for (int i = 0; i < 200; ++i) body();
    const double one = serial.lap().wall_ns / 200;
    std::vector<Thread> t;
    Stopwatch stopwatch;
    for (long i = 0; i < n; ++i) t.push_back(go(body));
    for (auto& x : t) P::join(x);
    context.emit("speedup", "x", one * static_cast<double>(n) / stopwatch.lap().wall_ns);
  }
};

}  // namespace thread_bench
