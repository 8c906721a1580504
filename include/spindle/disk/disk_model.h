// DiskModel: what a request costs on a disk of a certain make.
//
//   DiskModel model = TRY(make_disk_model("7200rpm", device.block_size(), device.block_count()));
//
// Presets, for a volume of any size (the volume is the whole disk):
//   textbook   200 cylinders (0 .. 199), 1 ms for each cylinder moved, 6,000 rpm,
//              100 blocks a track: 10 ms a turn, 0.1 ms a block
//   7200rpm    a desktop drive: 0.8 ms to the next cylinder, 16 ms full stroke, 1 MiB a track
//   15000rpm   a server drive: 0.2 ms to the next cylinder, 7 ms full stroke, 512 KiB a track
//   ssd        no arm: 60 us a request, 500 MB/s
//   none       no time and no arm
//
// Drives with an arm, the textbook's apart, have one cylinder a track until they have 100,000 of
// them, then more heads; so a small volume is transferred as fast as a large one.
//
// The platters turn with virtual time, so that where the head comes down decides how long it waits.
// Tracks are skewed by just the time to the next cylinder, so a sequential reader never waits for
// the platter. Head switches cost nothing. All is integer arithmetic on nanoseconds (except for the
// square root, which IEEE 754 fixes to the bit), and repeats exactly.
#pragma once

#include <cstdint>
#include <span>
#include <string_view>

#include "spindle/base/clock.h"
#include "spindle/base/id.h"
#include "spindle/base/result.h"
#include "spindle/disk/geometry.h"

namespace spindle {

/// How long the arm takes for a distance.
struct SeekCurve {
  enum class Shape : std::uint8_t {
    kConstant,    ///< every distance but 0 takes `full_stroke_ns`
    kLinear,      ///< grows evenly from `track_to_track_ns` (1) to `full_stroke_ns` (all)
    kSquareRoot,  ///< the same, with the root of the distance: an arm that speeds up all the way
  };
  Shape shape = Shape::kConstant;
  std::int64_t track_to_track_ns = 0;
  std::int64_t full_stroke_ns = 0;

  /// For `distance` of `cylinders` - 1 possible; 0 takes no time.
  [[nodiscard]] std::int64_t seek_time_ns(std::uint64_t distance, std::uint64_t cylinders) const;
};

struct DiskModel {
  std::string_view name;  ///< of the preset
  Geometry geometry;
  SeekCurve seek = {};
  std::int64_t block_time_ns = 0;        ///< how long a block takes to pass under the head
  bool rotates = false;                  ///< then a turn takes as long as a track's blocks
  std::int64_t request_overhead_ns = 0;  ///< a fixed part of each transfer

  /// False for `none`: no request takes time, nothing moves.
  [[nodiscard]] bool is_timed() const { return block_time_ns != 0; }
  [[nodiscard]] std::int64_t rotation_period_ns() const;
  [[nodiscard]] std::int64_t seek_time_ns(std::uint64_t distance) const {
    return seek.seek_time_ns(distance, geometry.cylinders());
  }
  /// How long after `now` the block's beginning comes to the head.
  [[nodiscard]] std::int64_t rotation_time_ns(BlockNo block, VirtualTime now) const;
};

/// EINVAL for a name that is none of `disk_preset_names`.
Result<DiskModel> make_disk_model(std::string_view preset, std::uint32_t block_size,
                                  std::uint64_t block_count);
std::span<const std::string_view> disk_preset_names();

}  // namespace spindle
