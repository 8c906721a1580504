// A second implementation of CPU schedules, which looks at every process in every unit of time,
// with no policy object and no queue, compared with the solver on random processes.

#include <gtest/gtest.h>

#include <algorithm>
#include <functional>
#include <map>
#include <string>
#include <tuple>
#include <vector>

#include "spindle/base/random.h"
#include "spindle/json/json.h"
#include "spindle/solve/solve.h"

namespace spindle {
namespace {

using Json = nlohmann::json;

struct Process {
  int arrival = 0;
  int burst = 0;
  int priority = 0;
  int left = 0;
  int end = 0;
  int start = -1;
  [[nodiscard]] bool is_ready(int now) const { return arrival <= now && left > 0; }
};

std::vector<Process> random_processes(Random& random) {
  std::vector<Process> processes(1 + random.below(8));
  for (Process& p : processes) {
    p.arrival = static_cast<int>(random.below(12));
    p.burst = p.left = 1 + static_cast<int>(random.below(9));
    p.priority = static_cast<int>(random.below(4));
  }
  std::ranges::stable_sort(processes, {}, &Process::arrival);
  return processes;
}

/// Lower runs first; a pair breaks ties by arrival, and by place in the list after that.
using Key = std::function<double(const Process&, int now)>;

void run_by_key(std::vector<Process>& processes, const Key& key, bool preemptive) {
  std::size_t running = processes.size();
  for (int now = 0; std::ranges::any_of(processes, [](const Process& p) { return p.left > 0; });
       ++now) {
    const bool keeps = running < processes.size() && processes[running].left > 0;
    std::size_t best = keeps ? running : processes.size();
    if (!keeps || preemptive)
      for (std::size_t p = 0; p < processes.size(); ++p) {
        if (!processes[p].is_ready(now)) continue;
        if (best == processes.size() || key(processes[p], now) < key(processes[best], now) - 1e-9)
          best = p;
      }
    running = best;
    if (running == processes.size()) continue;
    Process& process = processes[running];
    if (process.start < 0) process.start = now;
    if (--process.left == 0) process.end = now + 1;
  }
}

void run_in_turns(std::vector<Process>& processes, int quantum) {
  std::vector<std::size_t> queue;
  std::size_t arrived = 0;
  const auto admit = [&](int now) {
    while (arrived < processes.size() && processes[arrived].arrival <= now)
      queue.push_back(arrived++);
  };
  int now = 0;
  for (admit(now); arrived < processes.size() || !queue.empty(); admit(now)) {
    if (queue.empty()) {
      ++now;
      continue;
    }
    const std::size_t p = queue.front();
    queue.erase(queue.begin());
    if (processes[p].start < 0) processes[p].start = now;
    for (int ran = 0; ran < quantum && processes[p].left > 0; ++ran) {
      --processes[p].left;
      admit(++now);
    }
    if (processes[p].left > 0)
      queue.push_back(p);
    else
      processes[p].end = now;
  }
}

Json solved(const std::string& algorithm, const std::vector<Process>& processes, int quantum) {
  Json list = Json::array();
  for (std::size_t p = 0; p < processes.size(); ++p)
    list.push_back(
        {"P" + std::to_string(p), processes[p].arrival, processes[p].burst, processes[p].priority});
  const Json problem = {{"id", algorithm},
                        {"domain", "cpu"},
                        {"algorithm", algorithm},
                        {"parameters", {{"quantum", quantum}}},
                        {"input", {{"processes", list}}}};
  return solve_cases(Json::array({problem}))[0]["answer"];
}

void expect_same(const std::vector<Process>& naive, const Json& answer) {
  double waiting = 0;
  int makespan = 0;
  for (std::size_t p = 0; p < naive.size(); ++p) {
    const std::string name = "P" + std::to_string(p);
    ASSERT_EQ(answer["completion"][name], naive[p].end) << name;
    ASSERT_EQ(answer["response"][name], naive[p].start - naive[p].arrival) << name;
    waiting += naive[p].end - naive[p].arrival - naive[p].burst;
    makespan = std::max(makespan, naive[p].end);
  }
  ASSERT_EQ(answer["makespan"], makespan);
  ASSERT_NEAR(answer["avg_waiting"].get<double>(), waiting / static_cast<double>(naive.size()),
              1e-4);
}

struct Rule {
  std::string algorithm;
  Key key;
  bool preemptive = false;
};

TEST(NaiveCpu, SchedulesByAKeyAreTheSame) {
  const Rule rules[] = {{"FCFS", [](const Process& p, int) { return p.arrival; }},
                        {"SJF", [](const Process& p, int) { return p.burst; }},
                        {"LJF", [](const Process& p, int) { return -p.burst; }},
                        {"PRIORITY", [](const Process& p, int) { return p.priority; }},
                        {"SRTF", [](const Process& p, int) { return p.left; }, true},
                        {"PRIORITY-P", [](const Process& p, int) { return p.priority; }, true},
                        {"HRRN", [](const Process& p, int now) {
                           return -static_cast<double>(now - p.arrival + p.burst) / p.burst;
                         }}};
  for (const Rule& rule : rules)
    for (std::uint64_t seed = 1; seed <= 150; ++seed) {
      SCOPED_TRACE(rule.algorithm + ", seed " + std::to_string(seed));
      Random random(seed);
      std::vector<Process> processes = random_processes(random);
      const Json answer = solved(rule.algorithm, processes, 1);
      run_by_key(processes, rule.key, rule.preemptive);
      ASSERT_NO_FATAL_FAILURE(expect_same(processes, answer));
    }
}

TEST(NaiveCpu, RoundsAreTheSame) {
  for (std::uint64_t seed = 1; seed <= 300; ++seed) {
    SCOPED_TRACE("seed " + std::to_string(seed));
    Random random(seed);
    std::vector<Process> processes = random_processes(random);
    const int quantum = 1 + static_cast<int>(random.below(5));
    const Json answer = solved("RR", processes, quantum);
    run_in_turns(processes, quantum);
    ASSERT_NO_FATAL_FAILURE(expect_same(processes, answer));
  }
}

/// Several CPUs and one queue: in every unit of time the best of those that are ready run.
TEST(NaiveCpu, SeveralCpusRunTheBest) {
  for (std::uint64_t seed = 1; seed <= 200; ++seed) {
    SCOPED_TRACE("seed " + std::to_string(seed));
    Random random(seed);
    std::vector<Process> processes = random_processes(random);
    const std::size_t cpus = 1 + random.below(4);
    Json list = Json::array();
    for (std::size_t p = 0; p < processes.size(); ++p) {
      processes[p].priority = static_cast<int>(p * 7 % 11);  // no two are equal
      list.push_back({"P" + std::to_string(p), processes[p].arrival, processes[p].burst,
                      processes[p].priority});
    }
    const Json problem = {{"domain", "cpu"},
                          {"algorithm", "PRIORITY-P"},
                          {"parameters", {{"cpus", cpus}}},
                          {"input", {{"processes", list}}}};
    const Json answer = solve_cases(Json::array({problem}))[0]["answer"];
    const auto is_left = [](const Process& p) { return p.left > 0; };
    for (int now = 0; std::ranges::any_of(processes, is_left); ++now) {
      std::vector<Process*> ready;
      for (Process& p : processes)
        if (p.is_ready(now)) ready.push_back(&p);
      std::ranges::sort(ready, {}, &Process::priority);
      ready.resize(std::min(ready.size(), cpus));
      for (Process* p : ready) {
        if (p->start < 0) p->start = now;
        if (--p->left == 0) p->end = now + 1;
      }
    }
    ASSERT_NO_FATAL_FAILURE(expect_same(processes, answer));
  }
}

/// What holds for every schedule of several CPUs: no process runs twice at once, or where it may
/// not, and each gets the time that it asked for.
TEST(NaiveCpu, NobodyRunsInTwoPlaces) {
  for (const char* algorithm : {"FCFS", "SRTF", "RR", "PRIORITY-RR", "CFS", "FEEDBACK", "MLFQ",
                                "HRRN", "EEVDF", "STRIDE", "LOTTERY", "VRR"})
    for (std::uint64_t seed = 1; seed <= 40; ++seed) {
      SCOPED_TRACE(algorithm + std::string(", seed ") + std::to_string(seed));
      Random random(seed);
      const std::vector<Process> processes = random_processes(random);
      Json list = Json::array();
      Json affinity = Json::object();
      for (std::size_t p = 0; p < processes.size(); ++p) {
        const std::string name = "P" + std::to_string(p);
        list.push_back({name,
                        processes[p].arrival,
                        {processes[p].burst, 1 + random.below(3), 1 + random.below(5)},
                        1 + p});
        if (random.one_in(2)) affinity[name] = {random.below(3)};
      }
      const Json problem = {{"domain", "cpu"},
                            {"algorithm", algorithm},
                            {"parameters",
                             {{"cpus", 3},
                              {"quantum", 2},
                              {"migration", random.one_in(2)},
                              {"queues", random.one_in(2) ? "shared" : "per-cpu"}}},
                            {"input", {{"processes", list}, {"affinity", affinity}}}};
      const Json answer = solve_cases(Json::array({problem}))[0]["answer"];
      std::map<std::string, int> had;
      std::map<std::string, int> free_at;
      std::map<int, int> cpu_free_at;
      for (const Json& span : answer["gantt"]) {
        const std::string name = span[0];
        const int cpu = span[3];
        ASSERT_LE(free_at[name], span[1]) << answer;
        ASSERT_LE(cpu_free_at[cpu], span[1]) << answer;
        free_at[name] = cpu_free_at[cpu] = span[2];
        had[name] += span[2].get<int>() - span[1].get<int>();
        if (affinity.contains(name)) {
          ASSERT_EQ(affinity[name][0], cpu);
        }
      }
      for (const Json& row : list)
        ASSERT_EQ(had[row[0]], row[2][0].get<int>() + row[2][2].get<int>()) << answer;
    }
}

struct Periodic {
  int period = 1;
  int execution = 1;
  int deadline = 1;
};

struct Release {
  std::size_t task = 0;
  int at = 0;
  int left = 0;
  int due = 0;
};

/// The rule's key: the lowest runs.
int urgency(const std::string& algorithm, const Periodic& task, const Release& job, int now) {
  if (algorithm == "RM") return task.period;
  if (algorithm == "DM") return task.deadline;
  if (algorithm == "EDF") return job.due;
  if (algorithm == "LLF") return job.due - now - job.left;
  return static_cast<int>(job.task);
}

/// The schedule up to the first miss, unit of time by unit of time.
Json naive_schedule(const std::string& algorithm, const std::vector<Periodic>& tasks, int until) {
  std::vector<Release> jobs;
  jobs.reserve(1000);
  const Release* last = nullptr;
  Json gantt = Json::array();
  Json misses = Json::array();
  for (int now = 0; now <= until && misses.empty(); ++now) {
    for (std::size_t t = 0; t < tasks.size() && now < until; ++t)
      if (now % tasks[t].period == 0)
        jobs.push_back({t, now, tasks[t].execution, now + tasks[t].deadline});
    Release* best = nullptr;
    for (Release& job : jobs) {
      if (job.left == 0) continue;
      if (job.due <= now) misses.push_back({"T" + std::to_string(job.task), job.due});
      const auto key = [&](const Release& of) {
        return std::tuple(urgency(algorithm, tasks[of.task], of, now), &of != last, of.at, of.task);
      };
      if (best == nullptr || key(job) < key(*best)) best = &job;
    }
    if (!misses.empty() || best == nullptr || now == until) continue;
    const std::string name = "T" + std::to_string(best->task);
    if (!gantt.empty() && gantt.back()[0] == name && gantt.back()[2] == now)
      gantt.back()[2] = now + 1;
    else
      gantt.push_back({name, now, now + 1});
    --best->left;
    last = best;
  }
  std::sort(misses.begin(), misses.end());
  return {{"gantt", gantt}, {"misses", misses}};
}

TEST(NaiveCpu, PeriodicTasksAreServedTheSame) {
  int missed = 0;
  for (const char* algorithm : {"RM", "DM", "EDF", "LLF", "FIXED"})
    for (std::uint64_t seed = 1; seed <= 120; ++seed) {
      SCOPED_TRACE(algorithm + std::string(", seed ") + std::to_string(seed));
      Random random(seed);
      std::vector<Periodic> tasks(1 + random.below(4));
      Json list = Json::array();
      for (Periodic& task : tasks) {
        task.period = 2 + static_cast<int>(random.below(11));
        const std::uint64_t most = static_cast<std::uint64_t>(task.period) / tasks.size() + 1;
        task.execution = 1 + static_cast<int>(random.below(most)) % task.period;
        task.deadline = task.period;
        if (random.one_in(3))
          task.deadline -= static_cast<int>(
              random.below(static_cast<std::uint64_t>(task.period - task.execution) + 1));
        list.push_back(
            {"T" + std::to_string(list.size()), task.period, task.execution, task.deadline});
      }
      const Json problem = {{"domain", "realtime"},
                            {"algorithm", algorithm},
                            {"parameters", {{"until", 50}}},
                            {"input", {{"tasks", list}}}};
      const Json answer = solve_cases(Json::array({problem}))[0]["answer"];
      const Json expected = naive_schedule(algorithm, tasks, 50);
      Json misses = answer["misses"];
      std::sort(misses.begin(), misses.end());
      ASSERT_EQ(answer["gantt"], expected["gantt"]) << problem;
      ASSERT_EQ(misses, expected["misses"]) << problem;
      missed += misses.empty() ? 0 : 1;
    }
  EXPECT_GT(missed, 50);
  EXPECT_LT(missed, 550);
}

/// The rules of MLFQ, unit of time by unit of time, on plain lists.
struct MlfqJob {
  int arrival = 0;
  int run_time = 0;
  int between = 0;
  int left = 0;
  int level = 0;
  int ticks = 0;
  int allotment = 0;
  int end = 0;
};

struct MlfqRules {
  std::vector<int> quanta = {};
  std::vector<int> allotments = {};
  int boost = 0;
  int io_time = 0;
  bool stay = false;
  bool io_bump = false;
};

class NaiveMlfq {
 public:
  NaiveMlfq(std::vector<MlfqJob> jobs, MlfqRules rules)
      : jobs_(std::move(jobs)), rules_(std::move(rules)), queues_(rules_.quanta.size()) {
    for (std::size_t j = 0; j < jobs_.size(); ++j) {
      jobs_[j].left = jobs_[j].run_time;
      put_on(j, 0);
      events_[jobs_[j].arrival].push_back({j, false});
    }
  }

