#include "class_policy.h"

#include <algorithm>

namespace spindle {
namespace {

/// What the disk says of some of the requests.
class TimesOfSome final : public PositioningTimes {
 public:
  TimesOfSome(const WaitingRequests& all, const std::vector<std::size_t>& places)
      : all_(all), places_(places) {}
  [[nodiscard]] VirtualTime of(std::size_t request) const override {
    return all_.positioning_time(places_[request]).value_or(VirtualTime{});
  }

 private:
  const WaitingRequests& all_;
  const std::vector<std::size_t>& places_;
};

}  // namespace

ArmChoice ClassPolicy::choose(const WaitingRequests& waiting, const ArmState& state) {
  const std::span<const ArmRequest> queue = queue_();
  unsigned best = ~0u;
  for (const ArmRequest& request : queue) best = std::min(best, rank_of_(request.id));
  best_.clear();
  places_.clear();
  for (std::size_t place = 0; place < queue.size(); ++place) {
    if (rank_of_(queue[place].id) != best) continue;
    best_.push_back(queue[place]);
    places_.push_back(place);
  }
  if (best_.size() == queue.size()) return within_->choose(waiting, state);
  const TimesOfSome times(waiting, places_);
  const bool is_timed = waiting.positioning_time(places_.front()).has_value();
  ArmChoice choice = within_->pick(best_, state, is_timed ? &times : nullptr);
  choice.index = places_[choice.index];
  return choice;
}

}  // namespace spindle
