// The runtime: user-space threads on one kernel thread, switched cooperatively; by choice on
// several, or with preemption.
//
//   auto runtime = TRY(Runtime::create());
//   TRY(runtime->run([] { Thread t = spawn("worker", [] { ... }); t.join().take(); }));
//
// `run` makes the calling kernel thread the worker; it returns when every thread has ended. A
// thread keeps the worker until it waits, yields, sleeps or ends: between two such points code is
// atomic, so what only the runtime's threads touch needs no lock. Nothing here may be called from
// another kernel thread, except `post`. With `workers` > 1 threads run on so many kernel threads
// at a time, taking work from one another; with `preemption_ns` a timer takes the worker from a
// thread that keeps it. What threads share then needs the library's locks, or a Section.
//
// When no thread is ready the worker looks, in this order, at posted work, due timers and file
// descriptors; then at the idle handlers, until one of them has made a thread ready; then it sleeps
// in the kernel until a descriptor, a timer or posted work calls. If nothing of this is to be
// waited for, nobody can ever wake anyone: `run` answers EDEADLK instead of hanging.
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
  kMprotect,  ///< a guard page, two mappings a stack
  kCanary,    ///< a pattern, looked at when the thread waits or ends: mappings ran out
};
std::string_view to_string(GuardKind kind);

class IdleHandler {
 public:
  virtual ~IdleHandler() = default;
  /// No thread is ready. Returns true if a thread has been made ready.
  virtual bool idle() = 0;
};

class FdWatcher {
 public:
  virtual ~FdWatcher() = default;
  /// The watched descriptor is readable. Must take what is there, or it is called again at once.
  virtual void readable() = 0;
};

class Runtime {
 public:
  struct Options {
    /// A name that make_cpu_policy knows, or "child-first": a new thread runs at once, and what
    /// became ready last goes on first (fork-join: few threads are alive at a time).
    std::string_view policy = "fcfs";
    std::unique_ptr<CpuPolicy> custom_policy = {};  ///< goes before `policy` if given
    std::int64_t quantum_ns = 10'000'000;           ///< for policies that have one
    std::uint64_t seed = 1;                         ///< for policies that draw lots
    std::size_t stack_size = 64 * 1024;             ///< of a thread, without the guard page
    std::size_t main_stack_size = 1024 * 1024;      ///< of the first thread
    unsigned workers = 1;                           ///< kernel threads that run threads, to 256
    /// The time slice, of 20 us at least, after which a timer's signal takes the worker from a
    /// thread that has not waited; 0: never. Under "fcfs" and "child-first" the thread goes behind
    /// the others; else the policy's quantum and priorities decide. Code of shared libraries, as
    /// malloc, is not interrupted; std::mutex must not be held where a thread can be (InterruptsOff
    /// helps). The signal is SIGVTALRM, which `run` unblocks while it lasts.
    std::int64_t preemption_ns = 0;
    /// Threads may switch at the beginning of each call of a primitive, too, as with several
    /// workers or preemption. With the policy "lottery" and a seed that is the deterministic mode:
    /// every choice is drawn from the seed, so that a race found is a race replayed (as long as
    /// the threads do not look at the time or at descriptors). One worker, no preemption.
    bool yield_at_primitives = false;
    /// Reports two locks that are taken in one order here and in the other there, even if no
    /// deadlock came of it, through `on_lock_order` (not given: the log). Looks at mutexes, shared
    /// ones and monitors, and stops the program where a thread ends while it holds one. Costs some
    /// ns a lock.
    bool check_lock_order = false;
    std::function<void(std::string_view report)> on_lock_order = {};
    bool count_cpu_time = false;  ///< for ThreadInfo::cpu_time_ns; reads a clock at each switch
    /// Is told of every circle of threads that wait for one another's locks, and of all being
    /// asleep, in words: who waits for what, who holds it, where it was taken. If not given, the
    /// report is logged.
    std::function<void(std::string_view report)> on_deadlock = {};
  };

  /// EINVAL for an unknown policy, a stack under 8 KiB or over 1 GiB, no worker or more than
  /// 256, a time slice under 20 us, `yield_at_primitives` with several or with preemption; the
  /// kernel's reason if it gives no event queue or timer.
  static Result<std::unique_ptr<Runtime>> create(Options options);
  static Result<std::unique_ptr<Runtime>> create();
  /// Threads that never ended (see `run`) are dropped: their stacks go without being unwound. They
  /// wait for nothing any more; what they hold stays theirs, for whoever uses it in another
  /// runtime.
  ~Runtime();
  Runtime(const Runtime&) = delete;
  Runtime& operator=(const Runtime&) = delete;

  /// Runs `main` as the thread "main", and whatever it spawns, to their ends. EDEADLK if all
  /// threads that are left wait for one another: they stay as they are, to be looked at
  /// (inspect.h). EBUSY if this kernel thread is already inside a `run`. If a thread calls
  /// std::exit the others stay where they are; what they hold or wait for may go then, if it was
  /// made before the program's first `run`.
  Result<> run(std::function<void()> main);

  /// The runtime whose `run` the calling kernel thread is in; null outside.
  static Runtime* current();

  /// Handlers are asked in the order of their adding. The caller keeps them alive until removed.
  void add_idle_handler(IdleHandler& handler);
  void remove_idle_handler(IdleHandler& handler);

  /// Calls `watcher` whenever `fd` is readable, at the next look for events. A watched descriptor
  /// by itself does not count as something to wait for (see ExternalWork). EEXIST if the descriptor
  /// is already watched or waited for, else epoll_ctl's reason.
  Result<> watch(int fd, FdWatcher& watcher);
  void unwatch(int fd);

  /// Runs `work` on the worker soon. May be called by any kernel thread, also before `run`.
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

  /// Changes the policy while threads run: those that are ready go over in the old one's order.
  /// EINVAL for an unknown name, and nothing changed.
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
  /// How often a thread lost its worker to the timer, and was taken over by another worker.
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
