// DiskReplay: a stream of requests through several arm policies at once.
//
//   DiskReplay replay({.policies = {"sstf", "look"}, .disk = "7200rpm", .bytes = 1 << 30});
//   replay.serve(requests);               // as often as there are requests
//   for (const DiskReplay::Row& row : replay.finish()) ...
//
// The queue is kept at `depth` requests, as a host with so many outstanding would keep it: whenever
// one was served the next one of the trace comes. So every policy has the same choice, and the
// arrival times of another disk, which would have been asked at other times, do not matter.
//
// On the disk "none" only the way of the arm over the cylinders is counted; every other disk is
// the full model, with seek, rotation and transfer. The policies and the drive are those that serve
// the mount.
#pragma once

#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <vector>

#include "spindle/base/clock.h"
#include "spindle/base/result.h"
#include "spindle/trace/disk_trace.h"

namespace spindle {

class DiskReplay {
 public:
  struct Plan {
    std::vector<std::string> policies;  ///< names of `arm_policy_names`
    std::string disk = "none";          ///< one of `disk_preset_names`
    std::uint64_t bytes = 0;            ///< the size of the disk; no request may lie beyond
    std::uint64_t cylinders = 100'000;  ///< how many the disk "none" has
    std::size_t depth = 32;             ///< 1 to kMostDepth
  };
  static constexpr std::size_t kMostDepth = 4096;

  struct Row {
    std::string policy;
    std::uint64_t requests = 0;
    std::uint64_t movement = 0;  ///< how many cylinders the arm moved
    std::int64_t seek_ns = 0;
    std::int64_t rotation_ns = 0;
    std::int64_t transfer_ns = 0;
    std::int64_t response_sum_ns = 0;
    std::int64_t longest_response_ns = 0;
    std::uint64_t most_passed_by = 0;  ///< the most requests served before one that came earlier
    std::int64_t cpu_ns = 0;           ///< spent on this row alone

    [[nodiscard]] std::int64_t busy_ns() const { return seek_ns + rotation_ns + transfer_ns; }
  };

  /// EINVAL if a policy or the disk has a name that is not known, or if the depth, the size or the
  /// number of cylinders is out of range.
  static Result<DiskReplay> make(const Plan& plan);
  DiskReplay(DiskReplay&&) noexcept;
  ~DiskReplay();

  void serve(std::span<const TracedRequest> requests);
  /// Serves the requests that still wait. To be called once, at the end.
  std::vector<Row> finish();

 private:
  struct Run;
  explicit DiskReplay(std::vector<std::unique_ptr<Run>> runs, const Plan& plan);

  std::vector<std::unique_ptr<Run>> runs_;
  Plan plan_;
};

}  // namespace spindle
