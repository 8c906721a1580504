#include "spindle/base/clock.h"

#include <ctime>

namespace spindle {

namespace {

std::int64_t now_ns(clockid_t clock) {
  timespec now{};
  ::clock_gettime(clock, &now);
  return now.tv_sec * kNsPerSecond + now.tv_nsec;
}

}  // namespace

std::int64_t monotonic_ns() {
  return now_ns(CLOCK_MONOTONIC);
}

std::int64_t thread_cpu_ns() {
  return now_ns(CLOCK_THREAD_CPUTIME_ID);
}

Timestamp wall_time() {
  timespec now{};
  ::clock_gettime(CLOCK_REALTIME_COARSE, &now);
  return {now.tv_sec, static_cast<std::uint32_t>(now.tv_nsec)};
}

}  // namespace spindle
