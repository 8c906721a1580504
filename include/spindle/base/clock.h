// Time: the machine's clocks, and virtual time.
//
// Virtual time is what the simulated disk and the simulated machine count in: nanoseconds since
// they were made, moved only by their own events, never by the machine's clock. It is a type of its
// own so that the two are never added.
#pragma once

#include <compare>
#include <cstdint>

namespace spindle {

inline constexpr std::int64_t kNsPerMs = 1'000'000;
inline constexpr std::int64_t kNsPerSecond = 1'000'000'000;

/// A point in virtual time, or a span of it; nanoseconds.
struct VirtualTime {
  std::int64_t ns = 0;

  constexpr auto operator<=>(const VirtualTime&) const = default;
  friend constexpr VirtualTime operator+(VirtualTime a, VirtualTime b) { return {a.ns + b.ns}; }
  friend constexpr VirtualTime operator-(VirtualTime a, VirtualTime b) { return {a.ns - b.ns}; }
  constexpr VirtualTime& operator+=(VirtualTime b) { return ns += b.ns, *this; }
};

/// A time as files carry it: seconds since 1970 (may be negative) and 0 to 999,999,999 nanoseconds.
struct Timestamp {
  std::int64_t seconds = 0;
  std::uint32_t nanoseconds = 0;
  constexpr auto operator<=>(const Timestamp&) const = default;
};

/// CLOCK_MONOTONIC, in nanoseconds.
std::int64_t monotonic_ns();

/// Processor time of the calling kernel thread, time in the kernel included; nanoseconds.
std::int64_t thread_cpu_ns();

/// CLOCK_REALTIME_COARSE, by which Linux stamps files, so that its stamps and ours are in order.
Timestamp wall_time();

}  // namespace spindle
