// What the memory of the simulated machine (memory.h) shows of itself: per space, per area, as a
// whole, frame by frame, page by page, and the TLBs.
//
// Always holds, after each call of the manager: a space's `size` is the sum of its areas'; its
// resident bytes are those of its areas and the sum of their kinds; a frame is free, a page's, a
// table's, or busy; the proportional set sizes of all areas together are not more than what is
// neither free nor cache.
#pragma once

#include <cstdint>
#include <optional>
#include <string_view>
#include <vector>

#include "spindle/machine/memory_types.h"

namespace spindle {

/// A space's pages, in bytes. Names as in /proc/PID/status.
struct AddressSpaceStatistics {
  std::uint64_t size = 0;                ///< VmSize
  std::uint64_t peak_size = 0;           ///< VmPeak
  std::uint64_t resident_anonymous = 0;  ///< RssAnon
  std::uint64_t resident_file = 0;       ///< RssFile
  std::uint64_t resident_shared = 0;     ///< RssShmem
  std::uint64_t peak_resident = 0;       ///< VmHWM
  std::uint64_t data = 0;                ///< VmData: private and writable, without the stack
  std::uint64_t stack = 0;               ///< VmStk
  std::uint64_t text = 0;                ///< VmExe: executable and of a file
  std::uint64_t page_tables = 0;         ///< VmPTE: the tables that it has
  std::uint64_t swap = 0;                ///< VmSwap
  std::uint64_t working_set = 0;         ///< pages used in the window
  std::uint64_t resident_limit = 0;      ///< frames; 0: none
  std::uint64_t references = 0;
  std::uint64_t minor_faults = 0;
  std::uint64_t major_faults = 0;
  std::uint64_t copies = 0;  ///< pages copied because they were written
  int oom_score = 0;         ///< 0 to 2000; the highest is the victim
  bool suspended = false;    ///< load control has suspended it
  [[nodiscard]] std::uint64_t resident() const {
    return resident_anonymous + resident_file + resident_shared;
  }
};

/// An area's pages, in bytes. Names as in /proc/PID/smaps.
struct AreaStatistics {
  MemoryArea area;
  std::uint64_t resident = 0;
  std::uint64_t proportional = 0;  ///< Pss: each page divided by how many map it
  std::uint64_t proportional_dirty = 0;
  std::uint64_t shared_clean = 0;
  std::uint64_t shared_dirty = 0;
  std::uint64_t private_clean = 0;
  std::uint64_t private_dirty = 0;
  std::uint64_t referenced = 0;
  std::uint64_t anonymous = 0;
  std::uint64_t swap = 0;
  std::uint64_t proportional_swap = 0;
};

/// All of memory, in bytes and in events since the start. Names as in /proc/meminfo and
/// /proc/vmstat.
struct MemoryUsage {
  std::uint64_t total = 0;
  std::uint64_t free = 0;
  std::uint64_t available = 0;    ///< free, or filled by clean pages of files
  std::uint64_t cached = 0;       ///< pages of files and of shared segments
  std::uint64_t swap_cached = 0;  ///< pages in memory of which a slot holds the same content
  std::uint64_t active = 0;       ///< pages used in the last window of references
  std::uint64_t inactive = 0;
  std::uint64_t anonymous = 0;
  std::uint64_t mapped = 0;  ///< pages of files that somebody maps
  std::uint64_t shared = 0;  ///< pages of shared segments
  std::uint64_t dirty = 0;   ///< dirty pages of files
  std::uint64_t writeback = 0;
  std::uint64_t page_tables = 0;
  std::uint64_t swap_total = 0;
  std::uint64_t swap_free = 0;
  std::uint64_t committed = 0;  ///< what private writable areas could need

  std::uint64_t references = 0;
  std::uint64_t faults = 0;  ///< minor and major
  std::uint64_t major_faults = 0;
  std::uint64_t pages_in = 0;   ///< pages read, of swap and of files
  std::uint64_t pages_out = 0;  ///< pages written to swap and to files
  std::uint64_t swapped_in = 0;
  std::uint64_t swapped_out = 0;
  std::uint64_t allocated = 0;  ///< frames given out
  std::uint64_t freed = 0;
  std::uint64_t evicted = 0;
  std::uint64_t tlb_hits = 0;
  std::uint64_t tlb_misses = 0;
  std::uint64_t tlb_flushes = 0;
  std::uint64_t compactions = 0;
  std::uint64_t moved = 0;  ///< bytes that compactions moved
};

/// What holds a frame.
enum class FrameUse : std::uint8_t { kFree, kBusy, kAnonymous, kFile, kSegment, kTable };
std::string_view name_of(FrameUse use);

/// One frame, or (schemes of runs) a run of frames alike.
struct FrameRow {
  FrameNo frame;
  std::uint64_t count = 1;
  FrameUse use = FrameUse::kFree;
  SpaceId space{};         ///< a space that maps it
  std::uint64_t page = 0;  ///< the page of that space, or of the file
  std::uint32_t mappings = 0;
  bool referenced = false;
  bool dirty = false;
};

/// An entry of a page table, or (schemes of runs) of a segment table.
struct PageRow {
  std::uint64_t page = 0;   ///< its number in the space
  std::uint64_t count = 1;  ///< pages that lie together: more than 1 only of a segment
  std::optional<FrameNo> frame{};
  std::optional<SlotNo> slot{};
  bool writable = false;
  bool referenced = false;
  bool dirty = false;
};

struct TlbRow {
  unsigned cpu = 0;
  std::uint32_t set = 0;
  std::uint32_t way = 0;
  SpaceId space{};
  std::uint32_t asid = 0;
  std::uint64_t page = 0;
  FrameNo frame{};
};

/// What load control sees and advises: see MemoryManager::review.
struct LoadReview {
  bool thrashing = false;
  std::uint64_t demand_frames = 0;     ///< the working sets of the active spaces
  std::uint64_t available_frames = 0;  ///< the frames that those can have
  std::uint64_t major_faults = 0;      ///< since the last review
  std::uint64_t references = 0;        ///< since the last review
  std::optional<SpaceId> suspend{};    ///< whom to stop now
  std::optional<SpaceId> resume{};     ///< whom to let run again
};

}  // namespace spindle
