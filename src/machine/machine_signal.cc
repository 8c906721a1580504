#include "spindle/machine/machine_signal.h"

#include <algorithm>
#include <array>
#include <cctype>
#include <string>

#include "spindle/base/number_text.h"

namespace spindle {
namespace {

constexpr std::array<std::string_view, 32> kSignalNames = {
    "0",    "HUP",  "INT",  "QUIT", "ILL",    "TRAP",   "ABRT",  "BUS",  "FPE",  "KILL", "USR1",
    "SEGV", "USR2", "PIPE", "ALRM", "TERM",   "STKFLT", "CHLD",  "CONT", "STOP", "TSTP", "TTIN",
    "TTOU", "URG",  "XCPU", "XFSZ", "VTALRM", "PROF",   "WINCH", "POLL", "PWR",  "SYS"};

/// The real-time signals, 32 to 63.
constexpr std::array<std::string_view, 32> kRealTimeNames = {
    "32", "33", "34", "35", "36", "37", "38", "39", "40", "41", "42", "43", "44", "45", "46", "47",
    "48", "49", "50", "51", "52", "53", "54", "55", "56", "57", "58", "59", "60", "61", "62", "63"};

}  // namespace

SignalAction default_action(int signal) {
  switch (signal) {
    case kSigChld:
    case kSigWinch:
    case 23:  // URG
      return SignalAction::kIgnore;
    case kSigCont:
      return SignalAction::kContinue;
    case kSigStop:
    case kSigTstp:
    case kSigTtin:
    case kSigTtou:
      return SignalAction::kStop;
    case kSigQuit:
    case kSigIll:
    case kSigTrap:
    case kSigAbrt:
    case kSigBus:
    case kSigFpe:
    case kSigSegv:
    case kSigXcpu:
    case kSigXfsz:
    case 31:  // SYS
      return SignalAction::kCore;
    default:
      return SignalAction::kTerminate;
  }
}

std::string_view signal_name(int signal) {
  if (signal < 0 || signal > kMostSignal) return "?";
  const auto number = static_cast<std::size_t>(signal);
  return number < kSignalNames.size() ? kSignalNames[number]
                                      : kRealTimeNames[number - kSignalNames.size()];
}

std::optional<int> signal_of(std::string_view name) {
  if (const auto number = number_in(name))
    return *number >= 0 && *number <= kMostSignal ? number : std::nullopt;
  std::string upper(name);
  std::ranges::transform(upper, upper.begin(),
                         [](unsigned char c) { return static_cast<char>(std::toupper(c)); });
  if (upper.starts_with("SIG")) upper.erase(0, 3);
  const auto found = std::find(kSignalNames.begin() + 1, kSignalNames.end(), upper);
  if (found == kSignalNames.end()) return std::nullopt;
  return static_cast<int>(found - kSignalNames.begin());
}

}  // namespace spindle
