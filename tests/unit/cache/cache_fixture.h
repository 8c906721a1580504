// What the tests of the cache share: a block size, two files, a device that is slow and fails on
// demand, and a run inside a runtime.
#pragma once

#include <gtest/gtest.h>

#include <functional>
#include <memory>
#include <set>
#include <vector>

#include "spindle/base/random.h"
#include "spindle/cache/buffer_cache.h"
#include "spindle/device/memory_device.h"
#include "spindle/thread/thread.h"
#include "support/in_runtime.h"

namespace spindle {

inline constexpr std::uint32_t kBlockSize = 1024;
inline constexpr InodeNo kFile{12};
inline constexpr InodeNo kOtherFile{13};

/// A MemoryDevice that lets other threads run during a batch, serves reads before that and writes
/// after it, and fails where it is told to. Two writes of one block at once, or a read of a block
/// that is being written, are failures of the test.
class SlowDevice final : public BlockDevice {
 public:
  SlowDevice(std::uint32_t block_size, std::uint64_t block_count, std::uint64_t seed = 1)
      : memory(block_size, block_count), random_(seed) {}

  [[nodiscard]] std::uint32_t block_size() const override { return memory.block_size(); }
  [[nodiscard]] std::uint64_t block_count() const override { return memory.block_count(); }

  Result<> submit(std::span<const IoRequest> batch) override {
    ++batches;
    for (const IoRequest& request : batch) {
      TRY(check_request(memory, request));
      requests.push_back({request.kind, {request.start, request.bytes() / block_size()}});
    }
    const std::vector<std::byte> before = bytes_of(batch);
    begin_writes(batch);
    linger();
    // Stable pages: what is on its way does not change.
    EXPECT_EQ(before, bytes_of(batch));
    end_writes(batch);
    return transfer(batch);
  }

  Result<> flush() override {
    ++flushes;
    if (fail_flushes) return Error{EIO, "the flush failed"};
    return {};
  }

  struct Request {
    IoRequest::Kind kind;
    Run run;
  };

  MemoryDevice memory;
  std::set<std::uint64_t> bad_reads;   ///< blocks
  std::set<std::uint64_t> bad_writes;  ///< blocks
  unsigned most_yields = 0;            ///< how slow the device is; 0: it answers at once
  bool fail_flushes = false;
  std::vector<Request> requests;  ///< all of them, in order
  std::size_t batches = 0;
  std::size_t flushes = 0;
  std::function<void()> while_under_way;  ///< called once in each batch

 private:
  void linger() {
    if (while_under_way) while_under_way();
    if (most_yields == 0 || !thread::current_thread::exists()) return;
    for (std::uint64_t left = random_.below(most_yields + 1); left > 0; --left) thread::yield();
  }

  std::vector<std::byte> bytes_of(std::span<const IoRequest> batch) const {
    std::vector<std::byte> all;
    for (const IoRequest& request : batch) {
      if (request.kind == IoRequest::Kind::kRead) continue;
      for (auto buffer : request.buffers) all.insert(all.end(), buffer.begin(), buffer.end());
    }
    return all;
  }

  void begin_writes(std::span<const IoRequest> batch) {
    for_each_written(batch, [&](std::uint64_t block) {
      EXPECT_TRUE(under_way_.insert(block).second) << "block " << block << " is written twice";
    });
  }
  void end_writes(std::span<const IoRequest> batch) {
    for_each_written(batch, [&](std::uint64_t block) { under_way_.erase(block); });
  }
  template <class Visit>
  void for_each_written(std::span<const IoRequest> batch, Visit visit) {
    for (const IoRequest& request : batch) {
      if (request.kind == IoRequest::Kind::kRead) continue;
      const std::uint64_t count = request.bytes() / block_size();
      for (std::uint64_t i = 0; i < count; ++i) visit(request.start.value + i);
    }
  }

  Result<> transfer(std::span<const IoRequest> batch) {
    for (const IoRequest& request : batch) {
      const auto& bad = request.kind == IoRequest::Kind::kRead ? bad_reads : bad_writes;
      const auto first = bad.lower_bound(request.start.value);
      if (first != bad.end() && *first < request.start.value + request.bytes() / block_size()) {
        return Error{EIO, "the medium is bad", Subject::block(BlockNo{*first})};
      }
      TRY(memory.submit({&request, 1}));
    }
    return {};
  }

  Random random_;
  std::set<std::uint64_t> under_way_;
};

/// Inside of a gtest fixture `Run` is something else.
inline spindle::Run run_of(BlockNo start, std::uint64_t length) {
  return {start, length};
}

inline std::unique_ptr<BufferCache> make_cache(BlockDevice& device, std::size_t blocks,
                                               std::string_view policy = "lru") {
  return BufferCache::create(device,
                             {.capacity_bytes = 0, .least_blocks = blocks, .policy = policy})
      .take();
}

inline void fill(std::span<std::byte> bytes, std::uint8_t value) {
  std::ranges::fill(bytes, std::byte{value});
}

/// Fills a block with the value by the rules of the cache.
inline void write_block(BufferCache& cache, BlockNo block, std::uint8_t value, InodeNo owner) {
  const BlockRef ref = cache.blank(block).take();
  fill(ref.writable(), value);
  cache.mark_dirty(ref, owner);
}

inline std::uint8_t first_byte(const BlockRef& ref) {
  return std::to_integer<std::uint8_t>(ref.bytes()[0]);
}

inline std::uint8_t first_byte(const MemoryDevice& device, BlockNo block) {
  std::byte byte{};
  device.peek(block.value * device.block_size(), {&byte, 1});
  return std::to_integer<std::uint8_t>(byte);
}

}  // namespace spindle
