// Scheduler: the inside of a Runtime: the ready threads, the switch, and what if none is ready.
//
// A thread that waits goes straight to the next ready one. Only when there is none, and every
// kSwitchesBetweenPolls switches, control returns to the root: the context in which `run` was
// called (or the worker began), on the kernel thread's own stack, where it looks for events and
// runs callbacks. Under "fcfs" the ready threads stand in an intrusive queue: no policy is asked.
//
// With several workers each has a deque of ready threads, from which idle ones take; a policy
// object is shared by all. What concerns the worker alone is done in passages, all else in sections
// (passage.h). several_workers.cc tells how a thread is left.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "spindle/thread/runtime.h"
#include "spindle/thread/thread.h"
#include "thread/common_queue.h"
#include "thread/control.h"
#include "thread/file_ring.h"
#include "thread/lock_order.h"
#include "thread/poller.h"
#include "thread/pools.h"
#include "thread/switch_observer.h"
#include "thread/timer_queue.h"
#include "thread/worker.h"

namespace spindle::thread {

class Scheduler {
 public:
  static Result<std::unique_ptr<Scheduler>> create(Runtime::Options options);
  ~Scheduler();
  Scheduler(const Scheduler&) = delete;
  Scheduler& operator=(const Scheduler&) = delete;

  Result<> run(std::function<void()> main, Runtime& runtime);

  // Threads.
  Control* prepare(const ThreadOptions& options, void (*entry)(void*));       // null: no memory
  void* make_room(Control& thread, std::size_t size, std::size_t alignment);  // for its callable
  void start(Control& thread);
  void discard(Control& thread);  // a prepared thread that was not started
  void release(Control& thread);  // a thread that has ended; also when `run` has returned
  void cancel(Control& thread);

  // For the running thread.
  void yield(Control& self);
  void park(Control& self);  // comes back after `make_ready`
  void make_ready(Control& thread, Why why);

  // Sections and passages.
  void begin_section(Worker& worker);
  void end_section(Worker& worker);
  void begin_passage(Worker& worker);
  void end_passage(Worker& worker);
  /// True if changing how a thread that has not ended is joined requires stopping the others.
  bool stops_to_join() const { return ends_alone_; }
  void stop_others();
  void let_others_go();
  void preempt(Control& self);  // the timer took the worker from the running thread
  void yield_due();
  bool preempts() const { return preemption_ns_ > 0; }
  bool yields_at_sections() const { return yields_at_sections_; }

  // Policy and priorities.
  Result<> set_policy(std::string_view name);
  void set_policy(std::unique_ptr<CpuPolicy> policy);  // null: "fcfs"
  /// False as long as every thread has priority 0, so that nobody needs to look at priorities.
  bool priorities_differ() const { return priorities_differ_.load(std::memory_order_relaxed); }
  void set_own_priority(Control& thread, int priority);
  void set_effective_priority(Control& thread, int priority);
  /// Raises those for whom the thread waits, and those for whom they wait in turn, to its priority.
  void donate(const Control& from);
  Blocking*& first_blocked() { return first_blocked_; }  // the list of Blocking
  /// Gives it the highest priority of its own and of its waiters; then those for which it waits.
  void settle(Control& thread);

  // Deadlock.
  void report_circle(const std::string& report);
  std::uint64_t deadlocks() const { return deadlocks_; }
  LockOrder& lock_order() { return lock_order_; }

  // Handlers and what belongs to the kernel.
  void add_idle_handler(IdleHandler& handler);
  void remove_idle_handler(IdleHandler& handler);
  Poller& poller() { return *poller_; }
  TimerQueue& timers() { return timers_; }
  const StackPool& stacks() const { return pools_.stacks(); }
  const ControlPool& controls() const { return pools_.controls(); }
  std::size_t& external_work() { return external_work_; }
  void observe(SwitchObserver* observer);
  FileRing* file_ring();  // made at the first call; null if the kernel gives none

  Runtime* runtime() const { return runtime_.load(std::memory_order_relaxed); }  // null: no run
  std::string_view policy_name() const;
  std::size_t live_threads() const;
  void post(std::function<void()> work);  // from any kernel thread
  unsigned workers() const { return 1 + static_cast<unsigned>(others_.size()); }
  Worker& worker(std::size_t i) { return i == 0 ? main_ : *others_[i - 1]; }
  const Worker& worker(std::size_t i) const { return i == 0 ? main_ : *others_[i - 1]; }
  /// With its present turn; 0 if run times are not counted. While the world is stopped.
  std::int64_t cpu_time_ns(const Control& thread) const;

 private:
  Scheduler(Runtime::Options options, std::unique_ptr<Poller> poller);
  Result<> use_policy(std::string_view name);
  static void thread_main();
  [[noreturn, gnu::always_inline]] inline void end_current(Control& self);
  Worker& here();  // the calling kernel thread's
  void yield_otherwise(Control& self);
  void make_ready_otherwise(Control& thread, Why why);
  Control* take_otherwise(Worker& worker);
  Control* take_ready(Worker& worker);
  void choose_path();

  /// The thread to run now; null if none is ready or it is time to look for events.
  Control* take_next(Worker& worker);
  void switch_from(Control& self, Control* next);
  void switch_to(Control& from, Control& to, Leaver leaver);
  void bind_stack(Worker& worker, Control& thread);
  void begin_thread(Control& from, Control& to, Leaver leaver);
  void tell_of_switch(Control& from, Control& to);

