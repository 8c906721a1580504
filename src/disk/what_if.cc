#include "spindle/disk/what_if.h"

#include <algorithm>

namespace spindle {

void ArmWhatIf::Row::count(const Service& service, std::uint64_t requests_served) {
  ++services;
  requests += requests_served;
  arm_distance += service.distance;
  arm_moves += service.moves;
  seek_ns += service.seek_ns;
  rotation_ns += service.rotation_ns;
  transfer_ns += service.transfer_ns;
  response_sum_ns += service.response_ns() * static_cast<std::int64_t>(requests_served);
  longest_response_ns = std::max(longest_response_ns, service.response_ns());
}

void ArmWhatIf::arrived(Run run, bool is_write, std::uint64_t requests) {
  for (Drive& shadow : shadows_) shadow.arrive(requests, run, is_write);
}

void ArmWhatIf::served(const Service& service, std::uint64_t requests) {
  live_.count(service, requests);
  if (stops_.empty()) stops_.resize(shadows_.size() * kKeptStops);
  for (std::size_t i = 0; i < shadows_.size(); ++i) {
    const Service own = shadows_[i].serve_next();
    rows_[i].count(own, own.cookie);
    const std::uint64_t number = rows_[i].services;
    stops_[i * kKeptStops + number % kKeptStops] = {
        number, own.from, own.by_way_of, own.to, own.end, own.begin, own.seek_ns, own.total_ns()};
  }
}

std::vector<ArmWhatIf::Stop> ArmWhatIf::stops(std::size_t row) const {
  const std::uint64_t last = rows_[row].services;
  std::vector<Stop> kept;
  for (std::uint64_t number = last < kKeptStops ? 1 : last - kKeptStops + 1; number <= last;
       ++number) {
    kept.push_back(stops_[row * kKeptStops + number % kKeptStops]);
  }
  return kept;
}

void ArmWhatIf::restarted(const Drive& drive, std::span<const std::uint64_t> requests) {
  shadows_.clear();
  rows_.clear();
  live_ = {.policy = drive.policy().name(), .in_use = true};
  for (const std::string_view name : arm_policy_names()) {
    shadows_.emplace_back(drive.model(), make_arm_policy(name).take());
    shadows_.back().take_over(drive, requests);
    rows_.push_back({.policy = name, .in_use = name == live_.policy});
  }
  stops_.clear();
}

}  // namespace spindle
