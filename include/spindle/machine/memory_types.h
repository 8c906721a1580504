// What is said to and by the memory of the simulated machine (memory.h): its configuration,
// accesses and their outcomes, transfers of pages, and areas of an address space.
//
// All of it is plain data. Sizes are in bytes, except where a name ends in another unit; times are
// virtual nanoseconds.
#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "spindle/base/id.h"
#include "spindle/policy/replacement_policy.h"

namespace spindle {

/// How address spaces get memory, and whose page goes: see MemoryConfiguration.
inline constexpr std::array<std::string_view, 4> kAllocations = {"paging", "segmentation",
                                                                 "partitions", "fixed-partitions"};
inline constexpr std::array<std::string_view, 4> kAllotments = {"global", "fixed",
                                                                "fault-frequency", "working-set"};

using SpaceId = Id<struct SpaceTag>;           ///< an address space; never given out twice
using SegmentId = Id<struct SegmentTag>;       ///< a shared-memory segment
using VirtualAddress = Id<struct AddressTag>;  ///< in one space
using TransferId = Id<struct TransferTag>;     ///< a page on its way from or to the disk
using SlotNo = Id<struct SlotTag>;             ///< a page of the swap file, counted from its start
using FilePage = Id<struct FilePageTag>;       ///< a page of one file, counted from its start

/// What the memory of a machine is like. `MemoryManager::make` says what is refused.
struct MemoryConfiguration {
  std::uint64_t bytes = std::uint64_t{256} << 20;
  std::uint32_t page_size = 4096;  ///< a power of two, 8 to 1 MiB; the unit of all schemes
  std::uint64_t swap_bytes = std::uint64_t{256} << 20;

  /// How address spaces get memory: "paging", "segmentation" (each area a run of its own),
  /// "partitions" (each space one run, as long as it asks for), "fixed-partitions" (each space one
  /// of `partitions`).
  std::string allocation = "paging";
  std::string fit = "first";                ///< of runs: a name that make_fit_policy knows
  std::vector<std::uint64_t> partitions{};  ///< of "fixed-partitions"; must fit into `bytes`
  bool compaction = true;                   ///< move runs together when no hole is large enough

  unsigned table_levels = 4;       ///< of page tables, 1 to 4; 0: one inverted table
  unsigned address_bits = 0;       ///< of a virtual address, 48 at most; the upper half is the
                                   ///< kernel's. 0: as suits the levels
  bool tables_take_frames = true;  ///< off: page tables stand outside, as in exercises

  std::string replacement = "clock";  ///< a name that make_replacement_policy knows
  ReplacementConventions conventions{};
  /// Whose page goes: "global" (any), "fixed" (one of the space that faults, which has at most
  /// `resident_limit` frames), "fault-frequency" (as many as page-fault frequency grants), or
  /// "working-set" (a page goes when it leaves the working set).
  std::string allotment = "global";
  std::uint64_t resident_limit = 0;                ///< frames, of "fixed"; 0: an equal share of all
  std::uint64_t working_set_references = 10'000;   ///< the window, in the space's own references
  std::uint64_t fault_interval_references = 1000;  ///< of "fault-frequency": faults closer than
                                                   ///< this add a frame

  unsigned cpus = 1;  ///< each has a TLB
  struct Tlb {
    std::uint32_t entries = 64;  ///< 0: there is none
    std::uint32_t sets = 1;      ///< must divide `entries`; 1: fully associative
    std::string replacement = "lru";
    std::uint32_t asids = 256;  ///< 0: a switch of spaces flushes
  } tlb;

