// Worker: a kernel thread that runs threads, and the threads that are ready to run on it.
#pragma once

#include <atomic>
#include <cstdint>
#include <ctime>
#include <thread>

#include "thread/control.h"
#include "thread/gate.h"
#include "thread/stack_pool.h"
#include "thread/work_deque.h"

namespace spindle::thread {

/// A look for events costs a system call or two: a few hundred ns. Spread over so many switches it
/// is a nanosecond or two each, and under load an event still waits only microseconds.
inline constexpr int kSwitchesBetweenPolls = 256;
/// A thread's system call that was put off until nothing else is to be done counts as so many
/// switches.
inline constexpr int kSwitchesATry = 16;

/// Whether a worker's timer ticks, for preemption. It does not while the worker sleeps.
enum class Ticks : bool { kNo, kYes };

/// A worker's part of the pools, so that it seldom needs their lock.
struct PoolCache {
  Control* controls = nullptr;  // free ones
  std::uint32_t control_count = 0;
  std::uint32_t promises = 0;  // of stacks of the usual size, for other threads
  Stack* stacks = nullptr;     // free ones of the usual size
  std::uint32_t stack_count = 0;
  Stack* foreign = nullptr;  // of another size, from a thread that has just ended
  std::uint64_t next_id = 0;
  std::uint64_t end_of_ids = 0;
};

struct Worker {
  // What a switch touches stands together.
  Control* first = nullptr;  // of the queue of ready threads; with several workers, only those that
  Control* last = nullptr;   // can go on nowhere else
  int* errno_location = nullptr;
  ExceptionState* exceptions = nullptr;
  std::uint64_t switches = 0;
  std::int64_t coarse_now_ns = 0;
  int switches_to_poll = 0;
  /// How many sections the running thread is in, with several workers or preemption. The timer's
  /// signal handler reads it.
  std::atomic<std::uint32_t> depth = 0;
  void* buried_fiber = nullptr;

  Scheduler* scheduler = nullptr;

  // Several workers.
  bool locked = false;         // it is in a section that keeps the others out
  bool left_in_front = false;  // `left` goes on before all others
  bool turn = false;           // `first` goes next, before the others
  Control* left = nullptr;     // the thread that it has just left, ready, to be handed on
  bool wakes_by_kick = false;  // `to_wake` sleeps in the poller
  Worker* to_wake = nullptr;   // this worker wakes it when it has left its section
  std::uint64_t steals = 0;
  std::int64_t patience_ns = 0;  // how long it sleeps between two looks, as the watcher
  bool owes_watch = false;       // it watched or was asked to, and has not rested since
  PoolCache cache;
  std::atomic<std::uint64_t> started = 0;  // threads, on this worker
  std::atomic<std::uint64_t> ended = 0;
  Context nowhere;  // where the switch away from an ended thread saves its context
  Control root;     // the context in which events are looked for, on the kernel thread's own stack
  Stack root_stack;
  std::uint32_t number = 0;

  // Preemption.
  std::atomic<bool> preemption_due = false;  // a signal came in a section
  Control* preempted = nullptr;              // the root decides what becomes of it
  timer_t timer = nullptr;
  bool has_timer = false;
  bool blocked_tick = false;  // whether its kernel thread blocked the signal before
  std::uint64_t preemptions = 0;
  unsigned ticks_in_vain = 0;  // in a row, in code that is not interrupted

  // What others touch.
  alignas(64) Gate::Passing passing = 0;
  WorkDeque deque;
  std::atomic<Control*> inbox = nullptr;  // threads sent by others, the last one first
  std::atomic<std::uint32_t> sleep = 0;   // not 0 while it sleeps, or is about to
  std::thread kernel_thread;
};

/// The calling kernel thread's worker; null outside. With several workers a thread that has waited
/// must ask again, so this must not be inlined.
[[gnu::noinline]] Worker* current_worker();
void set_current_worker(Worker* worker);

}  // namespace spindle::thread
