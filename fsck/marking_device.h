// MarkingDevice: a repair that is interrupted must not leave a volume that passes for sound.
//
//   MarkingDevice device(image, [&] { return write_superblock(...kHasErrors...); });
//
// Before the first change goes through, `mark` is called and must make the mark durable. If it
// fails, so does the change, and the next one tries again.
#pragma once

#include <algorithm>
#include <functional>
#include <utility>

#include "spindle/device/block_device.h"

namespace spindle::fsck {

class MarkingDevice final : public BlockDevice {
 public:
  MarkingDevice(BlockDevice& backing, std::function<Result<>()> mark)
      : backing_(backing), mark_(std::move(mark)) {}

  [[nodiscard]] std::uint32_t block_size() const override { return backing_.block_size(); }
  [[nodiscard]] std::uint64_t block_count() const override { return backing_.block_count(); }
  Result<> submit(std::span<const IoRequest> batch) override {
    const bool writes = std::ranges::any_of(
        batch, [](const IoRequest& request) { return request.kind == IoRequest::Kind::kWrite; });
    if (writes) TRY(mark_once());
    return backing_.submit(batch);
  }
  Result<> flush() override { return backing_.flush(); }
  Result<> discard(Run run) override {
    TRY(mark_once());
    return backing_.discard(run);
  }

 private:
  Result<> mark_once() {
    if (!marked_) TRY(mark_());
    marked_ = true;
    return {};
  }

  BlockDevice& backing_;
  std::function<Result<>()> mark_;
  bool marked_ = false;
};

}  // namespace spindle::fsck