  struct Costs {
    std::int64_t tlb_ns = 1;       ///< to ask the TLB
    std::int64_t memory_ns = 100;  ///< to access memory: a level of a walk, and the word itself
    std::int64_t fault_ns = 1000;  ///< the kernel's part of a page fault
    std::int64_t fill_ns = 400;    ///< to clear or copy a page
  } costs;
};

enum class AccessKind : std::uint8_t { kRead, kWrite, kExecute };

/// One use of a word of memory by a thread.
struct MemoryAccess {
  SpaceId space;
  TaskId task;  ///< the one that waits if the access is blocked
  VirtualAddress address;
  AccessKind kind = AccessKind::kRead;
  unsigned cpu = 0;
  /// kWrite: the 8 bytes at `address`, a multiple of 8, become this; nothing: they are only
  /// touched, and the page counts as written.
  std::optional<std::uint64_t> store{};
  bool load = false;  ///< kRead: the outcome brings the 8 bytes at `address`, a multiple of 8
};

/// Why an access is refused: what becomes of SIGSEGV and SIGBUS.
enum class Violation : std::uint8_t {
  kNone,
  kNotMapped,    ///< no area is there (SEGV_MAPERR)
  kProtection,   ///< the area does not allow it (SEGV_ACCERR)
  kBeyondLimit,  ///< segmentation and partitions: past the limit (SEGV_MAPERR)
  kMisaligned,   ///< not a multiple of 8 (SIGBUS)
  kBeyondEnd,    ///< past the end of the mapped file (SIGBUS)
  kReadFailed,   ///< its page could not be read (SIGBUS)
};
/// A clause for people: "no area is mapped there".
std::string_view describe(Violation violation);

struct AccessOutcome {
  enum class Status : std::uint8_t {
    kDone,
    kBlocked,      ///< `complete` will bring the outcome; see what `take_transfers` has
    kViolation,    ///< see `violation`
    kOutOfMemory,  ///< no frame can be had: end a process (`oom_victim`), and access again
  };
  enum class Fault : std::uint8_t { kNone, kMinor, kMajor };
  Status status = Status::kDone;
  Violation violation = Violation::kNone;
  Fault fault = Fault::kNone;  ///< the fault that the access has taken so far
  std::int64_t cost_ns = 0;    ///< CPU time since the last outcome of this access
  std::uint64_t value = 0;     ///< the word that a load has read
};

/// A page that the caller is to move between memory and disk. Those of one `take_transfers` may be
/// served in any order.
struct PageTransfer {
  TransferId id;
  bool is_write = false;
  bool is_swap = false;  ///< to or from `slot` of the swap file; else `page` of `file`
  SlotNo slot;
  InodeNo file;
  FilePage page;
  SpaceId space;  ///< the space whose access waits, or whose page goes; 0: none
  TaskId task;    ///< whose access a page is read for; 0: none
  /// Of a write: the page's bytes, valid until `complete`. Empty: all are 0.
  std::span<const std::byte> content{};
};

/// An access that was blocked and is no more.
struct ResumedAccess {
  TaskId task;
  AccessOutcome outcome;  ///< never kBlocked
};

/// What may be done with an area.
struct Protection {
  bool read = true;
  bool write = false;
  bool execute = false;
  [[nodiscard]] constexpr bool allows(AccessKind kind) const {
    if (kind == AccessKind::kRead) return read;
    return kind == AccessKind::kWrite ? write : execute;
  }
  constexpr bool operator==(const Protection&) const = default;
};

enum class AreaKind : std::uint8_t { kAnonymous, kFile, kHeap, kStack, kSegment };

/// A run of a space's addresses that are mapped alike.
struct MemoryArea {
  VirtualAddress start;  ///< a multiple of the page size, as is `end`
  VirtualAddress end;
  AreaKind kind = AreaKind::kAnonymous;
  Protection protection{};
  bool shared = false;       ///< others see what is written: the file, or who shares the segment
  InodeNo file{};            ///< the file of a kFile
  SegmentId segment{};       ///< the segment of a kSegment
  std::uint64_t offset = 0;  ///< of its start in the file or segment; a multiple of the page size
  std::string name{};        ///< for people: the file's path
  /// kStack: it grows down to here, as it is used.
  VirtualAddress lowest{};
  [[nodiscard]] std::uint64_t bytes() const { return end - start; }
};

struct MapRequest {
  VirtualAddress address{};  ///< where, exactly; 0: where there is room
  std::uint64_t bytes = 0;   ///< rounded up to pages; for a stack the size at first
  AreaKind kind = AreaKind::kAnonymous;
  Protection protection{.read = true, .write = true};
  bool shared = false;
  InodeNo file{};
  std::uint64_t file_bytes = 0;  ///< how long the file is now
  SegmentId segment{};
  std::uint64_t offset = 0;
  std::string name{};
  std::uint64_t most_bytes = 0;  ///< the size to which a stack may grow
};

/// What a new space is like.
struct SpaceOptions {
  std::uint64_t partition_bytes = 0;  ///< "partitions", "fixed-partitions": all that it can map
  std::uint64_t resident_limit = 0;   ///< frames, of "fixed"; 0: the configuration's
  int oom_adjustment = 0;             ///< -1000 (never a victim) to 1000
};

}  // namespace spindle
