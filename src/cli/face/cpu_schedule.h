// CpuSchedule: what the solver answered about processes on a CPU, as data: who ran when, and what
// that meant for each. Its picture, its table and the reasons of its choices are made from it.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "cli/face/face.h"

namespace spindle::cli {

/// Times closer than this are equal.
inline constexpr double kTimeTolerance = 1e-9;

struct CpuSchedule {
  struct Process {
    std::string name;
    double arrival = 0;
    std::vector<double> bursts;  ///< CPU, device, CPU ...
    double priority = 0;
    bool has_priority = false;
    std::vector<std::size_t> bound_to;  ///< the CPUs on which it may run; empty: all
    double completion = 0;
    double turnaround = 0;
    double waiting = 0;
    double response = 0;

    [[nodiscard]] double cpu_time() const;
    [[nodiscard]] bool may_run_on(std::size_t number) const;
  };
  struct Span {
    std::size_t process = 0;
    double from = 0;
    double to = 0;
    std::size_t cpu = 0;
    /// On a CPU: when the choice was made, before the changes of process and of CPU that come
    /// first.
    double chosen_at = 0;
  };
  /// The policy is not told how long a burst is, but an estimate from the bursts before.
  struct Estimate {
    double alpha = 0.5;  ///< what the last burst counts
    double first = 0;
  };

  explicit CpuSchedule(const Solved& solved);

  /// How many CPUs were in use.
  [[nodiscard]] std::size_t cpus() const;

  [[nodiscard]] chart::Timeline timeline() const;
  std::vector<Process> processes;
  std::vector<Span> cpu;
  std::vector<Span> device;
  std::optional<Estimate> estimate;
  bool low_first = true;
  bool has_queue_each = false;  ///< each CPU has a queue of its own

 private:
  void find_choices(const Json& parameters);
};

std::vector<std::string> reasons_of(const CpuSchedule& schedule, std::string_view policy);

}  // namespace spindle::cli
