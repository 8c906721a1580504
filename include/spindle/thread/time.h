// How long, or until when, somebody waits: in nanoseconds, or in the types of std::chrono.
//
//   mutex.try_lock_for(5ms);                                        // a Duration
//   mutex.try_lock_until(std::chrono::steady_clock::now() + 1s);    // a Deadline
//   channel.receive(5ms);                                           // a Timeout: either of them
//   channel.receive(monotonic_ns() + 5'000'000);                    // numbers are nanoseconds
//
// Fractions of a nanosecond are rounded up, so that nothing wakes early; a time beyond what 64 bits
// hold is kNever. Deadlines are moments of CLOCK_MONOTONIC, which std::chrono calls steady_clock;
// no other clock will do, for it may be set while a thread waits.
#pragma once

#include <chrono>
#include <concepts>
#include <cstdint>
#include <ratio>

#include "spindle/base/clock.h"

namespace spindle::thread {

/// A moment that never comes; every other moment is in nanoseconds of CLOCK_MONOTONIC.
inline constexpr std::int64_t kNever = INT64_MAX;

namespace detail {
template <class Number, class Period>
constexpr std::int64_t round_up_to_ns(std::chrono::duration<Number, Period> duration) {
  using Factor = std::ratio_divide<Period, std::nano>;
  if constexpr (std::integral<Number> && Factor::den == 1) {
    std::int64_t ns = 0;
    if (!__builtin_mul_overflow(duration.count(), Factor::num, &ns)) return ns;
    return duration.count() < 0 ? INT64_MIN : kNever;
  } else {
    const auto ns = std::chrono::duration<long double, std::nano>(duration).count();
    if (ns <= static_cast<long double>(INT64_MIN)) return INT64_MIN;
    if (!(ns < static_cast<long double>(kNever))) return kNever;  // nor if it is no number
    const auto whole = static_cast<std::int64_t>(ns);
    return static_cast<long double>(whole) < ns ? whole + 1 : whole;
  }
}
}  // namespace detail

class Deadline {
 public:
  constexpr Deadline(std::int64_t monotonic_ns) : ns_(monotonic_ns) {}
  template <class Span>
  constexpr Deadline(std::chrono::time_point<std::chrono::steady_clock, Span> moment)
      : ns_(detail::round_up_to_ns(moment.time_since_epoch())) {}

  [[nodiscard]] constexpr std::int64_t ns() const { return ns_; }
  constexpr bool operator==(const Deadline&) const = default;

 private:
  std::int64_t ns_;
};

class Duration {
 public:
  constexpr Duration(std::int64_t ns) : ns_(ns) {}
  template <class Number, class Period>
  constexpr Duration(std::chrono::duration<Number, Period> duration)
      : ns_(detail::round_up_to_ns(duration)) {}

  [[nodiscard]] constexpr std::int64_t ns() const { return ns_; }
  /// The moment at which a duration that begins at `begin_ns` is over; kNever if 64 bits do not
  /// hold it.
  [[nodiscard]] constexpr Deadline after(std::int64_t begin_ns) const {
    return ns_ < kNever - begin_ns ? begin_ns + ns_ : kNever;
  }
  [[nodiscard]] Deadline from_now() const { return after(monotonic_ns()); }

 private:
  std::int64_t ns_;
};

/// A Deadline, or a duration of std::chrono that begins when this is made.
class Timeout : public Deadline {
 public:
  using Deadline::Deadline;
  constexpr Timeout(Deadline deadline) : Deadline(deadline) {}
  template <class Number, class Period>
  Timeout(std::chrono::duration<Number, Period> duration)
      : Deadline(Duration(duration).from_now()) {}
};

}  // namespace spindle::thread
