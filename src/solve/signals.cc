// Signals of one process as Linux treats them, operation by operation.
//
// The process is run by its parent, which sends signals ("kill TERM") and waits without blocking
// ("wait"); it itself sets handlers ("catch USR1"), ignores ("ignore INT"), goes back to the
// default ("default INT"), blocks and unblocks ("block USR1", "unblock USR1"), and ends ("exit 3").
// All rules are those of signal(7): a standard signal pends once, a real-time signal as often as it
// was sent; pending ones are taken by ascending number, those of faults first (which Linux does,
// however they were sent); SIGKILL and SIGSTOP cannot be caught, ignored or blocked; SIGCONT and
// the stop signals drop each other from those that pend; an ignored signal is dropped when it is
// sent, unless it is blocked, and one that pends when it becomes ignored. A stopped process does
// its own operations when it goes on.

#include <algorithm>
#include <array>
#include <charconv>
#include <deque>
#include <functional>
#include <map>
#include <optional>
#include <set>

#include "domains.h"

namespace spindle {
namespace {

using Json = nlohmann::json;

constexpr std::size_t kMostSignalOperations = 100'000;

enum class Default : std::uint8_t { kEnd, kIgnore, kStop, kContinue };

struct Signal {
  int number = 0;
  std::string_view name;
  Default by_default = Default::kEnd;
};
constexpr Signal kSignals[] = {{1, "HUP"},
                               {2, "INT"},
                               {3, "QUIT"},
                               {4, "ILL"},
                               {5, "TRAP"},
                               {6, "ABRT"},
                               {7, "BUS"},
                               {8, "FPE"},
                               {9, "KILL"},
                               {10, "USR1"},
                               {11, "SEGV"},
                               {12, "USR2"},
                               {13, "PIPE"},
                               {14, "ALRM"},
                               {15, "TERM"},
                               {16, "STKFLT"},
                               {17, "CHLD", Default::kIgnore},
                               {18, "CONT", Default::kContinue},
                               {19, "STOP", Default::kStop},
                               {20, "TSTP", Default::kStop},
                               {21, "TTIN", Default::kStop},
                               {22, "TTOU", Default::kStop},
                               {23, "URG", Default::kIgnore},
                               {24, "XCPU"},
                               {25, "XFSZ"},
                               {26, "VTALRM"},
                               {27, "PROF"},
                               {28, "WINCH", Default::kIgnore},
                               {29, "IO"},
                               {30, "PWR"},
                               {31, "SYS"}};
struct SignalAlias {
  std::string_view name;
  int number = 0;
};
constexpr SignalAlias kSignalAliases[] = {{"POLL", 29}, {"IOT", 6}, {"CLD", 17}};
constexpr int kKill = 9;
constexpr int kContinue = 18;
constexpr int kStop = 19;
constexpr int kFirstRealTime = 34;  // the first two are the C library's own
constexpr int kLastRealTime = 64;
constexpr std::array kOfFaults = {4, 5, 7, 8, 11, 31};  // ILL, TRAP, BUS, FPE, SEGV, SYS

std::optional<int> small_number(std::string_view text) {
  int number = 0;
  const auto [stop, error] = std::from_chars(text.data(), text.data() + text.size(), number);
  const bool whole = error == std::errc() && stop == text.data() + text.size();
  return whole && number >= 0 ? std::optional(number) : std::nullopt;
}

/// "TERM", "SIGTERM", "15", "RTMIN+2" or "RTMAX-1".
std::optional<int> signal_number(std::string_view text) {
  if (text.starts_with("SIG")) text.remove_prefix(3);
  for (const Signal& signal : kSignals)
    if (signal.name == text) return signal.number;
  for (const SignalAlias& alias : kSignalAliases)
    if (alias.name == text) return alias.number;
  std::optional<int> number;
  if (text == "RTMIN" || text == "RTMAX") {
    number = text == "RTMIN" ? kFirstRealTime : kLastRealTime;
  } else if (text.starts_with("RTMIN+") || text.starts_with("RTMAX-")) {
    const auto distance = small_number(text.substr(6));
    if (!distance || *distance > kLastRealTime) return std::nullopt;
    number = text[3] == 'I' ? kFirstRealTime + *distance : kLastRealTime - *distance;
    if (*number < kFirstRealTime) return std::nullopt;
  } else {
    number = small_number(text);
    if (number && *number > 31 && *number < kFirstRealTime) return std::nullopt;
  }
  return number && *number >= 1 && *number <= kLastRealTime ? number : std::nullopt;
}

std::string name_of(int number) {
  if (number < kFirstRealTime) return std::string(kSignals[number - 1].name);
  return number == kFirstRealTime ? "RTMIN" : "RTMIN+" + std::to_string(number - kFirstRealTime);
}

Default default_of(int number) {
  return number < kFirstRealTime ? kSignals[number - 1].by_default : Default::kEnd;
}

class SignalledProcess {
 public:
  enum class Action : std::uint8_t { kDefault, kIgnore, kCatch };

  void act(int number, Action action) {
    if (number == kKill || number == kStop) return;
    does([this, number, action] {
      actions_[number] = action;
      // The default of SIGCONT counts as ignoring it: a process that runs is not stopped.
      const bool continues = action == Action::kDefault && number == kContinue;
      if (continues || is_ignored(number)) pending_.erase(number);
    });
  }

  void block(int number) {
    if (number == kKill || number == kStop) return;
    does([this, number] { blocked_.insert(number); });
  }
  void unblock(int number) {
    does([this, number] {
      blocked_.erase(number);
      deliver();
    });
  }

