// RecordingDevice: passes everything on and keeps a diary of what would have to survive a power
// cut.
//
//   MemoryDevice start = image;                 // a copy: where the recording begins
//   RecordingDevice device(image);
//   ... use device ...
//   CrashStates states(start, device.recording());   // crash_state.h
//
// A write stands in the diary from the moment it is issued, with a copy of its data, since from
// then on any part of it may reach the medium; a flush stands there from the moment it has
// succeeded. A write is safe once a flush that began after the write's completion stands in the
// diary. Writes and flushes that failed promise nothing: the write may have been done, the flush is
// left out.
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <span>
#include <vector>

#include "spindle/device/block_device.h"

namespace spindle {

struct RecordedEvent {
  enum class Kind : std::uint8_t { kWrite, kFlush, kDiscard };
  /// The `moment` of a write that has not completed well.
  static constexpr std::uint64_t kNever = UINT64_MAX;

  Kind kind = Kind::kFlush;
  IoPurpose purpose = IoPurpose::kData;
  Run run = {};                      ///< of a write or discard
  std::vector<std::byte> data = {};  ///< of a write
  /// Of a write or discard: when it completed. Of a flush: when it began. The flush covers what
  /// completed before. Moments are only compared; no two are equal.
  std::uint64_t moment = kNever;
};

struct Recording {
  std::uint32_t block_size = 0;
  std::uint64_t block_count = 0;
  std::vector<RecordedEvent> events = {};
};

class RecordingDevice final : public BlockDevice {
 public:
  /// The backing device must outlive this one.
  explicit RecordingDevice(BlockDevice& backing);

  [[nodiscard]] std::uint32_t block_size() const override { return backing_.block_size(); }
  [[nodiscard]] std::uint64_t block_count() const override { return backing_.block_count(); }
  Result<> submit(std::span<const IoRequest> batch) override;
  Result<> flush() override;
  Result<> discard(Run run) override;

  [[nodiscard]] const Recording& recording() const { return recording_; }
  /// How many events there are: what is asked when, say, an fsync has returned.
  [[nodiscard]] std::size_t events() const { return recording_.events.size(); }
  /// Forgets all events; what is on the backing device is where the next recording begins. Nothing
  /// may be under way.
  void restart() { recording_.events.clear(); }
  /// Called with each event as it enters the diary: for a write before it is passed on.
  void set_observer(std::function<void(const RecordedEvent&)> observer) {
    observer_ = std::move(observer);
  }

 private:
  void enter(RecordedEvent event);

  BlockDevice& backing_;
  Recording recording_;
  std::uint64_t now_ = 0;  ///< the last moment given out
  std::function<void(const RecordedEvent&)> observer_;
};

}  // namespace spindle
