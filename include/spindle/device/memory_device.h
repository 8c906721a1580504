// MemoryDevice: a volume in memory, for tests, replays and what-if runs. Sparse: untouched chunks
// of 64 KiB read as zeros and cost nothing. Copying one copies its content (chunks are shared until
// written).
#pragma once

#include <memory>
#include <vector>

#include "spindle/device/block_device.h"

namespace spindle {

class MemoryDevice final : public BlockDevice {
 public:
  MemoryDevice(std::uint32_t block_size, std::uint64_t block_count);
  MemoryDevice(const MemoryDevice& other);
  MemoryDevice& operator=(const MemoryDevice& other);
  ~MemoryDevice() override;

  [[nodiscard]] std::uint32_t block_size() const override { return block_size_; }
  [[nodiscard]] std::uint64_t block_count() const override { return block_count_; }
  Result<> submit(std::span<const IoRequest> batch) override;
  Result<> flush() override { return {}; }
  Result<> discard(Run run) override;

  /// Reads or writes bytes anywhere, whatever the block size: for tests that damage a volume.
  void peek(std::uint64_t offset, std::span<std::byte> into) const;
  void poke(std::uint64_t offset, std::span<const std::byte> from);

 private:
  using Chunk = std::vector<std::byte>;
  std::uint32_t block_size_;
  std::uint64_t block_count_;
  std::vector<std::shared_ptr<Chunk>> chunks_;
};

}  // namespace spindle
