#include "journal/log_buffer.h"

#include <algorithm>
#include <cstring>

#include "journal/difference.h"
#include "journal/log_area.h"

namespace spindle {

using format::RecordKind;

void LogBuffer::clear() {
  if (capacity_ > kKeptCapacity) {
    bytes_.reset();
    capacity_ = 0;
  }
  size_ = 0;
  records_ = 0;
  last_block_ = kNoBlock;
  grow_by(sizeof(format::LogHead));
}

void LogBuffer::reserve(std::size_t least) {
  const std::size_t capacity = std::max({least, capacity_ * 2, std::size_t{16384}});
  auto bytes = std::make_unique_for_overwrite<std::byte[]>(capacity);
  if (size_ > 0) std::memcpy(bytes.get(), bytes_.get(), size_);
  bytes_ = std::move(bytes);
  capacity_ = capacity;
}

std::byte* LogBuffer::append(RecordKind kind, BlockNo block, std::uint32_t offset,
                             std::uint32_t count, std::size_t length) {
  std::byte* at = grow_by(sizeof(format::LogRecord) + length);
  auto& head = *reinterpret_cast<format::LogRecord*>(at);
  head.kind = static_cast<std::uint16_t>(kind);
  head.reserved = 0;
  head.length = static_cast<std::uint32_t>(length);
  head.block = block.value;
  head.offset = offset;
  head.count = count;
  ++records_;
  last_block_ = kNoBlock;
  return at + sizeof head;
}

void LogBuffer::patch(BlockNo block, std::span<const std::byte> content, std::size_t offset,
                      std::size_t length) {
  if (block == last_block_ && offset >= last_end_ && offset - last_end_ <= kWorthwhileGap) {
    const std::size_t more = offset + length - last_end_;
    std::memcpy(grow_by(more), content.data() + last_end_, more);
    reinterpret_cast<format::LogRecord*>(bytes_.get() + last_record_)->length +=
        static_cast<std::uint32_t>(more);
    last_end_ += more;
    return;
  }
  const std::size_t record = size_;
  std::byte* to = append(RecordKind::kPatch, block, static_cast<std::uint32_t>(offset), 0, length);
  std::memcpy(to, content.data() + offset, length);
  last_block_ = block;
  last_record_ = record;
  last_end_ = offset + length;
}

void LogBuffer::fresh(BlockNo block, std::span<const std::byte> content, std::size_t offset,
                      std::size_t length) {
  last_block_ = kNoBlock;
  const std::size_t record = size_;
  patch(block, content, offset, length);
  reinterpret_cast<format::LogRecord*>(bytes_.get() + record)->kind =
      static_cast<std::uint16_t>(RecordKind::kFresh);
}

void LogBuffer::bits(BlockNo block, std::uint32_t first, std::uint32_t count, bool value) {
  append(value ? RecordKind::kSetBits : RecordKind::kClearBits, block, first, count, 0);
}

void LogBuffer::seal(BlockNo block, std::uint64_t checksum) {
  const le64 bytes = checksum;
  std::memcpy(append(RecordKind::kSeal, block, 0, 0, sizeof bytes), &bytes, sizeof bytes);
}

void LogBuffer::revoke(Run run) {
  append(RecordKind::kRevoke, run.start, 0, static_cast<std::uint32_t>(run.length), 0);
}

void LogBuffer::data(BlockNo block, std::span<const std::byte> content) {
  std::byte* to = append(RecordKind::kData, block, 0, 0, content.size());
  std::memcpy(to, content.data(), content.size());
}

std::span<std::byte> LogBuffer::finish(const format::Layout& layout, EpochNo epoch) {
  const std::size_t length = size_;
  const std::size_t whole = log::blocks_for(length, layout.block_size) * layout.block_size;
  std::memset(grow_by(whole - length), 0, whole - length);
  auto& head = *reinterpret_cast<format::LogHead*>(bytes_.get());
  head = format::LogHead{};
  head.magic = format::kLogMagic;
  head.epoch = epoch.value;
  head.length = length;
  head.records = records_;
  head.checksum = log::entry_checksum({bytes_.get(), length}, layout, epoch.value);
  return {bytes_.get(), whole};
}

}  // namespace spindle
