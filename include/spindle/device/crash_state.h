// CrashStates: what may be found on a medium in memory after the power fails (write_order.h).
//
//   CrashStates states(start, recording.log());
//   for (std::size_t cut = 0; cut <= states.events(); ++cut)
//     for (CrashMode mode : kCrashModes) mount_and_check(states.at(cut, mode, seed));
//
// The images of all flushes are built once and share their content, so that one more state costs
// only the writes since the last flush.
#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

#include "spindle/device/memory_device.h"
#include "spindle/device/write_order.h"

namespace spindle {

class CrashStates {
 public:
  /// `start` is what was on the device when the recording began. The log is referred to and must
  /// not change.
  CrashStates(const MemoryDevice& start, const WriteLog& log);

  [[nodiscard]] std::size_t events() const { return order_.events(); }
  /// The image after the first `cut` events, which is at most `events()`. The seed chooses for the
  /// modes that leave a choice; the same seed gives the same image.
  [[nodiscard]] MemoryDevice at(std::size_t cut, CrashMode mode, std::uint64_t seed = 0) const;
  /// The writes and discards among the first `cut` events that no flush among them covers.
  [[nodiscard]] std::vector<std::size_t> uncovered(std::size_t cut) const {
    return order_.uncovered(cut);
  }

 private:
  void apply(MemoryDevice& image, const WritePart& part) const;

  const WriteLog& log_;
  WriteOrder order_;
  std::vector<MemoryDevice> durable_;  ///< the image at each barrier
};

}  // namespace spindle
