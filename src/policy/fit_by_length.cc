// Best, worst and buddy fit: the runs are searched in order of length.

#include <bit>

#include "fit_policies.h"

namespace spindle {
namespace {

class BestFit final : public FitPolicy {
 public:
  [[nodiscard]] std::string_view name() const override { return "best"; }

  std::optional<Run> choose(const FreeRuns& free, const FitRequest& request) override {
    const std::optional<Run> run = free.shortest_of(request.want);
    return run ? std::optional(front_of(*run, request.want)) : longest_instead(free, request);
  }
};

class WorstFit final : public FitPolicy {
 public:
  [[nodiscard]] std::string_view name() const override { return "worst"; }

  std::optional<Run> choose(const FreeRuns& free, const FitRequest& request) override {
    const std::optional<Run> run = free.longest();
    if (!run || (run->length < request.want && request.must_be_whole)) return std::nullopt;
    return front_of(*run, request.want);
  }
};

/// Places at a multiple of the power of two not below `want`, in the shortest run that has such a
/// place free for the whole power: what is left free stays in pieces that are buddies of one
/// another, and the file may grow in place to the power. Where no run has one, best fit.
class BuddyFit final : public FitPolicy {
 public:
  [[nodiscard]] std::string_view name() const override { return "buddy"; }

  std::optional<Run> choose(const FreeRuns& free, const FitRequest& request) override {
    if (request.want <= kLargestPower) {
      const std::uint64_t power = std::bit_ceil(request.want);
      // A run twice as long has an aligned place for certain; shorter ones are tried, one of each
      // length, but only so many.
      std::uint64_t length = power;
      for (int tries = 0; tries < kTries; ++tries) {
        const std::optional<Run> run = free.shortest_of(length);
        if (!run) break;
        if (const std::optional<BlockNo> place = aligned_place(*run, power))
          return Run{*place, request.want};
        length = run->length + 1;
      }
      if (const std::optional<Run> run = free.shortest_of(2 * power))
        return Run{*aligned_place(*run, power), request.want};
    }
    const std::optional<Run> run = free.shortest_of(request.want);
    return run ? std::optional(front_of(*run, request.want)) : longest_instead(free, request);
  }

 private:
  static constexpr std::uint64_t kLargestPower = std::uint64_t{1} << 62;
  static constexpr int kTries = 16;

  /// The first multiple of `power` from which the run has `power` blocks.
  static std::optional<BlockNo> aligned_place(Run run, std::uint64_t power) {
    const std::uint64_t skip = (0 - run.start.value) & (power - 1);
    if (run.length < power || run.length - power < skip) return std::nullopt;
    return run.start + skip;
  }
};

}  // namespace

std::unique_ptr<FitPolicy> make_best_fit() {
  return std::make_unique<BestFit>();
}
std::unique_ptr<FitPolicy> make_worst_fit() {
  return std::make_unique<WorstFit>();
}
std::unique_ptr<FitPolicy> make_buddy_fit() {
  return std::make_unique<BuddyFit>();
}

}  // namespace spindle
