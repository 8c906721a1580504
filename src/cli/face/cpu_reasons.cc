// Why each process got the CPU: a sentence of what the solver and its policy said of each choice,
// what the chosen process had before those that were ready, too.

#include <fmt/format.h>

#include <algorithm>

#include "cli/face/cpu_schedule.h"

namespace spindle::cli {
namespace {

/// What a policy goes by.
struct Rule {
  enum class Shows : std::uint8_t { kNothing, kSince, kTime, kPriority, kNumber };

  std::string_view policy;
  std::string_view what;          ///< what the chosen process has before the others, as a clause
  Shows shows = Shows::kNothing;  ///< the number of a process that stands behind the clause
  std::string_view then = "";     ///< what stands behind that
  bool has_equals = false;        ///< more than the number decides among equals
};

const std::vector<Rule>& rules() {
  using Shows = Rule::Shows;
  static const std::vector<Rule> kRules = {
      {"fcfs", "has been ready longest, since", Shows::kSince, "", true},
      {"rr", "stands first in the queue, ready since", Shows::kSince},
      {"sjf", "has the shortest burst,", Shows::kTime, "", true},
      {"sjf-estimated", "has the shortest burst by estimate,", Shows::kTime, "", true},
      {"srtf", "has the least left to run,", Shows::kTime, "", true},
      {"srtf-estimated", "has the least left to run by estimate,", Shows::kTime, "", true},
      {"ljf", "has the longest burst,", Shows::kTime, "", true},
      {"lrtf", "has the most left to run,", Shows::kTime, "", true},
      {"priority", "has the best priority,", Shows::kPriority, "", true},
      {"priority-preemptive", "has the best priority,", Shows::kPriority, "", true},
      {"priority-rr", "stands first among those of the best priority,", Shows::kPriority},
      {"hrrn", "has the highest response ratio, (waited + burst) / burst =", Shows::kNumber, "",
       true},
      {"priority-aging", "has the best priority,", Shows::kPriority, ", its waiting counted", true},
      {"vrr", "stands first: back from a device with a part of its turn, or longest ready"},
      {"mlq", "stands first in the highest queue that is not empty, queue", Shows::kNumber},
      {"feedback", "stands first in the highest queue that is not empty, queue", Shows::kNumber},
      {"mlfq", "stands first in the highest queue that is not empty, queue", Shows::kNumber},
      {"lottery", "holds the ticket that was drawn, one of its", Shows::kNumber},
      {"stride", "has the lowest pass"},
      {"cfs", "has the least virtual run time,", Shows::kTime, "", true},
      {"eevdf", "has the earliest virtual deadline of those that are owed time,", Shows::kTime},
      {"fair-share", "belongs to the user who has had least,", Shows::kTime, "", true},
  };
  return kRules;
}

class CpuReasons {
 public:
  CpuReasons(const CpuSchedule& schedule, std::string_view policy)
      : schedule_(schedule), is_one_of_many_(schedule.cpus() > 1) {
    const std::string known = std::string(policy) + (schedule.is_estimated ? "-estimated" : "");
    const auto found = std::ranges::find(rules(), known, &Rule::policy);
    if (found != rules().end()) rule_ = &*found;
  }

  [[nodiscard]] std::string sentence(const CpuSchedule::Span& span, const Json& choice) const {
    const std::string where = is_one_of_many_ ? fmt::format(" on CPU {}", span.cpu) : "";
    return fmt::format("At {} ms{}: {}{} runs: {}", shown(as_number(choice["at"])), where,
                       end_of_turn(choice), plain(choice["chosen"][0]), reason(choice));
  }

 private:
  /// How the process ended that had the CPU until now and could go on; empty if none had it.
  static std::string end_of_turn(const Json& choice) {
    if (!choice.contains("gave_way")) return {};
    const std::string name = plain(choice["gave_way"]["process"]);
    return choice["gave_way"]["preempted"].get<bool>()
               ? fmt::format("{} gives way. ", name)
               : fmt::format("the turn of {} is over. ", name);
  }

  [[nodiscard]] std::string reason(const Json& choice) const {
    const auto count = choice["others_count"].get<std::size_t>();
    if (count == 0)
      return fmt::format("no other {}is ready.",
                         choice["bound"].get<bool>() ? "that may run there " : "");
    if (rule_ == nullptr && schedule_.has_queue_each)
      return "the policy puts it first in the queue of this CPU.";
    std::vector<std::string> others;
    for (const Json& other : choice["others"]) others.push_back(named(other));
    if (rule_ == nullptr)
      return fmt::format("the policy's queues put it before {}.", listed(others));
    const std::string key =
        rule_->shows == Rule::Shows::kNothing ? "" : " " + number_text(choice["chosen"]);
    // In which queue each of the others stands, the schedule does not say.
    if (schedule_.has_queue_each)
      return fmt::format("of the queue of this CPU, it {}{}{}.", rule_->what, key, rule_->then);
    if (others.size() < count) others.push_back(fmt::format("{} more", count - others.size()));
    const bool is_first = rule_->has_equals && choice["equals"].get<bool>();
    return fmt::format("it {}{}{}{} (the others: {}).", rule_->what, key, rule_->then,
                       is_first ? ", and of equals it stands first" : "", listed(others));
  }

  /// The number by which a process [name, ready since, rank] is compared.
  [[nodiscard]] std::string number_text(const Json& process) const {
    constexpr double kNsInMs = 1e6;
    if (rule_->shows == Rule::Shows::kSince) return shown(as_number(process[1]));
    const double rank = as_number(process[2]);
    if (rule_->shows == Rule::Shows::kTime) return shown(rank / kNsInMs);
    return shown(rule_->shows == Rule::Shows::kPriority && schedule_.low_first ? -rank : rank);
  }
  [[nodiscard]] std::string named(const Json& process) const {
    if (rule_ == nullptr || rule_->shows == Rule::Shows::kNothing) return plain(process[0]);
    return fmt::format("{} ({})", plain(process[0]), number_text(process));
  }

  const CpuSchedule& schedule_;
  const Rule* rule_ = nullptr;
  bool is_one_of_many_;
};

}  // namespace

std::vector<std::string> cpu_reasons(const Solved& solved) {
  const CpuSchedule schedule(solved);
  const CpuReasons reasons(schedule, solved.policy->name);
  const Json choices = solved.answer.value("choices", Json::array());
  std::vector<std::string> out;
  for (std::size_t i = 0; i < std::min(choices.size(), schedule.cpu.size()); ++i)
    out.push_back(reasons.sentence(schedule.cpu[i], choices[i]));
  return out;
}

}  // namespace spindle::cli
