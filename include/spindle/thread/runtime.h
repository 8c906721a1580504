// Runtime: runs user-space threads on one kernel thread, switched cooperatively; by choice on
// several kernel threads, or with preemption.
//
//   auto runtime = TRY(Runtime::create());
//   TRY(runtime->run([] { Thread t = spawn("worker", [] { ... }); t.join().take(); }));
//
// `run` makes the calling kernel thread the worker; it returns when every thread has ended. A
// thread keeps the worker until it waits, yields, sleeps or ends: between two such points code is
// atomic, so data that only the runtime's threads touch needs no lock. Nothing here may be called
// from another kernel thread, except `post`: one that wakes a thread ends the program. With
// `workers` > 1, threads run on that many kernel threads at a time, which take work from one
// another; with `preemption_ns`, a timer takes the worker from a thread that keeps it. In both
// cases, data that threads share needs the library's locks, or a Section.
//
// When no thread is ready the worker looks, in this order, at posted work, due timers and file
// descriptors; then at the idle handlers, until one of them has made a thread ready; then it sleeps
// in the kernel until a descriptor, a timer or posted work calls. If there is none of these to wait
// for, nothing can ever wake a thread: `run` returns EDEADLK instead of hanging.
//
// A process that a thread forks shares the event queues with its parent and has no other workers.
// It should `exec` or `_exit`; until then threads may wait only for each other, on one worker.
//
// Idle handlers, watchers and posted functions run on the kernel thread's own stack, between
// threads: they may wake and spawn threads, but must not wait themselves. An exception that leaves
// one of them ends the program (std::terminate).
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <string_view>

#include "spindle/base/result.h"
#include "spindle/policy/cpu_policy.h"

namespace spindle::thread {

class Scheduler;

/// What keeps a stack from growing over its neighbour.
enum class GuardKind : std::uint8_t {
  kMadvise,   ///< MADV_GUARD_INSTALL: a guard page that costs no mapping (Linux 6.13 on)
  kMprotect,  ///< a guard page, which costs two mappings per stack
  kCanary,    ///< a pattern, checked when the thread waits or ends; used when mappings run out
};
std::string_view to_string(GuardKind kind);

class IdleHandler {
 public:
  virtual ~IdleHandler() = default;
  /// Called when no thread is ready. Returns true if it has made a thread ready.
  virtual bool idle() = 0;
};

class FdWatcher {
 public:
  virtual ~FdWatcher() = default;
  /// Called when the watched descriptor is readable, and, by a lone worker that lingers, to find
  /// out whether it is. Must not block, and must read what is there, or it is called again at once.
  /// Returns whether anything was there.
  virtual bool readable() = 0;
};

class Runtime {
 public:
  struct Options {
    /// A name that make_cpu_policy knows, or "child-first": a new thread runs at once, and the
    /// thread that became ready last goes on first (for fork and join: few threads are alive at a
    /// time).
    std::string_view policy = "fcfs";
    std::unique_ptr<CpuPolicy> custom_policy = {};  ///< used instead of `policy` if given
    std::int64_t quantum_ns = 10'000'000;           ///< for policies with a quantum; positive
    std::uint64_t seed = 1;                         ///< for policies that draw lots
    std::size_t stack_size = 64 * 1024;             ///< of a thread; the guard page comes on top
    std::size_t main_stack_size = 1024 * 1024;      ///< of the first thread
    unsigned workers = 1;                           ///< kernel threads that run threads, 1 to 256
    /// The time slice, of 20 us at least, after which a timer's signal takes the worker from a
    /// thread that has not waited; 0: never. Under "fcfs" and "child-first" the thread goes behind
    /// the others; under other policies their quantum and priorities decide. Code of shared
    /// libraries, such as malloc, is not interrupted. A thread must not hold a std::mutex where it
    /// can be interrupted (InterruptsOff helps). The signal is SIGVTALRM, which is unblocked during
    /// `run`.
    std::int64_t preemption_ns = 0;
    /// Threads may switch at the beginning of each call of a primitive, too, as with several
    /// workers or preemption. With the policy "lottery" and a seed this is the deterministic mode:
    /// every choice is drawn from the seed, so that a race can be replayed once it is found (as
    /// long as the threads do not look at the time or at descriptors). Under policies that draw no
    /// lots, threads in std::scoped_lock may make way for each other for ever. One worker, no
    /// preemption.
    bool yield_at_primitives = false;
    /// Reports two locks that were taken in both orders, even if no deadlock came of it, through
    /// `on_lock_order` (if not given: in the log). Checks mutexes, shared mutexes and monitors, and
    /// stops the program if a thread ends while it holds one. Costs some ns per lock.
    bool check_lock_order = false;
    std::function<void(std::string_view report)> on_lock_order = {};
    bool count_cpu_time = false;  ///< for ThreadInfo::cpu_time_ns; reads a clock at each switch
    /// Gets a report in words of every circle of threads that wait for one another's locks, and
    /// when all threads are asleep for ever: who waits for what, who holds it, where it was taken.
    /// If not given, the report is logged. It must not wait.
    std::function<void(std::string_view report)> on_deadlock = {};
  };

