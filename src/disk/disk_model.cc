#include "spindle/disk/disk_model.h"

#include <algorithm>
#include <array>
#include <cmath>

#include "spindle/base/clock.h"

namespace spindle {
namespace {

constexpr std::uint64_t kMostCylinders = 100'000;

constexpr std::string_view kTextbook = "textbook";
constexpr std::string_view k7200Rpm = "7200rpm";
constexpr std::string_view k15000Rpm = "15000rpm";
constexpr std::string_view kSolidState = "ssd";
constexpr std::string_view kUntimed = "none";
constexpr std::array kNames = {kTextbook, k7200Rpm, k15000Rpm, kSolidState, kUntimed};

DiskModel textbook(std::uint64_t block_count) {
  constexpr std::uint64_t kCylinders = 200;
  constexpr std::uint64_t kBlocksPerTrack = 100;
  return {.name = kTextbook,
          .geometry = Geometry(block_count, kCylinders, kBlocksPerTrack),
          .seek = {SeekCurve::Shape::kLinear, 1'000'000, (kCylinders - 1) * 1'000'000},
          .block_time_ns = 100'000,
          .rotates = true};
}

DiskModel hard_disk(std::string_view name, std::int64_t turns_per_minute, std::uint64_t track_bytes,
                    const SeekCurve& seek, std::uint32_t block_size, std::uint64_t block_count) {
  const std::uint64_t per_track = std::max<std::uint64_t>(1, track_bytes / block_size);
  const std::uint64_t tracks =
      std::max<std::uint64_t>(1, (block_count + per_track - 1) / per_track);
  const std::int64_t turn_ns = 60 * kNsPerSecond / turns_per_minute;
  return {.name = name,
          .geometry = Geometry(block_count, std::min(tracks, kMostCylinders), per_track),
          .seek = seek,
          .block_time_ns = turn_ns / static_cast<std::int64_t>(per_track),
          .rotates = true};
}

DiskModel solid_state(std::uint32_t block_size, std::uint64_t block_count) {
  constexpr std::int64_t kNsPerByte = 2;
  return {.name = kSolidState,
          .geometry = Geometry(block_count, 1, std::max<std::uint64_t>(1, block_count)),
          .block_time_ns = block_size * kNsPerByte,
          .request_overhead_ns = 60'000};
}

DiskModel untimed(std::uint64_t block_count) {
  return {.name = kUntimed,
          .geometry = Geometry(block_count, 1, std::max<std::uint64_t>(1, block_count))};
}

}  // namespace

std::int64_t SeekCurve::seek_time_ns(std::uint64_t distance, std::uint64_t cylinders) const {
  if (distance == 0) return 0;
  if (shape == Shape::kConstant) return full_stroke_ns;
  if (distance == 1 || cylinders <= 2) return track_to_track_ns;
  const std::int64_t range_ns = full_stroke_ns - track_to_track_ns;
  const auto steps = static_cast<double>(distance - 1);
  const auto all = static_cast<double>(cylinders - 2);
  const double share = shape == Shape::kLinear ? steps / all : std::sqrt(steps / all);
  return track_to_track_ns + std::llround(static_cast<double>(range_ns) * share);
}

std::int64_t DiskModel::rotation_period_ns() const {
  return rotates ? block_time_ns * static_cast<std::int64_t>(geometry.blocks_per_track()) : 0;
}

std::int64_t DiskModel::rotation_time_ns(BlockNo block, VirtualTime now) const {
  const std::int64_t period_ns = rotation_period_ns();
  if (period_ns == 0) return 0;
  // Where the block begins on its turn: reading on from block 0 without a pause would come to it
  // after all blocks before it and one step of the arm for each cylinder.
  const auto per_track = static_cast<std::int64_t>(geometry.blocks_per_track());
  const std::int64_t along_ns = static_cast<std::int64_t>(block.value) % per_track * block_time_ns;
  const std::int64_t skew_ns =
      static_cast<std::int64_t>(geometry.cylinder_of(block).value) * seek_time_ns(1);
  const std::int64_t wait_ns = (along_ns + skew_ns - now.ns) % period_ns;
  return wait_ns < 0 ? wait_ns + period_ns : wait_ns;
}

Result<DiskModel> make_disk_model(std::string_view preset, std::uint32_t block_size,
                                  std::uint64_t block_count) {
  if (preset == kTextbook) return textbook(block_count);
  if (preset == k7200Rpm)
    return hard_disk(k7200Rpm, 7200, 1 << 20, {SeekCurve::Shape::kSquareRoot, 800'000, 16'000'000},
                     block_size, block_count);
  if (preset == k15000Rpm)
    return hard_disk(k15000Rpm, 15000, 512 << 10,
                     {SeekCurve::Shape::kSquareRoot, 200'000, 7'000'000}, block_size, block_count);
  if (preset == kSolidState) return solid_state(block_size, block_count);
  if (preset == kUntimed) return untimed(block_count);
  return Error{EINVAL, "no disk has this name"};
}

std::span<const std::string_view> disk_preset_names() {
  return kNames;
}

}  // namespace spindle
