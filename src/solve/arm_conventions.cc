#include "arm_conventions.h"

#include "library_policy.h"

namespace spindle {
namespace {

struct Name {
  std::string_view algorithm;
  std::string_view policy;
};
constexpr Name kNames[] = {
    {"FCFS", "fcfs"},     {"FIFO", "fcfs"},     {"SSTF", "sstf"},
    {"SCAN", "scan"},     {"C-SCAN", "c-scan"}, {"LOOK", "look"},
    {"C-LOOK", "c-look"}, {"FSCAN", "fscan"},   {"N-STEP-SCAN", "n-step-scan"},
    {"V(R)", "v-r"},      {"SATF", "sptf"},     {"BSATF", "sptf"},
    {"SPTF", "sptf"},     {"ASATF", "sptf"},    {"DEADLINE", "deadline"}};

}  // namespace

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
  for (const Name& name : kNames) {
    if (name.algorithm != problem.algorithm) continue;
    auto policy = make_arm_policy(name.policy, conventions);
    if (policy.ok()) return std::move(policy).take();
  }
  const auto own = policy_of_library(problem, PolicyKind::kArm);
  return own ? make_arm_policy(*own, conventions).take() : nullptr;
}

}  // namespace spindle
