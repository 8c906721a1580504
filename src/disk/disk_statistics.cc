#include "spindle/disk/disk_statistics.h"

#include <algorithm>
#include <numeric>

namespace spindle {
namespace {

std::uint64_t sum(const std::array<std::uint64_t, kIoPurposes>& row) {
  return std::accumulate(row.begin(), row.end(), std::uint64_t{0});
}

}  // namespace

void DiskStatistics::count_request(const IoRequest& request, std::uint64_t blocks) {
  const auto kind = static_cast<std::size_t>(request.kind);
  const auto purpose = static_cast<std::size_t>(request.purpose);
  ++requests_by_purpose[kind][purpose];
  blocks_by_purpose[kind][purpose] += blocks;
}

void DiskStatistics::count_service(const Service& service, std::uint64_t requests) {
  ++services;
  merged += requests - 1;
  arm_distance += service.distance;
  arm_moves += service.moves;
  seek_ns += service.seek_ns;
  rotation_ns += service.rotation_ns;
  transfer_ns += service.transfer_ns;
  depth_sum += service.depth;
  depth_max = std::max<std::uint64_t>(depth_max, service.depth);
  responses.add(service.response_ns(), requests);
  response_counts.add(static_cast<std::uint64_t>(service.response_ns()), requests);
  distances.add(service.distance);
}

std::uint64_t DiskStatistics::requests(IoRequest::Kind kind) const {
  return sum(requests_by_purpose[static_cast<std::size_t>(kind)]);
}

std::uint64_t DiskStatistics::requests() const {
  return requests(IoRequest::Kind::kRead) + requests(IoRequest::Kind::kWrite);
}

std::uint64_t DiskStatistics::blocks(IoRequest::Kind kind) const {
  return sum(blocks_by_purpose[static_cast<std::size_t>(kind)]);
}

double DiskStatistics::mean_depth() const {
  return services == 0 ? 0 : static_cast<double>(depth_sum) / static_cast<double>(services);
}

}  // namespace spindle
