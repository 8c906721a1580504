// TransactionState: the private edits of one transaction, until it is committed or dropped.
//
// Recycled by the journal: what it has allocated serves the next transaction.
#pragma once

#include <functional>
#include <vector>

#include "journal/arena.h"
#include "spindle/cache/buffer_cache.h"
#include "spindle/format/block.h"

namespace spindle {

class JournalCore;

struct RecordEdit {
  std::uint32_t offset = 0;
  std::uint32_t length = 0;
  std::byte* now = nullptr;     ///< what the owner of the transaction changes
  std::byte* before = nullptr;  ///< as it was at first: only what differs from it is installed
};

struct CounterEdit {
  std::uint32_t offset = 0;
  std::uint32_t amount = 0;  ///< modulo 2^32
};

struct BitsEdit {
  std::uint32_t first = 0;
  std::uint32_t count = 0;
  bool value = false;
};

struct EditedBlock {
  BlockRef frame;
  format::BlockKind kind{};
  bool fresh = false;              ///< created: what the frame holds has no meaning
  bool blanked = false;            ///< the frame was made for it and is not what the disk holds
  std::byte* whole = nullptr;      ///< a copy of the whole block, or:
  ArenaArray<RecordEdit> records;  ///< by offset, never overlapping
  ArenaArray<CounterEdit> counters;
  ArenaArray<BitsEdit> bits;
  std::byte* overlay = nullptr;  ///< where reads of the block see its records, counters and bits
};

struct TransactionState {
  JournalCore* core = nullptr;
  std::size_t reserved = 0;
  std::size_t used = 0;  ///< by the cautious count
  Arena arena;
  std::vector<EditedBlock> blocks;
  std::vector<Run> revoked;
  std::vector<InodeNo> ordered;
  std::vector<std::function<void(EpochNo)>> commit_hooks;
  std::vector<std::function<void()>> drop_hooks;

  EditedBlock* find(BlockNo block);
  void add(EditedBlock edited);
  void clear();

 private:
  /// Up to this many blocks are searched one by one; more are found through `slots_`, by open
  /// addressing over indexes plus one.
  static constexpr std::size_t kFewBlocks = 12;
  [[nodiscard]] std::size_t home(BlockNo block) const;
  void enter(std::size_t index);
  std::vector<std::uint32_t> slots_;
};

}  // namespace spindle
