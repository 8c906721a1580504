// BlockDevice: the one way in which blocks are read and written.
//
// Everything above a device hands it batches of requests. A device may serve a batch in any order;
// `submit` returns when all of it is done. Decorators can be stacked (recording, faults,
// overlay); at the bottom stands a file or memory. A mounted volume sees only disk/SimulatedDisk;
// mkfs, fsck and tests use the lower devices directly.
//
// Requests of one batch must not overlap if one of them writes: what is then read or left behind is
// undefined.
//
// Durability: a completed write survives a power cut only if a `flush` that began after its
// completion has returned. Until then any subset of the completed writes, each whole or torn at
// 512-byte boundaries, may have reached the medium.
//
// A device is used by one kernel thread. Inside a thread::Runtime `submit` and `flush` may suspend
// the calling user-space thread; outside of one they block.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string_view>

#include "spindle/base/id.h"
#include "spindle/base/result.h"

namespace spindle {

/// Why a request is made; statistics and traces tell them apart.
enum class IoPurpose : std::uint8_t { kData, kMetadata, kJournal, kReadAhead, kWriteBack };
inline constexpr std::size_t kIoPurposes = 5;
std::string_view io_purpose_name(IoPurpose purpose);  ///< "read-ahead"

/// What a medium writes whole or not at all, in bytes.
inline constexpr std::size_t kSectorSize = 512;

/// One contiguous transfer: `buffers` together hold a whole number of blocks.
struct IoRequest {
  enum class Kind : std::uint8_t { kRead, kWrite };
  Kind kind = Kind::kRead;
  BlockNo start;
  /// Each a multiple of the block size; not changed by a write.
  std::span<const std::span<std::byte>> buffers;
  IoPurpose purpose = IoPurpose::kData;

  [[nodiscard]] std::uint64_t bytes() const;
};

class BlockDevice {
 public:
  virtual ~BlockDevice() = default;
  [[nodiscard]] virtual std::uint32_t block_size() const = 0;
  [[nodiscard]] virtual std::uint64_t block_count() const = 0;
  /// Serves the batch; returns when all of it is done. EIO (or what the host said) with the first
  /// block that failed; then any part of the batch may have been done. EINVAL if a request is not
  /// one of whole blocks on the device.
  virtual Result<> submit(std::span<const IoRequest> batch) = 0;
  /// Every write that completed before the call is durable after it.
  virtual Result<> flush() = 0;
  /// A hint that the content of these blocks is no longer needed, for which a file punches holes:
  /// from now on they may read as anything. Not durable by itself. The default does nothing.
  virtual Result<> discard(Run run);
  /// A hint that the run will be written soon, a little at a time, with a flush each time: if the
  /// host has only a hole there, it finds room now rather than during those flushes. The content of
  /// the run does not change; nobody may write to it meanwhile. The default does nothing.
  virtual void fill_holes(Run) {}

  /// A batch of one request over one buffer.
  Result<> read(BlockNo start, std::span<std::byte> into, IoPurpose purpose = IoPurpose::kData);
  Result<> write(BlockNo start, std::span<const std::byte> from,
                 IoPurpose purpose = IoPurpose::kData);
};

/// EINVAL, with the block, unless each buffer is a multiple of the block size and the whole request
/// lies on the device. Every device checks this first. An empty request is valid and does nothing.
Result<> check_request(const BlockDevice& device, const IoRequest& request);
Result<> check_run(const BlockDevice& device, Run run);

}  // namespace spindle
