// Scheduler: the CPUs, which threads run on them, and to which their time is charged.
//
// Every nanosecond of each CPU is charged once: to the thread that ran, to interrupts, or to
// idleness. The owner keeps the clock: it calls `end_slices` and `dispatch` at each instant, and
// what threads do in between (they block, end, wake others) reaches the scheduler through
// `make_ready` and `take_off`. A thread's Activity runs down while it has a CPU; at its end the
// client serves it.
//
// Within one instant slices end (`end_slices`); arrivals and wake-ups are reported (`make_ready`);
// threads whose slice ended go to the back (`requeue_cut`); threads are preempted (`preempt`); free
// CPUs get threads (`dispatch`). The solver uses the same order, so a machine without costs gives
// its answers.
#pragma once

#include <functional>
#include <memory>
#include <optional>
#include <vector>

#include "run_queue.h"
#include "spindle/machine/machine_configuration.h"

namespace spindle {

class Scheduler {
 public:
  class Client {
   public:
    virtual ~Client() = default;
    /// The running thread's activity is over: gives it another, or takes it off its CPU.
    virtual void serve(Thread& thread) = 0;
  };
  struct Cpu {
    Cpu(std::uint32_t number, std::unique_ptr<CpuPolicy> policy)
        : index(number), queue(std::move(policy)) {}
    std::uint32_t index = 0;
    RunQueue queue;
    Thread* current = nullptr;
    ProcessNumber last = 0;         ///< the thread that ran last
    ProcessNumber shown = 0;        ///< the thread that the last kSwitch event named
    VirtualTime charged;            ///< all time up to here is charged
    VirtualTime interrupted_until;  ///< interrupts take the CPU until here,
    VirtualTime switched_until;     ///< then the switch,
    VirtualTime quantum_end;        ///< then the thread, at most until here
    std::optional<VirtualTime> alarm;
    VirtualTime due;    ///< when something happens next to `current`
    bool look = false;  ///< a thread became ready here, so that it is to be looked whether it runs
    std::uint32_t disk_waits = 0;  ///< threads that ran here and wait for the disk
    CpuTimes times;
    ProcessNumber unfinished = 0;  ///< the thread that was cut off last, until one runs
    std::uint64_t switches = 0, migrations_in = 0, preemptions = 0;
    std::array<std::uint64_t, 3> interrupts{};
  };

  Scheduler(MachineConfiguration& configuration, std::vector<std::unique_ptr<CpuPolicy>> policies,
            EventRing& events, const std::vector<Thread*>& threads, Client& client);

  [[nodiscard]] VirtualTime now() const { return now_; }
  void set_now(VirtualTime now) { now_ = now; }
  /// The next instant at which a CPU has something to do.
  [[nodiscard]] std::optional<VirtualTime> next_due() const;

  // The steps of an instant.
  void end_slices();
  void requeue_cut();
  void preempt();
  void dispatch();
  /// Whether a CPU is due now (again).
  [[nodiscard]] bool is_due() const;

  /// Lets the thread, which runs nowhere and has its next activity, run.
  void make_ready(Thread& thread, Why why);
  /// Takes the thread off its CPU or out of its run queue, if it is there. Does not set its state.
  void take_off(Thread& thread);
  /// It will never run again.
  void forget(Thread& thread);
  /// To be called when the thread's activity was changed from outside.
  void refresh(Thread& thread);
  /// Changes the thread's rank or CPUs: calls `change` while the thread is in no queue.
  void change(Thread& thread, const std::function<void()>& change);
  void begin_disk_wait(const Thread& thread);
  void end_disk_wait(const Thread& thread);

  void interrupt(Interrupt line, std::uint32_t cpu, std::int64_t cost_ns);
  void balance();
  void charge_all();
  void set_policies(std::vector<std::unique_ptr<CpuPolicy>> policies);

  [[nodiscard]] const std::vector<std::unique_ptr<Cpu>>& cpus() const { return cpus_; }
  [[nodiscard]] std::uint64_t running() const;
  [[nodiscard]] std::uint64_t ready() const;
  [[nodiscard]] std::uint64_t disk_waits() const;

 private:
  [[nodiscard]] TaskInfo info(const Thread& thread) const;
  [[nodiscard]] Cpu& choose_cpu(const Thread& thread, bool is_new);
  void charge(Cpu& cpu);
  void charge_work(Cpu& cpu, VirtualTime span);
  /// When the thread on the CPU goes on: now, or after interrupts and the switch to it.
  [[nodiscard]] VirtualTime begin_of_work(const Cpu& cpu) const;
  void set_due(Cpu& cpu);
  void end_slice(Cpu& cpu);
  void cut(Cpu& cpu, Why why);
  void put_on(Cpu& cpu, Thread& thread);
  void show(Cpu& cpu, ProcessNumber next, std::int64_t cost_ns, char state);
  Thread* steal(Cpu& cpu);
  void migrate(Thread& thread, Cpu& to);
  void end_burst(Thread& thread);

  struct CutThread {
    Thread* thread = nullptr;
    Why why = Why::kQuantumExpired;
  };

  MachineConfiguration& configuration_;
  EventRing& events_;
  const std::vector<Thread*>& threads_;
  Client& client_;
  std::vector<std::unique_ptr<Cpu>> cpus_;
  std::vector<CutThread> cut_;
  VirtualTime now_;
};

/// The weight of a nice value, as Linux has them: 1024 for 0.
std::uint32_t weight_of_nice(int nice);
/// The state as /proc/PID/stat shows it.
char state_letter(const Thread& thread);

}  // namespace spindle
