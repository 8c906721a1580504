// All benchmarks of one library: the main program of an adapter.
#pragma once

#include "suite_channels.h"
#include "suite_fork_join.h"
#include "suite_probes.h"
#include "suite_scheduling.h"
#include "suite_synchronisation.h"
#include "suite_time.h"

namespace thread_bench {

template <class P>
int run_all(int argc, char** argv) {
  std::vector<Benchmark> list;
  auto add = [&](const char* name, auto function, bool probe = false, int min_cpus = 1) {
    list.push_back({name, Bench<P>::inside(function), probe, min_cpus});
  };
  if constexpr (HasYield<P>) {
    add("yield.pair", Scheduling<P>::yield_pair);
    add("yield.many", Scheduling<P>::yield_many);
  }
  add("spawn.join", Scheduling<P>::spawn_join);
  add("spawn.batch", Scheduling<P>::spawn_batch);
  add("live", Scheduling<P>::live);
  add("mutex.uncontended", Synchronisation<P>::mutex_uncontended);
  add("mutex.handoff", Synchronisation<P>::mutex_handoff);
  add("mutex.contended", Synchronisation<P>::mutex_contended);
  add("sem.pingpong", Synchronisation<P>::sem_pingpong);
  add("sem.pc", Synchronisation<P>::sem_pc);
  add("chan.unbuf", Channels<P>::chan_unbuf);
  add("chan.buf", Channels<P>::chan_buf);
  add("cond.pingpong", Synchronisation<P>::cond_pingpong);
  add("rwlock.read", Synchronisation<P>::rwlock_read);
  add("barrier", Synchronisation<P>::barrier);
  add("ring", Synchronisation<P>::ring);
  add("skynet", ForkJoin<P>::skynet);
  add("spread", ForkJoin<P>::spread);
  add("sleep.many", TimeAndIo<P>::sleep_many);
  add("io.pingpong", TimeAndIo<P>::io_pingpong);
  add("io.idle", TimeAndIo<P>::io_idle);
  add("remote.pingpong", TimeAndIo<P>::remote_pingpong, false, 2);
  add("probe.preempt", Probes<P>::probe_preempt, true);
  add("probe.deadlock", Probes<P>::probe_deadlock, true);
  add("probe.relock", Probes<P>::probe_relock, true);
  add("probe.overflow", Probes<P>::probe_overflow, true);
  return run_suite(P::name, argc, argv, list);
}
}  // namespace thread_bench
