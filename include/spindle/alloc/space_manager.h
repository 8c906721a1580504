// SpaceManager: which blocks and inodes are free, and who gets them.
//
//   Run run = TRY(space.allocate(tx, {.want = 8, .hint = after_last_block}));   // maybe shorter
//   TRY(space.free(tx, run));
//
// What a transaction takes is taken from the free runs in memory at once, and comes back if the
// transaction is dropped. What it frees is used again only once the freeing is durable: until then
// it counts as free (statfs) but is not given out; `allocate` waits for that rather than say
// ENOSPC. So ENOSPC means: the disk is full.
//
// A few blocks are kept back, and do not count as part of the volume: on a full disk, punching a
// hole into the middle of an extent makes the file's map longer, and must not fail for that.
//
// Free runs are kept in memory for the groups in use (a RunSet for each, loaded when first needed,
// dropped when many are loaded); the free count is known for every group. A FitPolicy picks the run
// inside a group. The search starts in the hint's group, goes round the volume, and comes to the
// next group only if no run in this one will do. On a volume of one group the policy sees all of
// it, as in the textbooks.
//
// One kernel thread; inside a runtime. allocate, free and the inode calls may suspend.
#pragma once

#include <cstdint>
#include <memory>
#include <span>
#include <string_view>
#include <vector>

#include "spindle/format/layout.h"
#include "spindle/journal/journal.h"
#include "spindle/policy/fit_policy.h"

namespace spindle {

class ChainMemory;

struct SpaceStatistics {
  std::uint64_t blocks = 0;          ///< that files can own, without those kept back
  std::uint64_t free_blocks = 0;     ///< freed ones that are not durable yet included
  std::uint64_t kept_blocks = 0;     ///< free, but kept back for `allocate_to_free`
  std::uint64_t pending_blocks = 0;  ///< freed, not durable yet
  std::uint64_t inodes = 0;
  std::uint64_t free_inodes = 0;
  std::uint64_t directories = 0;
};

/// What the calls below log at most, in bytes; for the caller's Journal::begin. A change of bits
/// and one of a counter, each with the seal of its block, are 116. A run of as many blocks as a
/// block of the bitmap has bits may lie over two of those, which makes 56 more; a longer one, that
/// must be whole, adds as much for each further block.
namespace log_cost {
inline constexpr std::size_t kBitmapBlock = 56;
inline constexpr std::size_t kAllocate = 192;       ///< allocate, allocate_at
inline constexpr std::size_t kFree = 224;           ///< with the revoke
inline constexpr std::size_t kAllocateInode = 160;  ///< without the edit of the inode itself
inline constexpr std::size_t kFreeInode = 160;
inline constexpr std::size_t kFatEntry = 96;
}  // namespace log_cost

/// What an inode is for: directories are counted, and spread over the volume.
enum class InodeFor : std::uint8_t { kDirectory, kOther };

class SpaceManager {
 public:
  /// Reads the group table. EINVAL for a policy that there is not; EUCLEAN. The others outlive it.
  static Result<std::unique_ptr<SpaceManager>> open(BufferCache& cache, Journal& journal,
                                                    const format::Layout& layout,
                                                    std::string_view fit_policy = "near");
  ~SpaceManager();

