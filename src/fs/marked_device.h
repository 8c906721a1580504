// MarkedDevice: the device of a mounted volume, for everything but the superblock.
//
// The superblock says who has the volume mounted, and that it was not unmounted in order. This must
// be durable before anything else on the device changes: a power cut must not leave a log with
// entries in a volume that counts as unmounted. So the first write flushes the device before it.
// A mount that writes nothing needs no flush, neither at its begin nor at its end.
#pragma once

#include "spindle/device/block_device.h"
#include "spindle/thread/mutex.h"

namespace spindle {

class MarkedDevice final : public BlockDevice {
 public:
  /// The backing device must outlive this one.
  explicit MarkedDevice(BlockDevice& backing) : backing_(backing) {}

  /// If not, nothing was written by way of this device.
  [[nodiscard]] bool is_mark_durable() const { return is_mark_durable_; }
  /// Flushes, unless the mark is durable already. What the flush says; it is tried again with the
  /// next write.
  Result<> make_mark_durable();

  [[nodiscard]] std::uint32_t block_size() const override { return backing_.block_size(); }
  [[nodiscard]] std::uint64_t block_count() const override { return backing_.block_count(); }
  Result<> submit(std::span<const IoRequest> batch) override;
  Result<> flush() override;  ///< does nothing as long as nothing was written
  Result<> discard(Run run) override;
  void fill_holes(Run run) override { backing_.fill_holes(run); }

 private:
  BlockDevice& backing_;
  bool is_mark_durable_ = false;
  thread::Mutex lock_{"mount mark"};  ///< who writes meanwhile waits for the flush
};

}  // namespace spindle
