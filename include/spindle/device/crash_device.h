// CrashDevice: what is certain to be on the medium after a power cut, read from a recording and
// from the image as the run left it.
//
//   auto device = TRY(CrashDevice::open(*log, "volume.img"));   // as it was before the run
//   for (i = 0; i <= order.barrier_of(cut); ++i) device->advance(order.barriers()[i]);
//   OverlayDevice state(*device);
//   TRY(device->apply(state, order.arrived(cut, CrashMode::kTorn, seed)));
//
// Only places are kept in memory, some 24 bytes for each block that was ever overwritten. Nothing
// is written, and reading blocks: between two calls of `advance` several kernel threads may read.
#pragma once

#include <memory>
#include <string>
#include <unordered_map>

#include "spindle/base/file_descriptor.h"
#include "spindle/device/file_device.h"
#include "spindle/device/write_log_file.h"
#include "spindle/device/write_order.h"

namespace spindle {

class CrashDevice final : public BlockDevice {
 public:
  /// EBUSY while the image is in use; EINVAL if it has another size than the recorded one; ESTALE
  /// if it was changed after the recording. The log must outlive the device.
  static Result<std::unique_ptr<CrashDevice>> open(const WriteLogFile& log,
                                                   const std::string& image);
  /// To the next barrier: what it makes durable is there.
  void advance(const WriteOrder::Barrier& barrier);
  /// Writes parts of recorded writes to `state`, which stands over this device.
  Result<> apply(BlockDevice& state, std::span<const WritePart> parts) const;

  [[nodiscard]] std::uint32_t block_size() const override { return log_.block_size(); }
  [[nodiscard]] std::uint64_t block_count() const override { return log_.block_count(); }
  /// EROFS for writes.
  Result<> submit(std::span<const IoRequest> batch) override;
  Result<> flush() override { return {}; }

 private:
  CrashDevice(const WriteLogFile& log, std::unique_ptr<FileDevice> locked, FileDescriptor image);
  Result<> check_image() const;
  Result<> read_blocks(BlockNo start, std::span<std::byte> into) const;
  Result<> read_image(BlockNo start, std::span<std::byte> into) const;
  Result<> apply(BlockDevice& state, const WritePart& part) const;

  const WriteLogFile& log_;
  std::unique_ptr<FileDevice> locked_;  ///< keeps others from changing the image
  FileDescriptor image_;
  std::unordered_map<BlockNo, std::uint64_t> places_;  ///< what a written block holds, in the log
};

}  // namespace spindle
