#include "spindle/device/memory_device.h"

#include <algorithm>
#include <atomic>
#include <cstring>

namespace spindle {
namespace {

/// Makes `pointer` the only owner of what it points to, by a copy if need be.
template <class T>
T& make_own(std::shared_ptr<T>& pointer) {
  if (!pointer) {
    pointer = std::make_shared<T>();
  } else if (pointer.use_count() > 1) {
    pointer = std::make_shared<T>(*pointer);
  } else {
    // The last other owner may have been another kernel thread: its reads come before our writes.
    std::atomic_thread_fence(std::memory_order_acquire);
  }
  return *pointer;
}

}  // namespace

MemoryDevice::MemoryDevice(std::uint32_t block_size, std::uint64_t block_count)
    : block_size_(block_size),
      block_count_(block_count),
      tables_((block_size * block_count + kTableSpan - 1) / kTableSpan) {}

Result<> MemoryDevice::submit(std::span<const IoRequest> batch) {
  for (const IoRequest& request : batch) TRY(check_request(*this, request));
  for (const IoRequest& request : batch) {
    std::uint64_t offset = request.start.value * block_size_;
    for (const auto& buffer : request.buffers) {
      if (request.kind == IoRequest::Kind::kRead)
        peek(offset, buffer);
      else
        poke(offset, buffer);
      offset += buffer.size();
    }
  }
  return {};
}

Result<> MemoryDevice::discard(Run run) {
  TRY(check_run(*this, run));
  clear(run.start.value * block_size_, run.length * block_size_);
  return {};
}

void MemoryDevice::peek(std::uint64_t offset, std::span<std::byte> into) const {
  CHECK(offset <= size_bytes() && into.size() <= size_bytes() - offset);
  while (!into.empty()) {
    const std::size_t within = offset % kChunkSize;
    const std::size_t length = std::min(into.size(), kChunkSize - within);
    if (const Chunk* chunk = find(offset))
      std::memcpy(into.data(), chunk->data() + within, length);
    else
      std::memset(into.data(), 0, length);
    into = into.subspan(length);
    offset += length;
  }
}

void MemoryDevice::poke(std::uint64_t offset, std::span<const std::byte> from) {
  CHECK(offset <= size_bytes() && from.size() <= size_bytes() - offset);
  while (!from.empty()) {
    const std::size_t within = offset % kChunkSize;
    const std::size_t length = std::min(from.size(), kChunkSize - within);
    std::memcpy(own(offset).data() + within, from.data(), length);
    from = from.subspan(length);
    offset += length;
  }
}

void MemoryDevice::clear(std::uint64_t offset, std::uint64_t length) {
  while (length != 0) {
    const std::size_t within = offset % kChunkSize;
    const std::size_t part = std::min<std::uint64_t>(length, kChunkSize - within);
    if (find(offset) != nullptr) std::memset(own(offset).data() + within, 0, part);
    offset += part;
    length -= part;
  }
}

const MemoryDevice::Chunk* MemoryDevice::find(std::uint64_t offset) const {
  const auto& table = tables_[offset / kTableSpan];
  return table ? (*table)[offset / kChunkSize % kChunksPerTable].get() : nullptr;
}

MemoryDevice::Chunk& MemoryDevice::own(std::uint64_t offset) {
  Table& table = make_own(tables_[offset / kTableSpan]);
  return make_own(table[offset / kChunkSize % kChunksPerTable]);
}

bool MemoryDevice::same_content(const MemoryDevice& other) const {
  if (size_bytes() != other.size_bytes()) return false;
  static constexpr Chunk kZeros{};
  for (std::size_t t = 0; t < tables_.size(); ++t) {
    if (tables_[t] == other.tables_[t]) continue;
    for (std::size_t c = 0; c < kChunksPerTable; ++c) {
      const std::uint64_t offset = t * kTableSpan + c * kChunkSize;
      const Chunk* mine = find(offset);
      const Chunk* theirs = other.find(offset);
      if (mine == theirs) continue;
      if ((mine ? *mine : kZeros) != (theirs ? *theirs : kZeros)) return false;
    }
  }
  return true;
}

}  // namespace spindle
