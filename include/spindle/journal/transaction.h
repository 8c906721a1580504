// Transaction: the only thing that can change metadata. Dropped without commit, nothing happened.
//
//   Transaction tx = TRY(journal.begin(kLogBytes));
//   auto* inode = TRY(tx.edit<format::Inode>(place.block, BlockKind::kInodeTable, place.offset));
//   inode->size = size;
//   tx.commit();                    // joins the open epoch; never suspends, never fails
//
// All edits are private copies until then. Two grains, never both on one block in one transaction
// (records of a block that is edited whole are found in the whole copy):
//   edit_block / create_block   a whole block that belongs to one inode (map, directory, xattr
//                               blocks): its inode's lock keeps other transactions off. Only the
//                               bytes that differ are logged.
//   edit<T> / add / set_bits    a record, a counter, a range of bits in a block that many share
//                               (inode tables, group table, bitmaps, FAT, state): transactions may
//                               share the block, not the record. Of a record, only the bytes that
//                               this transaction changes are installed. Counters and bits are
//                               deltas: any number of transactions may touch them at once.
// Reading through the transaction (BlockReader) sees its own edits.
//
// What may suspend: everything that returns a Result (it may read the block). Pointers and spans
// stay valid until commit or drop. A transaction is moved, not copied, belongs to one thread, and
// must not outlive its journal.
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <span>

#include "spindle/cache/buffer_cache.h"
#include "spindle/format/block.h"

namespace spindle {

/// The bytes of a block, for as long as the view lives.
struct BlockView {
  BlockRef pin;  ///< empty for a transaction's private copy
  std::span<const std::byte> bytes;

  template <format::OnDisk T>
  const T& at(std::size_t offset) const {
    return format::at<T>(bytes, offset);
  }
};

/// Reads metadata blocks and checks them. Implemented by the transaction (which sees its own
/// edits), by the cache (CachedReader) and by fsck over the bare device.
class BlockReader {
 public:
  virtual ~BlockReader() = default;
  /// EUCLEAN unless it is a good block of that kind. The checksum is verified when the block comes
  /// from the device.
  virtual Result<BlockView> read(BlockNo block, format::BlockKind kind) = 0;
  /// File data that carries structure (the headers of linked files): no check.
  virtual Result<BlockView> read_data(BlockNo block) = 0;
};

/// The committed state, as the cache has it.
class CachedReader final : public BlockReader {
 public:
  CachedReader(BufferCache& cache, std::uint64_t volume_seed) : cache_(cache), seed_(volume_seed) {}
  Result<BlockView> read(BlockNo block, format::BlockKind kind) override;
  Result<BlockView> read_data(BlockNo block) override;

 private:
  BufferCache& cache_;
  std::uint64_t seed_;
};

class Journal;
struct TransactionState;

/// Bounds for `Journal::begin`: the most that one edit can cost in the log, in bytes.
namespace log_cost {
/// An inode, a descriptor, a counter, a run of bits or of revoked blocks: with headers and seal.
inline constexpr std::size_t kRecord = 320;
/// A whole block changed in unrelated places, or created.
constexpr std::size_t block(std::uint32_t block_size) {
  return block_size + 128;
}
}  // namespace log_cost

class Transaction final : public BlockReader {
 public:
  Transaction(Transaction&&) noexcept;
  Transaction& operator=(Transaction&&) noexcept;
  ~Transaction() override;  ///< drops what was not committed

  Result<BlockView> read(BlockNo block, format::BlockKind kind) override;
  Result<BlockView> read_data(BlockNo block) override;

  // Edits answer EFBIG when the transaction was begun for less and the log has no room for more:
  // drop it then.

  /// A private copy of the whole block. Calling it again gives the same copy.
  Result<std::span<std::byte>> edit_block(BlockNo block, format::BlockKind kind);
  /// A private, zeroed block with its header begun; what the disk holds there is not read.
  Result<std::span<std::byte>> create_block(BlockNo block, format::BlockKind kind, InodeNo owner);
  /// A private copy of the T at byte `offset` of the block.
  template <format::OnDisk T>
  Result<T*> edit(BlockNo block, format::BlockKind kind, std::size_t offset) {
    return reinterpret_cast<T*>(TRY(edit_record(block, kind, offset, sizeof(T))));
  }
  /// Adds `delta` to the le32 at byte `offset` of the block, at commit.
  Result<> add(BlockNo block, format::BlockKind kind, std::size_t offset, std::int32_t delta);
  /// Sets or clears bits [first, first + count) of the bitmap block's payload, at commit.
  Result<> set_bits(BlockNo bitmap, format::BlockKind kind, std::uint64_t first,
                    std::uint64_t count, bool value);
  /// The file's dirty data reaches the disk no later than this transaction.
  void order_data(InodeNo inode);
  /// The blocks belong to nobody once this is durable. Until then they must not be used again; from
  /// then on the cache has forgotten them, and no older log entry is replayed into them. (The
  /// bitmap is left to SpaceManager.)
  void revoke(Run run);

  /// Hooks run at commit with the epoch it joined, or when the transaction is dropped; in order;
  /// must not suspend.
  void on_commit(std::function<void(EpochNo)> hook);
  void on_drop(std::function<void()> hook);

  /// Bytes of the reservation that are not used yet, by a cautious count.
  [[nodiscard]] std::size_t log_bytes_left() const;
  /// Installs all edits in the open epoch and gives that epoch. Never suspends, never fails.
  EpochNo commit();

 private:
  friend class Journal;
  explicit Transaction(std::unique_ptr<TransactionState> state);
  Result<std::byte*> edit_record(BlockNo block, format::BlockKind kind, std::size_t offset,
                                 std::size_t length);
  void drop();
  std::unique_ptr<TransactionState> state_;
};

}  // namespace spindle
