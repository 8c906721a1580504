// CpuSchedule: what the solver answered about processes on a CPU, as data: who ran when, and what
// that meant for each. Its picture, its table and the reasons of its choices are made from it.
#pragma once

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
    double completion = 0;
    double turnaround = 0;
    double waiting = 0;
    double response = 0;

    [[nodiscard]] double cpu_time() const;
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
  explicit CpuSchedule(const Solved& solved);

  /// How many CPUs were in use.
  [[nodiscard]] std::size_t cpus() const;

  [[nodiscard]] chart::Timeline timeline() const;
  std::vector<Process> processes;
  std::vector<Span> cpu;
  std::vector<Span> device;
  bool is_estimated = false;  ///< bursts are not known, but estimated from those before
  bool low_first = true;
  bool has_queue_each = false;  ///< each CPU has a queue of its own

 private:
  void find_choices(const Json& parameters);
};

/// Why each process got the CPU: a sentence for each span.
std::vector<std::string> cpu_reasons(const Solved& solved);

}  // namespace spindle::cli
