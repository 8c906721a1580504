// The checksum that every metadata block and log entry carries.

#include <benchmark/benchmark.h>

#include <vector>

#include "spindle/base/checksum.h"

namespace spindle::bench {
namespace {

void checksum_of(benchmark::State& state) {
  const std::vector<std::byte> bytes(static_cast<std::size_t>(state.range(0)), std::byte{42});
  std::uint64_t seed = 0;
  for (auto _ : state) benchmark::DoNotOptimize(seed = checksum(bytes, seed));
  state.SetBytesProcessed(static_cast<std::int64_t>(state.iterations()) * state.range(0));
}
BENCHMARK(checksum_of)->Name("checksum/bytes")->Arg(64)->Arg(4096)->Arg(65536);

}  // namespace
}  // namespace spindle::bench
