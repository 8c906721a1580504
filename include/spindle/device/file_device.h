// FileDevice: an image file, or a block device of the host.
//
// Inside a thread::Runtime requests go through io_uring and the caller is parked until they
// complete, so that a slow host disk never stops the other user-space threads; a helper kernel
// thread with preadv/pwritev stands in where io_uring is not to be had. Outside of a runtime the
// calls block. `flush` is fdatasync. The image is locked (flock, exclusive; shared when read-only)
// while open.
#pragma once

#include <memory>
#include <string>
#include <string_view>

#include "spindle/device/block_device.h"

namespace spindle {

class FileDevice final : public BlockDevice {
 public:
  enum class Access { kReadOnly, kReadWrite };
  enum class Lock { kExclusive, kNone };  ///< kNone: only to look at what somebody else has mounted

  /// Opens `path`. ENOENT, EACCES, ...; EBUSY if somebody else holds the lock; EINVAL if it is
  /// neither a file nor a block device. The block count is the size in whole blocks.
  static Result<std::unique_ptr<FileDevice>> open(const std::string& path, Access access,
                                                  std::uint32_t block_size,
                                                  Lock lock = Lock::kExclusive);
  ~FileDevice() override;

  [[nodiscard]] std::uint32_t block_size() const override;
  [[nodiscard]] std::uint64_t block_count() const override;
  [[nodiscard]] std::uint64_t size_bytes() const;
  /// A block size known only after a look at the superblock; before any other use.
  void set_block_size(std::uint32_t block_size);
  Result<> submit(std::span<const IoRequest> batch) override;
  Result<> flush() override;
  Result<> discard(Run run) override;
  /// "io_uring", "helper thread" or "blocking": how requests are served now.
  [[nodiscard]] std::string_view engine() const;

 private:
  struct State;
  explicit FileDevice(std::unique_ptr<State> state);
  std::unique_ptr<State> state_;
};

}  // namespace spindle
