// Outcome: the result of a system call's handler.
#pragma once

#include <utility>

#include "request.h"

namespace spindle {

struct Outcome {
  enum class Kind : std::uint8_t {
    kAnswered,
    kWaits,  ///< the thread was blocked
    kBusy,   ///< the handler is called again when `busy_ns` of system time are over
    kGone,   ///< the thread has ended, or has another program
  };
  Kind kind = Kind::kAnswered;
  Response response;
  std::int64_t busy_ns = 0;
  bool is_user = false;  ///< kBusy: the time is the program's own, not system time

  Outcome(Response answer) : response(std::move(answer)) {}
  Outcome(const Error& error) : response(Response::of(error)) {}
  explicit Outcome(Kind of, std::int64_t ns = 0, bool user = false)
      : kind(of), busy_ns(ns), is_user(user) {}
  static Outcome waits() { return Outcome(Kind::kWaits); }
  static Outcome busy(std::int64_t ns, bool is_user = false) {
    return Outcome(Kind::kBusy, ns, is_user);
  }
  static Outcome gone() { return Outcome(Kind::kGone); }
};

}  // namespace spindle
