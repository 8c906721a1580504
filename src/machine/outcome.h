// Outcome: what a handler of a system call came to.
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

  Outcome(Response answer) : response(std::move(answer)) {}
  Outcome(const Error& error) : response(Response::of(error)) {}
  explicit Outcome(Kind of, std::int64_t ns = 0) : kind(of), busy_ns(ns) {}
  static Outcome waits() { return Outcome(Kind::kWaits); }
  static Outcome busy(std::int64_t ns) { return Outcome(Kind::kBusy, ns); }
  static Outcome gone() { return Outcome(Kind::kGone); }
};

}  // namespace spindle
