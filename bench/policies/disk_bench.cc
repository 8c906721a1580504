// Disk replay: the way of the arm alone, and the full mechanical model, with 32 requests waiting.
#include <benchmark/benchmark.h>

#include "spindle/base/random.h"
#include "spindle/trace/disk_replay.h"

namespace spindle {
namespace {

constexpr std::uint64_t kBytes = std::uint64_t{1} << 40;
constexpr std::size_t kRequests = 1'000'000;

const std::vector<TracedRequest>& requests() {
  static const std::vector<TracedRequest> kAll = [] {
    Random random(1);
    std::vector<TracedRequest> all;
    for (std::size_t i = 0; i < kRequests; ++i)
      all.push_back({{}, random.below(kBytes / 4096) * 4096, 4096, 0, random.one_in(3)});
    return all;
  }();
  return kAll;
}

void disk_replay(benchmark::State& state, const std::string& policy, const std::string& disk) {
  const std::vector<TracedRequest>& all = requests();
  for (auto _ : state) {
    auto replay = DiskReplay::make({.policies = {policy}, .disk = disk, .bytes = kBytes});
    if (!replay.ok()) return state.SkipWithError("no such replay");
    replay->serve(all);
    benchmark::DoNotOptimize(replay->finish());
  }
  state.SetItemsProcessed(state.iterations() * static_cast<std::int64_t>(all.size()));
}

BENCHMARK_CAPTURE(disk_replay, cylinders_fcfs, "fcfs", "none")->Unit(benchmark::kMillisecond);
BENCHMARK_CAPTURE(disk_replay, cylinders_sstf, "sstf", "none")->Unit(benchmark::kMillisecond);
BENCHMARK_CAPTURE(disk_replay, cylinders_look, "look", "none")->Unit(benchmark::kMillisecond);
BENCHMARK_CAPTURE(disk_replay, cylinders_c_scan, "c-scan", "none")->Unit(benchmark::kMillisecond);
BENCHMARK_CAPTURE(disk_replay, full_fcfs, "fcfs", "7200rpm")->Unit(benchmark::kMillisecond);
BENCHMARK_CAPTURE(disk_replay, full_sstf, "sstf", "7200rpm")->Unit(benchmark::kMillisecond);
BENCHMARK_CAPTURE(disk_replay, full_look, "look", "7200rpm")->Unit(benchmark::kMillisecond);
BENCHMARK_CAPTURE(disk_replay, full_sptf, "sptf", "7200rpm")->Unit(benchmark::kMillisecond);

}  // namespace
}  // namespace spindle
