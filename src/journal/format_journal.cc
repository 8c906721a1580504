#include <algorithm>

#include "journal/log_area.h"
#include "spindle/journal/replay.h"

namespace spindle {
namespace {

/// The old log is read in steps of this size.
constexpr std::uint64_t kScrubBytes = 1u << 20;

/// Zeroes each block of [start, start + bytes) that could pass for the beginning of an entry.
Result<> scrub(BlockDevice& device, BlockNo start, std::span<std::byte> bytes,
               std::uint32_t block_size) {
  TRY(device.read(start, bytes, IoPurpose::kJournal));
  for (std::size_t at = 0; at < bytes.size(); at += block_size) {
    const std::span<std::byte> block = bytes.subspan(at, block_size);
    if (format::at<format::LogHead>(block, 0).magic != format::kLogMagic) continue;
    std::ranges::fill(block, std::byte{0});
    TRY(device.write(start + at / block_size, block, IoPurpose::kJournal));
  }
  return {};
}

Result<> scrub_log(BlockDevice& device, const format::Layout& layout) {
  const Run ring = log::area(layout);
  const std::uint64_t step = std::max<std::uint64_t>(1, kScrubBytes / layout.block_size);
  std::vector<std::byte> buffer(step * layout.block_size);
  for (std::uint64_t at = 0; at < ring.length; at += step) {
    const std::uint64_t count = std::min(step, ring.length - at);
    TRY(scrub(device, ring.start + at, std::span(buffer).first(count * layout.block_size),
              layout.block_size));
  }
  return {};
}

}  // namespace

Result<> format_journal(BlockDevice& device, const format::Layout& layout, OldLog old_log) {
  if (old_log == OldLog::kOfSameUuid) TRY(scrub_log(device, layout));
  TRY(log::write_tail(device, layout, {1, 0, 1, 0}));
  return log::write_tail(device, layout, {2, 0, 1, 1});
}

}  // namespace spindle
