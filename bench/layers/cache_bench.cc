// The buffer cache when every read is a hit.

#include <benchmark/benchmark.h>

#include "bench/layers/layer_bench.h"
#include "spindle/base/random.h"

namespace spindle::bench {
namespace {

constexpr std::uint64_t kBlocks = 8192;

void read_hit(benchmark::State& state, std::string_view policy) {
  MemoryDevice device(kBlockSize, kBlocks);
  in_runtime([&] {
    const auto cache = BufferCache::create(device, {.policy = policy}).take();
    for (std::uint64_t block = 0; block < kBlocks; ++block) {
      cache->read(BlockNo{block}).take();
    }
    Random random(1);
    for (auto _ : state) {
      benchmark::DoNotOptimize(cache->read(BlockNo{random.below(kBlocks)}).take());
    }
  });
  state.SetItemsProcessed(static_cast<std::int64_t>(state.iterations()));
}
BENCHMARK_CAPTURE(read_hit, lru, "lru")->Name("cache/read_hit/lru");
BENCHMARK_CAPTURE(read_hit, clock, "clock")->Name("cache/read_hit/clock");
BENCHMARK_CAPTURE(read_hit, s3_fifo, "s3-fifo")->Name("cache/read_hit/s3-fifo");

void read_range_hit(benchmark::State& state) {
  const auto length = static_cast<std::uint64_t>(state.range(0));
  MemoryDevice device(kBlockSize, kBlocks);
  in_runtime([&] {
    const auto cache = BufferCache::create(device, {}).take();
    cache->read_range({BlockNo{0}, BufferCache::kMaxRange}).take();
    Random random(1);
    for (auto _ : state) {
      const BlockNo start{random.below(BufferCache::kMaxRange - length)};
      benchmark::DoNotOptimize(cache->read_range({start, length}).take());
    }
  });
  state.SetItemsProcessed(static_cast<std::int64_t>(state.iterations()) * state.range(0));
}
BENCHMARK(read_range_hit)->Name("cache/read_range_hit/blocks")->Arg(1)->Arg(32)->Arg(256);

}  // namespace
}  // namespace spindle::bench
