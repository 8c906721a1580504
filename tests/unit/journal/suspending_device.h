// A device that lets other threads run while it is used.
#pragma once

#include <cstdint>
#include <span>

#include "spindle/base/random.h"
#include "spindle/device/block_device.h"
#include "spindle/thread/thread.h"

namespace spindle::test {

/// Suspends at random around each transfer and flush, so that others run in between.
class SuspendingDevice final : public BlockDevice {
 public:
  SuspendingDevice(BlockDevice& backing, std::uint64_t seed) : backing_(backing), random_(seed) {}
  [[nodiscard]] std::uint32_t block_size() const override { return backing_.block_size(); }
  [[nodiscard]] std::uint64_t block_count() const override { return backing_.block_count(); }
  Result<> submit(std::span<const IoRequest> batch) override {
    suspend();
    const Result<> result = backing_.submit(batch);
    suspend();
    return result;
  }
  Result<> flush() override {
    suspend();
    const Result<> result = backing_.flush();
    suspend();
    return result;
  }

 private:
  void suspend() {
    for (std::uint64_t n = random_.below(8); n > 0; --n) thread::yield();
  }
  BlockDevice& backing_;
  Random random_;
};

}  // namespace spindle::test
