// Channels: a rendezvous, and one with a buffer.
#pragma once

#include "suite_base.h"

namespace thread_bench {

template <class P>
class Channels : protected Bench<P> {
  using Thread = typename P::Thread;
  using Bench<P>::go;

 public:
  static void chan_run(Context& context, const char* name, long n, long cap) {
    if constexpr (can_chan<P>) {
      ChanOf<P, long> ch(cap);
      long sum = 0;
      auto producer = [&] {
        for (long i = 0; i < n; ++i) ch.send(i);
      };
      auto consumer = [&] {
        for (long i = 0; i < n; ++i) sum += ch.recv();
      };
      Stopwatch stopwatch;
      Thread a = go(producer), b = go(consumer);
      P::join(a);
      P::join(b);
      const Lap lap = stopwatch.lap();
      if (sum != n * (n - 1) / 2) fail(name);
      context.emit_rate("message", lap, static_cast<double>(n));
      if (!HasChan<P>) context.note("composed");
    }
  }
  static void chan_buf(Context& context) {
    chan_run(context, "chan.buf", context.count("chan.buf.n", 2'000'000),
             context.param("chan.buf.cap", 64));
  }
  static void chan_unbuf(Context& context) {
    chan_run(context, "chan.unbuf", context.count("chan.unbuf.n", 500'000), 0);
  }
};

}  // namespace thread_bench
