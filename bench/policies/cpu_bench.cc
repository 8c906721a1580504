// CPU scheduling of a million jobs, through the solver: all arrive at once, for the longest queue
// that can be.
#include <benchmark/benchmark.h>
#include <fmt/format.h>

#include "spindle/base/random.h"
#include "spindle/json/json.h"
#include "spindle/solve/solve.h"

namespace spindle {
namespace {

constexpr int kJobs = 1'000'000;

void cpu_schedule(benchmark::State& state, const std::string& algorithm) {
  using Json = nlohmann::json;
  Random random(1);
  Json processes = Json::array();
  for (int job = 0; job < kJobs; ++job)
    processes.push_back({fmt::format("P{}", job), 0, 1 + random.below(20), 1 + random.below(8)});
  const Json cases = Json::array({{{"id", "bench"},
                                   {"domain", "cpu"},
                                   {"algorithm", algorithm},
                                   {"parameters", {{"quantum", 4}}},
                                   {"input", {{"processes", processes}}}}});
  for (auto _ : state) {
    const Json answers = solve_cases(cases);
    if (answers[0].contains("error")) return state.SkipWithError("it was not solved");
  }
  state.SetItemsProcessed(state.iterations() * kJobs);
}

#define SPINDLE_BENCH_CPU(NAME, ALGORITHM) \
  BENCHMARK_CAPTURE(cpu_schedule, NAME, ALGORITHM)->Unit(benchmark::kMillisecond)->Iterations(1)
SPINDLE_BENCH_CPU(fcfs, "FCFS");
SPINDLE_BENCH_CPU(sjf, "SJF");
SPINDLE_BENCH_CPU(srtf, "SRTF");
SPINDLE_BENCH_CPU(rr, "RR");
SPINDLE_BENCH_CPU(vrr, "VRR");
SPINDLE_BENCH_CPU(priority, "PRIORITY-P");
SPINDLE_BENCH_CPU(priority_rr, "PRIORITY-RR");
SPINDLE_BENCH_CPU(feedback, "FEEDBACK");
SPINDLE_BENCH_CPU(hrrn, "HRRN");
SPINDLE_BENCH_CPU(cfs, "CFS");
SPINDLE_BENCH_CPU(lottery, "LOTTERY");

}  // namespace
}  // namespace spindle
