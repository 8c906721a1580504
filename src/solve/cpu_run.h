// CpuRun: CPUs, their processes and the devices of these, driven by CpuPolicies from the first
// arrival to the last end.
//
// A process is a list of bursts, on a CPU and on its device in turn. Events of one instant are told
// to the policies in a given order: arrivals, returns from a device, the end of a quantum. A change
// of process costs `context_switch`, the first start does not.
//
// Several CPUs share one policy, or have one each. With one for all, the best tasks run, each on
// the CPU where it was last if that is free. With one each, a process that becomes ready goes to
// the CPU with the fewest (its last one, of equals), and a CPU that has nothing to do takes one
// from the longest queue, if they may migrate. Affinity binds a process to some of the CPUs.
#pragma once

#include <array>
#include <functional>
#include <optional>
#include <queue>
#include <set>
#include <string>
#include <vector>

#include "spindle/policy/cpu_policy.h"

namespace spindle {

struct CpuProcess {
  std::string name;
  VirtualTime arrival;
  std::vector<VirtualTime> bursts;             ///< CPU, device, CPU ...: an odd number
  int priority = 0;                            ///< a higher number runs first
  VirtualTime deadline = {};                   ///< absolute
  std::uint32_t weight = 1024;                 ///< its share, for the policies that know one
  std::uint32_t group = 0;                     ///< whose process it is, for fair share
  std::uint64_t affinity = ~std::uint64_t{0};  ///< a bit for each CPU on which it may run
};

/// Why a process got a CPU: what its policy said of it and of those that waited, too.
struct CpuChoice {
  struct Candidate {
    std::size_t process = 0;
    VirtualTime since;           ///< when it became ready
    std::optional<double> rank;  ///< CpuPolicy::rank
  };
  struct GaveWay {
    std::size_t process = 0;
    Why why = Why::kPreempted;  ///< or kQuantumExpired
  };
  VirtualTime at;
  Candidate chosen;
  std::vector<Candidate> others;    ///< the first of those that could have run there instead
  std::size_t others_count = 0;     ///< how many there are
  bool is_any_equal = false;        ///< of them, to the chosen one
  bool is_any_bound = false;        ///< others wait, but are bound to other CPUs
  std::optional<GaveWay> gave_way;  ///< who had the CPU until this instant, and is ready
  std::optional<double> rank_then;  ///< of the chosen one when it was ready again
};

struct CpuSegment {
  std::size_t process = 0;
  VirtualTime from;
  VirtualTime to;
  std::size_t cpu = 0;
};

class CpuRun {
 public:
  enum class Event : std::uint8_t { kArrival, kDevice, kPreempted };
  struct Rules {
    VirtualTime context_switch = {};
    std::optional<VirtualTime> until = {};  ///< stop then, even if some have not ended
    bool single_device = false;  ///< all wait for one device, in order; otherwise each has its own
    std::array<Event, 3> same_instant = {Event::kArrival, Event::kDevice, Event::kPreempted};
    /// The policy is not told how long a burst is, but an estimate from the bursts before: `alpha`
    /// times the last one and 1 - alpha times its estimate, `first` at the start.
    struct Estimate {
      double alpha = 0.5;
      VirtualTime first;
    };
    std::optional<Estimate> estimate = {};
    std::size_t cpus = 1;  ///< 64 at most
    bool migrates = true;  ///< processes may change CPUs where each has a policy of its own
    VirtualTime migration_cost = {};  ///< what it takes to go on on another CPU than last
    bool explains = false;            ///< keeps the choices, at least the first ones
  };

  /// One policy for all CPUs, or one for each.
  CpuRun(std::vector<CpuPolicy*> policies, const std::vector<CpuProcess>& processes,
         const Rules& rules);

  /// False if it took more decisions than that many processes should need.
  bool run();

  [[nodiscard]] const std::vector<CpuSegment>& gantt() const { return gantt_; }
  /// Of each segment of the chart, if they are kept; of the first ones if too many wait.
  [[nodiscard]] const std::vector<CpuChoice>& choices() const { return choices_; }
  [[nodiscard]] const std::vector<CpuSegment>& device() const { return device_; }
  [[nodiscard]] bool ended(std::size_t process) const { return states_[process].ended; }
  [[nodiscard]] VirtualTime completion(std::size_t process) const { return states_[process].end; }
  [[nodiscard]] VirtualTime first_start(std::size_t process) const {
    return states_[process].first_start.value_or(VirtualTime{});
  }
  [[nodiscard]] VirtualTime busy() const { return busy_; }
  /// How often a process lost the CPU before its burst ended to another that was ready.
  [[nodiscard]] std::uint64_t preemptions() const { return preemptions_; }
  /// How often a CPU went from one process to another, each of which costs a context switch.
  [[nodiscard]] std::uint64_t switches() const { return switches_; }
  /// How often a process went on on another CPU than before.
  [[nodiscard]] std::uint64_t migrations() const { return migrations_; }

