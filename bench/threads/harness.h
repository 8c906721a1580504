// The harness of the thread benchmarks: runs every benchmark and repetition in a process of its
// own, on as many CPUs as there are workers, collects the numbers over a pipe and prints one
// tab-separated row per metric: median, minimum, maximum.
#pragma once

#include <cstdint>
#include <cstdio>
#include <functional>
#include <map>
#include <string>
#include <vector>

namespace thread_bench {

struct Options {
  int runs = 5;
  int workers = 1;
  std::size_t stack = 0;   // 0: the library's own default
  std::string stack_kind;  // peer-specific; empty: the library's own default
  unsigned timeout_s = 120;
  double scale = 1.0;                  // multiplies iteration counts, for slow peers or quick looks
  std::map<std::string, long> params;  // per-benchmark overrides: --set name=value
  std::vector<std::string> only;       // benchmark names; empty: all
};

// Time since a Stopwatch was made: on the clock, and of all CPUs together.
struct Lap {
  double wall_ns;
  double cpu_ns;
};

class Stopwatch {
 public:
  Stopwatch();
  Lap lap() const;

 private:
  std::int64_t wall0_, cpu0_;
};

std::int64_t now_ns();  // monotonic

// What the process has now, as /proc/self says.
struct Memory {
  double rss, peak_rss, vm, page_tables;  // bytes
  double maps;                            // how many mappings
};
Memory memory_now();

// Passed to a benchmark in the child process.
class Context {
 public:
  Context(const Options& opt, int fd) : opt_(opt), fd_(fd) {}

  const Options& options() const { return opt_; }
  // An iteration count: default, or --set override; scaled by --scale.
  long count(const char* name, long preset) const;
  // A structural parameter (thread count, capacity): never scaled.
  long param(const char* name, long preset) const;

  // Reports one value of a metric; the table has the median of all repetitions.
  void emit(const std::string& metric, const std::string& unit, double value);
  // Emits ns_per_<what> (wall) and cpu_ns_per_<what>.
  void emit_rate(const std::string& what, const Lap& lap, double ops);
  void emit_text(const std::string& metric, const std::string& value);
  void note(const std::string& text);  // "composed", "n.a." reasons
  int fd() const { return fd_; }       // for signal handlers, which must not allocate

 private:
  const Options& opt_;
  int fd_;
};

struct Benchmark {
  std::string name;
  std::function<void(Context&)> body;  // runs in a fresh process
  bool probe = false;                  // a probe may hang or crash: that is its answer
  int min_cpus = 1;                    // CPUs to allow even when there are fewer workers
};

// Parses the command line, runs the benchmarks, prints the table.
int run_suite(const char* peer, int argc, char** argv, const std::vector<Benchmark>& list);

// In a child: prints `what` and errno, and exits with status 3.
void fail(const char* what);

}  // namespace thread_bench
