// Fuzzes the replay of a log. The input becomes entries of consecutive epochs with right checksums
// at the log's tail: of records that the input chooses, or of raw bytes. Replay, inspection, a
// check and a mount must answer; after a replay a second one finds nothing to do.

#include <cstdlib>

#include "fsck/exercise.h"
#include "input.h"
#include "journal/log_area.h"
#include "model/mounted_volume.h"
#include "spindle/device/overlay_device.h"
#include "spindle/journal/replay.h"

namespace spindle::test {
namespace {

constexpr std::size_t kMostEntries = 4;
constexpr std::size_t kMostRecords = 12;

const Sample& small_sample() {
  static const Sample made = make_sample({.volume_size = 1u << 20,
                                          .inodes = 96,
                                          .large_file = 24'000,
                                          .extents = 10,
                                          .depth = 2,
                                          .names = 20});
  return made;
}

void append(std::vector<std::byte>& entry, std::span<const std::byte> bytes) {
  entry.insert(entry.end(), bytes.begin(), bytes.end());
}

// A record whose fields are mostly possible.
void append_record(std::vector<std::byte>& entry, const format::Layout& layout, Input& input) {
  const auto shape = input.number<std::uint8_t>();
  format::LogRecord record{};
  record.kind = static_cast<std::uint16_t>(shape % 9);
  record.block = input.number<std::uint16_t>() % (layout.block_count + 2);
  record.offset = input.number<std::uint16_t>() % (layout.block_size * 9);
  record.count = input.number<std::uint16_t>();
  std::vector<std::byte> bytes;
  const auto kind = static_cast<format::RecordKind>(std::uint16_t{record.kind});
  if (kind == format::RecordKind::kSeal) {
    bytes.resize(sizeof(std::uint64_t));
  } else if (kind == format::RecordKind::kData) {
    bytes.resize(layout.block_size);
  } else if (kind == format::RecordKind::kPatch || kind == format::RecordKind::kFresh) {
    bytes.resize(input.number<std::uint8_t>());
  }
  const auto content = std::as_bytes(input.bytes(std::min<std::size_t>(bytes.size(), 32)));
  std::copy(content.begin(), content.end(), bytes.begin());
  record.length = static_cast<std::uint32_t>(bytes.size() + (shape >= 250 ? shape - 250 : 0));
  append(entry, std::as_bytes(std::span(&record, 1)));
  append(entry, bytes);
}

std::vector<std::byte> next_entry(const format::Layout& layout, std::uint64_t epoch, Input& input) {
  std::vector<std::byte> entry(sizeof(format::LogHead));
  const auto shape = input.number<std::uint8_t>();
  std::uint64_t records = shape % kMostRecords;
  if (shape >= 240) {
    append(entry, std::as_bytes(input.bytes(input.number<std::uint16_t>() % 2048)));
  } else {
    for (std::uint64_t i = 0; i < records; ++i) append_record(entry, layout, input);
    if (shape % 16 == 15) ++records;
  }
  auto& head = format::at<format::LogHead>(entry, 0);
  head.magic = format::kLogMagic;
  head.epoch = epoch;
  head.length = entry.size();
  head.records = records;
  head.checksum = log::entry_checksum(entry, layout, epoch);
  return entry;
}

void run(Input input) {
  MemoryDevice device = small_sample().device;
  const Damager damager(device);
  const format::Layout& layout = damager.layout();
  const log::Tail tail = must(log::read_tail(device, layout));
  std::uint64_t at = tail.block;
  for (std::size_t i = 0; i < kMostEntries && !input.at_end(); ++i) {
    auto entry = next_entry(layout, tail.epoch + i, input);
    entry.resize(log::blocks_for(entry.size(), layout.block_size) * layout.block_size);
    const std::uint64_t ring = log::area(layout).length;
    if (entry.size() / layout.block_size > ring) break;
    must(log::transfer(device, layout, IoRequest::Kind::kWrite, at, entry));
    at = (at + entry.size() / layout.block_size) % ring;
  }
  static_cast<void>(read_log(device, layout));
  inspect_all(device, {layout.journal.start});
  MemoryDevice replayed = device;
  if (replay(replayed, layout).ok()) {
    const auto again = replay(replayed, layout);
    CHECK(again.ok() && again->epochs == 0);
  } else {
    CHECK(replayed.same_content(device));
  }
  mount_and_read(device);
  OverlayDevice overlay(device);
  static_cast<void>(check(overlay, fsck::Mode::kYes));
}

}  // namespace
}  // namespace spindle::test

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  spindle::test::run(spindle::test::Input(data, size));
  return 0;
}
