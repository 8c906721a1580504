// Committing a transaction that changes one inode, alone, and waiting until it is durable on a
// device that costs nothing; and allocating blocks by transactions.

#include <benchmark/benchmark.h>

#include "bench/layers/layer_bench.h"
#include "spindle/format/inode.h"

namespace spindle::bench {
namespace {

constexpr std::uint64_t kJournaledVolumeSize = 256u << 20;
constexpr std::int64_t kCommitsEachSync = 256;
constexpr std::uint64_t kTouchedInodes = 8;  // in the first block of the table, which is written

// Changes one inode, to another access time each time.
void touch_inode(OpenVolume& volume, std::uint64_t count) {
  Transaction tx = volume.journal->begin(log_cost::kRecord).take();
  const auto place = volume.layout.inode_place(InodeNo{1 + count % kTouchedInodes});
  auto* inode =
      tx.edit<format::Inode>(place.block, format::BlockKind::kInodeTable, place.offset).take();
  inode->size = count;
  tx.commit();
}

void commit(benchmark::State& state, std::int64_t commits_each_sync) {
  in_runtime([&] {
    OpenVolume volume(kJournaledVolumeSize);
    std::uint64_t count = 0;
    for (auto _ : state) {
      for (std::int64_t i = 0; i < commits_each_sync; ++i) touch_inode(volume, ++count);
      volume.journal->sync().take();
    }
  });
  state.SetItemsProcessed(static_cast<std::int64_t>(state.iterations()) * commits_each_sync);
}
BENCHMARK_CAPTURE(commit, each, 1)->Name("journal/commit_and_sync_each");
BENCHMARK_CAPTURE(commit, group, kCommitsEachSync)->Name("journal/commit_256_and_sync");

void allocate(benchmark::State& state) {
  const auto want = static_cast<std::uint64_t>(state.range(0));
  in_runtime([&] {
    OpenVolume volume(kJournaledVolumeSize);
    BlockNo hint = kNoBlock;
    for (auto _ : state) {
      Transaction tx =
          volume.journal->begin(log_cost::kAllocate + log_cost::kFree + log_cost::kRecord).take();
      const Run run = volume.space->allocate(tx, {.want = want, .hint = hint}).take();
      tx.commit();
      Transaction back = volume.journal->begin(log_cost::kFree + log_cost::kRecord).take();
      volume.space->free(back, run).take();
      back.commit();
      hint = run.end();
    }
  });
  state.SetItemsProcessed(static_cast<std::int64_t>(state.iterations()));
}
BENCHMARK(allocate)->Name("alloc/allocate_and_free/blocks")->Arg(1)->Arg(64);

}  // namespace
}  // namespace spindle::bench
