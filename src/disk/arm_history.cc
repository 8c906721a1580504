#include "spindle/disk/arm_history.h"

#include <algorithm>

namespace spindle {

void ArmHistory::Stretch::merge(const Stretch& next) {
  services += next.services;
  distance += next.distance;
  lowest = std::min(lowest, next.lowest);
  highest = std::max(highest, next.highest);
  end = next.end;
  finish = next.finish;
}

void ArmHistory::served(const Service& service, std::uint64_t) {
  Stretch one{.services = 1,
              .distance = service.distance,
              .lowest = std::min({service.from, service.to, service.end}),
              .highest = std::max({service.from, service.to, service.end}),
              .end = service.end,
              .begin = service.begin,
              .finish = service.finish()};
  for (const Cylinder turn : service.by_way_of) {
    one.lowest = std::min(one.lowest, turn);
    one.highest = std::max(one.highest, turn);
  }
  history_.add(one);
}

}  // namespace spindle
