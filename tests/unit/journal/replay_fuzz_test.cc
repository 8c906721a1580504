// Logs that no journal has written: replay returns an error or ignores them, and writes nothing
// where the journal must not write.
#include <gtest/gtest.h>

#include "journal_test_volume.h"
#include "spindle/base/random.h"
#include "spindle/device/recording_device.h"

namespace spindle {
namespace {

using format::BlockKind;
using format::kHeaderSize;
using format::RecordKind;

// Builds an entry by hand and puts it where the log begins.
class Forger {
 public:
  explicit Forger(const format::Layout& layout)
      : layout_(layout), bytes_(sizeof(format::LogHead)) {}

  void record(RecordKind kind, BlockNo block, std::uint32_t offset, std::uint32_t count,
              std::span<const std::byte> content = {}) {
    format::LogRecord record{};
    record.kind = static_cast<std::uint16_t>(kind);
    record.block = block.value;
    record.offset = offset;
    record.count = count;
    record.length = static_cast<std::uint32_t>(content.size());
    const auto head = std::as_bytes(std::span(&record, 1));
    bytes_.insert(bytes_.end(), head.begin(), head.end());
    bytes_.insert(bytes_.end(), content.begin(), content.end());
    ++records_;
  }
  std::vector<std::byte>& bytes() { return bytes_; }
  void put(BlockDevice& device, std::uint64_t epoch = 1) {
    auto& head = format::at<format::LogHead>(std::span(bytes_), 0);
    head.magic = format::kLogMagic;
    head.epoch = epoch;
    head.length = bytes_.size();
    head.records = records_;
    write(device, epoch);
  }
  /// With whatever the head says, except for the checksum.
  void write(BlockDevice& device, std::uint64_t epoch) {
    auto& head = format::at<format::LogHead>(std::span(bytes_), 0);
    head.checksum = checksum(std::span<const std::byte>(bytes_).subspan(8), layout_.seed ^ epoch);
    std::vector<std::byte> padded = bytes_;
    padded.resize((bytes_.size() + layout_.block_size - 1) / layout_.block_size *
                  layout_.block_size);
    device.write(layout_.journal.start + format::kJournalHeaderBlocks, padded).take();
  }
  std::uint64_t records_ = 0;

