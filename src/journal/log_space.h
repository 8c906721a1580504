// LogSpace: who may use how much of the log, so that no transaction ever finds it full.
//
// The log's blocks are used by entries that must still be replayable; the rest is shared by the
// open epoch, the reservations of transactions under way, and a small reserve for blocks that are
// initialised in passing. Closing an epoch while reservations stand splits what they promised over
// two entries, each with a head and padding of its own: `fits` and `may_close` count that in.
//
// With no entry left in use, may_close holds for every state that `fits` has allowed.
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>

#include "journal/log_area.h"

namespace spindle {

class LogSpace {
 public:
  LogSpace(std::uint64_t ring_blocks, std::uint32_t block_size)
      : ring_blocks_(ring_blocks), block_size_(block_size) {}

  [[nodiscard]] std::uint64_t capacity_bytes() const { return ring_blocks_ * block_size_; }
  [[nodiscard]] std::uint64_t used_blocks() const { return used_blocks_; }
  [[nodiscard]] std::uint64_t free_blocks() const { return ring_blocks_ - used_blocks_; }
  [[nodiscard]] std::size_t reserved() const { return reserved_; }
  /// What initialising one block may log.
  [[nodiscard]] std::size_t initialise_bytes() const { return block_size_ + 512; }
  [[nodiscard]] std::size_t largest_transaction() const {
    const std::uint64_t most = std::min(capacity_bytes() - block_size_, log::kMaxEntryBytes);
    return most - 2 * kHead - initialise_bytes();
  }

  /// Whether `bytes` more can be reserved while the open epoch has come to `open` bytes.
  [[nodiscard]] bool fits(std::size_t open, std::size_t bytes) const {
    return fits_all(open + bytes + initialise_bytes());
  }
  /// The same for a block that is initialised, which may take from the reserve.
  [[nodiscard]] bool fits_initialise(std::size_t open) const {
    return fits_all(open + initialise_bytes());
  }
  /// Whether an entry of `entry` bytes can be written and all promises still be kept.
  [[nodiscard]] bool may_close(std::size_t entry) const {
    return entry <= log::kMaxEntryBytes &&
           blocks(entry) + blocks(kHead + reserved_ + initialise_bytes()) <= free_blocks();
  }
  /// How many bytes an entry may have by `may_close`.
  [[nodiscard]] std::uint64_t largest_entry() const {
    const std::uint64_t kept = blocks(kHead + reserved_ + initialise_bytes());
    return free_blocks() <= kept
               ? 0
               : std::min((free_blocks() - kept) * block_size_, log::kMaxEntryBytes);
  }

  void reserve(std::size_t bytes) { reserved_ += bytes; }
  void unreserve(std::size_t bytes) {
    CHECK(bytes <= reserved_);
    reserved_ -= bytes;
  }
  void use(std::uint64_t blocks) {
    CHECK(blocks <= free_blocks());
    used_blocks_ += blocks;
  }
  void release(std::uint64_t blocks) {
    CHECK(blocks <= used_blocks_);
    used_blocks_ -= blocks;
  }

 private:
  static constexpr std::size_t kHead = sizeof(format::LogHead);

  [[nodiscard]] std::uint64_t blocks(std::uint64_t bytes) const {
    return log::blocks_for(bytes, block_size_);
  }
  [[nodiscard]] bool fits_all(std::size_t bytes) const {
    const std::uint64_t all = 2 * kHead + reserved_ + bytes;
    return all <= log::kMaxEntryBytes && blocks(all) + 1 <= free_blocks();
  }

  std::uint64_t ring_blocks_;
  std::uint32_t block_size_;
  std::uint64_t used_blocks_ = 0;
  std::size_t reserved_ = 0;
};

}  // namespace spindle
