// OverlayDevice: writes stay in memory, the device below is only read.
//
// For looking at a volume as it would be after a change: replaying its journal, or repairing it,
// without touching it. Memory: one block for each block ever written. Nothing is durable, so a
// flush has nothing to do.
#pragma once

#include <cstddef>
#include <memory>
#include <unordered_map>

#include "spindle/device/block_device.h"

namespace spindle {

class OverlayDevice final : public BlockDevice {
 public:
  /// The backing device must outlive this device.
  explicit OverlayDevice(BlockDevice& backing) : backing_(backing) {}

  [[nodiscard]] std::uint32_t block_size() const override { return backing_.block_size(); }
  [[nodiscard]] std::uint64_t block_count() const override { return backing_.block_count(); }
  Result<> submit(std::span<const IoRequest> batch) override;
  Result<> flush() override { return {}; }

  /// How many blocks differ, or could, from the device below.
  [[nodiscard]] std::size_t written_blocks() const { return blocks_.size(); }

 private:
  void keep(const IoRequest& request);
  Result<> fetch(const IoRequest& request);
  [[nodiscard]] bool touches_overlay(const IoRequest& request) const;
  Result<> fetch_mixed(const IoRequest& request);

  BlockDevice& backing_;
  std::unordered_map<BlockNo, std::unique_ptr<std::byte[]>> blocks_;
};

}  // namespace spindle
