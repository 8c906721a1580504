// Worker: a kernel thread that runs threads, with its queue of ready ones.
#pragma once

#include <atomic>
#include <cstdint>
#include <ctime>
#include <thread>

#include "thread/control.h"
#include "thread/stack_pool.h"

namespace spindle::thread {

struct Worker {
  // What a switch touches stands together.
  Control* first = nullptr;  // of the queue of ready threads
  Control* last = nullptr;
  int* errno_location = nullptr;
  ExceptionState* exceptions = nullptr;
  std::uint64_t switches = 0;
  std::int64_t coarse_now_ns = 0;
  int switches_to_poll = 0;
  /// Of the sections that the running thread is in, with several workers or preemption. The
  /// timer's signal handler reads it.
  std::atomic<std::uint32_t> depth = 0;
  void* buried_fiber = nullptr;

  Scheduler* scheduler = nullptr;
  Control root;  // the context in which events are looked for, on the kernel thread's own stack
  Stack root_stack;
  std::uint32_t number = 0;
  std::uint32_t ready = 0;  // threads in the queue, if there are several workers

  // Preemption.
  std::atomic<bool> preemption_due = false;  // a signal came in a section
  Control* preempted = nullptr;              // for the root to decide about
  timer_t timer = nullptr;
  bool has_timer = false;
  std::uint64_t preemptions = 0;

  // Sleeping, with several workers. The word is changed to wake it.
  std::atomic<std::uint32_t> wakes = 0;
  bool asleep = false;           // on the word
  Worker* to_wake = nullptr;     // by this one, when it has left its section
  std::int64_t patience_ns = 0;  // before an idle worker looks whether others have work
  std::uint64_t steals = 0;
  std::thread kernel_thread;
};

/// The worker that the calling kernel thread is; null outside. With several workers a thread that
/// has waited must ask again, so this must not be inlined.
[[gnu::noinline]] Worker* current_worker();
void set_current_worker(Worker* worker);

}  // namespace spindle::thread
