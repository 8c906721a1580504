// Pressure: the share of time in which threads could not go on for lack of a CPU, of the disk, or
// of pages; Linux calls it pressure stall information.
//
//   pressure.advance(now, {.running = 1, .ready = 3});       // so it was from the last time to now
//
// "Some" counts the time in which any thread waits, "full" that in which no other works meanwhile.
// Averages are taken every two seconds, over 10, 60 and 300, as the load is.
#pragma once

#include <array>
#include <cstdint>

#include "spindle/machine/machine_snapshot.h"

namespace spindle {

class Pressure {
 public:
  /// Threads that have a CPU, want one, wait for the disk, and, of these, for a page.
  struct Counts {
    std::uint64_t running = 0, ready = 0, on_disk = 0, on_page = 0;
  };

  void advance(VirtualTime to, const Counts& counts);
  [[nodiscard]] const std::array<PressureSnapshot, 3>& snapshot() const { return stalls_; }

 private:
  static constexpr VirtualTime kPeriod{2'000'000'000};

  void add(VirtualTime to, const std::array<bool, 6>& is_stalled);
  void close(std::int64_t periods);
  StallSnapshot& stall(std::size_t i) {
    return i % 2 == 0 ? stalls_[i / 2].some : stalls_[i / 2].full;
  }

  std::array<PressureSnapshot, 3> stalls_{};
  std::array<VirtualTime, 6> in_period_{};  ///< of each resource "some", then "full"
  VirtualTime now_;
  VirtualTime period_end_ = kPeriod;
};

}  // namespace spindle