  /// Takes a run of 1 .. request.want blocks, and no more than a block of the bitmap has bits; all
  /// of it, whatever the length, if `must_be_whole`. ENOSPC. A file that grows (`owner`, and
  /// the hint is where its last blocks ended) gets room reserved behind it.
  Result<Run> allocate(Transaction& tx, const FitRequest& request, InodeNo owner = kNoInode);
  /// Takes one block for the map of a file that gives back others in the same transaction: it may
  /// be one of those that are kept back. ENOSPC.
  Result<Run> allocate_to_free(Transaction& tx, BlockNo hint);
  /// Takes up to `want` blocks that begin exactly at `at`, and no more than a block of the bitmap
  /// has bits; a run of length 0 if that block is not free.
  Result<Run> allocate_at(Transaction& tx, BlockNo at, std::uint64_t want);
  /// Free runs in which so many blocks would lie: one that is long enough, or else as few as there
  /// can be, in the order of the disk. Empty: there is no room, or it would take more than
  /// `most_runs`.
  Result<std::vector<Run>> find_runs(std::uint64_t blocks, std::uint64_t most_runs, BlockNo hint);
  /// A free run in front of `used` that holds as many blocks, and is shorter than the one that
  /// `used` would leave behind: to move there brings free blocks together. Empty: there is none.
  Result<Run> find_run_to_pack(Run used);
  /// The free run in front of `used`, in its group, with nothing between but what is being freed.
  struct Hole {
    Run run;               ///< empty: there is none, or nothing behind `used` is free to join it
    bool touches = false;  ///< nothing is between them
  };
  Result<Hole> hole_before(Run used);
  /// Sets the runs aside for a file: until `forget`, `allocate` with this owner takes its blocks
  /// from them, in their order, whatever the policy. False, and nothing is done, if they are not
  /// free any more. They are given up before anybody else is told ENOSPC.
  [[nodiscard]] bool set_aside(InodeNo owner, std::span<const Run> runs);
  /// As `find_runs` for as many blocks as `own` has, if these were free, too; they are somebody's.
  Result<std::vector<Run>> find_runs_over(std::span<const Run> own, std::uint64_t most_runs);
  /// Keeps what is free in the windows, or becomes free in them, from everybody until `end_claim`.
  /// One claim at a time; given up like runs that are set aside.
  Result<> claim(std::span<const Run> windows);
  void end_claim();
  /// Gives the blocks of one file back, and revokes them. EUCLEAN if some of them are free already
  /// or can belong to no file.
  Result<> free(Transaction& tx, Run run);
  /// What is remembered in memory about the file (its reservation, runs set aside for it, where
  /// look-ups ended) is wrong from now on.
  void forget(InodeNo inode);

  /// Takes an inode number: a file's near its directory, a directory's where there is room. ENOSPC.
  Result<InodeNo> allocate_inode(Transaction& tx, InodeNo parent, InodeFor what);
  /// Gives it back; `what` is as it was allocated. EUCLEAN if it is free already.
  Result<> free_inode(Transaction& tx, InodeNo inode, InodeFor what);
  /// Whether the inode's place in its table has been written; if not it is free.
  Result<bool> is_inode_written(InodeNo inode);
  /// A good place for the first block of this inode.
  [[nodiscard]] BlockNo hint_for(InodeNo inode) const;

  /// The FAT entry of a block: next | skip << 40, 0 if it is in no chain.
  Result<std::uint64_t> fat_entry(BlockReader& reader, BlockNo block);
  Result<> set_fat_entry(Transaction& tx, BlockNo block, std::uint64_t entry);

  [[nodiscard]] const format::Layout& layout() const;
  [[nodiscard]] BufferCache& cache() const;
  [[nodiscard]] Journal& journal() const;
  /// What the strategies that chain blocks remember of their walks.
  [[nodiscard]] ChainMemory& chains();
  [[nodiscard]] SpaceStatistics statistics() const;
  /// EINVAL, and nothing changed, if there is no policy of this name.
  Result<> set_fit_policy(std::string_view name);
  [[nodiscard]] std::string_view fit_policy() const;
  /// How many free runs have a length of [2^i, 2^(i+1)) blocks. Reads every bitmap.
  Result<std::vector<std::uint64_t>> free_run_histogram();
  /// Blocks of the longest free run. Reads every bitmap.
  Result<std::uint64_t> longest_free_run();

 private:
  struct State;
  explicit SpaceManager(std::shared_ptr<State> state);
  std::shared_ptr<State> state_;  ///< shared with the journal's callbacks
};

}  // namespace spindle