  // Talking to policies.
  Account& account_of(Control& thread);
  void account(Control& self);
  void begin_accounting();
  void tell_of_deadlock(const std::string& report) const;
  void tell_policy(Control& thread, Why why);
  void tell_policy_of_end(Control& thread);
  TaskInfo info_of(Control& thread);
  Control* take_from_policy();
  std::vector<Control*> take_all_ready();

  // The root.
  Result<> work(Worker& worker, const std::function<Result<>()>& begin);
  Result<> begin(const std::function<void()>& main);
  void loop(Worker& worker);
  void look_for_events(Worker& worker, std::int64_t deadline_ns);
  void expire_due(Worker& worker);
  bool run_idle_handlers() noexcept;
  void enter(Worker& worker, Control& thread);
  void wait_for_events(Worker& worker);
  bool nothing_can_come() const;
  void give_up();

  // Preemption.
  Result<> start_timer(Worker& worker) const;
  static void stop_timer(Worker& worker);
  void set_timer(Worker& worker, Ticks ticks) const;
  Control* decide_preempted(Worker& worker);

  // Several workers: switching.
  void begin_passage_slowly(Worker& worker);
  void end_passage_slowly(Worker& worker);
  void leave_for(Control& self, Control* next);
  void go_to(Control& self, Control& to);
  static void enter_first(Context& from, Control& to);
  void arrive(Control& self);
  void yield_among_several(Control& self);
  [[noreturn, gnu::always_inline]] inline void end_among_several(Control& self);
  void say_ended(Worker& worker, Control& dead);
  void say_ended_atomically(Worker& worker, Control& dead);
  void settle_lock(Worker& worker, bool wants_it);
  void keep_others_out(Worker& worker);
  void hand_on(Worker& worker, Control& thread);
  void hand_on_first(Worker& worker, Control& thread);
  Worker& home_of(const Control& thread);
  void send(Worker& home, Control& thread);
  Control* take_next_among_several(Worker& worker);
  Control* take_among_several(Worker& worker);
  Control* take_own(Worker& worker);
  Control* take_tied(Worker& worker);
  Control* steal(Worker& thief);

  // Several workers: resting.
  void loop_among_several(Worker& worker);
  bool go_on(Worker& worker, Control* kept);
  void rest(Worker& worker);
  void ask_to_watch();
  std::int64_t begin_watch(Worker& worker);
  void pass_on_watch();
  [[nodiscard]] bool all_sleep() const;
  bool all_is_over(Worker& worker);
  void sleep_until(Worker& worker, std::int64_t deadline_ns);
  void rise(Worker& worker);
  bool wake(Worker& sleeper);
  void wake_noted(Worker& worker);
  void wake_someone();
  void wake_everyone();

  // What a switch touches stands together.
  bool plain_ = true;  // one worker, first come, first served
  bool guarded_ = false;
  bool watched_ = false;  // there is a SwitchObserver
  bool several_ = false;
  bool child_first_ = false;
  bool ends_alone_ = false;  // a thread's end needs no atomic instruction
  std::atomic<bool> priorities_differ_ = false;
  bool tracks_locks_ = false;
  Gate gate_;  // for passages; barred while switches need sections
  std::unique_ptr<CpuPolicy> policy_;
  Worker main_;
  Pools pools_;
  TimerQueue timers_;
  std::unique_ptr<Poller> poller_;
  std::unique_ptr<FileRing> file_ring_;
  bool file_ring_was_tried_ = false;
  std::vector<IdleHandler*> idle_handlers_;
  std::atomic<Runtime*> runtime_ = nullptr;
  std::vector<std::unique_ptr<std::function<void()>>> mains_;  // of threads that may go on
  CpuConventions conventions_;
  std::function<void(std::string_view)> on_deadlock_;
  std::size_t main_stack_size_;
  std::uint32_t policy_number_ = 1;
  std::uint64_t deadlocks_ = 0;
  std::size_t live_ = 0;
  std::size_t external_work_ = 0;
  Blocking* first_blocked_ = nullptr;
  bool lists_all_blocked_ = false;
  LockOrder lock_order_;
  SwitchObserver* observer_ = nullptr;
  bool counts_cpu_time_ = false;
  bool yields_at_sections_ = false;
  std::int64_t preemption_ns_ = 0;
  Scheduler* next_scheduler_ = nullptr;  // in the list for the debugger

  alignas(64) RuntimeLock lock_;  // of sections
  std::uint32_t stops_ = 0;
  CommonQueue behind_;  // child first: threads that yielded
  std::vector<std::unique_ptr<Worker>> others_;
  std::atomic<std::uint32_t> idle_workers_ = 0;
  std::atomic<Worker*> watcher_ = nullptr;      // the idle worker that looks after busy ones
  std::atomic<bool> somebody_watches_ = false;  // or has been asked to
  std::size_t ready_in_policy_ = 0;
  bool policy_withholds_ = false;   // asked since the last thread became ready, it gave none
  bool stuck_ = false;              // every thread is asleep for ever
  std::atomic<bool> over_ = false;  // several workers: no thread is left, or all are stuck
  Worker* in_poller_ = nullptr;     // the worker that sleeps there
  Worker* timekeeper_ = nullptr;    // the worker that sleeps until the first timer
  std::int64_t timekeeper_until_ns_ = 0;
};

}  // namespace spindle::thread

#include "thread/switch.h"
