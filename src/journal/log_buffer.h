// LogBuffer: the log entry of one epoch while it is being put together.
//
// Bytes are appended record by record; a patch that follows close on the last one, in the same
// block, extends it. `finish` pads the entry to whole blocks and fills in its head.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>

#include "spindle/format/layout.h"
#include "spindle/format/log.h"

namespace spindle {

class LogBuffer {
 public:
  LogBuffer() { clear(); }

  /// Bytes of head and records so far.
  [[nodiscard]] std::size_t size() const { return size_; }
  [[nodiscard]] std::uint64_t records() const { return records_; }
  void clear();

  /// `length` bytes from `offset` of the block, which now holds `content`, were changed.
  void patch(BlockNo block, std::span<const std::byte> content, std::size_t offset,
             std::size_t length);
  /// As patch, for a block that has no content before.
  void fresh(BlockNo block, std::span<const std::byte> content, std::size_t offset,
             std::size_t length);
  void bits(BlockNo block, std::uint32_t first, std::uint32_t count, bool value);
  void seal(BlockNo block, std::uint64_t checksum);
  void revoke(Run run);
  void data(BlockNo block, std::span<const std::byte> content);

  /// The whole entry, ready to be written.
  std::span<std::byte> finish(const format::Layout& layout, EpochNo epoch);

 private:
  /// What a cleared buffer keeps: more than most epochs need.
  static constexpr std::size_t kKeptCapacity = 1u << 20;

  std::byte* append(format::RecordKind kind, BlockNo block, std::uint32_t offset,
                    std::uint32_t count, std::size_t length);
  std::byte* grow_by(std::size_t bytes) {
    if (capacity_ - size_ < bytes) reserve(size_ + bytes);
    std::byte* at = bytes_.get() + size_;
    size_ += bytes;
    return at;
  }
  void reserve(std::size_t least);

  std::unique_ptr<std::byte[]> bytes_;
  std::size_t size_ = 0;
  std::size_t capacity_ = 0;
  std::uint64_t records_ = 0;
  // The last record, if it is a patch.
  BlockNo last_block_;
  std::size_t last_record_ = 0;
  std::size_t last_end_ = 0;  ///< where in the block it ends
};

}  // namespace spindle