  void kill(int number) {
    if (!is_alive()) return;
    const Default by_default = default_of(number);
    if (by_default == Default::kStop) pending_.erase(kContinue);
    if (number == kContinue) {
      std::erase_if(pending_, [](const auto& p) { return default_of(p.first) == Default::kStop; });
      state_ = State::kRunning;
    }
    if (!is_ignored(number) || blocked_.contains(number)) {
      std::uint64_t& times = pending_[number];
      times = number < kFirstRealTime ? 1 : times + 1;
    }
    deliver();
    go_on();
  }

  void exit(int status) {
    does([this, status] { end({{"exit", status & 255}}); });
  }

  /// What waitpid with WNOHANG tells: how the process ended, or nothing.
  Json wait() {
    if (state_ != State::kZombie) return {};
    state_ = State::kReaped;
    return status_;
  }

  [[nodiscard]] Json state() const {
    constexpr std::string_view kNames[] = {"running", "stopped", "zombie", "reaped"};
    return kNames[static_cast<std::size_t>(state_)];
  }
  [[nodiscard]] const Json& handled() const { return handled_; }
  [[nodiscard]] const Json& status() const { return status_; }
  [[nodiscard]] Json pending() const {
    Json names = Json::array();
    for (const auto& [number, times] : pending_)
      for (std::uint64_t i = 0; i < times; ++i) names.push_back(name_of(number));
    return names;
  }

 private:
  enum class State : std::uint8_t { kRunning, kStopped, kZombie, kReaped };

  [[nodiscard]] bool is_alive() const {
    return state_ == State::kRunning || state_ == State::kStopped;
  }
  [[nodiscard]] Action action_of(int number) const {
    const auto found = actions_.find(number);
    return found == actions_.end() ? Action::kDefault : found->second;
  }
  [[nodiscard]] bool is_ignored(int number) const {
    const Action action = action_of(number);
    return action == Action::kIgnore ||
           (action == Action::kDefault && default_of(number) == Default::kIgnore);
  }

  void does(std::function<void()> operation) {
    to_do_.push_back(std::move(operation));
    go_on();
  }
  /// Does what it is to do, as long as it runs.
  void go_on() {
    while (state_ == State::kRunning && !to_do_.empty()) {
      const std::function<void()> operation = std::move(to_do_.front());
      to_do_.pop_front();
      operation();
    }
  }

  /// Takes what pends and is not blocked; of a stopped process, only SIGKILL.
  void deliver() {
    while (is_alive()) {
      const auto may_come = [this](const auto& p) {
        return !blocked_.contains(p.first) && (state_ == State::kRunning || p.first == kKill);
      };
      auto next = std::ranges::find_if(pending_, [&](const auto& p) {
        return may_come(p) && std::ranges::find(kOfFaults, p.first) != kOfFaults.end();
      });
      if (next == pending_.end()) next = std::ranges::find_if(pending_, may_come);
      if (next == pending_.end()) return;
      const int number = next->first;
      if (--next->second == 0) pending_.erase(next);
      take(number);
    }
  }

  void take(int number) {
    if (action_of(number) == Action::kCatch) {
      handled_.push_back(name_of(number));
    } else if (is_ignored(number) || default_of(number) == Default::kContinue) {
      return;  // the default of SIGCONT is what sending it did already
    } else if (default_of(number) == Default::kStop) {
      state_ = State::kStopped;
    } else {
      end({{"signal", name_of(number)}});
    }
  }

  void end(Json status) {
    status_ = std::move(status);
    state_ = State::kZombie;
  }

  State state_ = State::kRunning;
  std::deque<std::function<void()>> to_do_;  ///< what the process does itself when it goes on
  std::map<int, Action> actions_;
  std::set<int> blocked_;
  std::map<int, std::uint64_t> pending_;  ///< how often each signal is pending
  Json handled_ = Json::array();
  Json status_;
};

/// False if it is no operation.
bool perform(SignalledProcess& process, const std::string& text, Json& waits) {
  using Action = SignalledProcess::Action;
  if (text == "wait") return waits.push_back(process.wait()), true;
  const std::size_t space = text.find(' ');
  if (space == std::string::npos) return false;
  const std::string verb = text.substr(0, space);
  const std::string object = text.substr(space + 1);
  if (verb == "exit") {
    const std::optional<int> status = small_number(object);
    if (status) process.exit(*status);
    return status.has_value();
  }
  const std::optional<int> number = signal_number(object);
  if (!number) return false;
  if (verb == "kill")
    process.kill(*number);
  else if (verb == "catch")
    process.act(*number, Action::kCatch);
  else if (verb == "ignore")
    process.act(*number, Action::kIgnore);
  else if (verb == "default")
    process.act(*number, Action::kDefault);
  else if (verb == "block")
    process.block(*number);
  else if (verb == "unblock")
    process.unblock(*number);
  else
    return false;
  return true;
}

}  // namespace

Json solve_signals(const Problem& problem) {
  if (problem.algorithm != "LINUX") return problem.unknown_algorithm();
  const std::vector<Field> operations = problem.input["ops"].items();
  if (operations.size() > kMostSignalOperations) problem.input["ops"].fail("too many operations");
  if (problem.failed()) return {};
  SignalledProcess process;
  Json waits = Json::array();
  for (const Field& operation : operations) {
    const std::string text = operation.text();
    if (problem.failed()) return {};
    if (!perform(process, text, waits))
      return operation.fail("\"" + text +
                            "\" is not one of kill, catch, ignore, default, block and "
                            "unblock with a signal, exit with a status, and wait"),
             Json();
  }
  return {{"state", process.state()},
          {"handled", process.handled()},
          {"pending", process.pending()},
          {"waits", waits},
          {"status", process.status()}};
}

}  // namespace spindle
