#include "pressure.h"

#include <cmath>

namespace spindle {

void Pressure::advance(VirtualTime to, const Counts& counts) {
  const bool works = counts.running != 0;
  const bool waits = counts.on_disk != 0;
  const bool pages = counts.on_page != 0;
  // A thread waits for a CPU only while another has it: CPUs never stall everybody.
  const std::array<bool, 6> is_stalled = {counts.ready != 0, false, waits,
                                          waits && !works,   pages, pages && !works};
  if (to >= period_end_) {
    add(period_end_, is_stalled);
    close(1);
    // Nothing happened in the whole periods that follow.
    if (const std::int64_t periods = (to - now_).ns / kPeriod.ns; periods > 0) {
      add({now_.ns + periods * kPeriod.ns}, is_stalled);
      close(periods);
    }
  }
  add(to, is_stalled);
}

void Pressure::add(VirtualTime to, const std::array<bool, 6>& is_stalled) {
  for (std::size_t i = 0; i < is_stalled.size(); ++i) {
    if (!is_stalled[i]) continue;
    in_period_[i] += to - now_;
    stall(i).total += to - now_;
  }
  now_ = to;
}

void Pressure::close(std::int64_t periods) {
  constexpr std::array<double, 3> kWindowsSeconds = {10, 60, 300};
  const auto span_ns = static_cast<double>(periods * kPeriod.ns);
  for (std::size_t i = 0; i < in_period_.size(); ++i) {
    const double share = static_cast<double>(in_period_[i].ns) / span_ns;
    for (std::size_t window = 0; window < kWindowsSeconds.size(); ++window) {
      const double keep = std::exp(-span_ns / (kWindowsSeconds[window] * 1e9));
      double& average = stall(i).average[window];
      average = average * keep + share * (1 - keep);
    }
    in_period_[i] = {};
  }
  period_end_ = now_ + kPeriod;
}

}  // namespace spindle
