// HitHistory: how many reads of a cache were hits, stretch by stretch, since its counters were
// reset.
//
// A stretch is of equally many reads, at least kGrain, so that an idle cache costs nothing and the
// clock is asked once in so many reads only; there are at most 512 of them. Together with `rest`
// they add up to exactly what the cache has counted.
#pragma once

#include <cstdint>
#include <vector>

#include "spindle/base/clock.h"
#include "spindle/base/folded_history.h"

namespace spindle {

class HitHistory {
 public:
  static constexpr std::uint64_t kGrain = 16;

  struct Stretch {
    std::uint64_t reads = 0;
    std::uint64_t hits = 0;
    std::int64_t end_ns = 0;  ///< since the counters were reset, of the wall

    void merge(const Stretch& next) {
      reads += next.reads;
      hits += next.hits;
      end_ns = next.end_ns;
    }
  };

  void count(bool is_hit) {
    ++rest_.reads;
    rest_.hits += is_hit ? 1 : 0;
    if (rest_.reads == kGrain) close_stretch();
  }
  void reset() {
    history_.clear();
    rest_ = {};
    began_ns_ = monotonic_ns();
  }

  [[nodiscard]] const std::vector<Stretch>& stretches() const { return history_.samples(); }
  /// The last few reads, fewer than kGrain, up to now.
  [[nodiscard]] Stretch rest() const {
    return {rest_.reads, rest_.hits, monotonic_ns() - began_ns_};
  }

 private:
  void close_stretch() {
    history_.add(rest());
    rest_ = {};
  }

  static constexpr std::size_t kMostStretches = 512;
  FoldedHistory<Stretch> history_{kMostStretches};
  Stretch rest_;
  std::int64_t began_ns_ = monotonic_ns();
};

}  // namespace spindle
