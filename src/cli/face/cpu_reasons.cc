// Why each process got the CPU. The schedule is gone through choice by choice; a sentence says what
// the chosen process had before those that were ready, too.

#include <fmt/format.h>

#include <algorithm>
#include <functional>
#include <limits>

#include "cli/face/cpu_schedule.h"

namespace spindle::cli {
namespace {

constexpr double kNeverReady = std::numeric_limits<double>::infinity();
/// How many of the processes that were passed by are named.
constexpr std::size_t kMostNamed = 6;

struct ProcessState {
  std::size_t burst = 0;
  double left = 0;
  double expected = 0;  ///< what is left of the burst, as far as the policy knows
  double estimate = 0;  ///< how long the whole burst is, where bursts are estimated
  double ready_since = 0;
};

/// What a policy goes by.
struct Rule {
  std::string_view policy;
  std::string_view what;  ///< what the chosen process has before the others, as a clause
  /// The number of a process that the clause ends with; none: it ends without.
  std::function<double(const CpuSchedule::Process&, const ProcessState&, double now)> key;
  bool is_preemptive = false;
  bool has_equals = false;  ///< more than the key decides among equals
};

const std::vector<Rule>& rules() {
  using Process = CpuSchedule::Process;
  const auto since = [](const Process&, const ProcessState& s, double) { return s.ready_since; };
  const auto left = [](const Process&, const ProcessState& s, double) { return s.expected; };
  const auto priority = [](const Process& p, const ProcessState&, double) { return p.priority; };
  const auto ratio = [](const Process&, const ProcessState& s, double now) {
    return (now - s.ready_since + s.left) / s.left;
  };
  static const std::vector<Rule> kRules = {
      {"fcfs", "has been ready longest, since", since, false, true},
      {"rr", "stands first in the queue, ready since", since},
      {"sjf", "has the shortest burst,", left, false, true},
      {"sjf-estimated", "has the shortest burst by estimate,", left, false, true},
      {"srtf", "has the least left to run,", left, true, true},
      {"srtf-estimated", "has the least left to run by estimate,", left, true, true},
      {"ljf", "has the longest burst,", left, false, true},
      {"lrtf", "has the most left to run,", left, true, true},
      {"priority", "has the best priority,", priority, false, true},
      {"priority-preemptive", "has the best priority,", priority, true, true},
      {"priority-rr", "stands first among those of the best priority,", priority, true},
      {"hrrn", "has the highest response ratio, (waited + burst) / burst =", ratio, false, true},
      {"priority-aging", "has the best priority, its waiting counted", nullptr, true},
      {"vrr", "stands first: back from a device with a part of its turn, or longest ready",
       nullptr},
      {"mlq", "stands first in the best queue that is not empty", nullptr, true},
      {"feedback", "stands first in the highest queue that is not empty", nullptr},
      {"mlfq", "stands first in the highest queue that is not empty", nullptr, true},
      {"lottery", "holds the ticket that was drawn", nullptr},
      {"stride", "has the lowest pass", nullptr},
      {"cfs", "has the least virtual run time", nullptr, true},
      {"eevdf", "has the earliest virtual deadline of those that are owed time", nullptr},
      {"fair-share", "has had least, it and its user together", nullptr},
  };
  return kRules;
}

class CpuReasons {
 public:
  CpuReasons(const CpuSchedule& schedule, std::string_view policy)
      : schedule_(schedule), returns_(schedule.processes.size()), last_(schedule.cpus()) {
    for (const CpuSchedule::Span& span : schedule.device) returns_[span.process].push_back(span.to);
    for (const CpuSchedule::Process& process : schedule.processes) {
      states_.push_back(first_state(process));
      if (process.bursts[0] <= kTimeTolerance) end_burst(states_.size() - 1);
    }
    const std::string known = std::string(policy) + (schedule.estimate ? "-estimated" : "");
    const auto found = std::ranges::find(rules(), known, &Rule::policy);
    if (found != rules().end()) rule_ = &*found;
  }

  std::vector<std::string> sentences() {
    std::vector<std::string> out;
    for (const CpuSchedule::Span& span : schedule_.cpu) {
      out.push_back(sentence(span));
      run(span);
    }
    return out;
  }

 private:
  /// The processes that could have run instead.
  struct Others {
    std::vector<std::string> names;  ///< of the first of them
    std::size_t count = 0;
    bool is_any_equal = false;  ///< to the chosen one, by what the policy compares
    bool is_any_bound = false;  ///< others are ready, but bound to other CPUs
  };

  [[nodiscard]] std::string sentence(const CpuSchedule::Span& span) const {
    const std::string where = last_.size() > 1 ? fmt::format(" on CPU {}", span.cpu) : "";
    return fmt::format("At {} ms{}: {}{} runs: {}", shown(span.chosen_at), where, end_of_turn(span),
                       schedule_.processes[span.process].name, reason(span));
  }

