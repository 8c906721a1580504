// The signals of the simulated machine: Linux's numbers, names and default actions.
//
//   std::optional<int> signal = signal_of("TERM");      // or "SIGTERM", "term", "15"
//   default_action(*signal) == SignalAction::kTerminate
#pragma once

#include <cstdint>
#include <optional>
#include <string_view>

namespace spindle {

enum Signal : std::uint8_t {
  kSigHup = 1,
  kSigInt = 2,
  kSigQuit = 3,
  kSigIll = 4,
  kSigTrap = 5,
  kSigAbrt = 6,
  kSigBus = 7,
  kSigFpe = 8,
  kSigKill = 9,
  kSigUsr1 = 10,
  kSigSegv = 11,
  kSigUsr2 = 12,
  kSigPipe = 13,
  kSigAlrm = 14,
  kSigTerm = 15,
  kSigChld = 17,
  kSigCont = 18,
  kSigStop = 19,
  kSigTstp = 20,
  kSigTtin = 21,
  kSigTtou = 22,
  kSigXcpu = 24,
  kSigXfsz = 25,
  kSigWinch = 28,
};
inline constexpr int kMostSignal = 63;

enum class SignalAction : std::uint8_t { kTerminate, kCore, kIgnore, kStop, kContinue };

SignalAction default_action(int signal);
/// "TERM"; "32" for those without a name.
std::string_view signal_name(int signal);
/// "TERM", "SIGTERM", "term" or "15"; nothing for what is no signal. 0 is one: it tests existence.
std::optional<int> signal_of(std::string_view name);

}  // namespace spindle
