#include "spindle/machine/machine_configuration.h"

#include <algorithm>
#include <array>

namespace spindle {
namespace {

constexpr std::array<std::string_view, 3> kModes = {"programmed", "interrupt", "dma"};
constexpr std::array<std::string_view, 5> kStrategies = {"none", "ordering", "banker", "detection",
                                                         "recovery"};

template <class E, std::size_t n>
std::optional<E> find_in(const std::array<std::string_view, n>& names, std::string_view name) {
  const auto found = std::ranges::find(names, name);
  if (found == names.end()) return std::nullopt;
  return static_cast<E>(found - names.begin());
}

}  // namespace

std::span<const std::string_view> device_mode_names() {
  return kModes;
}

std::span<const std::string_view> deadlock_strategy_names() {
  return kStrategies;
}

std::string_view name_of(DeviceMode mode) {
  return kModes[static_cast<std::size_t>(mode)];
}

std::string_view name_of(DeadlockStrategy strategy) {
  return kStrategies[static_cast<std::size_t>(strategy)];
}

std::optional<DeviceMode> device_mode_of(std::string_view name) {
  return find_in<DeviceMode>(kModes, name);
}

std::optional<DeadlockStrategy> deadlock_strategy_of(std::string_view name) {
  return find_in<DeadlockStrategy>(kStrategies, name);
}

}  // namespace spindle
