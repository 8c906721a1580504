#include "arm_conventions.h"

#include "asked_policy.h"

namespace spindle {

ArmConventions read_arm_conventions(const Problem& problem) {
  using Tie = ArmConventions::Tie;
  constexpr Tie kTies[] = {Tie::kLower, Tie::kHigher, Tie::kArrival, Tie::kTravel, Tie::kRotation};
  const Field& parameters = problem.parameters;
  ArmConventions conventions;
  conventions.sstf_tie = kTies[parameters["tie"].choice(
      {"lower|low", "higher|high", "arrival|first|fifo", "direction|travel", "rotation"})];
  conventions.steps = static_cast<std::size_t>(parameters["steps"].integer_or(8, 1, 1 << 30));
  conventions.r = parameters["r"].number_or(0.2, 0, 1);
  conventions.aging = parameters["aging"].number_or(problem.algorithm == "ASATF" ? 0.5 : 0, 0, 1e6);
  conventions.read_deadline = parameters["read_deadline"].time_or({500 * kUnitNs});
  conventions.write_deadline = parameters["write_deadline"].time_or({5000 * kUnitNs});
  conventions.batch = static_cast<std::size_t>(parameters["batch"].integer_or(16, 1, 1 << 30));
  return conventions;
}

std::unique_ptr<ArmPolicy> make_arm(const Problem& problem, const ArmConventions& conventions) {
  // The rotating disk's exercises say SATF, others SPTF.
  constexpr PolicyOfAlgorithm kPolicies[] = {
      {"FCFS", "fcfs"},     {"SSTF", "sstf"},        {"SCAN", "scan"},
      {"C-SCAN", "c-scan"}, {"LOOK", "look"},        {"C-LOOK", "c-look"},
      {"FSCAN", "fscan"},   {"V(R)", "v-r"},         {"N-STEP-SCAN", "n-step-scan"},
      {"SATF", "sptf"},     {"SPTF", "sptf"},        {"BSATF", "sptf"},
      {"ASATF", "sptf"},    {"DEADLINE", "deadline"}};
  // SCAN that turns at the last request is LOOK, whatever the exercise calls it.
  const bool may_turn_early = problem.algorithm == "SCAN" || problem.algorithm == "C-SCAN";
  const bool turns_early =
      may_turn_early &&
      problem.parameters["turn"].choice({"edge|end|disk-end", "request|last-request|last"}) == 1;
  if (turns_early)
    return make_arm_policy(problem.algorithm == "SCAN" ? "look" : "c-look", conventions).take();
  const auto name = asked_policy(problem, PolicyKind::kArm, kPolicies);
  return name ? make_arm_policy(*name, conventions).take() : nullptr;
}

}  // namespace spindle
