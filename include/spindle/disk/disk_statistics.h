// DiskStatistics: everything that a disk counts. Plain numbers; they add up exactly:
//
//   requests() = responses.count() + those still in the queue        (a request counts at arrival)
//   services   = requests served - merged
//   seek_ns + rotation_ns + transfer_ns = how far the virtual clock moved
//   arm_distance = the sum of the distances of all services, turning points included
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>

#include "spindle/base/decade_histogram.h"
#include "spindle/base/time_histogram.h"
#include "spindle/device/block_device.h"
#include "spindle/disk/drive.h"

namespace spindle {

struct DiskStatistics {
  /// By what it was for: one row for reads, one for writes, indexed by IoRequest::Kind.
  using Table = std::array<std::array<std::uint64_t, kIoPurposes>, 2>;

  Table requests_by_purpose{};
  Table blocks_by_purpose{};
  std::uint64_t flushes = 0;
  std::uint64_t discards = 0;
  std::uint64_t errors = 0;  ///< batches, flushes and discards that the device below failed

  std::uint64_t services = 0;      ///< how often the arm was sent to serve
  std::uint64_t merged = 0;        ///< requests that went along with their neighbour of the batch
  std::uint64_t arm_distance = 0;  ///< cylinders
  std::uint64_t arm_moves = 0;
  std::int64_t seek_ns = 0;
  std::int64_t rotation_ns = 0;
  std::int64_t transfer_ns = 0;
  std::uint64_t depth_sum = 0;  ///< the depth of the queue at each service, itself included
  std::uint64_t depth_max = 0;
  TimeHistogram responses;          ///< virtual time from arrival to the last block
  DecadeHistogram response_counts;  ///< how many requests took how many ns to be answered
  DecadeHistogram distances;        ///< how many services moved the arm by how many cylinders

  /// A request of the batch was let in.
  void count_request(const IoRequest& request, std::uint64_t blocks);
  /// The arm has served what stands for `requests` requests.
  void count_service(const Service& service, std::uint64_t requests);

  [[nodiscard]] std::uint64_t requests(IoRequest::Kind kind) const;
  [[nodiscard]] std::uint64_t requests() const;
  [[nodiscard]] std::uint64_t blocks(IoRequest::Kind kind) const;
  [[nodiscard]] std::int64_t busy_ns() const { return seek_ns + rotation_ns + transfer_ns; }
  [[nodiscard]] double mean_depth() const;
};

}  // namespace spindle
