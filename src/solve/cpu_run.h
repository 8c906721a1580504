// CpuRun: one CPU, its processes and their devices, driven by a CpuPolicy from the first arrival to
// the last end.
//
// A process is a list of bursts, on the CPU and on its device in turn. Events of one instant are
// told to the policy in a given order: arrivals, returns from a device, the end of a quantum. A
// change of process costs `context_switch`, the first start does not.
#pragma once

#include <array>
#include <optional>
#include <queue>
#include <string>
#include <vector>

#include "spindle/policy/cpu_policy.h"

namespace spindle {

struct CpuProcess {
  std::string name;
  VirtualTime arrival;
  std::vector<VirtualTime> bursts;  ///< CPU, device, CPU ...: an odd number
  int priority = 0;                 ///< a higher number runs first
  VirtualTime deadline = {};        ///< absolute
  std::uint32_t weight = 1024;      ///< its share, for the policies that know one
  std::uint32_t group = 0;          ///< whose process it is, for fair share
};

struct CpuSegment {
  std::size_t process = 0;
  VirtualTime from;
  VirtualTime to;
};

class CpuRun {
 public:
  enum class Event : std::uint8_t { kArrival, kDevice, kPreempted };
  struct Rules {
    VirtualTime context_switch = {};
    std::optional<VirtualTime> until = {};  ///< stop then, whoever has not ended
    bool single_device = false;  ///< all wait for one device, in order; else each has its own
    std::array<Event, 3> same_instant = {Event::kArrival, Event::kDevice, Event::kPreempted};
    /// The policy is told not how long a burst is, but what the bursts before let expect: `alpha`
    /// times the last one and 1 - alpha times its estimate, `first` at the start.
    struct Estimate {
      double alpha = 0.5;
      VirtualTime first;
    };
    std::optional<Estimate> estimate = {};
  };

  CpuRun(CpuPolicy& policy, const std::vector<CpuProcess>& processes, const Rules& rules);

  /// False if it took more decisions than `kMostDecisions`.
  bool run();

  [[nodiscard]] const std::vector<CpuSegment>& gantt() const { return gantt_; }
  [[nodiscard]] const std::vector<CpuSegment>& device() const { return device_; }
  [[nodiscard]] bool ended(std::size_t process) const { return states_[process].ended; }
  [[nodiscard]] VirtualTime completion(std::size_t process) const { return states_[process].end; }
  [[nodiscard]] VirtualTime first_start(std::size_t process) const {
    return states_[process].first_start.value_or(VirtualTime{});
  }
  [[nodiscard]] VirtualTime busy() const { return busy_; }
  /// How often a process lost the CPU before its burst ended to another that was ready.
  [[nodiscard]] std::uint64_t preemptions() const { return preemptions_; }

  static constexpr std::uint64_t kMostDecisions = 20'000'000;

 private:
  struct State {
    std::size_t burst = 0;
    VirtualTime left;      ///< of the burst
    VirtualTime ran;       ///< since it was last chosen
    VirtualTime estimate;  ///< of the whole burst
    std::optional<VirtualTime> first_start;
    VirtualTime end;
    bool ended = false;
  };
  struct Return {
    VirtualTime at;
    std::uint64_t order = 0;
    std::size_t process = 0;
    bool operator>(const Return& other) const {
      return std::pair(at, order) > std::pair(other.at, other.order);
    }
  };

  [[nodiscard]] std::optional<VirtualTime> next_event() const;
  [[nodiscard]] TaskInfo info(std::size_t process) const;
  [[nodiscard]] VirtualTime expected_burst(std::size_t process) const;
  void advance_to(VirtualTime time);
  void end_slice();
  void tell(Event event);
  void make_ready(std::size_t process, Why why);
  void use_device(std::size_t process);
  void dispatch();
  void record(std::size_t process, VirtualTime from, VirtualTime to);

  CpuPolicy& policy_;
  const std::vector<CpuProcess>& processes_;
  Rules rules_;
  std::vector<State> states_;
  std::vector<std::size_t> by_arrival_;
  std::size_t arrived_ = 0;
  std::priority_queue<Return, std::vector<Return>, std::greater<>> returns_;
  std::uint64_t returns_so_far_ = 0;
  VirtualTime device_free_;
  VirtualTime now_;
  std::optional<std::size_t> running_;
  struct Cut {
    std::size_t process = 0;
    Why why = Why::kQuantumExpired;
  };
  std::optional<Cut> cut_;  ///< whose turn ended at this instant
  std::optional<std::size_t> last_;
  VirtualTime start_;      ///< of the running one's slice, after the switch
  VirtualTime slice_end_;  ///< of the running one
  VirtualTime busy_;
  std::uint64_t preemptions_ = 0;
  std::optional<std::size_t> unfinished_;  ///< who was taken off the CPU in its burst last
  std::size_t finished_ = 0;
  std::vector<CpuSegment> gantt_;
  std::vector<CpuSegment> device_;
};

}  // namespace spindle