  /// EINVAL for an unknown policy or a quantum that it does not take, a stack under 8 KiB or over 1
  /// GiB, no worker or more than 256, a time slice under 20 us, `yield_at_primitives` with several
  /// workers or preemption; the kernel's error if it gives no event queue or timer.
  static Result<std::unique_ptr<Runtime>> create(Options options);
  static Result<std::unique_ptr<Runtime>> create();
  /// Threads that never ended (see `run`) are dropped: their stacks are freed without being
  /// unwound. They wait for nothing any more; but a lock that they hold stays held, also for
  /// another runtime that uses it. Destroying one that is in a run ends the program at a CHECK;
  /// but if the program exits, it stays as it is.
  ~Runtime();
  Runtime(const Runtime&) = delete;
  Runtime& operator=(const Runtime&) = delete;

  /// Runs `main` as the thread "main", and whatever it spawns, to their ends. EDEADLK if all
  /// threads that are left wait for one another: they stay as they are, to be inspected
  /// (inspect.h), and a later run may wake them. EBUSY if this kernel thread is already inside a
  /// `run`, or another one is in a run of this runtime. If a thread calls std::exit, the others
  /// stay where they are; then objects that they hold or wait for may be destroyed, if they were
  /// made before the program's first `run`.
  Result<> run(std::function<void()> main);

  /// The runtime whose `run` the calling kernel thread is in; null outside.
  static Runtime* current();

  /// Handlers are asked in the order in which they were added. The caller keeps them alive until
  /// removed.
  void add_idle_handler(IdleHandler& handler);
  void remove_idle_handler(IdleHandler& handler);

  /// Calls `watcher` whenever `fd` is readable, at the next look for events. A watched descriptor
  /// by itself does not count as something to wait for (see ExternalWork). EEXIST if the descriptor
  /// is already watched or waited for; otherwise epoll_ctl's error.
  Result<> watch(int fd, FdWatcher& watcher);
  void unwatch(int fd);

  /// Runs `work` on the worker soon. May be called by any kernel thread, also before `run`. What
  /// the runtime's own threads post is done before `run` returns.
  void post(std::function<void()> work);

  /// While one exists, somebody outside (a helper kernel thread, a device) will `post` or make a
  /// watched descriptor readable, so an idle worker waits for it.
  class ExternalWork {
   public:
    explicit ExternalWork(Runtime& runtime);
    ~ExternalWork();
    ExternalWork(const ExternalWork&) = delete;
    ExternalWork& operator=(const ExternalWork&) = delete;

   private:
    Runtime& runtime_;
  };

  /// Changes the policy while threads run; it gets the ready threads in the old policy's order.
  /// EINVAL, and nothing changed, for an unknown name.
  Result<> set_policy(std::string_view name);
  void set_policy(std::unique_ptr<CpuPolicy> policy);
  [[nodiscard]] std::string_view policy_name() const;
  /// How stacks made so far are guarded (the weakest kind in use).
  [[nodiscard]] GuardKind guard_kind() const;
  /// Threads that have not ended.
  [[nodiscard]] std::size_t live_threads() const;
  /// Circles of waiting threads found so far.
  [[nodiscard]] std::uint64_t deadlocks() const;
  /// How often a thread was given a worker.
  [[nodiscard]] std::uint64_t switches() const;
  [[nodiscard]] unsigned workers() const;
  /// How often a thread lost its worker to the timer; `steals`: how often another worker took a
  /// ready thread over.
  [[nodiscard]] std::uint64_t preemptions() const;
  [[nodiscard]] std::uint64_t steals() const;
  /// Pairs of locks that were taken in both orders.
  [[nodiscard]] std::uint64_t lock_order_inversions() const;

  Scheduler& scheduler() { return *scheduler_; }
  const Scheduler& scheduler() const { return *scheduler_; }

 private:
  explicit Runtime(std::unique_ptr<Scheduler> scheduler);
  std::unique_ptr<Scheduler> scheduler_;
};

}  // namespace spindle::thread
