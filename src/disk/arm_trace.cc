#include "spindle/disk/arm_trace.h"

#include <algorithm>

#include "spindle/base/check.h"

namespace spindle {

ArmTrace::ArmTrace(std::size_t capacity) : capacity_(capacity) {
  CHECK(capacity != 0);
  ring_.reserve(capacity);  // memory that is not used before something is recorded
}

std::size_t ArmTrace::size() const {
  return std::min<std::uint64_t>(recorded_, capacity_);
}

const ArmTrace::Entry& ArmTrace::at(std::size_t index) const {
  CHECK(index < size());
  return ring_[(recorded_ - size() + index) % capacity_];
}

void ArmTrace::served(const Service& service, std::uint64_t requests) {
  const std::size_t place = recorded_ % capacity_;
  if (place == ring_.size()) ring_.emplace_back();
  ring_[place] = {++recorded_, policy_, requests, service};
}

}  // namespace spindle
