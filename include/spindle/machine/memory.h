// MemoryManager: the memory of the simulated machine.
//
// Address spaces of areas, physical frames, page tables, TLBs, swap slots and a cache of file
// pages: a pure, deterministic object. It has no clock and does no I/O. An access says what it
// costs, and where a page must move first it is blocked, and the caller is told which pages to read
// and write:
//
//   auto memory = TRY(MemoryManager::make({.bytes = 1 << 20, .replacement = "lru"}));
//   SpaceId space = TRY(memory->create({}));
//   VirtualAddress heap = TRY(memory->map(space, {.bytes = 1 << 16}));
//   AccessOutcome outcome = memory->access({space, task, heap, AccessKind::kWrite});
//   for (PageTransfer transfer : memory->take_transfers()) ...   // serve it, at some virtual time
//     for (ResumedAccess resumed : memory->complete(transfer.id)) ...   // wake its task
//
// A blocked access is done by the `complete` that brings its outcome, and must not be repeated. So
// a page that was fetched is used before it can leave, and each access makes progress. While an
// access is blocked, transfers are under way.
//
// Pages keep what was stored in them, through fork, copy-on-write and swap; what is not stored is
// zero, or the file's. Replacement, placement and the TLB's choice are ReplacementPolicy and
// FitPolicy objects, those of the solver and of the buffer cache. An access costs O(log n), where n
// is the areas and page tables of its space; a hit in the TLB O(1). Not locked.
#pragma once

#include <memory>
#include <set>

#include "spindle/base/result.h"
#include "spindle/machine/memory_statistics.h"
#include "spindle/machine/memory_types.h"

namespace spindle {

class MemoryManager {
 public:
  static constexpr std::uint64_t kMaxFrames = std::uint64_t{1} << 22;
  static constexpr std::uint64_t kMaxSlots = std::uint64_t{1} << 22;
  static constexpr unsigned kMaxCpus = 64;
  static constexpr std::size_t kMaxAreas = 65530;  ///< the most areas of one space

  /// EINVAL for a name that is none, a number out of its range, a memory without a frame, or with
  /// more than kMaxFrames or kMaxSlots.
  static Result<std::unique_ptr<MemoryManager>> make(const MemoryConfiguration& configuration);
  virtual ~MemoryManager() = default;
  [[nodiscard]] virtual const MemoryConfiguration& configuration() const = 0;

  // Spaces. A space that does not exist is the caller's bug.

  /// ENOMEM if no partition is to be had (now: wait for one; EFBIG: never).
  virtual Result<SpaceId> create(const SpaceOptions& options) = 0;
  /// A copy, whose private pages are copied when one of the two writes; with "segmentation" and
  /// "partitions" at once. ENOMEM as `create`, or if no tables can be had.
  virtual Result<SpaceId> fork(SpaceId space) = 0;
  /// All that only this space has is free. Its blocked accesses are forgotten.
  virtual void destroy(SpaceId space) = 0;

  // Areas. All numbers are rounded out to pages; EINVAL for an empty range, or one that leaves the
  // space's address bits; ENOMEM for more than kMaxAreas, or if no run can be had.

  /// Where the new area is. EEXIST if something is mapped at the address asked for; ENOMEM if there
  /// is no room; EINVAL for a segment that does not exist, or a second heap or stack; EFBIG for an
  /// offset too large.
  virtual Result<VirtualAddress> map(SpaceId space, const MapRequest& request) = 0;
  /// What is mapped in the range is so no more. With schemes of runs: whole areas, else EINVAL.
  virtual Result<> unmap(SpaceId space, VirtualAddress start, std::uint64_t bytes) = 0;
  /// ENOMEM if a part of the range is not mapped. With schemes of runs: whole areas, else EINVAL.
  virtual Result<> protect(SpaceId space, VirtualAddress start, std::uint64_t bytes,
                           Protection protection) = 0;
  /// The heap (an area of kHeap) ends at `end`, rounded up; ENOMEM if that would meet another
  /// area; EINVAL if there is none, or it would be empty.
  virtual Result<> set_break(SpaceId space, VirtualAddress end) = 0;

  /// A segment of shared memory: it lasts until it was removed and no area maps it. ENOSPC if
  /// memory and swap together could not hold it; ENOMEM with "segmentation", where it takes its run
  /// at once; EOPNOTSUPP with partitions.
  virtual Result<SegmentId> create_segment(std::uint64_t bytes) = 0;
  /// ENOENT if there is none.
  virtual Result<> remove_segment(SegmentId segment) = 0;

  // Accesses.