  std::vector<int> ends() {
    for (; std::ranges::any_of(jobs_, [](const MlfqJob& job) { return job.left > 0; }); ++now_) {
      if (rules_.boost > 0 && now_ > 0 && now_ % rules_.boost == 0) boost();
      for (const auto& [job, returns] : events_[now_]) {
        auto& queue = queues_[static_cast<std::size_t>(jobs_[job].level)];
        queue.insert(returns && rules_.io_bump ? queue.begin() : queue.end(), job);
      }
      for (auto& queue : queues_)
        if (!queue.empty()) {
          run(queue);
          break;
        }
    }
    std::vector<int> ends;
    for (const MlfqJob& job : jobs_) ends.push_back(job.end);
    return ends;
  }

 private:
  void put_on(std::size_t j, int level) {
    jobs_[j].level = level;
    jobs_[j].ticks = rules_.quanta[static_cast<std::size_t>(level)];
    jobs_[j].allotment = rules_.allotments[static_cast<std::size_t>(level)];
  }

  void boost() {
    for (std::size_t level = queues_.size(); level-- > 1;) {
      queues_[0].insert(queues_[0].end(), queues_[level].begin(), queues_[level].end());
      queues_[level].clear();
    }
    for (std::size_t j = 0; j < jobs_.size(); ++j) put_on(j, 0);
  }

