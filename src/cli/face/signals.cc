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
    const std::string signal = text.substr(std::min(text.find(' ') + 1, text.size()));
    const auto was = [&](const char* key) { return before.value(key, Json::array()); };
    const std::string state = before.value("state", "running");
    if (text == "wait") {
      const Json& told = after["waits"].back();
      return told.is_null() ? "it has not ended, so there is nothing to tell"
                            : fmt::format("it ended by {} {}, and is gone now", told.begin().key(),
                                          plain(told.begin().value()));
    }
    if (state == "zombie" || state == "reaped") return "it has ended before";
    if (after["state"] == "zombie")
      return text.starts_with("exit") ? "it ends, a zombie until its parent waits"
             : after["status"].contains("signal")
                 ? fmt::format("{} ends it, a zombie until its parent waits",
                               plain(after["status"]["signal"]))
                 : "it ends";
    if (after["handled"].size() > was("handled").size())
      return fmt::format("its handler runs for {}", plain(after["handled"].back()));
    if (after["state"] != state)
      return after["state"] == "stopped" ? fmt::format("{} stops it", signal)
                                         : "it goes on after having been stopped";
    if (text.starts_with("kill"))
      return after["pending"].size() > was("pending").size() ? signal + " pends"
             : after["pending"] == was("pending") &&
                     was("pending").dump().find(signal) != std::string::npos
                 ? signal + " pends already, and standard signals do not queue"
                 : signal + " has no effect";
    return after["pending"] == was("pending") ? "noted" : "what pended is dropped or taken";
  }
};

}  // namespace

const Form& signals_form() {
  static const SignalsForm kForm;
  return kForm;
}

}  // namespace spindle::cli
