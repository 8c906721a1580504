// RequestStatistics: how often the kernel asked for what, and how long the answer took.
//
// Latency is wall time from the moment a request was read to the moment its answer was written.
// Counted by the session for itself; nobody locks.
#pragma once

#include <array>
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "spindle/base/time_histogram.h"

namespace spindle {

class RequestStatistics {
 public:
  struct Row {
    std::string_view name;     ///< "lookup", "write", ...
    std::uint64_t errors = 0;  ///< answers that were an error (a name not found counts as one)
    TimeHistogram latency;
  };

  void add(std::uint32_t opcode, std::int64_t latency_ns, bool failed);
  /// The operations that were asked for at least once.
  [[nodiscard]] std::vector<const Row*> rows() const;
  void reset();

 private:
  static constexpr std::size_t kOperations = 64;
  /// Made when an operation is first asked for: most never are, and a histogram takes 8 KiB.
  std::array<std::unique_ptr<Row>, kOperations> rows_;
};

/// The name of a FUSE operation: "lookup", "read", ...; "other" for a number that has none.
std::string_view request_name(std::uint32_t opcode);
/// All that request_name answers but "other".
std::vector<std::string> request_names();

}  // namespace spindle
