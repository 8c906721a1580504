// MemoryDevice: a volume in memory, for tests, replays and what-if runs.
//
// Sparse: untouched chunks of 4 KiB read as zeros and cost nothing. Copying one copies its content
// at the price of a pointer for each 2 MiB: tables and chunks are shared until one of the copies
// writes. Copies may be used by different kernel threads; one device may not.
#pragma once

#include <array>
#include <memory>
#include <vector>

#include "spindle/device/block_device.h"

namespace spindle {

class MemoryDevice final : public BlockDevice {
 public:
  MemoryDevice(std::uint32_t block_size, std::uint64_t block_count);
  MemoryDevice(const MemoryDevice& other) = default;
  MemoryDevice& operator=(const MemoryDevice& other) = default;
  MemoryDevice(MemoryDevice&& other) = default;
  MemoryDevice& operator=(MemoryDevice&& other) = default;
  ~MemoryDevice() override = default;

  [[nodiscard]] std::uint32_t block_size() const override { return block_size_; }
  [[nodiscard]] std::uint64_t block_count() const override { return block_count_; }
  Result<> submit(std::span<const IoRequest> batch) override;
  Result<> flush() override { return {}; }
  /// Discarded blocks read as zeros.
  Result<> discard(Run run) override;

  /// Reads or writes bytes anywhere inside the device, whatever the block size: for tests that
  /// damage a volume. Outside of it is a bug of the caller's.
  void peek(std::uint64_t offset, std::span<std::byte> into) const;
  void poke(std::uint64_t offset, std::span<const std::byte> from);

  [[nodiscard]] std::uint64_t size_bytes() const { return block_size_ * block_count_; }
  /// Same size, same content.
  [[nodiscard]] bool same_content(const MemoryDevice& other) const;

 private:
  static constexpr std::size_t kChunkSize = 4096;
  static constexpr std::size_t kChunksPerTable = 512;
  static constexpr std::size_t kTableSpan = kChunkSize * kChunksPerTable;
  using Chunk = std::array<std::byte, kChunkSize>;
  using Table = std::array<std::shared_ptr<Chunk>, kChunksPerTable>;

  /// Null where nothing was ever written.
  [[nodiscard]] const Chunk* find(std::uint64_t offset) const;
  /// This device's own copy of the chunk.
  Chunk& own(std::uint64_t offset);
  void clear(std::uint64_t offset, std::uint64_t length);

  std::uint32_t block_size_;
  std::uint64_t block_count_;
  std::vector<std::shared_ptr<Table>> tables_;
};

}  // namespace spindle
