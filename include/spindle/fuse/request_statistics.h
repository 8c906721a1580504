// RequestStatistics: how often the kernel asked for what, and how long the answer took.
//
// Latency is wall time from the moment a request was read to the moment its answer was written,
// kept in a log-linear histogram: 16 steps for each power of two, so a quantile is right to about 6
// %.
#pragma once

#include <array>
#include <cstdint>
#include <string_view>
#include <vector>

namespace spindle {

class LatencyHistogram {
 public:
  void add(std::int64_t latency_ns);
  [[nodiscard]] std::uint64_t count() const { return count_; }
  [[nodiscard]] std::int64_t sum_ns() const { return sum_ns_; }
  [[nodiscard]] std::int64_t longest_ns() const { return longest_ns_; }
  /// The latency that a share `quantile` (0 .. 1) of the requests did not exceed; 0 if there were
  /// none.
  [[nodiscard]] std::int64_t quantile_ns(double quantile) const;

 private:
  static constexpr unsigned kStepBits = 4;
  static constexpr std::size_t kBuckets = 61u << kStepBits;
  std::array<std::uint32_t, kBuckets> buckets_{};
  std::uint64_t count_ = 0;
  std::int64_t sum_ns_ = 0;
  std::int64_t longest_ns_ = 0;
};

class RequestStatistics {
 public:
  struct Row {
    std::string_view name;     ///< "lookup", "write", ...
    std::uint64_t errors = 0;  ///< answers that were an error (a name not found counts as one)
    LatencyHistogram latency;
  };

  void add(std::uint32_t opcode, std::int64_t latency_ns, bool failed);
  /// The operations that were asked for at least once.
  [[nodiscard]] std::vector<const Row*> rows() const;
  void reset();

 private:
  static constexpr std::size_t kOperations = 64;
  std::array<Row, kOperations> rows_{};
};

/// The name of a FUSE operation: "lookup", "read", ...; "other" for a number that has none.
std::string_view request_name(std::uint32_t opcode);

}  // namespace spindle
