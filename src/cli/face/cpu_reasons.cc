// Why each process got the CPU: the schedule is gone through decision by decision, and who was
// ready then, and with what, is put into words.

#include <fmt/format.h>

#include <algorithm>
#include <functional>
#include <limits>

#include "cli/face/cpu_schedule.h"

namespace spindle::cli {
namespace {

constexpr double kNever = std::numeric_limits<double>::infinity();
constexpr double kClose = 1e-9;
/// So many of those that were passed by are named.
constexpr std::size_t kMostNamed = 6;

struct State {
  std::size_t burst = 0;
  double left = 0;
  double ready_since = 0;
};

/// What a policy goes by: the key of a ready process, how it is called, and whether less is better.
struct Rule {
  std::string_view policy;
  std::string_view what;  ///< "the shortest burst"
  std::function<double(const CpuSchedule::Process&, const State&, double now)> key;  ///< or none
  bool is_preemptive = false;
};

const std::vector<Rule>& rules() {
  using Process = CpuSchedule::Process;
  const auto since = [](const Process&, const State& s, double) { return s.ready_since; };
  const auto left = [](const Process&, const State& s, double) { return s.left; };
  const auto priority = [](const Process& p, const State&, double) { return p.priority; };
  const auto ratio = [](const Process&, const State& s, double now) {
    return (now - s.ready_since + s.left) / s.left;
  };
  static const std::vector<Rule> kRules = {
      {"fcfs", "has been ready longest, since", since},
      {"rr", "stands first in the queue, ready since", since},
      {"sjf", "has the shortest burst,", left},
      {"srtf", "has the least left to run,", left, true},
      {"ljf", "has the longest burst,", left},
      {"lrtf", "has the most left to run,", left, true},
      {"priority", "has the best priority,", priority},
      {"priority-preemptive", "has the best priority,", priority, true},
      {"priority-rr", "stands first among those of the best priority,", priority, true},
      {"hrrn", "has the highest response ratio, (waited + burst) / burst =", ratio},
      {"priority-aging", "has the best priority, its waiting counted,", nullptr, true},
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

class Telling {
 public:
  Telling(const CpuSchedule& schedule, std::string_view policy)
      : schedule_(schedule), last_(schedule.cpus()) {
    for (const CpuSchedule::Process& process : schedule.processes)
      states_.push_back({0, process.bursts[0], process.arrival});
    const auto found = std::ranges::find(rules(), policy, &Rule::policy);
    if (found != rules().end()) rule_ = &*found;
  }

  std::vector<std::string> sentences() {
    std::vector<std::string> out;
    std::size_t returned = 0;
    for (const CpuSchedule::Span& span : schedule_.cpu) {
      out.push_back(sentence(span));
      run(span, returned);
    }
    return out;
  }

 private:
  [[nodiscard]] std::string sentence(const CpuSchedule::Span& span) const {
    const CpuSchedule::Span* last = last_[span.cpu];
    const double now = last == nullptr ? span.from : span.from - schedule_.context_switch;
    const std::string& name = schedule_.processes[span.process].name;
    std::string text = fmt::format("At {} ms: ", shown(now));
    if (last_.size() > 1) text = fmt::format("At {} ms on CPU {}: ", shown(now), span.cpu);
    if (last != nullptr && last->process != span.process && std::abs(last->to - now) < kClose &&
        0 < states_[last->process].left &&
        std::abs(states_[last->process].ready_since - now) < kClose)
      text +=
          rule_ != nullptr && rule_->is_preemptive
              ? fmt::format("{} gives way. ", schedule_.processes[last->process].name)
              : fmt::format("the turn of {} is over. ", schedule_.processes[last->process].name);
    std::vector<std::string> others;
    std::size_t ready = 0;
    for (std::size_t p = 0; p < states_.size(); ++p) {
      if (p == span.process || states_[p].left <= 0 || now + kClose < states_[p].ready_since)
        continue;
      ++ready;
      if (others.size() < kMostNamed) others.push_back(named(p, now));
    }
    if (ready == 0) return text + fmt::format("{} runs: no other is ready.", name);
    if (rule_ == nullptr)
      return text +
             fmt::format("{} runs: the policy's queues put it before {}.", name, listed(others));
    if (ready > others.size()) others.push_back(fmt::format("{} more", ready - others.size()));
    const std::string key = rule_->key ? " " + key_text(span.process, now) : "";
    return text + fmt::format("{} runs: it {}{} (the others: {}).", name, rule_->what, key,
                              listed(others));
  }

  [[nodiscard]] std::string key_text(std::size_t process, double now) const {
    return shown(rule_->key(schedule_.processes[process], states_[process], now));
  }
  [[nodiscard]] std::string named(std::size_t process, double now) const {
    const std::string& name = schedule_.processes[process].name;
    return rule_ == nullptr || !rule_->key ? name
                                           : fmt::format("{} ({})", name, key_text(process, now));
  }

  void run(const CpuSchedule::Span& span, std::size_t& returned) {
    State& state = states_[span.process];
    const CpuSchedule::Process& process = schedule_.processes[span.process];
    state.left -= span.to - span.from;
    state.ready_since = span.to;
    if (state.left <= kClose) {
      state.left = 0;
      state.ready_since = kNever;
      if (state.burst + 2 < process.bursts.size()) {
        state.burst += 2;
        state.left = process.bursts[state.burst];
        state.ready_since = end_of_device(span, returned);
      }
    }
    last_[span.cpu] = &span;
  }

  /// The device's span that begins when the process leaves the CPU, or later if it waits.
  [[nodiscard]] double end_of_device(const CpuSchedule::Span& after, std::size_t& from) const {
    while (from < schedule_.device.size() && schedule_.device[from].to < after.to) ++from;
    for (std::size_t i = from; i < schedule_.device.size(); ++i)
      if (schedule_.device[i].process == after.process &&
          after.to <= schedule_.device[i].from + kClose)
        return schedule_.device[i].to;
    return kNever;
  }

  const CpuSchedule& schedule_;
  const Rule* rule_ = nullptr;
  std::vector<State> states_;
  std::vector<const CpuSchedule::Span*> last_;  ///< of each CPU
};

}  // namespace

std::vector<std::string> reasons_of(const CpuSchedule& schedule, std::string_view policy) {
  return Telling(schedule, policy).sentences();
}

}  // namespace spindle::cli
