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

namespace thread_bench {

namespace {

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

Outcome run_child(const Benchmark& b, const Options& opt) {
  int fds[2];
  if (pipe(fds) != 0) return {"pipe failed", ""};
  std::fflush(nullptr);
  pid_t pid = fork();
  if (pid == 0) {
    close(fds[0]);
    pin(std::max(opt.workers, b.min_cpus));
    rlimit no_core{0, 0};
    setrlimit(RLIMIT_CORE, &no_core);
    Context context(opt, fds[1]);
    b.body(context);
    _exit(0);
  }
  close(fds[1]);
  Outcome out;
  char buf[4096];
  bool late = false;
  const std::int64_t deadline =
      clock_ns(CLOCK_MONOTONIC) + std::int64_t(b.probe ? 5 : opt.timeout_s) * 1'000'000'000;
  for (;;) {
    const std::int64_t left = deadline - clock_ns(CLOCK_MONOTONIC);
    pollfd p{fds[0], POLLIN, 0};
    if (left <= 0 || poll(&p, 1, int(left / 1'000'000) + 1) == 0) {
      // A library may use SIGALRM itself, so the time limit is kept from outside.
      kill(pid, SIGKILL);
      late = true;
      break;
    }
    ssize_t n = read(fds[0], buf, sizeof buf);
    if (n < 0 && errno == EINTR) continue;
    if (n <= 0) break;
    out.output.append(buf, static_cast<std::size_t>(n));
  }
  close(fds[0]);
  int st = 0;
  while (waitpid(pid, &st, 0) < 0 && errno == EINTR) {
  }
  if (late)
    out.status = "timeout";
  else if (WIFEXITED(st))
    out.status = WEXITSTATUS(st) == 0 ? "ok" : "exit " + std::to_string(WEXITSTATUS(st));
  else if (WIFSIGNALED(st))
    out.status = std::string("signal ") + strsignal(WTERMSIG(st));
  return out;
}

void usage(const char* argv0) {
  std::fprintf(stderr,
               "usage: %s [--runs N] [--workers N] [--stack BYTES] [--stack-kind K]\n"
               "          [--timeout S] [--scale X] [--set NAME=VALUE]... [--list] [BENCH...]\n",
               argv0);
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
  Options opt;
  for (int i = 1; i < argc; ++i) {
    std::string a = argv[i];
    auto value = [&]() -> const char* {
      if (i + 1 >= argc) {
        usage(argv[0]);
        std::exit(2);
      }
      return argv[++i];
    };
    if (a == "--runs")
      opt.runs = std::atoi(value());
    else if (a == "--workers")
      opt.workers = std::atoi(value());
    else if (a == "--stack")
      opt.stack = std::strtoull(value(), nullptr, 0);
    else if (a == "--stack-kind")
      opt.stack_kind = value();
    else if (a == "--timeout")
      opt.timeout_s = unsigned(std::atoi(value()));
    else if (a == "--scale")
      opt.scale = std::atof(value());
    else if (a == "--set") {
      std::string kv = value();
      auto eq = kv.find('=');
      if (eq == std::string::npos) {
        usage(argv[0]);
        return 2;
      }
      opt.params[kv.substr(0, eq)] = std::strtol(kv.c_str() + eq + 1, nullptr, 0);
    } else if (a == "--list") {
      for (auto& b : list) std::printf("%s\n", b.name.c_str());
      return 0;
    } else if (a[0] == '-') {
      usage(argv[0]);
      return 2;
    } else
      opt.only.push_back(a);
  }

  std::printf("#peer\tbench\tworkers\tstack\tmetric\tunit\tmedian\tmin\tmax\truns\tnote\n");
  const std::string stack = (opt.stack ? std::to_string(opt.stack) : std::string("default")) +
                            (opt.stack_kind.empty() ? "" : "/" + opt.stack_kind);
  for (auto& b : list) {
    if (!opt.only.empty() && std::find(opt.only.begin(), opt.only.end(), b.name) == opt.only.end())
      continue;
    std::map<std::string, Series> series;
    std::vector<std::string> order;
    std::string note, status = "ok";
    const int runs = b.probe ? 1 : opt.runs;
    for (int r = 0; r < runs; ++r) {
      Outcome o = run_child(b, opt);
      std::size_t pos = 0;
      while (pos < o.output.size()) {
        auto eol = o.output.find('\n', pos);
        if (eol == std::string::npos) break;
        std::string line = o.output.substr(pos, eol - pos);
        pos = eol + 1;
        auto t1 = line.find('\t'), t2 = line.find('\t', t1 + 1), t3 = line.find('\t', t2 + 1);
        std::string name = line.substr(t1 + 1, t2 - t1 - 1);
        std::string unit = line.substr(t2 + 1, t3 - t2 - 1);
        std::string val = line.substr(t3 + 1);
        if (line[0] == 'C') {
          note = val;
          continue;
        }
        auto [it, fresh] = series.try_emplace(name);
        if (fresh) order.push_back(name);
        it->second.unit = unit;
        if (line[0] == 'N')
          it->second.values.push_back(std::atof(val.c_str()));
        else
          it->second.texts.push_back(val);
      }
      if (o.status != "ok") {
        status = o.status;
        break;  // a benchmark that cannot finish once is not tried again
      }
    }
    for (auto& name : order) {
      auto& s = series[name];
      std::printf("%s\t%s\t%d\t%s\t%s\t%s\t", peer, b.name.c_str(), opt.workers, stack.c_str(),
                  name.c_str(), s.unit.c_str());
      if (!s.values.empty()) {
        std::sort(s.values.begin(), s.values.end());
        std::size_t n = s.values.size();
        double med = n % 2 ? s.values[n / 2] : (s.values[n / 2 - 1] + s.values[n / 2]) / 2;
        std::printf("%.4g\t%.4g\t%.4g\t%zu\t%s\n", med, s.values.front(), s.values.back(), n,
                    note.c_str());
      } else {
        std::printf("%s\t-\t-\t%zu\t%s\n", s.texts.front().c_str(), s.texts.size(), note.c_str());
      }
    }
    if (status != "ok" || order.empty())
      std::printf("%s\t%s\t%d\t%s\tstatus\t-\t%s\t-\t-\t1\t%s\n", peer, b.name.c_str(), opt.workers,
                  stack.c_str(), status == "ok" ? "n.a." : status.c_str(), note.c_str());
    std::fflush(stdout);
  }
  return 0;
}

}  // namespace thread_bench
