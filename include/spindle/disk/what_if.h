// ArmWhatIf: what would the other arm policies have cost?
//
//   ArmWhatIf what_if;
//   disk.add_observer(what_if);
//   for (const ArmWhatIf::Row& row : what_if.rows()) ...
//
// For each arm policy a shadow, a Drive of its own without any data, gets every request that the
// live disk gets, and serves one whenever the live disk serves one. So the queues of all are
// equally long at all times, each clock moves as its own arm asks, and the shadow of the policy in
// use does exactly what the live disk does. What a shadow cannot know is that a faster disk would
// have been asked the next question sooner: the order of arrivals is the live one.
//
// The last kKeptStops stops of each shadow's arm are kept, too, for pictures side by side.
//
// All counting starts again, from where the live disk then stands, when an observer is added to the
// disk, its counters are reset, or its policy, model or arm is set. Costs some 200 ns a policy and
// request while the queue is short.
#pragma once

#include <cstdint>
#include <string_view>
#include <vector>

#include "spindle/disk/disk_observer.h"
#include "spindle/disk/drive.h"

namespace spindle {

class ArmWhatIf final : public DiskObserver {
 public:
  struct Row {
    std::string_view policy;
    bool in_use = false;
    std::uint64_t services = 0;
    std::uint64_t requests = 0;      ///< served; those that were merged are counted one by one
    std::uint64_t arm_distance = 0;  ///< cylinders
    std::uint64_t arm_moves = 0;
    std::int64_t seek_ns = 0;
    std::int64_t rotation_ns = 0;
    std::int64_t transfer_ns = 0;
    std::int64_t response_sum_ns = 0;  ///< over requests
    std::int64_t longest_response_ns = 0;

    [[nodiscard]] std::int64_t busy_ns() const { return seek_ns + rotation_ns + transfer_ns; }
    [[nodiscard]] std::int64_t mean_response_ns() const {
      return requests == 0 ? 0 : response_sum_ns / static_cast<std::int64_t>(requests);
    }
    void count(const Service& service, std::uint64_t requests_served);
  };

  /// One row for each of `arm_policy_names`, in that order.
  [[nodiscard]] const std::vector<Row>& rows() const { return rows_; }
  /// Whether the policy of that row was replaced by another since, so that the row says nothing.
  [[nodiscard]] bool misbehaved(std::size_t row) const {
    return shadows_[row].policy().name() != rows_[row].policy;
  }
  /// The same of the live disk itself, counted since the same moment.
  [[nodiscard]] const Row& live() const { return live_; }

  /// Where a shadow's arm came to serve a request.
  struct Stop {
    std::uint64_t number = 0;  ///< services are counted from 1 on since counting began
    Cylinder from;
    TurningPoints by_way_of;
    Cylinder to;
    Cylinder end;
    VirtualTime begin;
    std::int64_t seek_ns = 0;
    std::int64_t total_ns = 0;
  };
  static constexpr std::size_t kKeptStops = 256;
  /// Of the shadow of that row, oldest first.
  [[nodiscard]] std::vector<Stop> stops(std::size_t row) const;

  void arrived(Run run, bool is_write, std::uint64_t requests) override;
  void served(const Service& service, std::uint64_t requests) override;
  void restarted(const Drive& drive, std::span<const std::uint64_t> requests) override;

 private:
  std::vector<Drive> shadows_;  ///< by row; a cookie is how many requests were merged into it
  std::vector<Stop> stops_;     ///< kKeptStops places a shadow, each a ring; none at first
  std::vector<Row> rows_;
  Row live_;
};

}  // namespace spindle
