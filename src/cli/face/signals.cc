#include "cli/face/signals.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>

#include "cli/face/steps.h"

namespace spindle::cli {
namespace {

class SignalsForm final : public StepsForm {
 public:
  SignalsForm()
      : StepsForm("signals", {{"signals", "LINUX", "Signals of a process, as Linux treats them"}},
                  {}, {{"state", "state"}, {"pending", "pending"}, {"handled", "handled"}}) {}
  [[nodiscard]] std::string_view row_help() const override {
    return "signals: operations as kill:SIGNAL, catch:, ignore:, default:, block:, unblock:SIGNAL, "
           "exit:STATUS, wait";
  }

 private:
  [[nodiscard]] Json operation(const std::vector<std::string>& parts) const override {
    const std::string text = fmt::format("{}", fmt::join(parts, " "));
    return text.empty() ? Json() : Json(text);
  }
  [[nodiscard]] std::string text_of(const Json& operation) const override {
    return plain(operation);
  }
  [[nodiscard]] Json drawn(Random& random, std::size_t at) const override {
    constexpr std::array kSignals = {"TERM", "USR1", "INT", "STOP", "CONT", "CHLD"};
    constexpr std::array kVerbs = {"catch", "block", "unblock", "ignore"};
    const std::string signal = kSignals[random.below(kSignals.size())];
    if (at % 2 == 0 && random.below(4) != 0)
      return std::string(kVerbs[random.below(kVerbs.size())]) + " " + signal;
    return random.one_in(6) ? "wait" : "kill " + signal;
  }
  [[nodiscard]] std::string setting(const Json&) const override {
    return "A process runs; its parent sends signals (kill) and waits without blocking (wait), and "
           "it sets handlers, ignores, blocks:";
  }
  [[nodiscard]] std::string why(const Json& operation, const Json& before,
                                const Json& after) const override {
    const std::string text = plain(operation);
    const std::string state = before.value("state", "running");
    if (text == "wait") return why_waited(state, after["waits"].back());
    if (state == "zombie" || state == "reaped") return "it has ended before";
    const std::size_t space = std::min(text.find(' '), text.size());
    const Change change = {.verb = text.substr(0, space),
                           .signal = text.substr(std::min(space + 1, text.size())),
                           .state = state,
                           .before = before,
                           .after = after};
    if (change.verb != "kill" && state == "stopped")
      return "it is stopped, and does so when it goes on";
    const std::vector<std::string> clauses = happened(change);
    return clauses.empty() ? why_nothing_happened(change)
                           : fmt::format("{}", fmt::join(clauses, "; "));
  }

  struct Change {
    std::string verb;
    std::string signal;
    std::string state;  ///< the state before the operation
    const Json& before;
    const Json& after;

    [[nodiscard]] bool is_signal(std::initializer_list<std::string_view> spellings) const {
      return std::ranges::find(spellings, signal) != spellings.end();
    }
    /// What the list of that name has afterwards and did not have before.
    [[nodiscard]] std::vector<std::string> added(const char* key) const {
      return beyond(after[key], before.value(key, Json::array()));
    }
    [[nodiscard]] std::vector<std::string> gone(const char* key) const {
      return beyond(before.value(key, Json::array()), after[key]);
    }

   private:
    static std::vector<std::string> beyond(const Json& those, const Json& known) {
      auto names = those.get<std::vector<std::string>>();
      for (const Json& name : known)
        if (const auto found = std::ranges::find(names, plain(name)); found != names.end())
          names.erase(found);
      return names;
    }
  };

  static std::string why_waited(const std::string& state, const Json& told) {
    if (!told.is_null())
      return fmt::format("it ended by {} {}, and is gone now", told.begin().key(),
                         plain(told.begin().value()));
    return state == "reaped" ? "it is gone already, so there is nothing to tell"
                             : "it has not ended, so there is nothing to tell";
  }

  static std::vector<std::string> happened(const Change& change) {
    std::vector<std::string> clauses;
    const std::string now = plain(change.after["state"]);
    const Json& status = change.after["status"];
    const bool is_killed =
        status.is_object() && status.contains("signal") && status["signal"] == "KILL";
    if (change.state == "stopped" && now != "stopped" && !is_killed)
      clauses.emplace_back("it goes on after having been stopped");
    const std::vector<std::string> handled = change.added("handled");
    if (!handled.empty())
      clauses.push_back(fmt::format("its handler runs for {}", listed(handled)));
    if (now == "stopped" && change.state != "stopped")
      clauses.push_back(change.signal + " stops it");
    if (now == "zombie")
      clauses.push_back(status.contains("exit")
                            ? "it ends, a zombie until its parent waits"
                            : fmt::format("{} ends it, a zombie until its parent waits",
                                          plain(status["signal"])));
    if (!clauses.empty()) return clauses;
    if (const auto pending = change.added("pending"); !pending.empty())
      clauses.push_back(fmt::format("{} pends", listed(pending)));
    if (const auto gone = change.gone("pending"); !gone.empty())
      clauses.push_back(change.verb == "unblock"
                            ? fmt::format("{}, which pended, is taken and ignored", listed(gone))
                            : fmt::format("{}, which pended, is dropped", listed(gone)));
    return clauses;
  }

  static std::string why_nothing_happened(const Change& change) {
    if (change.verb != "kill")
      return change.is_signal({"KILL", "SIGKILL", "9", "STOP", "SIGSTOP", "19"})
                 ? change.signal + " can be neither caught nor ignored nor blocked"
                 : "noted";
    const Json& pending = change.after["pending"];
    const std::string name =
        change.signal.starts_with("SIG") ? change.signal.substr(3) : change.signal;
    return std::find(pending.begin(), pending.end(), name) != pending.end()
               ? change.signal + " pends already, and standard signals do not queue"
               : change.signal + " has no effect";
  }
};

}  // namespace

const Form& signals_form() {
  static const SignalsForm kForm;
  return kForm;
}

}  // namespace spindle::cli
