// Measures what other libraries do not have: the cost of preemption, of watching, of handing a call
// over, and of looking at ten thousand threads. Each ratio comes from one process. It also checks
// that nothing breaks when threads are preempted everywhere, for a minute:
//   threads_own [--storm SECONDS]      0: not at all
#include <algorithm>
#include <array>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <ctime>
#include <map>
#include <mutex>
#include <stdexcept>
#include <string>
#include <string_view>
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

/// The least of that many tries: other work on the machine only ever adds time.
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

// --- preempt.storm ----------------------------------------------------------------------------

constexpr std::size_t kStormThreads = 8;
constexpr std::size_t kStormRounds = 64;  // after which they repeat themselves

std::uint64_t mixed(std::uint64_t into, std::string_view text) {
  for (const char c : text) into = (into ^ static_cast<unsigned char>(c)) * 1099511628211u;
  return into;
}

/// Allocates, throws and prints, and returns the result, which is always the same for the same
/// round.
std::uint64_t storm_round(std::size_t thread, std::size_t round, std::FILE* sink) {
  std::map<std::size_t, std::string> texts;
  for (std::size_t i = 0; i < 40; ++i)
    texts[i * 7 % 40] = std::string(20 + round, char('a' + i % 26));
  std::uint64_t sum = thread;
  for (const auto& [number, text] : texts) sum = mixed(sum + number, text);
  for (std::size_t i = 0; i < 4; ++i) {
    try {
      throw std::runtime_error("thrown by " + std::to_string(thread) + " in " + std::to_string(i));
    } catch (const std::runtime_error& error) {
      sum = mixed(sum, error.what());
    }
  }
  std::array<char, 100> line;
  for (std::size_t i = 0; i < 10; ++i) {
    std::snprintf(line.data(), line.size(), "%zu %08zx %.3f %s", thread, round * i,
                  static_cast<double>(round) / 7, texts[i].c_str());
    sum = mixed(sum, line.data());
    std::fprintf(sink, "%s\n", line.data());
  }
  return sum;
}

using StormResults = std::array<std::array<std::uint64_t, kStormRounds>, kStormThreads>;

/// What each round gives when nothing interrupts it.
StormResults undisturbed(std::FILE* sink) {
  StormResults results;
  for (std::size_t thread = 0; thread < kStormThreads; ++thread) {
    for (std::size_t round = 0; round < kStormRounds; ++round) {
      results[thread][round] = storm_round(thread, round, sink);
    }
  }
  return results;
}

struct StormCounts {
  std::uint64_t rounds = 0;  ///< as all threads counted them together, under a mutex
  std::uint64_t wrong = 0;   ///< those with another result than expected
  std::uint64_t own = 0;     ///< as each thread counted its own: the same, unless some were lost
};

/// Runs the rounds in threads of the calling runtime, for so long.
StormCounts blow(const StormResults& expected, std::int64_t duration_ns, std::FILE* sink) {
  Mutex mutex("rounds");
  StormCounts counts;  // guarded by `mutex`
  const std::int64_t until_ns = spindle::monotonic_ns() + duration_ns;
  const auto body = [&](std::size_t index) {
    std::uint64_t own = 0;
    for (; spindle::monotonic_ns() < until_ns; ++own) {
      const std::size_t round = own % kStormRounds;
      const bool right = storm_round(index, round, sink) == expected[index][round];
      const std::lock_guard lock(mutex);
      ++counts.rounds;
      if (!right) ++counts.wrong;
    }
    const std::lock_guard lock(mutex);
    counts.own += own;
  };
  std::vector<Thread> threads;
  for (std::size_t i = 0; i < kStormThreads; ++i) {
    threads.push_back(spawn("storm", [&, i] { body(i); }));
  }
  for (Thread& thread : threads) thread.join().take();
  return counts;
}

/// True if every round had the same result as without preemption.
bool storm(unsigned workers, std::int64_t duration_ns) {
  std::FILE* const sink = std::fopen("/dev/null", "w");
  if (sink == nullptr) return false;
  const StormResults expected = undisturbed(sink);
  Runtime::Options options;
  options.policy = "rr";
  options.workers = workers;
  options.quantum_ns = options.preemption_ns = 1'000'000;
  auto runtime = Runtime::create(std::move(options)).take();
  StormCounts counts;
  const bool ended_well = runtime->run([&] { counts = blow(expected, duration_ns, sink); }).ok();
  std::fclose(sink);
  std::printf(
      "preempt.storm, %u workers, %.0f s: %lu preemptions in %lu rounds, %lu wrong, %ld lost\n",
      workers, static_cast<double>(duration_ns) / 1e9,
      static_cast<unsigned long>(runtime->preemptions()), static_cast<unsigned long>(counts.rounds),
      static_cast<unsigned long>(counts.wrong), static_cast<long>(counts.own - counts.rounds));
  return ended_well && counts.wrong == 0 && counts.own == counts.rounds &&
         runtime->preemptions() > 0;
}

}  // namespace

int main(int argc, char** argv) {
  std::int64_t storm_s = 60;
  if (argc == 3 && std::string_view(argv[1]) == "--storm") {
    storm_s = std::atoi(argv[2]);
  } else if (argc > 1) {
    std::fprintf(stderr, "usage: threads_own [--storm SECONDS]\n");
    return 2;
  }
  preemption_cost();
  watching_cost();
  offload_cost();
  dump_cost();
  bool whole = true;
  for (const unsigned workers : {1u, 2u}) {
    if (storm_s > 0) whole = storm(workers, storm_s * 1'000'000'000) && whole;
  }
  return whole ? 0 : 1;
}
