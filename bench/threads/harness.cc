#include "harness.h"

#include <poll.h>
#include <sched.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>
#include <algorithm>
#include <cerrno>
#include <csignal>
#include <cstdlib>
#include <cstring>
#include <sstream>

namespace thread_bench {

namespace {

constexpr unsigned kProbeTimeoutSeconds = 5;

std::int64_t clock_ns(clockid_t id) {
  timespec ts;
  clock_gettime(id, &ts);
  return std::int64_t(ts.tv_sec) * 1'000'000'000 + ts.tv_nsec;
}

void write_all(int fd, const std::string& s) {
  std::size_t off = 0;
  while (off < s.size()) {
    ssize_t n = ::write(fd, s.data() + off, s.size() - off);
    if (n < 0) {
      if (errno == EINTR) continue;
      _exit(4);
    }
    off += static_cast<std::size_t>(n);
  }
}

// Confines the process to the last `count` of the CPUs it may use.
void pin(int count) {
  cpu_set_t allowed, chosen;
  CPU_ZERO(&chosen);
  if (sched_getaffinity(0, sizeof allowed, &allowed) != 0) return;
  int want = count;
  for (int c = CPU_SETSIZE - 1; c >= 0 && want > 0; --c)
    if (CPU_ISSET(c, &allowed)) {
      CPU_SET(c, &chosen);
      --want;
    }
  sched_setaffinity(0, sizeof chosen, &chosen);
}

struct Series {
  std::string unit;
  std::vector<double> values;
  std::vector<std::string> texts;
};

struct Outcome {
  std::string status;  // "ok", "timeout", "exit N", "signal NAME"
  std::string output;
};

// In the child: runs the benchmark, which reports into `pipe`.
[[noreturn]] void run_in_child(const Benchmark& benchmark, const Options& options, int pipe) {
  pin(std::max(options.workers, benchmark.min_cpus));
  const rlimit no_core{0, 0};
  setrlimit(RLIMIT_CORE, &no_core);
  Context context(options, pipe);
  benchmark.body(context);
  _exit(0);
}

// Appends to `output` what comes through the pipe, until its other end is closed. False if that
// has not happened when the monotonic clock comes to `deadline_ns`.
bool read_until(std::int64_t deadline_ns, int pipe, std::string& output) {
  char buffer[4096];
  for (;;) {
    const std::int64_t left_ns = deadline_ns - clock_ns(CLOCK_MONOTONIC);
    pollfd readable{pipe, POLLIN, 0};
    if (left_ns <= 0 || poll(&readable, 1, int(left_ns / 1'000'000) + 1) == 0) return false;
    const ssize_t got = read(pipe, buffer, sizeof buffer);
    if (got < 0 && errno == EINTR) continue;
    if (got <= 0) return true;
    output.append(buffer, static_cast<std::size_t>(got));
  }
}

// How the child ended.
std::string wait_for(pid_t child) {
  int status = 0;
  while (waitpid(child, &status, 0) < 0 && errno == EINTR) {
  }
  if (WIFSIGNALED(status)) return std::string("signal ") + strsignal(WTERMSIG(status));
  return WEXITSTATUS(status) == 0 ? "ok" : "exit " + std::to_string(WEXITSTATUS(status));
}

// A library may use SIGALRM itself, so the time limit is kept from outside.
Outcome run_child(const Benchmark& benchmark, const Options& options) {
  int ends[2];
  if (pipe(ends) != 0) return {"pipe failed", ""};
  std::fflush(nullptr);
  const pid_t child = fork();
  if (child == 0) {
    close(ends[0]);
    run_in_child(benchmark, options, ends[1]);
  }
  close(ends[1]);
  const std::int64_t limit_s = benchmark.probe ? kProbeTimeoutSeconds : options.timeout_s;
  Outcome outcome;
  const bool in_time =
      read_until(clock_ns(CLOCK_MONOTONIC) + limit_s * 1'000'000'000, ends[0], outcome.output);
  close(ends[0]);
  if (!in_time) kill(child, SIGKILL);
  const std::string end = wait_for(child);
  outcome.status = in_time ? end : "timeout";
  return outcome;
}

void usage(const char* argv0) {
  std::fprintf(stderr,
               "usage: %s [--runs N] [--workers N] [--stack BYTES] [--stack-kind K]\n"
               "          [--timeout S] [--scale X] [--set NAME=VALUE]... [--list] [BENCH...]\n",
               argv0);
}

/// What a benchmark reported in all its repetitions.
struct Report {
  std::map<std::string, Series> series;
  std::vector<std::string> order;  // of the metrics
  std::string note;
  std::string status = "ok";
};

/// One line of a child: what it is, the metric, the unit, the value, with tabs between.
void read_line(const std::string& line, Report& report) {
  const auto t1 = line.find('\t'), t2 = line.find('\t', t1 + 1), t3 = line.find('\t', t2 + 1);
  const std::string name = line.substr(t1 + 1, t2 - t1 - 1);
  const std::string value = line.substr(t3 + 1);
  if (line[0] == 'C') {
    report.note = value;
    return;
  }
  const auto [it, fresh] = report.series.try_emplace(name);
  if (fresh) report.order.push_back(name);
  it->second.unit = line.substr(t2 + 1, t3 - t2 - 1);
  if (line[0] == 'N') {
    it->second.values.push_back(std::atof(value.c_str()));
  } else {
    it->second.texts.push_back(value);
  }
}

/// Runs all repetitions, up to the first that fails: a benchmark that cannot finish is not tried
/// again.
Report repeat(const Benchmark& benchmark, const Options& options) {
  Report report;
  const int runs = benchmark.probe ? 1 : options.runs;
  for (int run = 0; run < runs && report.status == "ok"; ++run) {
    const Outcome outcome = run_child(benchmark, options);
    std::istringstream lines(outcome.output);
    for (std::string line; std::getline(lines, line);) read_line(line, report);
    report.status = outcome.status;
  }
  return report;
}

/// The row of one metric, from its unit on.
std::string describe(Series& series, const std::string& note) {
  char text[200];
  if (series.values.empty()) {
    std::snprintf(text, sizeof text, "%s\t%s\t-\t-\t%zu\t%s", series.unit.c_str(),
                  series.texts.front().c_str(), series.texts.size(), note.c_str());
    return text;
  }
  std::vector<double>& values = series.values;
  std::sort(values.begin(), values.end());
  const std::size_t count = values.size();
  const double median = (values[(count - 1) / 2] + values[count / 2]) / 2;
  std::snprintf(text, sizeof text, "%s\t%.4g\t%.4g\t%.4g\t%zu\t%s", series.unit.c_str(), median,
                values.front(), values.back(), count, note.c_str());
  return text;
}

void print(const char* peer, const Benchmark& benchmark, const Options& options, Report report) {
  const std::string stack =
      (options.stack != 0 ? std::to_string(options.stack) : std::string("default")) +
      (options.stack_kind.empty() ? "" : "/" + options.stack_kind);
  const auto row = [&](const std::string& metric, const std::string& rest) {
    std::printf("%s\t%s\t%d\t%s\t%s\t%s\n", peer, benchmark.name.c_str(), options.workers,
                stack.c_str(), metric.c_str(), rest.c_str());
  };
  for (const auto& name : report.order) row(name, describe(report.series[name], report.note));
  if (report.status != "ok" || report.order.empty()) {
    row("status",
        "-\t" + (report.status == "ok" ? "n.a." : report.status) + "\t-\t-\t1\t" + report.note);
  }
  std::fflush(stdout);
}

void set_parameter(const std::string& text, Options& options, const char* program) {
  const auto equals = text.find('=');
  if (equals == std::string::npos) {
    usage(program);
    std::exit(2);
  }
  options.params[text.substr(0, equals)] = std::strtol(text.c_str() + equals + 1, nullptr, 0);
}

/// Ends the program if the command line is wrong, or only asks for the list.
Options parse(int argc, char** argv, const std::vector<Benchmark>& list) {
  Options options;
  const std::map<std::string, std::function<void(const char*)>> known = {
      {"--runs", [&](const char* value) { options.runs = std::atoi(value); }},
      {"--workers", [&](const char* value) { options.workers = std::atoi(value); }},
      {"--stack", [&](const char* value) { options.stack = std::strtoull(value, nullptr, 0); }},
      {"--stack-kind", [&](const char* value) { options.stack_kind = value; }},
      {"--timeout",
       [&](const char* value) { options.timeout_s = static_cast<unsigned>(std::atoi(value)); }},
      {"--scale", [&](const char* value) { options.scale = std::atof(value); }},
      {"--set", [&](const char* value) { set_parameter(value, options, argv[0]); }},
  };
  for (int i = 1; i < argc; ++i) {
    const std::string word = argv[i];
    const auto option = known.find(word);
    if (word == "--list") {
      for (const auto& benchmark : list) std::printf("%s\n", benchmark.name.c_str());
      std::exit(0);
    } else if (option != known.end() && i + 1 < argc) {
      option->second(argv[++i]);
    } else if (word[0] == '-') {
      usage(argv[0]);
      std::exit(2);
    } else {
      options.only.push_back(word);
    }
  }
  return options;
}

}  // namespace

std::int64_t now_ns() {
  return clock_ns(CLOCK_MONOTONIC);
}

Stopwatch::Stopwatch()
    : wall0_(clock_ns(CLOCK_MONOTONIC)), cpu0_(clock_ns(CLOCK_PROCESS_CPUTIME_ID)) {}

Lap Stopwatch::lap() const {
  return {static_cast<double>(clock_ns(CLOCK_MONOTONIC) - wall0_),
          static_cast<double>(clock_ns(CLOCK_PROCESS_CPUTIME_ID) - cpu0_)};
}

Memory memory_now() {
  Memory m{0, 0, 0, 0, 0};
  char line[512];
  if (FILE* f = std::fopen("/proc/self/status", "r")) {
    while (std::fgets(line, sizeof line, f)) {
      long kb;
      if (std::sscanf(line, "VmRSS: %ld", &kb) == 1)
        m.rss = kb * 1024.0;
      else if (std::sscanf(line, "VmHWM: %ld", &kb) == 1)
        m.peak_rss = kb * 1024.0;
      else if (std::sscanf(line, "VmSize: %ld", &kb) == 1)
        m.vm = kb * 1024.0;
      else if (std::sscanf(line, "VmPTE: %ld", &kb) == 1)
        m.page_tables = kb * 1024.0;
    }
    std::fclose(f);
  }
  if (FILE* f = std::fopen("/proc/self/maps", "r")) {
    int c;
    while ((c = std::getc(f)) != EOF)
      if (c == '\n') m.maps += 1;
    std::fclose(f);
  }
  return m;
}

long Context::param(const char* name, long preset) const {
  auto it = opt_.params.find(name);
  return it == opt_.params.end() ? preset : it->second;
}

long Context::count(const char* name, long preset) const {
  return std::max(1L, long(static_cast<double>(param(name, preset)) * opt_.scale));
}

void Context::emit(const std::string& metric, const std::string& unit, double value) {
  char buf[64];
  std::snprintf(buf, sizeof buf, "%.17g", value);
  write_all(fd_, "N\t" + metric + "\t" + unit + "\t" + buf + "\n");
}

void Context::emit_rate(const std::string& what, const Lap& lap, double ops) {
  emit("ns_per_" + what, "ns", lap.wall_ns / ops);
  emit("cpu_ns_per_" + what, "ns", lap.cpu_ns / ops);
}

void Context::emit_text(const std::string& metric, const std::string& value) {
  write_all(fd_, "T\t" + metric + "\t-\t" + value + "\n");
}

void Context::note(const std::string& text) {
  write_all(fd_, "C\tnote\t-\t" + text + "\n");
}

void fail(const char* what) {
  std::fprintf(stderr, "%s: %s\n", what, std::strerror(errno));
  _exit(3);
}

int run_suite(const char* peer, int argc, char** argv, const std::vector<Benchmark>& list) {
  const Options options = parse(argc, argv, list);
  std::printf("#peer\tbench\tworkers\tstack\tmetric\tunit\tmedian\tmin\tmax\truns\tnote\n");
  for (const auto& benchmark : list) {
    const bool chosen = options.only.empty() || std::find(options.only.begin(), options.only.end(),
                                                          benchmark.name) != options.only.end();
    if (chosen) print(peer, benchmark, options, repeat(benchmark, options));
  }
  return 0;
}

}  // namespace thread_bench
