// RecordingDevice: passes everything on and keeps a log of what would have to survive a power cut
// (write_log.h).
//
//   MemoryDevice start = image;                 // a copy: where the recording begins
//   RecordingDevice device(image);
//   ... use device ...
//   CrashStates states(start, device.log());    // crash_state.h
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <span>

#include "spindle/device/write_log.h"

namespace spindle {

class RecordingDevice final : public BlockDevice {
 public:
  /// Keeps the log in memory. The backing device must outlive this one.
  explicit RecordingDevice(BlockDevice& backing);
  /// Tells the sink instead; `log` stays empty then.
  RecordingDevice(BlockDevice& backing, WriteSink& sink);
  RecordingDevice(const RecordingDevice&) = delete;
  RecordingDevice& operator=(const RecordingDevice&) = delete;

  [[nodiscard]] std::uint32_t block_size() const override { return backing_.block_size(); }
  [[nodiscard]] std::uint64_t block_count() const override { return backing_.block_count(); }
  Result<> submit(std::span<const IoRequest> batch) override;
  Result<> flush() override;
  Result<> discard(Run run) override;
  void fill_holes(Run run) override { backing_.fill_holes(run); }  ///< no event: nothing changes

  [[nodiscard]] const WriteLog& log() const { return log_; }
  /// How many events there are: to remember how far the log was when, say, an fsync returned.
  [[nodiscard]] std::size_t events() const { return events_; }
  /// Forgets all events; what is on the backing device is where the next recording begins. Nothing
  /// may be under way. For a log in memory.
  void restart();
  /// Called with each event as it enters the log: for a write before it is passed on.
  void set_observer(std::function<void(const WriteEvent&)> observer) {
    log_.observer = std::move(observer);
  }

 private:
  std::size_t enter(const WriteEvent& event, std::span<const std::span<std::byte>> content = {});

  BlockDevice& backing_;
  WriteLog log_;
  WriteSink& sink_;
  std::size_t events_ = 0;
  std::uint64_t now_ = 0;  ///< the last moment given out
};

}  // namespace spindle
