// Page replacement end to end: a Zipf trace is read from a file, and replayed. The rate is that of
// CPU time; it must not fall as the trace grows.
#include <benchmark/benchmark.h>
#include <fmt/format.h>
#include <unistd.h>

#include <cstdio>
#include <filesystem>
#include <map>
#include <string>

#include "spindle/trace/generator.h"
#include "spindle/trace/page_replay.h"
#include "spindle/trace/page_trace.h"

namespace spindle {
namespace {

constexpr std::uint64_t kPages = 1'000'000;
constexpr std::size_t kFrames = 100'000;

/// A file with a trace of that many references, one number per line; removed at the end.
class TraceOnDisk {
 public:
  explicit TraceOnDisk(std::uint64_t count)
      : path_(fmt::format("{}/spindle-bench.{}.{}", std::filesystem::temp_directory_path().string(),
                          ::getpid(), count)) {
    PageGenerator generator({.kind = PageRecipe::Kind::kZipf, .pages = kPages, .skew = 1});
    std::FILE* file = std::fopen(path_.c_str(), "w");
    if (file == nullptr) return;
    for (std::uint64_t i = 0; i < count; ++i) fmt::print(file, "{}\n", generator.next());
    std::fclose(file);
  }
  ~TraceOnDisk() { std::remove(path_.c_str()); }
  TraceOnDisk(const TraceOnDisk&) = delete;
  TraceOnDisk& operator=(const TraceOnDisk&) = delete;

  static const std::string& of(std::uint64_t count) {
    static std::map<std::uint64_t, TraceOnDisk> traces;
    return traces.try_emplace(count, count).first->second.path_;
  }

 private:
  std::string path_;
};

void replay(benchmark::State& state, const PageReplay::Plan& plan) {
  const auto count = static_cast<std::uint64_t>(state.range(0));
  const std::string& path = TraceOnDisk::of(count);
  std::vector<PageKey> pages(std::size_t{1} << 16);
  for (auto _ : state) {
    auto trace = PageTrace::open(path, std::nullopt, 4096);
    auto replayed = PageReplay::make(plan);
    if (!trace.ok() || !replayed.ok()) return state.SkipWithError("the trace cannot be read");
    while (const std::size_t read = trace->read(pages).take())
      replayed->refer(std::span(pages).first(read));
    benchmark::DoNotOptimize(replayed->finish());
  }
  state.SetItemsProcessed(state.iterations() * static_cast<std::int64_t>(count));
}

void page_replacement(benchmark::State& state, const std::string& policy) {
  replay(state, {.policies = {policy}, .frames = {kFrames}});
}
void lru_curve(benchmark::State& state) {
  replay(state, {.policies = {}, .frames = {}, .curve = true});
}

void lengths(benchmark::internal::Benchmark* bench) {
  bench->Arg(1'000'000)->Arg(20'000'000)->Unit(benchmark::kMillisecond);
}

BENCHMARK_CAPTURE(page_replacement, fifo, "fifo")->Apply(lengths);
BENCHMARK_CAPTURE(page_replacement, clock, "clock")->Apply(lengths);
BENCHMARK_CAPTURE(page_replacement, sieve, "sieve")->Apply(lengths);
BENCHMARK_CAPTURE(page_replacement, lru, "lru")->Apply(lengths);
BENCHMARK_CAPTURE(page_replacement, arc, "arc")->Apply(lengths);
BENCHMARK_CAPTURE(page_replacement, 2q, "2q")->Apply(lengths);
BENCHMARK_CAPTURE(page_replacement, s3_fifo, "s3-fifo")->Apply(lengths);
BENCHMARK_CAPTURE(page_replacement, lfu, "lfu")->Apply(lengths);
BENCHMARK_CAPTURE(page_replacement, opt, "opt")->Apply(lengths);
BENCHMARK(lru_curve)->Apply(lengths);

}  // namespace
}  // namespace spindle
