// Near, first and next fit: the runs are searched in order of place, from the hint, from the start,
// or from where the last search ended.

#include "fit_policies.h"

namespace spindle {
namespace {

/// The first run long enough at `from` or after, otherwise from the start of all.
std::optional<Run> first_wrapping(const FreeRuns& free, std::uint64_t want, BlockNo from) {
  const std::optional<Run> run = free.first_of(want, from);
  return run || from == BlockNo{0} ? run : free.first_of(want, BlockNo{0});
}

class NearFit final : public FitPolicy {
 public:
  [[nodiscard]] std::string_view name() const override { return "near"; }

  std::optional<Run> choose(const FreeRuns& free, const FitRequest& request) override {
    const std::optional<Run> here = free.at_or_after(request.hint);
    if (request.hint && here && here->contains(request.hint)) {
      const Run rest = front_of({request.hint, here->end() - request.hint}, request.want);
      // A run that starts at the hint follows what the file has: its blocks join the file's last
      // run, however few they are.
      const bool follows = here->start == request.hint && !request.must_be_whole;
      if (rest.length == request.want || follows) return rest;
    }
    const std::optional<Run> run = first_wrapping(free, request.want, request.hint);
    return run ? std::optional(front_of(*run, request.want)) : longest_instead(free, request);
  }
};

class FirstFit final : public FitPolicy {
 public:
  [[nodiscard]] std::string_view name() const override { return "first"; }

  std::optional<Run> choose(const FreeRuns& free, const FitRequest& request) override {
    const std::optional<Run> run = free.first_of(request.want, BlockNo{0});
    return run ? std::optional(front_of(*run, request.want)) : longest_instead(free, request);
  }
};

class NextFit final : public FitPolicy {
 public:
  [[nodiscard]] std::string_view name() const override { return "next"; }

  std::optional<Run> choose(const FreeRuns& free, const FitRequest& request) override {
    const std::optional<Run> run = first_wrapping(free, request.want, rover_);
    const std::optional<Run> taken =
        run ? std::optional(front_of(*run, request.want)) : longest_instead(free, request);
    if (taken) rover_ = taken->end();
    return taken;
  }

 private:
  BlockNo rover_;  ///< the end of what was taken last
};

}  // namespace

std::unique_ptr<FitPolicy> make_near_fit() {
  return std::make_unique<NearFit>();
}
std::unique_ptr<FitPolicy> make_first_fit() {
  return std::make_unique<FirstFit>();
}
std::unique_ptr<FitPolicy> make_next_fit() {
  return std::make_unique<NextFit>();
}

}  // namespace spindle
