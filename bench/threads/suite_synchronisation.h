// The primitives: alone, handed to and fro, and fought for.
#pragma once

#include <atomic>
#include <memory>

#include "suite_base.h"

namespace thread_bench {

template <class P>
class Synchronisation : protected Bench<P> {
  using Thread = typename P::Thread;
  using Bench<P>::go;
  using Bench<P>::idle;
  using Bench<P>::nothing;

  template <class Mutex>
  static void count_locked(Mutex& mutex, long& counter, long times) {
    for (long i = 0; i < times; ++i) {
      mutex.lock();
      ++counter;
      asm volatile("" : "+m"(counter));
      mutex.unlock();
    }
  }

 public:
  static void mutex_uncontended(Context& context) {
    if constexpr (HasMutex<P>) {
      const long n = context.count("mutex.uncontended.n", 10'000'000);
      typename P::Mutex m;
      long counter = 0;
      auto body = [&] { count_locked(m, counter, n); };
      Stopwatch stopwatch;
      Thread a = go(body);
      P::join(a);
      context.emit_rate("pair", stopwatch.lap(), static_cast<double>(n));
    }
  }

  // Two threads, each holding the lock across a yield, so that every acquisition blocks.
  static void mutex_handoff(Context& context) {
    if constexpr (HasMutex<P> && HasYield<P>) {
      const long n = context.count("mutex.handoff.n", 300'000);
      typename P::Mutex m;
      auto body = [&] {
        for (long i = 0; i < n; ++i) {
          m.lock();
          P::yield();
          m.unlock();
          P::yield();
        }
      };
      Stopwatch stopwatch;
      Thread a = go(body), b = go(body);
      P::join(a);
      P::join(b);
      context.emit_rate("acquisition", stopwatch.lap(), 2.0 * static_cast<double>(n));
    }
  }

  // Threads on all workers fight for one short critical section; nobody yields inside it.
  static void mutex_contended(Context& context) {
    if constexpr (HasMutex<P>) {
      const long threads = context.param("mutex.contended.threads", 8);
      const long n = context.count("mutex.contended.n", 500'000);
      typename P::Mutex m;
      long counter = 0;
      auto body = [&] { count_locked(m, counter, n); };
      Stopwatch stopwatch;
      std::vector<Thread> t;
      for (long i = 0; i < threads; ++i) t.push_back(go(body));
      for (auto& x : t) P::join(x);
      const Lap lap = stopwatch.lap();
      if (counter != threads * n) fail("mutex.contended: lost updates");
      context.emit_rate("pair", lap, static_cast<double>(threads) * static_cast<double>(n));
    }
  }

  static void sem_pingpong(Context& context) {
    if constexpr (can_sem<P>) {
      const long n = context.count("sem.pingpong.n", 500'000);
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
      Stopwatch stopwatch;
      Thread a = go(a_body), b = go(b_body);
      P::join(a);
      P::join(b);
      context.emit_rate("handoff", stopwatch.lap(), 2.0 * static_cast<double>(n));
      if (!HasSem<P>) context.note("composed");
    }
  }

  // Bounded buffer of `slots`, one producer, one consumer, two counting semaphores.
  static void sem_pc(Context& context) {
    if constexpr (can_sem<P>) {
      const long n = context.count("sem.pc.n", 2'000'000);
      const long slots = context.param("sem.pc.slots", 64);
      SemOf<P> empty(slots), full(0);
      std::vector<long> ring(static_cast<std::size_t>(slots));
      long sum = 0;
      auto producer = [&] {
        for (long i = 0; i < n; ++i) {
          empty.acquire();
          ring[static_cast<std::size_t>(i % slots)] = i;
          full.release();
        }
      };
      auto consumer = [&] {
        for (long i = 0; i < n; ++i) {
          full.acquire();
          sum += ring[static_cast<std::size_t>(i % slots)];
          empty.release();
        }
      };
      Stopwatch stopwatch;
      Thread a = go(producer), b = go(consumer);
      P::join(a);
      P::join(b);
      const Lap lap = stopwatch.lap();
      if (sum != n * (n - 1) / 2) fail("sem.pc: wrong sum");
      context.emit_rate("message", lap, static_cast<double>(n));
      if (!HasSem<P>) context.note("composed");
    }
  }

  // A monitor: mutex, two conditions, a turn flag.
  static void cond_pingpong(Context& context) {
    if constexpr (HasCond<P>) {
      const long n = context.count("cond.pingpong.n", 500'000);
      typename P::Mutex m;
      typename P::Cond c[2];
      int turn = 0;
      auto player = [&](int me) {
        for (long i = 0; i < n; ++i) {
          m.lock();
          while (turn != me) c[me].wait(m);
          turn = 1 - me;
          c[1 - me].signal();
          m.unlock();
        }
      };
      auto a_body = [&] { player(0); };
      auto b_body = [&] { player(1); };
      Stopwatch stopwatch;
      Thread a = go(a_body), b = go(b_body);
      P::join(a);
      P::join(b);
      context.emit_rate("handoff", stopwatch.lap(), 2.0 * static_cast<double>(n));
    }
  }

  static void rwlock_read(Context& context) {
    if constexpr (HasRwLock<P>) {
      const long n = context.count("rwlock.read.n", 10'000'000);
      typename P::RwLock l;
      auto body = [&] {
        for (long i = 0; i < n; ++i) {
          l.lock_shared();
          asm volatile("" ::: "memory");
          l.unlock_shared();
        }
      };
      Stopwatch stopwatch;
      Thread a = go(body);
      P::join(a);
      context.emit_rate("pair", stopwatch.lap(), static_cast<double>(n));
    }
  }

  static void barrier(Context& context) {
    if constexpr (HasBarrier<P>) {
      const long threads = context.param("barrier.threads", 8);
      const long n = context.count("barrier.rounds", 100'000);
      typename P::Barrier b(threads);
      auto body = [&] {
        for (long i = 0; i < n; ++i) b.arrive();
      };
      Stopwatch stopwatch;
      std::vector<Thread> t;
      for (long i = 0; i < threads; ++i) t.push_back(go(body));
      for (auto& x : t) P::join(x);
      context.emit_rate("arrival", stopwatch.lap(),
                        static_cast<double>(threads) * static_cast<double>(n));
    }
  }

  // 503 threads pass one token round a ring of semaphores.
  static void ring(Context& context) {
    if constexpr (can_sem<P>) {
      const long threads = context.param("ring.threads", 503);
      const long hops = context.count("ring.hops", 1'000'000);
      std::vector<std::unique_ptr<SemOf<P>>> s;
      for (long i = 0; i < threads; ++i) s.push_back(std::make_unique<SemOf<P>>(0));
      long left = hops;
      std::atomic<long> next_id{0};
      auto body = [&] {
        const long id = next_id.fetch_add(1);
        for (;;) {
          s[static_cast<std::size_t>(id)]->acquire();
          const bool stop = left <= 0;
          --left;
          s[static_cast<std::size_t>((id + 1) % threads)]->release();
          if (stop) return;
        }
      };
      std::vector<Thread> t;
      for (long i = 0; i < threads; ++i) t.push_back(go(body));
      if constexpr (HasYield<P>) P::yield();
      Stopwatch stopwatch;
      s[0]->release();
      for (auto& x : t) P::join(x);
      context.emit_rate("hop", stopwatch.lap(), static_cast<double>(hops));
      if (!HasSem<P>) context.note("composed");
    }
  }
};

}  // namespace thread_bench
