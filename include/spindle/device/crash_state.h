// CrashStates: what may be found on the medium after the power fails.
//
//   CrashStates states(start, recording);
//   for (std::size_t cut = 0; cut <= states.events(); ++cut)
//     for (CrashMode mode : kCrashModes) mount_and_check(states.at(cut, mode, seed));
//
// A cut after n events leaves all writes that one of the first n events, a flush, covers, and any
// part of the others among the first n. Of two writes to the same place the later one wins if both
// arrive: a drive may leave out the later, never exchange them. That every block stops at a version
// of its own is just what reordering of writes looks like after a cut. So a write that failed,
// which no flush covers, may be found, but not where a later one stands that a flush covers.
//
// The images of all flushes are built once and share their content, so that one more state costs
// only the writes since the last flush.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <vector>

#include "spindle/device/memory_device.h"
#include "spindle/device/recording_device.h"

namespace spindle {

enum class CrashMode : std::uint8_t {
  kAll,        ///< every write arrived
  kNone,       ///< only what a flush covers arrived
  kSubset,     ///< of the others, each whole write arrived or did not
  kReordered,  ///< each block holds any of its versions since the flush
  kTorn,       ///< each 512-byte sector holds any of its versions since the flush
};
inline constexpr std::array kCrashModes = {CrashMode::kAll, CrashMode::kNone, CrashMode::kSubset,
                                           CrashMode::kReordered, CrashMode::kTorn};

class CrashStates {
 public:
  /// `start` is what was on the device when the recording began. The recording is referred to and
  /// must not change.
  CrashStates(const MemoryDevice& start, const Recording& recording);

  [[nodiscard]] std::size_t events() const { return recording_.events.size(); }
  /// The image after the first `cut` events, which is at most `events()`. The seed chooses for the
  /// modes that leave a choice; the same seed gives the same image.
  [[nodiscard]] MemoryDevice at(std::size_t cut, CrashMode mode, std::uint64_t seed = 0) const;
  /// The writes and discards among the first `cut` events that no flush among them covers.
  [[nodiscard]] std::vector<std::size_t> uncovered(std::size_t cut) const;

 private:
  /// Some blocks of a write or discard, counted from its first.
  struct Piece {
    std::size_t event = 0;
    std::uint64_t first = 0;
    std::uint64_t count = 0;
  };
  /// What is sure to be there once the event before `position` has happened.
  struct Durable {
    std::size_t position = 0;
    MemoryDevice image;
    std::vector<Piece> uncovered;
  };
  [[nodiscard]] const Durable& durable(std::size_t cut) const;
  [[nodiscard]] std::vector<Piece> uncovered_pieces(std::size_t cut) const;
  /// Those of the pieces that are older than the event, without what it overwrites.
  [[nodiscard]] std::vector<Piece> without_overwritten(std::span<const Piece> pieces,
                                                       std::size_t event) const;
  void apply(MemoryDevice& image, std::size_t event, std::uint64_t offset,
             std::uint64_t length) const;
  void apply(MemoryDevice& image, const Piece& piece) const;
  void apply_versions(MemoryDevice& image, std::span<const Piece> writes, std::uint64_t unit,
                      std::uint64_t seed) const;

  const Recording& recording_;
  std::vector<Durable> durables_;
};

}  // namespace spindle
