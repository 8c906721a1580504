// The undo file of a repair: what stood in each block before fsck wrote to it.
//
// UndoRecorder stands between a check and its device. Before a block is written for the first time
// its old bytes go to the file, and are durable there before the write is handed on: so whenever
// the repair is cut off, the file has all that it overwrote. `finish` adds what each block became;
// with it `undo` can tell whether anybody has changed the volume since. Undoing twice, or again
// after a crash, gives the same result.
//
// The file: a header of 64 bytes (kUndoMagic, version 1, block size, blocks of the image, all
// little-endian, and a checksum), then for each block its number, the checksum of its old bytes
// seeded with the number, and the bytes; then, after `finish`, a record with the number kUndoEnd,
// the count of blocks, and the checksum of each block's new bytes in the same order.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <unordered_set>
#include <utility>
#include <vector>

#include "spindle/base/file_descriptor.h"
#include "spindle/device/block_device.h"

namespace spindle::fsck {

class UndoRecorder final : public BlockDevice {
 public:
  /// EEXIST if there is such a file: it may be the only way back from an earlier repair.
  static Result<std::unique_ptr<UndoRecorder>> create(const std::string& path,
                                                      BlockDevice& backing);

  [[nodiscard]] std::uint32_t block_size() const override { return backing_.block_size(); }
  [[nodiscard]] std::uint64_t block_count() const override { return backing_.block_count(); }
  Result<> submit(std::span<const IoRequest> batch) override;
  Result<> flush() override { return backing_.flush(); }
  /// Not passed on to the device: discarded blocks could not be put back.
  Result<> discard(Run) override { return {}; }

  /// The repair is over: notes what the blocks are now.
  Result<> finish();
  [[nodiscard]] std::size_t blocks() const { return order_.size(); }

 private:
  UndoRecorder(FileDescriptor file, BlockDevice& backing)
      : file_(std::move(file)), backing_(backing) {}
  Result<> keep(BlockNo block);
  Result<> append(std::span<const std::byte> bytes);

  FileDescriptor file_;
  BlockDevice& backing_;
  std::uint64_t end_ = 0;
  std::vector<BlockNo> order_;
  std::unordered_set<BlockNo> kept_;
};

struct UndoReport {
  std::uint64_t blocks = 0;   ///< how many were put back
  bool was_cut_off = false;   ///< the repair did not come to its end
  std::uint64_t changed = 0;  ///< blocks that are neither as before nor as after the repair
};

/// What to do with blocks that were changed after the repair.
enum class LaterChanges : std::uint8_t { kKeep, kOverwrite };

/// Puts back what the repair overwrote, on a device with the block size of `undo_block_size`.
/// EUCLEAN if the file is damaged or no undo file; EINVAL if it is of an image of another size;
/// EBUSY, and nothing is written, if later changes are to be kept and a block is neither what it
/// was before nor what the repair made of it.
Result<UndoReport> undo(const std::string& path, BlockDevice& device, LaterChanges later);
/// The size in bytes of the blocks in the undo file; errors as of `undo`.
Result<std::uint32_t> undo_block_size(const std::string& path);

}  // namespace spindle::fsck