  /// How the process ended that had the CPU until now and could go on; empty if none had it.
  [[nodiscard]] std::string end_of_turn(const CpuSchedule::Span& span) const {
    const CpuSchedule::Span* last = last_[span.cpu];
    if (last == nullptr || last->process == span.process) return {};
    const auto is_now = [&](double time) {
      return std::abs(time - span.chosen_at) < kTimeTolerance;
    };
    const ProcessState& state = states_[last->process];
    if (!is_now(last->to) || state.left <= 0 || !is_now(state.ready_since)) return {};
    const std::string& name = schedule_.processes[last->process].name;
    return rule_ != nullptr && rule_->is_preemptive ? fmt::format("{} gives way. ", name)
                                                    : fmt::format("the turn of {} is over. ", name);
  }

  [[nodiscard]] Others others_of(const CpuSchedule::Span& span) const {
    Others others;
    for (std::size_t p = 0; p < states_.size(); ++p) {
      const bool is_ready =
          states_[p].left > 0 && states_[p].ready_since <= span.chosen_at + kTimeTolerance;
      if (p == span.process || !is_ready) continue;
      if (!schedule_.processes[p].may_run_on(span.cpu)) {
        others.is_any_bound = true;
        continue;
      }
      ++others.count;
      others.is_any_equal = others.is_any_equal || is_equal(p, span);
      if (others.names.size() < kMostNamed) others.names.push_back(named(p, span.chosen_at));
    }
    return others;
  }

  [[nodiscard]] std::string reason(const CpuSchedule::Span& span) const {
    Others others = others_of(span);
    if (others.count == 0)
      return fmt::format("no other {}is ready.", others.is_any_bound ? "that may run there " : "");
    if (rule_ == nullptr && schedule_.has_queue_each)
      return "the policy puts it first in the queue of this CPU.";
    if (rule_ == nullptr)
      return fmt::format("the policy's queues put it before {}.", listed(others.names));
    const std::string key = rule_->key ? " " + key_text(span.process, span.chosen_at) : "";
    // In which queue each of the others stands, the schedule does not say.
    if (schedule_.has_queue_each)
      return fmt::format("of the queue of this CPU, it {}{}.", rule_->what, key);
    if (others.names.size() < others.count)
      others.names.push_back(fmt::format("{} more", others.count - others.names.size()));
    return fmt::format("it {}{}{} (the others: {}).", rule_->what, key,
                       others.is_any_equal ? ", and of equals it stands first" : "",
                       listed(others.names));
  }

  [[nodiscard]] bool is_equal(std::size_t other, const CpuSchedule::Span& chosen) const {
    if (rule_ == nullptr || !rule_->has_equals) return false;
    const auto key = [&](std::size_t process) {
      return rule_->key(schedule_.processes[process], states_[process], chosen.chosen_at);
    };
    return std::abs(key(other) - key(chosen.process)) < kTimeTolerance;
  }

  [[nodiscard]] std::string key_text(std::size_t process, double now) const {
    return shown(rule_->key(schedule_.processes[process], states_[process], now));
  }
  [[nodiscard]] std::string named(std::size_t process, double now) const {
    const std::string& name = schedule_.processes[process].name;
    return rule_ == nullptr || !rule_->key ? name
                                           : fmt::format("{} ({})", name, key_text(process, now));
  }

  void run(const CpuSchedule::Span& span) {
    ProcessState& state = states_[span.process];
    state.left -= span.to - span.from;
    state.expected = std::max(0.0, state.expected - (span.to - span.from));
    state.ready_since = span.to;
    if (state.left <= kTimeTolerance) end_burst(span.process);
    last_[span.cpu] = &span;
  }

  [[nodiscard]] ProcessState first_state(const CpuSchedule::Process& process) const {
    const double length = process.bursts[0];
    const double estimate = schedule_.estimate ? schedule_.estimate->first : length;
    return {0, length, estimate, estimate, process.arrival};
  }

  /// The process goes to its device, and then to its next burst; bursts of no length are skipped.
  void end_burst(std::size_t process) {
    ProcessState& state = states_[process];
    const std::vector<double>& bursts = schedule_.processes[process].bursts;
    state.left = 0;
    for (; state.left <= kTimeTolerance && state.burst + 2 < bursts.size(); state.burst += 2) {
      if (schedule_.estimate)
        state.estimate = schedule_.estimate->alpha * bursts[state.burst] +
                         (1 - schedule_.estimate->alpha) * state.estimate;
      state.ready_since = returns_[process][state.burst / 2];
      state.left = bursts[state.burst + 2];
      state.expected = schedule_.estimate ? state.estimate : state.left;
    }
    if (state.left <= kTimeTolerance) state.ready_since = kNeverReady;
  }

  const CpuSchedule& schedule_;
  const Rule* rule_ = nullptr;
  std::vector<ProcessState> states_;
  std::vector<std::vector<double>> returns_;    ///< when each process ended each of its I/Os
  std::vector<const CpuSchedule::Span*> last_;  ///< what ran last on each CPU
};

}  // namespace

std::vector<std::string> reasons_of(const CpuSchedule& schedule, std::string_view policy) {
  return CpuReasons(schedule, policy).sentences();
}

}  // namespace spindle::cli
