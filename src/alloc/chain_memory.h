// ChainMemory: what is remembered about files that are chains of blocks (linked, fat), so that a
// look-up need not begin at the chain's start, and a shrunk chain is not linked on too early.
//
// It keeps for each chain up to kMaxMarks places, evenly spread over what was walked, as many that
// are closer together where it was walked last, and the place where the last look-up ended. So
// whoever shortens a chain from its end, piece by piece, walks along all of it a few times, not
// along a part of it for each piece. A mark is a hint that was true when it was noted; whoever
// changes a chain drops the marks from there on, and a transaction that is dropped forgets the
// chain altogether. Chains are told apart by inode and strategy, and by the chain's first block.
// Beyond kMaxChains, the least recently used chains are forgotten. In memory only, not locked.
#pragma once

#include <cstdint>
#include <list>
#include <optional>
#include <unordered_map>
#include <vector>

#include "spindle/base/id.h"

namespace spindle {

struct ChainMark {
  FileBlock file_block;
  BlockNo block;
};

class ChainMemory {
 public:
  static constexpr std::size_t kMaxChains = 1024;
  static constexpr std::size_t kMaxMarks = 64;  ///< even

  /// The last mark at `at` or before it of the chain that begins at `first`.
  std::optional<ChainMark> before(InodeNo inode, BlockNo first, FileBlock at);
  /// A walk along the chain that begins at `first` came by `mark`.
  void passed(InodeNo inode, BlockNo first, ChainMark mark) { note(of(inode, first), mark); }
  /// It ended there.
  void ended(InodeNo inode, BlockNo first, ChainMark mark);
  /// The chain changed from `at` on.
  void cut(InodeNo inode, FileBlock at);
  void forget(InodeNo inode) { drop(inode); }

  /// The tail of the chain that begins at `first` was made the tail by a shrink of that epoch, or
  /// by one that is not yet committed. The inode would not tell which chain it is: what was a
  /// file's is freed while the file gets a new one.
  void shrinking(BlockNo first) { shrinks_[first].uncommitted += 1; }
  void shrink_ended(BlockNo first, std::optional<EpochNo> committed);
  struct Shrink {
    EpochNo epoch;
    std::uint32_t uncommitted = 0;
  };
  [[nodiscard]] Shrink shrink_of(BlockNo first) const;
  /// Forgets the shrinks up to this epoch, which are durable.
  void durable(EpochNo epoch);

 private:
  struct Chain {
    InodeNo inode;
    BlockNo first;
    std::uint64_t stride = 1;  ///< marks stand at multiples of it
    std::vector<ChainMark> marks;
    std::vector<ChainMark> close_marks;  ///< in order, at least stride / kMaxMarks apart
    std::optional<ChainMark> last;
  };
  Chain* find(InodeNo inode, BlockNo first);
  /// What is remembered of the chain, which may be nothing yet.
  Chain& of(InodeNo inode, BlockNo first);
  static void note(Chain& chain, ChainMark mark);
  static void note_close(Chain& chain, ChainMark mark);
  void drop(InodeNo inode);

  std::list<Chain> by_use_;  ///< last used first
  std::unordered_map<InodeNo, std::list<Chain>::iterator> by_inode_;
  std::unordered_map<BlockNo, Shrink> shrinks_;
};

}  // namespace spindle
