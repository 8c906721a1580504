#include "spindle/disk/arm_trace.h"

#include <algorithm>

#include "spindle/base/check.h"

namespace spindle {

ArmTrace::ArmTrace(std::size_t capacity) : ring_(capacity) {
  CHECK(capacity != 0);
}

std::size_t ArmTrace::size() const {
  return std::min<std::uint64_t>(recorded_, ring_.size());
}

const ArmTrace::Entry& ArmTrace::at(std::size_t index) const {
  CHECK(index < size());
  return ring_[(recorded_ - size() + index) % ring_.size()];
}

void ArmTrace::served(const Service& service, std::uint64_t requests) {
  ring_[recorded_ % ring_.size()] = {recorded_ + 1, policy_, requests, service};
  ++recorded_;
}

}  // namespace spindle
