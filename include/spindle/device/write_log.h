// WriteLog: a diary of what would have to survive a power cut.
//
// A write stands in it from the moment it is issued, with its data, since from then on any part of
// it may reach the medium; a flush stands there from the moment it has succeeded. A write is safe
// once a flush that began after the write's completion stands in the log. Writes and flushes that
// failed promise nothing: the write may have been done, the flush is left out.
//
// A RecordingDevice tells a WriteSink of all this: a WriteLog, which keeps it in memory, or a
// WriteLogWriter (write_log_file.h), which keeps it in a file.
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <span>
#include <vector>

#include "spindle/device/block_device.h"

namespace spindle {

struct WriteEvent {
  enum class Kind : std::uint8_t { kWrite, kFlush, kDiscard };
  /// The `moment` of a write that has not completed well.
  static constexpr std::uint64_t kNever = UINT64_MAX;

  Kind kind = Kind::kFlush;
  IoPurpose purpose = IoPurpose::kData;
  Run run = {};  ///< of a write or discard
  /// Of a write or discard: when it completed. Of a flush: when it began. The flush covers what
  /// completed before. Moments are only compared; no two are equal.
  std::uint64_t moment = kNever;
};

class WriteSink {
 public:
  virtual ~WriteSink() = default;
  /// Blocks are about to be overwritten or discarded, and still hold what they held. May suspend.
  virtual void before(BlockDevice& device, Run run);
  /// The next event, a write with its bytes. Must not suspend.
  virtual void enter(const WriteEvent& event, std::span<const std::span<std::byte>> content) = 0;
  /// A write or discard, the `index`-th event, has completed well. Must not suspend.
  virtual void complete(std::size_t index, std::uint64_t moment) = 0;
};

inline void WriteSink::before(BlockDevice&, Run) {}

struct WriteLog final : WriteSink {
  std::uint32_t block_size = 0;
  std::uint64_t block_count = 0;
  std::vector<WriteEvent> events;
  std::vector<std::vector<std::byte>> contents;  ///< by event; empty but for a write
  /// Called with each event as it enters: for a write before it is passed on.
  std::function<void(const WriteEvent&)> observer;

  void enter(const WriteEvent& event, std::span<const std::span<std::byte>> content) override;
  void complete(std::size_t index, std::uint64_t moment) override { events[index].moment = moment; }
};

}  // namespace spindle
