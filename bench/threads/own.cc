// What only Spindle's threads are measured for: the cost of preemption, of watching, of handing
// a call over, and of looking at ten thousand threads. Ratios come from one process each.
#include <algorithm>
#include <cstdint>
#include <cstdio>
#include <ctime>
#include <vector>

#include "spindle/base/clock.h"
#include "spindle/thread/inspect.h"
#include "spindle/thread/mutex.h"
#include "spindle/thread/offload.h"
#include "spindle/thread/runtime.h"
#include "spindle/thread/semaphore.h"
#include "spindle/thread/thread.h"

using namespace spindle::thread;

namespace {

constexpr double kNsPerMs = 1e6;

/// The wall time of the body as the first thread, in ns.
template <class F>
double timed(Runtime::Options options, F body) {
  auto runtime = Runtime::create(std::move(options)).take();
  double ns = 0;
  runtime
      ->run([&] {
        const auto begin = spindle::monotonic_ns();
        body();
        ns = static_cast<double>(spindle::monotonic_ns() - begin);
      })
      .take();
  return ns;
}

/// The least of so many tries: other work on the machine only ever adds.
template <class F>
double least(int tries, F measure) {
  double best = measure();
  for (int i = 1; i < tries; ++i) best = std::min(best, measure());
  return best;
}

void compute() {
  unsigned long x = 88172645463325252ul;
  for (long i = 0; i < 150'000'000; ++i) {
    x ^= x << 13;
    x ^= x >> 7;
    x ^= x << 17;
    asm volatile("" : "+r"(x));
  }
}

void preemption_cost() {
  const auto with = [](std::int64_t slice_ns) {
    return least(5, [=] {
      Runtime::Options options;
      options.preemption_ns = slice_ns;
      return timed(std::move(options), compute);
    });
  };
  const double off = with(0);
  for (const std::int64_t slice_ns : {10'000'000, 1'000'000}) {
    std::printf("preempt.cost, %ld ms slice: %+.2f %%\n", static_cast<long>(slice_ns / 1'000'000),
                100 * (with(slice_ns) / off - 1));
  }
}

void yield_pair() {
  const auto body = [] {
    for (int i = 0; i < 1'000'000; ++i) yield();
  };
  Thread a = spawn("a", body), b = spawn("b", body);
  a.join().take();
  b.join().take();
}

void watching_cost() {
  const double plain = least(5, [] { return timed({}, yield_pair); });
  const double counting = least(5, [] { return timed({.count_cpu_time = true}, yield_pair); });
  std::printf("stats.cost, yield.pair: %.1f ns with statistics, %.1f ns with CPU time as well\n",
              plain / 2e6, counting / 2e6);
  const auto lock_pairs = [] {
    Mutex mutex("m");
    for (int i = 0; i < 2'000'000; ++i) {
      mutex.lock();
      mutex.unlock();
    }
  };
  const double lock = least(5, [&] { return timed({}, lock_pairs); });
  const double ordered = least(5, [&] { return timed({.check_lock_order = true}, lock_pairs); });
  std::printf("stats.cost, mutex.uncontended: %.1f ns, %.1f ns with the order of locks checked\n",
              lock / 2e6, ordered / 2e6);
}

void compute_for_1_us() {
  const auto end_ns = spindle::monotonic_ns() + 1000;
  while (spindle::monotonic_ns() < end_ns) {
  }
}

std::int64_t process_cpu_ns() {
  timespec now = {};
  clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &now);
  return now.tv_sec * 1'000'000'000L + now.tv_nsec;
}

void offload_cost() {
  constexpr int kCalls = 20'000;
  for (const int in_flight : {1, 64}) {
    const auto cpu_before_ns = process_cpu_ns();
    const double ns = timed({}, [=] {
      std::vector<Thread> threads;
      for (int i = 0; i < in_flight; ++i) {
        threads.push_back(spawn("caller", [=] {
          for (int call = 0; call < kCalls / in_flight; ++call) offload(compute_for_1_us);
        }));
      }
      for (Thread& thread : threads) thread.join().take();
    });
    const auto cpu_ns = static_cast<double>(process_cpu_ns() - cpu_before_ns);
    std::printf("offload, %d in flight: %.2f us a call, %.2f us of CPU\n", in_flight,
                ns / kCalls / 1000, cpu_ns / kCalls / 1000);
  }
}

void dump_cost() {
  constexpr int kThreads = 10'000;
  timed({}, [] {
    Semaphore never(0, "never");
    std::vector<Thread> threads;
    for (int i = 0; i < kThreads; ++i) {
      threads.push_back(spawn("waiter", [&] { never.acquire(); }));
    }
    yield();
    const auto begin = spindle::monotonic_ns();
    const std::string text = describe_threads(*Runtime::current());
    std::printf("dump.all, %d threads with backtraces: %.0f ms, %zu bytes\n", kThreads,
                static_cast<double>(spindle::monotonic_ns() - begin) / kNsPerMs, text.size());
    never.release(threads.size());
  });
}

}  // namespace

int main() {
  preemption_cost();
  watching_cost();
  offload_cost();
  dump_cost();
}
