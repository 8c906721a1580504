// FitPolicy: which free run is taken for a request?
//
// The caller shows its free runs through FreeRuns (an index that answers in O(log n)) and gives the
// wanted length and a hint, the place next to which the new blocks would best stand. The policy
// answers with the run to take: at most `want` long, shorter only if no free run is long enough and
// the caller does not insist (`must_be_whole`). The same object finds runs for files in a volume
// and partitions for processes in simulated memory.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string_view>

#include "spindle/base/id.h"
#include "spindle/base/result.h"

namespace spindle {

/// An ordered set of free runs, none touching another. All answers in O(log n).
class FreeRuns {
 public:
  virtual ~FreeRuns() = default;
  /// The free run that holds `at`, or else the first that starts after it.
  [[nodiscard]] virtual std::optional<Run> at_or_after(BlockNo at) const = 0;
  /// The first run of at least `length` that ends after `from` (a run holding `from` counts whole).
  [[nodiscard]] virtual std::optional<Run> first_of(std::uint64_t length, BlockNo from) const = 0;
  /// The shortest run of at least `length`; of equals the lowest.
  [[nodiscard]] virtual std::optional<Run> shortest_of(std::uint64_t length) const = 0;
  /// The longest run; of equals the lowest.
  [[nodiscard]] virtual std::optional<Run> longest() const = 0;
};

struct FitRequest {
  std::uint64_t want = 1;      ///< blocks; not 0
  BlockNo hint = kNoBlock;     ///< best right here (a file's next block), else near; or kNoBlock
  bool must_be_whole = false;  ///< nothing shorter than `want` will do
};

class FitPolicy {
 public:
  virtual ~FitPolicy() = default;
  /// The name it is chosen by: "near" (the default), "first", "best", "worst", "next", "buddy".
  [[nodiscard]] virtual std::string_view name() const = 0;
  /// The run to take out of `free`, `want` blocks or fewer; nothing if none will do. Only "near"
  /// looks at the hint. Where no run is as long as wanted, every policy answers with the front of
  /// the longest, unless it must be whole.
  virtual std::optional<Run> choose(const FreeRuns& free, const FitRequest& request) = 0;
};

/// EINVAL for a name that is none of `fit_policy_names`.
Result<std::unique_ptr<FitPolicy>> make_fit_policy(std::string_view name);
std::span<const std::string_view> fit_policy_names();

}  // namespace spindle
