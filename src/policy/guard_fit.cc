// The guard of a loaded fit policy.

#include "fit_policies.h"
#include "plugins.h"

namespace spindle {
namespace {

/// What the policy sees of the free runs: its questions must end.
class GuardedRuns final : public FreeRuns {
 public:
  explicit GuardedRuns(const FreeRuns& all) : all_(all) {}
  [[nodiscard]] std::optional<Run> at_or_after(BlockNo at) const override {
    return counted(), all_.at_or_after(at);
  }
  [[nodiscard]] std::optional<Run> first_of(std::uint64_t length, BlockNo from) const override {
    return counted(), all_.first_of(length, from);
  }
  [[nodiscard]] std::optional<Run> shortest_of(std::uint64_t length) const override {
    return counted(), all_.shortest_of(length);
  }
  [[nodiscard]] std::optional<Run> longest() const override { return counted(), all_.longest(); }

 private:
  void counted() const {
    constexpr std::uint64_t kMostQuestions = 4'000'000;
    if (++questions_ > kMostQuestions) throw EndlessQuestions();
  }

  const FreeRuns& all_;
  mutable std::uint64_t questions_ = 0;
};

std::optional<std::string> fault_of(const std::optional<Run>& run, const FreeRuns& free,
                                    const FitRequest& request) {
  if (!run) {
    const auto one =
        request.must_be_whole ? free.first_of(request.want, BlockNo{0}) : free.longest();
    if (!one) return std::nullopt;
    return "found no run, although " + std::to_string(one->length) + " blocks from " +
           std::to_string(one->start.value) + " on are free";
  }
  const std::string words = "took " + std::to_string(run->length) + " blocks from " +
                            std::to_string(run->start.value) + " on, ";
  const std::uint64_t least = request.must_be_whole ? request.want : 1;
  if (run->length < least || run->length > request.want)
    return words + "where " + std::to_string(request.want) + " are wanted";
  const std::optional<Run> holds = free.at_or_after(run->start);
  const bool is_free =
      holds && holds->contains(run->start) && run->length <= holds->end() - run->start;
  return is_free ? std::nullopt : std::optional(words + "which are not free");
}

class GuardedFit final : public FitPolicy {
 public:
  explicit GuardedFit(const Plugin& plugin) : plugin_(plugin), plainest_(make_first_fit()) {
    const auto& registration = *static_cast<const plugin::FitRegistration*>(plugin.registration);
    if (const auto why = own_.make([&] { return registration.make(); })) replace(*why);
  }

  [[nodiscard]] std::string_view name() const override {
    return is_replaced_ ? plainest_->name() : plugin_.name;
  }

  std::optional<Run> choose(const FreeRuns& free, const FitRequest& request) override {
    if (is_replaced_) return plainest_->choose(free, request);
    std::optional<Run> run;
    std::optional<std::string> why =
        own_.ask([&] { run = own_->choose(GuardedRuns(free), request); });
    if (!why) why = fault_of(run, free, request);
    if (!why) return run;
    replace(*why);
    return plainest_->choose(free, request);
  }

 private:
  void replace(std::string_view why) {
    is_replaced_ = true;
    report_misbehaviour(plugin_, why, plainest_->name());
  }

  const Plugin& plugin_;
  OwnPolicy<FitPolicy> own_{plugin_.library};
  std::unique_ptr<FitPolicy> plainest_;
  bool is_replaced_ = false;
};

}  // namespace

std::unique_ptr<FitPolicy> make_guarded_fit(const Plugin& plugin) {
  return std::make_unique<GuardedFit>(plugin);
}

}  // namespace spindle
