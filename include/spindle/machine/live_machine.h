// LiveMachine: a simulated machine that runs beside real work, on a kernel thread of its own.
//
//   LiveMachine live(configuration, make_host);
//   live.set_rate(10);                                         // ten virtual seconds a second
//   auto pid = live.with([](Machine& machine) { return machine.start({.path = "/bin/hog.lua"}); });
//
// Nothing is made, and no thread runs, until the first `with`. The machine advances in short slices
// at `rate`: 0 pauses it, 1 follows the wall clock, kAsFastAsPossible does not wait. Between two
// events it sleeps and costs nothing; its clock is set when somebody looks. `with` takes a lock and
// stops the machine between two slices. So code that serves the machine's own files must not call
// it on the kernel thread that the host needs: it uses thread::offload.
//
// The machine gives way to real work: when it runs as fast as it can while real work is being done,
// it waits after each slice until that work pauses, or until it is due its small share of a CPU.
//
// What happens in virtual time does not depend on rate or wall time, except for when a verb comes.
#pragma once

#include <atomic>
#include <condition_variable>
#include <functional>
#include <memory>
#include <mutex>
#include <optional>
#include <thread>

#include "spindle/machine/machine.h"

namespace spindle {

class LiveMachine {
 public:
  static constexpr double kAsFastAsPossible = -1;
  static constexpr double kMostRate = 1e6;

  using MakeHost = std::function<std::unique_ptr<MachineHost>()>;
  /// A number that changes as the real work goes on; asked from the machine's thread.
  using RealWork = std::function<std::uint64_t()>;
  LiveMachine(MachineConfiguration configuration, MakeHost make_host, RealWork real_work = {});
  /// Ends the thread; waits for its slice.
  ~LiveMachine();
  LiveMachine(const LiveMachine&) = delete;
  LiveMachine& operator=(const LiveMachine&) = delete;

  /// Calls `use` with the machine at rest and returns what it returns, which must be a Result. The
  /// first call makes the machine, and fails as `Machine::create` does, or with EAGAIN if the host
  /// gives no kernel thread for it.
  template <class Use>
  auto with(Use&& use) -> decltype(use(std::declval<Machine&>())) {
    const std::unique_lock lock = rest();
    if (Result<> made = make(); !made.ok()) return made.error();
    set_clock();
    ++uses_;
    auto result = use(*machine_);
    wake_if_changed();
    return result;
  }

  /// As `with`, but never waits and makes nothing: returns nothing while somebody holds the
  /// machine, or if there is none. `look` only reads snapshots, which need no host.
  template <class Look>
  auto look_if_free(Look&& look) -> std::optional<decltype(look(std::declval<const Machine&>()))> {
    const std::unique_lock lock(mutex_, std::try_to_lock);
    if (!lock || machine_ == nullptr) return std::nullopt;
    set_clock();
    ++uses_;
    return look(std::as_const(*machine_));
  }

  /// EINVAL for a rate that is negative (but kAsFastAsPossible) or above kMostRate.
  Result<> set_rate(double rate);
  [[nodiscard]] double rate() const;
  /// Paused, goes on by as many events as asked for; EBUSY while it runs.
  Result<> step(std::uint64_t events);
  /// Takes the machine away; the next `with` makes one of this configuration.
  Result<> restart(MachineConfiguration configuration);
  /// How often the machine was held for somebody, by `with` and `look_if_free`.
  [[nodiscard]] std::uint64_t uses() const { return uses_; }
  /// Seconds since 1970 at virtual time 0.
  [[nodiscard]] std::int64_t boot_seconds() const { return boot_seconds_; }

 private:
  std::unique_lock<std::mutex> rest();
  Result<> begin_thread();
  Result<> make();
  /// Where virtual time is to be by now; the end of time if it does not wait.
  [[nodiscard]] VirtualTime goal() const;
  /// Moves the clock of a machine that sleeps between two events to `goal`.
  void set_clock();
  void wake_if_changed();
  void run();
  enum class SliceEnd : std::uint8_t { kAtGoal, kIsAwaited, kIsLong };
  void run_slice(std::unique_lock<std::mutex>& lock);
  SliceEnd go_on_to(VirtualTime goal);
  bool limit_lag();
  void let_others_look(std::unique_lock<std::mutex>& lock) const;
  void give_way_to_real_work(std::unique_lock<std::mutex>& lock);
  void sleep_until_next_event(std::unique_lock<std::mutex>& lock);

  MachineConfiguration configuration_;
  MakeHost make_host_;
  RealWork real_work_;
  std::uint64_t real_work_seen_ = 0;
  std::unique_ptr<MachineHost> host_;
  std::unique_ptr<Machine> machine_;
  std::atomic<std::uint64_t> uses_{0};
  std::atomic<int> waiting_{0};  ///< threads that want the lock: a slice ends early for them
  mutable std::mutex mutex_;
  std::condition_variable changed_;
  double rate_ = 1;
  bool ending_ = false;
  std::int64_t boot_seconds_ = 0;
  std::int64_t wall_base_ns_ = 0;  ///< the wall clock when it was `virtual_base_`
  VirtualTime virtual_base_;
  std::optional<VirtualTime> awaited_;  ///< the event that the thread sleeps until
  std::thread thread_;
};

}  // namespace spindle