  void run(std::vector<std::size_t>& queue) {
    const std::size_t j = queue.front();
    MlfqJob& job = jobs_[j];
    --job.left;
    --job.ticks;
    if (job.left == 0) {
      job.end = now_ + 1;
      queue.erase(queue.begin());
      return;
    }
    const bool io = job.between > 0 && (job.run_time - job.left) % job.between == 0;
    const bool used_up = job.ticks == 0;
    if (!io && !used_up) return;
    queue.erase(queue.begin());
    if (io && rules_.stay) put_on(j, job.level);
    if (used_up && --job.allotment <= 0)
      put_on(j, std::min(job.level + 1, static_cast<int>(queues_.size()) - 1));
    else if (used_up)
      job.ticks = rules_.quanta[static_cast<std::size_t>(job.level)];
    if (io)
      events_[now_ + 1 + rules_.io_time].push_back({j, true});
    else
      queues_[static_cast<std::size_t>(job.level)].push_back(j);
  }

  std::vector<MlfqJob> jobs_;
  MlfqRules rules_;
  std::vector<std::vector<std::size_t>> queues_;
  std::map<int, std::vector<std::pair<std::size_t, bool>>> events_;
  int now_ = 0;
};

TEST(NaiveCpu, FeedbackQueuesAreTheSame) {
  for (std::uint64_t seed = 1; seed <= 1000; ++seed) {
    SCOPED_TRACE("seed " + std::to_string(seed));
    Random random(seed);
    const auto below = [&random](std::uint64_t n) { return static_cast<int>(random.below(n)); };
    MlfqRules rules{.boost = below(3) == 0 ? 0 : 3 + below(40),
                    .io_time = below(8),
                    .stay = below(2) == 0,
                    .io_bump = below(2) == 0};
    for (int level = 1 + below(4); level > 0; --level) {
      rules.quanta.push_back(1 + below(10));
      rules.allotments.push_back(1 + below(3));
    }
    std::vector<MlfqJob> jobs;
    Json list = Json::array();
    for (int n = 1 + below(5); n > 0; --n) {
      jobs.push_back({.arrival = below(15), .run_time = 1 + below(30), .between = below(8)});
      list.push_back({jobs.back().arrival, jobs.back().run_time, jobs.back().between});
    }
    const Json problem = {{"domain", "mlfq"},
                          {"algorithm", "MLFQ"},
                          {"parameters",
                           {{"quanta", rules.quanta},
                            {"allotments", rules.allotments},
                            {"boost", rules.boost},
                            {"io_time", rules.io_time},
                            {"stay", rules.stay},
                            {"io_bump", rules.io_bump}}},
                          {"input", {{"jobs", list}}}};
    const Json line = solve_cases(Json::array({problem}))[0];
    ASSERT_TRUE(line.contains("answer")) << line;
    ASSERT_EQ(line["answer"]["completion"], Json(NaiveMlfq(jobs, rules).ends())) << problem;
  }
}

}  // namespace
}  // namespace spindle
