#include "spindle/policy/arm_queue.h"

#include "arm_policies.h"
#include "spindle/base/check.h"

namespace spindle {

std::size_t ArmQueue::add(Cylinder cylinder, VirtualTime arrival, bool is_write) {
  const std::size_t request = requests_.size();
  requests_.push_back({cylinder, arrival, is_write, true});
  places_.emplace(cylinder, request);
  return request;
}

void ArmQueue::remove(std::size_t request) {
  CHECK(request < requests_.size() && requests_[request].waiting);
  requests_[request].waiting = false;
  places_.erase({requests_[request].cylinder, request});
  while (oldest_ < requests_.size() && !requests_[oldest_].waiting) ++oldest_;
}

std::size_t ArmQueue::next_oldest(std::size_t request) const {
  do ++request;
  while (!requests_[request].waiting);
  return request;
}

std::optional<std::size_t> ArmQueue::nearest(Cylinder at, bool up, std::size_t among) const {
  if (among < size()) {
    std::optional<std::size_t> best;
    for (std::size_t i = oldest_; among != 0; ++i) {
      if (!requests_[i].waiting) continue;
      --among;
      const Cylinder there = requests_[i].cylinder;
      if (up ? there < at : at < there) continue;
      if (!best || arm_distance(there, at) < arm_distance(requests_[*best].cylinder, at)) best = i;
    }
    return best;
  }
  if (up) {
    const auto above = places_.lower_bound({at, 0});
    return above == places_.end() ? std::nullopt : std::optional(above->second);
  }
  const auto above = places_.upper_bound({at, ~std::size_t{0}});
  if (above == places_.begin()) return std::nullopt;
  return places_.lower_bound({std::prev(above)->first, 0})->second;
}

}  // namespace spindle
