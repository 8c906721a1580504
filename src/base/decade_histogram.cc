#include "spindle/base/decade_histogram.h"

#include <algorithm>

namespace spindle {
namespace {

constexpr auto kLimits = [] {
  std::array<std::uint64_t, DecadeHistogram::kCounters> limits{};
  std::uint64_t power = 1;
  for (std::size_t i = 1; i < limits.size(); i += 3, power *= 10) {
    limits[i] = power;
    limits[i + 1] = 2 * power;
    limits[i + 2] = 5 * power;
  }
  return limits;
}();

}  // namespace

std::uint64_t DecadeHistogram::limit(std::size_t index) {
  return kLimits[index];
}

std::size_t DecadeHistogram::index_of(std::uint64_t value) {
  const auto* found = std::ranges::lower_bound(kLimits, value);
  return std::min<std::size_t>(static_cast<std::size_t>(found - kLimits.begin()), kCounters - 1);
}

}  // namespace spindle
