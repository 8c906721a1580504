// ArmQueue: a long queue of requests, in which a policy finds the nearest in O(log n).
//
// For queues of many thousands of requests, as offline traces have them; the short queue of a live
// disk is better kept in a vector and given to ArmPolicy::pick. Requests are numbered 0, 1, 2 ...
// in the order in which they are added, and keep their numbers. Not locked.
//
//   ArmQueue queue;
//   queue.add(Cylinder{98});
//   ArmChoice choice = policy->choose(queue, state);
//   queue.remove(choice.index);
#pragma once

#include <set>
#include <utility>
#include <vector>

#include "spindle/policy/arm_policy.h"

namespace spindle {

class ArmQueue final : public WaitingRequests {
 public:
  ArmQueue() = default;
  /// For a disk that is known: `times` is asked by the requests' numbers, and must outlive the
  /// queue.
  explicit ArmQueue(const PositioningTimes* times) : times_(times) {}

  /// Adds a request behind all others and answers its number.
  std::size_t add(Cylinder cylinder, VirtualTime arrival = {}, bool is_write = false);
  /// Takes a waiting request out.
  void remove(std::size_t request);

  [[nodiscard]] bool empty() const { return places_.empty(); }
  [[nodiscard]] std::size_t size() const override { return places_.size(); }
  [[nodiscard]] std::size_t oldest() const override { return oldest_; }
  [[nodiscard]] Cylinder cylinder_of(std::size_t request) const override {
    return requests_[request].cylinder;
  }
  /// O(log n) if all are looked at, else linear in `among` and in what was taken out since.
  [[nodiscard]] std::optional<std::size_t> nearest(Cylinder at, bool up,
                                                   std::size_t among) const override;
  /// Linear in what was taken out since.
  [[nodiscard]] std::size_t next_oldest(std::size_t request) const override;
  [[nodiscard]] VirtualTime arrival_of(std::size_t request) const override {
    return requests_[request].arrival;
  }
  [[nodiscard]] bool is_write(std::size_t request) const override {
    return requests_[request].is_write;
  }
  [[nodiscard]] std::optional<VirtualTime> positioning_time(std::size_t request) const override {
    return times_ == nullptr ? std::nullopt : std::optional(times_->of(request));
  }

 private:
  struct Request {
    Cylinder cylinder;
    VirtualTime arrival;
    bool is_write = false;
    bool waiting = true;
  };

  const PositioningTimes* times_ = nullptr;

  std::vector<Request> requests_;
  std::set<std::pair<Cylinder, std::size_t>> places_;
  std::size_t oldest_ = 0;  ///< no request before it waits
};

}  // namespace spindle
