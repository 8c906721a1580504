// ClassPolicy: an arm's policy that serves the requests of the best class first.
//
// Requests have a rank, 0 the best; among those of the best rank that wait, another policy chooses,
// as if the others were not there. Where all have one rank it is asked directly.
#pragma once

#include <functional>
#include <memory>
#include <utility>
#include <vector>

#include "spindle/policy/arm_policy.h"

namespace spindle {

class ClassPolicy final : public ArmPolicy {
 public:
  /// The waiting requests, as the drive has them in order of arrival, by their ids.
  using Queue = std::function<std::span<const ArmRequest>()>;
  using RankOf = std::function<unsigned(std::uint64_t id)>;

  ClassPolicy(std::unique_ptr<ArmPolicy> within, Queue queue, RankOf rank_of)
      : within_(std::move(within)), queue_(std::move(queue)), rank_of_(std::move(rank_of)) {}

  [[nodiscard]] std::string_view name() const override { return within_->name(); }
  ArmChoice choose(const WaitingRequests& waiting, const ArmState& state) override;

 private:
  std::unique_ptr<ArmPolicy> within_;
  Queue queue_;
  RankOf rank_of_;
  std::vector<ArmRequest> best_;
  std::vector<std::size_t> places_;  ///< of those, in the whole queue
};

}  // namespace spindle
