// WriteOrder: which of the writes of a log are on the medium after the power fails.
//
//   WriteOrder order(log.events, log.block_size);
//   for (const WritePart& part : order.arrived(cut, CrashMode::kTorn, seed)) ...apply it...
//
// After a cut behind n events the medium has every write that a flush among the first n events
// covers, and any part of the other writes among them. If two writes to the same place arrive, the
// later one wins: a drive may lose the later one, but never exchanges the two. So each block is
// found in a version of its own, which is just how reordered writes look after a cut. A write that
// failed is covered by no flush: it may be found, unless a flush covers a later one in its place.
//
// Knows places and moments, but no bytes: these belong to the classes that apply the parts
// (crash_state.h in memory, crash_device.h over an image). Memory: some 24 bytes for each event.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

#include "spindle/device/write_log.h"

namespace spindle {

enum class CrashMode : std::uint8_t {
  kAll,        ///< every write arrived
  kNone,       ///< only what a flush covers arrived
  kSubset,     ///< of the writes that no flush covers, each arrived as a whole or did not
  kReordered,  ///< each block holds any of the versions it had since the flush
  kTorn,       ///< each 512-byte sector holds any of the versions it had since the flush
};
inline constexpr std::array kCrashModes = {CrashMode::kAll, CrashMode::kNone, CrashMode::kSubset,
                                           CrashMode::kReordered, CrashMode::kTorn};

/// Some bytes of a write or discard, counted from its first: whole sectors.
struct WritePart {
  std::size_t event = 0;
  std::uint64_t offset = 0;
  std::uint64_t length = 0;
};

class WriteOrder {
 public:
  /// The start of the log, or a flush of it.
  struct Barrier {
    std::size_t position = 0;             ///< the event after it
    std::vector<WritePart> made_durable;  ///< what this flush covers and no earlier one did
    std::vector<WritePart> uncovered;     ///< what was issued before it and is not covered
  };

  /// The events are referred to and must not change.
  WriteOrder(std::span<const WriteEvent> events, std::uint32_t block_size);

  [[nodiscard]] std::size_t events() const { return events_.size(); }
  [[nodiscard]] std::span<const Barrier> barriers() const { return barriers_; }
  /// The last one among the first `cut` events, which is at most `events()`: its number.
  [[nodiscard]] std::size_t barrier_of(std::size_t cut) const;
  /// The writes and discards among the first `cut` events that no flush covers, without the parts
  /// that a covered one has overwritten.
  [[nodiscard]] std::vector<WritePart> uncovered_parts(std::size_t cut) const;
  /// The events of those.
  [[nodiscard]] std::vector<std::size_t> uncovered(std::size_t cut) const;
  /// What of them arrives, to be applied in this order over what is durable. The seed chooses for
  /// the modes that leave a choice; the same seed gives the same.
  [[nodiscard]] std::vector<WritePart> arrived(std::size_t cut, CrashMode mode,
                                               std::uint64_t seed) const;

 private:
  [[nodiscard]] std::vector<WritePart> without_overwritten(std::span<const WritePart> parts,
                                                           const WritePart& over) const;
  [[nodiscard]] std::vector<WritePart> versions(std::span<const WritePart> writes,
                                                std::uint64_t unit, std::uint64_t seed) const;
  [[nodiscard]] std::uint64_t start_of(const WritePart& part) const {
    return events_[part.event].run.start.value * block_size_ + part.offset;
  }

  std::span<const WriteEvent> events_;
  std::uint32_t block_size_;
  std::vector<Barrier> barriers_;
};

}  // namespace spindle