  virtual AccessOutcome access(const MemoryAccess& access) = 0;
  /// A page of a file in the cache, as read() and write() use it; outcome as of an access. Once it
  /// is done, and until the next call, `file_content` has the page. Schemes of runs have no cache:
  /// kOutOfMemory.
  virtual AccessOutcome access_file(TaskId task, InodeNo file, FilePage page, AccessKind kind) = 0;
  /// The page's bytes; empty if it is not in memory.
  virtual std::span<std::byte> file_content(InodeNo file, FilePage page) = 0;
  /// The host's file has these bytes now, `offset` bytes into the page. Every copy of the page gets
  /// them, in memory and on its way out.
  virtual void write_through(InodeNo file, FilePage page, std::uint64_t offset,
                             std::span<const std::byte> bytes) = 0;
  /// Blocked until all that was written to the file is on its way out and has arrived; done if
  /// nothing was.
  virtual AccessOutcome sync_file(TaskId task, InodeNo file) = 0;
  /// The file is `bytes` long now; pages behind are dropped, and accesses there are refused.
  virtual void set_file_bytes(InodeNo file, std::uint64_t bytes) = 0;
  /// Drops clean pages that nobody maps. Returns how many.
  virtual std::uint64_t drop_caches() = 0;

  /// The transfers that are to be served and were not returned before, in the order of asking.
  virtual std::vector<PageTransfer> take_transfers() = 0;
  /// The transfer was served. `content` is what was read; if it is empty, that is zeros, or, from
  /// swap, what was written there. If a read failed, that is a violation for the tasks that wait
  /// for it. If a write failed, the disk has nothing of it, but a page of swap is still kept here.
  /// Returns the accesses that can go on, in order.
  virtual std::vector<ResumedAccess> complete(TransferId transfer,
                                              std::span<const std::byte> content = {},
                                              bool failed = false) = 0;
  /// The task's blocked access will never be resumed. Transfers go on.
  virtual void cancel(TaskId task) = 0;

  // Load control, and the end of memory.

  /// To be called now and then; rates are those since the last call. `awake`: the spaces whose
  /// processes run, are ready, or wait for the disk. These, and those that made a reference since
  /// the last call, are active; whoever sleeps needs no frames. Memory thrashes if the working sets
  /// of the active spaces are larger than memory (Denning, "The working set model for program
  /// behavior", 1968), and more than one reference in 100 fetches a page. Then the active space
  /// with most resident pages should be suspended, unless it is the only one. Of the suspended ones
  /// whose working set fits again, that which has been out for longest should be resumed. With
  /// schemes of runs the spaces that are out take turns with those that are in.
  virtual LoadReview review(const std::set<SpaceId>& awake) = 0;
  /// Swaps the whole space out, as far as slots go; with schemes of runs all of it or nothing.
  virtual void suspend(SpaceId space) = 0;
  /// Its pages come back as they are used; with schemes of runs all at once: ENOMEM if there is no
  /// room for them, EAGAIN while they are still on their way out.
  virtual Result<> resume(SpaceId space) = 0;
  /// With schemes of runs: the space to suspend so that what failed with ENOMEM for this one may
  /// succeed, which is the one that has been in memory for longest. Nothing if there is none.
  [[nodiscard]] virtual std::optional<SpaceId> roll_out_victim(SpaceId) const { return {}; }
  /// The space with the highest score, of equals the youngest; nothing if all are exempt.
  [[nodiscard]] virtual std::optional<SpaceId> oom_victim() const = 0;
  virtual void set_oom_adjustment(SpaceId space, int adjustment) = 0;

  // Changes while it runs; EINVAL, and no change, for what `make` would refuse; EOPNOTSUPP with
  // schemes of runs.

  /// The new policy is told of all resident pages, in the order of their last use.
  virtual Result<> set_replacement(std::string_view name) = 0;
  /// Takes this object instead: it must be for as many frames as there are, and "global".
  virtual void set_replacement(std::unique_ptr<ReplacementPolicy> policy) = 0;
  virtual Result<> set_allotment(std::string_view name) = 0;
  virtual Result<> set_tlb(const MemoryConfiguration::Tlb& tlb) = 0;
  /// EBUSY if slots that would go are in use.
  virtual Result<> set_swap_bytes(std::uint64_t bytes) = 0;

  // Views.

  [[nodiscard]] virtual std::vector<MemoryArea> areas(SpaceId space) const = 0;
  [[nodiscard]] virtual AddressSpaceStatistics statistics(SpaceId space) const = 0;
  [[nodiscard]] virtual std::vector<AreaStatistics> area_statistics(SpaceId space) const = 0;
  [[nodiscard]] virtual MemoryUsage usage() const = 0;
  [[nodiscard]] virtual std::vector<FrameRow> frames() const = 0;
  [[nodiscard]] virtual std::vector<PageRow> page_table(SpaceId space) const = 0;
  [[nodiscard]] virtual std::vector<TlbRow> tlb() const = 0;
  [[nodiscard]] virtual std::vector<SpaceId> spaces() const = 0;
  /// A sentence on a law above that does not hold; empty: all hold. O(everything).
  [[nodiscard]] virtual std::string broken_law() const = 0;
};

}  // namespace spindle