 private:
  const format::Layout& layout_;
  std::vector<std::byte> bytes_;
};

struct Image {
  Image() : layout(test::make_layout({})), device(layout.block_size, layout.block_count) {
    test::make_volume(device, layout);
  }
  format::Layout layout;
  MemoryDevice device;
};

// Replays a copy; what it writes must lie where the journal may write.
Result<ReplayReport> replay_watched(const Image& image) {
  MemoryDevice copy = image.device;
  RecordingDevice recording(copy);
  const format::Layout& layout = image.layout;
  Result<ReplayReport> report = replay(recording, layout);
  for (const WriteEvent& event : recording.log().events) {
    if (event.kind != WriteEvent::Kind::kWrite) continue;
    EXPECT_TRUE(report.ok()) << "it wrote before it found the error";
    for (BlockNo b = event.run.start; b < event.run.end(); ++b) {
      const bool header = b >= layout.journal.start && b < layout.journal.start + 2;
      EXPECT_TRUE(header || b == layout.state() || layout.group_table().contains(b) ||
                  layout.group_of(b))
          << "block " << b.value;
    }
  }
  EXPECT_EQ(read_log(copy, layout).ok(), report.ok());
  return report;
}

TEST(ReplayFuzz, ImpossibleRecordsAreRefusedBeforeAnythingIsWritten) {
  const Image clean;
  const format::Layout& layout = clean.layout;
  const BlockNo data = layout.data(GroupNo{0}).start;
  const std::vector<std::byte> some(16);
  const std::vector<std::byte> whole(layout.block_size);
  const std::uint32_t bits = layout.payload() * 8;
  const std::vector<std::function<void(Forger&)>> forgeries = {
      [&](Forger& f) { f.record(RecordKind::kPatch, layout.superblock(), 0, 0, some); },
      [&](Forger& f) { f.record(RecordKind::kPatch, layout.journal.start, 0, 0, some); },
      [&](Forger& f) { f.record(RecordKind::kPatch, layout.fixed_copy(), 0, 0, some); },
      [&](Forger& f) { f.record(RecordKind::kFresh, layout.last_copy(), 0, 0, some); },
      [&](Forger& f) { f.record(RecordKind::kPatch, BlockNo{layout.block_count}, 0, 0, some); },
      [&](Forger& f) { f.record(RecordKind::kPatch, BlockNo{UINT64_MAX}, 0, 0, some); },
      [&](Forger& f) { f.record(RecordKind::kPatch, data, layout.block_size - 15, 0, some); },
      [&](Forger& f) { f.record(RecordKind::kPatch, data, UINT32_MAX, 0, some); },
      [&](Forger& f) { f.record(RecordKind::kSetBits, data, bits - 7, 8); },
      [&](Forger& f) { f.record(RecordKind::kClearBits, data, UINT32_MAX, UINT32_MAX); },
      [&](Forger& f) { f.record(RecordKind::kSetBits, data, 0, 8, some); },
      [&](Forger& f) { f.record(RecordKind::kSeal, data, 0, 0, some); },
      [&](Forger& f) { f.record(RecordKind::kRevoke, data, 0, 0); },
      [&](Forger& f) { f.record(RecordKind::kRevoke, data, 0, UINT32_MAX); },
      [&](Forger& f) { f.record(RecordKind::kRevoke, layout.journal.start, 0, 1); },
      [&](Forger& f) { f.record(RecordKind::kData, data, 0, 0, some); },
      [&](Forger& f) { f.record(RecordKind::kData, data, 8, 0, whole); },
      [&](Forger& f) { f.record(RecordKind::kData, layout.state(), 0, 0, whole); },
      [&](Forger& f) { f.record(static_cast<RecordKind>(0), data, 0, 0); },
      [&](Forger& f) { f.record(static_cast<RecordKind>(8), data, 0, 0); },
      [&](Forger& f) { f.record(RecordKind::kPatch, data, 0, 0, some), ++f.records_; },
      [&](Forger& f) { f.bytes().resize(f.bytes().size() + 23); },
      [&](Forger& f) {
        f.record(RecordKind::kPatch, data, 0, 0, some);
        format::at<format::LogRecord>(std::span(f.bytes()), sizeof(format::LogHead)).length = 17;
      },
  };
  for (std::size_t i = 0; i < forgeries.size(); ++i) {
    SCOPED_TRACE(i);
    Image image = clean;
    Forger forger(image.layout);
    // A good record first: it must not be written either.
    forger.record(RecordKind::kPatch, data, kHeaderSize, 0, some);
    forgeries[i](forger);
    forger.put(image.device);
    EXPECT_EQ(replay_watched(image).code(), EUCLEAN);
  }
}

TEST(ReplayFuzz, EntriesThatAreNotValidEndTheLog) {
  const Image clean;
  const std::vector<std::byte> some(16);
  const auto check = [&](const std::function<void(Forger&, BlockDevice&)>& forge) {
    Image image = clean;
    Forger forger(image.layout);
    forger.record(RecordKind::kPatch, image.layout.state(), kHeaderSize, 0, some);
    forge(forger, image.device);
    const auto report = replay_watched(image);
    ASSERT_TRUE(report.ok());
    EXPECT_EQ(report->epochs, 0u);
    EXPECT_EQ(report->blocks_written, 0u);
  };
  check([](Forger& f, BlockDevice& d) { f.put(d, 2); });
  for (const std::uint64_t length : {std::uint64_t{0}, std::uint64_t{47}, std::uint64_t{1} << 27,
                                     std::uint64_t{1} << 40, UINT64_MAX}) {
    check([&](Forger& f, BlockDevice& d) {
      auto& head = format::at<format::LogHead>(std::span(f.bytes()), 0);
      head.magic = format::kLogMagic;
      head.epoch = 1;
      head.records = 1;
      head.length = length;
      f.write(d, 1);
    });
  }
}

TEST(ReplayFuzz, RevokesReachBackAndNotForward) {
  Image image;
  const BlockNo data = image.layout.data(GroupNo{0}).start;
  const std::vector<std::byte> a(image.layout.block_size, std::byte{'a'});
  Forger forger(image.layout);
  for (std::uint64_t i = 0; i < 6; ++i) forger.record(RecordKind::kData, data + i, 0, 0, a);
  forger.record(RecordKind::kRevoke, data + 1, 0, 3);
  forger.record(RecordKind::kRevoke, data + 2, 0, 1);
  forger.put(image.device);
  const auto report = replay(image.device, image.layout).take();
  EXPECT_EQ(report.revoked_records, 3u);
  for (std::uint64_t i = 0; i < 6; ++i) {
    std::vector<std::byte> bytes(image.layout.block_size);
    image.device.read(data + i, bytes).take();
    EXPECT_EQ(bytes[5] == std::byte{'a'}, i < 1 || i > 3) << i;
  }
}

TEST(ReplayFuzz, BlocksThatDoNotComeOutAsSealedAreReported) {
  Image image;
  Forger forger(image.layout);
  const std::vector<std::byte> some(16);
  forger.record(RecordKind::kPatch, image.layout.state(), kHeaderSize, 0, some);
  forger.record(RecordKind::kSeal, image.layout.state(), 0, 0, std::span(some).first(8));
  forger.put(image.device);
  const auto report = replay(image.device, image.layout).take();
  EXPECT_EQ(report.mismatched, std::vector{image.layout.state()});
}

TEST(ReplayFuzz, RandomDamageNeverDoesHarm) {
  const Image clean;
  for (std::uint64_t seed = 1; seed <= 4000; ++seed) {
    SCOPED_TRACE("seed " + std::to_string(seed));
    Random random(seed);
    Image image = clean;
    Forger forger(image.layout);
    const auto random_block = [&] {
      return random.one_in(8) ? BlockNo{random()} : BlockNo{random.below(image.layout.block_count)};
    };
    for (std::uint64_t n = random.below(12); n > 0; --n) {
      const std::vector<std::byte> content(random.one_in(3) ? image.layout.block_size
                                                            : random.below(40));
      forger.record(static_cast<RecordKind>(random.below(9)), random_block(),
                    static_cast<std::uint32_t>(random.below(1200)),
                    static_cast<std::uint32_t>(random.below(9000)), content);
    }
    forger.put(image.device);
    // Bytes of the entry change, and the checksum is made good again; or any byte of the journal.
    auto& bytes = forger.bytes();
    for (std::uint64_t n = random.below(4); n > 0; --n) {
      bytes[random.below(bytes.size())] = static_cast<std::byte>(random.below(256));
    }
    if (random.one_in(2)) {
      forger.write(image.device, 1);
    } else {
      const std::byte byte{static_cast<unsigned char>(random.below(256))};
      image.device.poke(
          image.layout.journal.start.value * image.layout.block_size + random.below(4096),
          {&byte, 1});
    }
    const auto report = replay_watched(image);
    EXPECT_TRUE(report.ok() || report.code() == EUCLEAN);
    if (HasFailure()) return;
  }
}

TEST(ReplayFuzz, OneGoodHeaderIsEnoughAndNoneIsAnError) {
  Image image;
  const std::vector<std::byte> zeros(image.layout.block_size);
  image.device.write(image.layout.journal.start + 1, zeros).take();
  EXPECT_TRUE(replay(image.device, image.layout).ok());
  image.device.write(image.layout.journal.start, zeros).take();
  EXPECT_EQ(replay(image.device, image.layout).code(), EUCLEAN);
  // A new journal over an old one: nothing of the old log is taken for part of the new one.
  Forger(image.layout).put(image.device);
  format_journal(image.device, image.layout).take();
  EXPECT_EQ(replay(image.device, image.layout).take().epochs, 0u);
}

}  // namespace
}  // namespace spindle
