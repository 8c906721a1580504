// FileDevice: an image file, or a block device of the host.
//
// What the host has in memory is read, and small writes are copied to it, by one plain system call.
// Inside a thread::Runtime, what would have to wait for the host's disk goes through io_uring (or a
// helper kernel thread where there is no io_uring), and the caller is parked until it is done, so
// that a slow host disk never stops the other user-space threads. Outside of a runtime, and where
// the host gives neither of the two, the calls block. Inside of one, single reads and flushes
// block, too, as long as the host's disk is quick and no other thread has anything to do.
//
// `flush` is fdatasync; it costs nothing if nothing was written since the last one. Once a flush
// has failed, the kernel no longer knows what is on the disk, so every later one fails, too. The
// image is locked (flock, exclusive; shared when read-only) while it is open.
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
  /// kBlocking: the calls block inside of a runtime, too. Slower, but then the order of events is
  /// the same whatever the host's disk does.
  enum class Engine { kAutomatic, kHelperThread, kBlocking };

  /// Opens `path`. ENOENT, EACCES, ...; EBUSY if somebody else holds the lock; EROFS if it is to
  /// be written and cannot be; EINVAL if it is neither a file nor a block device. The block count
  /// is the size in whole blocks.
  static Result<std::unique_ptr<FileDevice>> open(const std::string& path, Access access,
                                                  std::uint32_t block_size,
                                                  Lock lock = Lock::kExclusive,
                                                  Engine engine = Engine::kAutomatic);
  ~FileDevice() override;

  [[nodiscard]] std::uint32_t block_size() const override;
  [[nodiscard]] std::uint64_t block_count() const override;
  [[nodiscard]] std::uint64_t size_bytes() const;
  [[nodiscard]] bool is_block_device() const;
  /// A block size known only after a look at the superblock; before any other use.
  void set_block_size(std::uint32_t block_size);
  /// EROFS for a write to a device opened read-only. EIO for a read where the file has become too
  /// short, and from then on for every write and flush: a write would lengthen it again.
  Result<> submit(std::span<const IoRequest> batch) override;
  Result<> flush() override;
  /// Punches a hole, or tells a block device; nothing where the host can do neither.
  Result<> discard(Run run) override;
  /// Writes zeros to the holes of an image file, as far as the host has room.
  void fill_holes(Run run) override;
  /// "io_uring", "helper thread" or "blocking": how requests that have to wait are served now.
  [[nodiscard]] std::string_view engine() const;

 private:
  struct State;
  explicit FileDevice(std::unique_ptr<State> state);
  std::unique_ptr<State> state_;
};

}  // namespace spindle