 private:
  struct State {
    std::size_t burst = 0;
    VirtualTime left;                   ///< what is left of the present burst
    VirtualTime ran;                    ///< how long it has run since it was last chosen
    VirtualTime estimate;               ///< how long the present burst is by estimate
    std::optional<std::size_t> ran_on;  ///< the CPU on which it ran last
    std::optional<std::size_t> home;    ///< the CPU in whose queue it waits, or waited last
    std::optional<VirtualTime> first_start;
    VirtualTime end;
    bool ended = false;
    // For explanations:
    VirtualTime ready_since;             ///< if it waits
    std::optional<double> rank;          ///< if it waits
    std::optional<std::size_t> segment;  ///< its last one in the chart
  };
  struct Return {
    VirtualTime at;
    std::uint64_t order = 0;
    std::size_t process = 0;
    bool operator>(const Return& other) const {
      return std::pair(at, order) > std::pair(other.at, other.order);
    }
  };

  struct Cut {
    std::size_t process = 0;
    Why why = Why::kQuantumExpired;
  };
  struct Cpu {
    std::optional<std::size_t> running;
    std::optional<Cut> cut;                 ///< the turn that ended at this instant
    std::optional<std::size_t> last;        ///< the process that had it last
    std::optional<std::size_t> unfinished;  ///< the process last taken off it within its burst
    VirtualTime start;                      ///< when the present slice began, after the switch
    VirtualTime slice_end;                  ///< when the present slice ends
    std::uint64_t slice = 0;  ///< the number of the slice, of all that were given, from 1
    bool look = false;        ///< a process became ready that may be better than the running one
    std::optional<VirtualTime> beaten_at;  ///< when the last process had to stand in line again
    std::size_t waiting = 0;               ///< how many processes wait in its own queue
    std::optional<std::size_t> segment;    ///< its last segment in the chart
    std::optional<CpuChoice::GaveWay> gave_way;  ///< how the unfinished one was taken off it
    VirtualTime gave_way_at;
    CpuChoice choice;  ///< of the present slice, for explanations
  };

  [[nodiscard]] bool is_shared() const { return policies_.size() == 1; }
  [[nodiscard]] CpuPolicy& policy_of(std::size_t cpu) const {
    return *policies_[is_shared() ? 0 : cpu];
  }
  [[nodiscard]] bool may_run(std::size_t process, std::size_t cpu) const {
    return (processes_[process].affinity >> cpu & 1) != 0;
  }
  [[nodiscard]] std::optional<VirtualTime> next_event() const;
  [[nodiscard]] TaskInfo info(std::size_t process) const;
  [[nodiscard]] VirtualTime expected_burst(std::size_t process) const;
  void advance_to(VirtualTime time);
  void end_slices();
  void end_slice(Cpu& cpu);
  void tell(Event event);
  void make_ready(std::size_t process, Why why);
  [[nodiscard]] std::size_t home_of(std::size_t process, Why why) const;
  void use_device(std::size_t process);
  void settle();
  bool preempt();
  [[nodiscard]] bool is_beaten(std::size_t cpu);
  void dispatch();
  struct Search {
    std::optional<TaskId> found;
    std::vector<TaskId> passed_over;
  };
  Search search(CpuPolicy& policy, const std::function<bool(TaskId)>& fits);
  void hand_back(CpuPolicy& policy, const Search& search);
  std::optional<TaskId> take_for(CpuPolicy& policy, const std::function<bool(TaskId)>& fits);
  void dispatch_shared();
  bool take_from_longest(std::size_t thief);
  void start(std::size_t cpu, TaskId task);
  void note_ranks();
  void take_off(Cpu& cpu, const Cut& cut);
  [[nodiscard]] CpuChoice choice_of(std::size_t cpu, std::size_t process) const;
  void record(std::size_t cpu, std::size_t process, VirtualTime from, VirtualTime to);

  std::vector<CpuPolicy*> policies_;
  const std::vector<CpuProcess>& processes_;
  Rules rules_;
  bool is_any_bound_;  ///< some process may not run on all CPUs
  std::vector<State> states_;
  std::vector<std::size_t> by_arrival_;
  std::size_t arrived_ = 0;
  std::priority_queue<Return, std::vector<Return>, std::greater<>> returns_;
  std::uint64_t returns_so_far_ = 0;
  VirtualTime device_free_;
  VirtualTime now_;
  std::vector<Cpu> cpus_;
  std::uint64_t slices_so_far_ = 0;
  VirtualTime busy_;
  std::uint64_t preemptions_ = 0;
  std::uint64_t switches_ = 0;
  std::uint64_t migrations_ = 0;
  std::size_t finished_ = 0;
  std::vector<CpuSegment> gantt_;
  std::vector<CpuChoice> choices_;
  std::set<std::size_t> waiting_;  ///< ready, and not running; only while choices are kept
  std::uint64_t ranks_ = 0;        ///< how many were asked for
  std::vector<CpuSegment> device_;
};

}  // namespace spindle
