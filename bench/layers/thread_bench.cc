// A switch between two user-space threads, next to the C library's swapcontext, which saves the
// signal mask by a call of the kernel; and what a thread costs from its creation to its end.

#include <benchmark/benchmark.h>
#include <ucontext.h>

#include <vector>

#include "bench/layers/layer_bench.h"
#include "spindle/thread/mutex.h"
#include "spindle/thread/thread.h"

namespace spindle::bench {
namespace {

constexpr std::int64_t kSwitchesEachTurn = 2;  // there, and back

void count_switches(benchmark::State& state) {
  state.SetItemsProcessed(static_cast<std::int64_t>(state.iterations()) * kSwitchesEachTurn);
}

void switch_by_yield(benchmark::State& state) {
  in_runtime([&] {
    bool is_over = false;
    thread::Thread other = thread::spawn("other", [&] {
      while (!is_over) thread::yield();
    });
    for (auto _ : state) thread::yield();
    is_over = true;
    other.join().take();
  });
  count_switches(state);
}
BENCHMARK(switch_by_yield)->Name("thread/switch_by_yield");

struct Contexts {
  ucontext_t main;
  ucontext_t other;
};
Contexts contexts;

void swap_back_forever() {
  for (;;) ::swapcontext(&contexts.other, &contexts.main);
}

void switch_by_swapcontext(benchmark::State& state) {
  std::vector<std::byte> stack(64 << 10);
  ::getcontext(&contexts.other);
  contexts.other.uc_stack.ss_sp = stack.data();
  contexts.other.uc_stack.ss_size = stack.size();
  contexts.other.uc_link = nullptr;
  ::makecontext(&contexts.other, swap_back_forever, 0);
  for (auto _ : state) ::swapcontext(&contexts.main, &contexts.other);
  count_switches(state);
}
BENCHMARK(switch_by_swapcontext)->Name("thread/switch_by_swapcontext");

void spawn_and_join(benchmark::State& state) {
  in_runtime([&] {
    for (auto _ : state) thread::spawn("short", [] {}).join().take();
  });
  state.SetItemsProcessed(static_cast<std::int64_t>(state.iterations()));
}
BENCHMARK(spawn_and_join)->Name("thread/spawn_and_join");

void lock_and_unlock(benchmark::State& state) {
  in_runtime([&] {
    thread::Mutex mutex;
    for (auto _ : state) {
      mutex.lock();
      mutex.unlock();
    }
  });
  state.SetItemsProcessed(static_cast<std::int64_t>(state.iterations()));
}
BENCHMARK(lock_and_unlock)->Name("thread/lock_and_unlock");

}  // namespace
}  // namespace spindle::bench
