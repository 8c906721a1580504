// WaitGauge: may the kernel thread itself wait for the host's disk?
//
//   if (gauge.may_wait(bytes)) {              // here and now
//     ... gauge.has_waited(took_ns);
//   } else {                                  // by an engine; other threads run meanwhile
//     ... gauge.has_parked(took_ns, was_alone);
//   }
//
// To hand a read or a flush over and to be woken when it is done takes system calls and wake-ups of
// a processor, and where the host's disk is fast that is up to half of the whole. While nobody but
// the caller has anything to do it is waited for at once instead: that stops no one. What was so a
// moment ago is taken to be so now: the last one that was handed over was quick, and nothing ran
// during it. One in `kTrust` is handed over all the same, to see whether that still holds; so
// others are kept waiting for a few quick ones at most. At first everything is waited for, until
// something is slow: while a device is being opened there are no others.
#pragma once

#include <cstdint>

namespace spindle {

class WaitGauge {
 public:
  static constexpr std::int64_t kQuickNs = 1'000'000;
  static constexpr std::uint64_t kLittleBytes = 256 * 1024;
  static constexpr unsigned kTrust = 16;

  /// For a read of so many bytes, or a flush of what was written since the one before.
  [[nodiscard]] bool may_wait(std::uint64_t bytes) const {
    return trust_ > 0 && bytes <= kLittleBytes;
  }
  void has_waited(std::int64_t took_ns) { trust_ = took_ns <= kQuickNs ? trust_ - 1 : 0; }
  /// `was_alone`: no other thread ran meanwhile.
  void has_parked(std::int64_t took_ns, bool was_alone) {
    trust_ = was_alone && took_ns <= kQuickNs ? kTrust - 1 : 0;
  }

 private:
  unsigned trust_ = kTrust - 1;  ///< so many may be waited for
};

}  // namespace spindle
