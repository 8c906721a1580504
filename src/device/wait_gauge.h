// WaitGauge: may the kernel thread itself wait for the host's disk?
//
//   if (gauge.may_wait(bytes)) {              // here and now
//     ... gauge.has_waited(took_ns);
//   } else {                                  // by an engine; other threads run meanwhile
//     ... gauge.has_parked(took_ns, was_alone);
//   }
//
// Handing a read or a flush over, and being woken when it is done, takes system calls and wake-ups
// of a processor; where the host's disk is fast that is up to half of the whole time. While only
// the caller has anything to do, the kernel thread waits itself instead, which delays no one. That
// is assumed if the last operation that was handed over was quick and no other thread ran during
// it. One in `kTrust` is handed over all the same, to see whether this still holds; so other
// threads wait for a few quick operations at most. At first the kernel thread waits for everything,
// until something is slow: while a device is being opened there are no other threads.
#pragma once

#include <cstdint>

namespace spindle {

class WaitGauge {
 public:
  static constexpr std::int64_t kQuickNs = 1'000'000;
  static constexpr std::uint64_t kLittleBytes = 256 * 1024;
  static constexpr unsigned kTrust = 16;

  /// For a read of `bytes` bytes, or a flush of as many that were written since the one before.
  [[nodiscard]] bool may_wait(std::uint64_t bytes) const {
    return trust_ > 0 && bytes <= kLittleBytes;
  }
  void has_waited(std::int64_t took_ns) { trust_ = took_ns <= kQuickNs ? trust_ - 1 : 0; }
  /// `was_alone`: no other thread ran meanwhile.
  void has_parked(std::int64_t took_ns, bool was_alone) {
    trust_ = was_alone && took_ns <= kQuickNs ? kTrust - 1 : 0;
  }

 private:
  unsigned trust_ = kTrust - 1;  ///< how many operations may still be waited for
};

}  // namespace spindle
