// SuspendingDevice: a device that lets other threads run while it is used.
#pragma once

#include <cstdint>
#include <functional>
#include <span>
#include <utility>

#include "spindle/base/random.h"
#include "spindle/device/block_device.h"
#include "spindle/thread/thread.h"

namespace spindle::test {

/// Calls `suspend` before and after each transfer and flush.
class SuspendingDevice final : public BlockDevice {
 public:
  SuspendingDevice(BlockDevice& backing, std::function<void()> suspend)
      : backing_(backing), suspend_(std::move(suspend)) {}
  /// Suspends for up to seven turns of the other threads, at random.
  SuspendingDevice(BlockDevice& backing, std::uint64_t seed)
      : SuspendingDevice(backing, [random = Random(seed)]() mutable {
          for (std::uint64_t turns = random.below(8); turns > 0; --turns) thread::yield();
        }) {}

  [[nodiscard]] std::uint32_t block_size() const override { return backing_.block_size(); }
  [[nodiscard]] std::uint64_t block_count() const override { return backing_.block_count(); }
  Result<> submit(std::span<const IoRequest> batch) override {
    suspend_();
    const Result<> result = backing_.submit(batch);
    suspend_();
    return result;
  }
  Result<> flush() override {
    suspend_();
    const Result<> result = backing_.flush();
    suspend_();
    return result;
  }

 private:
  BlockDevice& backing_;
  std::function<void()> suspend_;
};

}  // namespace spindle::test
