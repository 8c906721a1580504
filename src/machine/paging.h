// Paging: the kernel's part of memory: the address spaces of processes, and the pages that move
// between memory and the machine's disk.
//
// MemoryManager decides; here its transfers become requests of the disk, threads wait for them, and
// what is refused becomes a signal. The bytes of mapped files are the host's; those of swap are the
// swap file's, if the volume has one; otherwise MemoryManager keeps them.
#pragma once

#include <map>
#include <memory>
#include <set>
#include <string>
#include <string_view>

#include "block_queue.h"
#include "files.h"
#include "outcome.h"
#include "process.h"
#include "spindle/machine/machine_host.h"
#include "spindle/machine/memory.h"

namespace spindle {

class Kernel;

class Paging {
 public:
  /// EINVAL for memory that cannot be made.
  static Result<std::unique_ptr<Paging>> create(Kernel& kernel);

  [[nodiscard]] MemoryManager& memory() const { return *memory_; }

  // Address spaces.

  /// Gives the process a new space instead of its own, with the program's file, a heap and a stack.
  Result<> load(Process& process, const std::string& path);
  /// Gives the child a copy of the parent's space.
  Result<> fork(const Process& parent, Process& child);
  void leave(Process& process);
  /// As in MemoryManager, but if there is no room, other processes are swapped out to make some.
  Result<VirtualAddress> map(const Process& process, const MapRequest& request);
  Result<> set_break(const Process& process, VirtualAddress end);
  /// The thread's access will not be resumed.
  void cancel(const Thread& thread);

  /// EINVAL for more than the swap file on the volume has.
  Result<> set_swap_bytes(std::uint64_t bytes);

  // System calls; each is a handler's whole service.

  /// `access`: the address, and what is done there; whose it is, is filled in.
  Outcome access(Thread& thread, MemoryAccess access);
  /// Maps the shared segment of that name, which is made if there is none, and returns its address.
  Result<VirtualAddress> map_segment(Process& process, const std::string& name,
                                     std::uint64_t bytes);
  /// Frees the segment's name; the segment goes when nobody maps it any more. ENOENT.
  Result<> remove_segment(std::string_view name);
  [[nodiscard]] std::vector<ObjectSnapshot> segments() const;

  // Files, by way of the pages that are kept of them.

  /// Serves a `read` step by step. If the thread must wait, the pages that follow are fetched, too.
  Outcome read(Thread& thread, OpenFile& file);
  /// The host's file was written: the pages that are kept of it get the same bytes.
  void written(std::uint64_t file, std::uint64_t offset, std::string_view text);
  /// Drops the pages that are kept of the file if somebody else has changed it.
  void opened(const HostFile& file);
  void truncated(std::uint64_t file, std::uint64_t size);

  // The disk.

  [[nodiscard]] static bool is_transfer(std::uint64_t cookie) { return (cookie & kOurs) != 0; }
  /// The request is done: lets what waited for it go on.
  void complete(const BlockRequest& request);
  /// Hands the transfers that memory asks for to the disk, on behalf of the thread if there is one.
  void start_transfers(const Thread* thread = nullptr);
  /// Load control: suspends and resumes processes as memory advises.
  void review();
  /// Processes that load control stopped, and that it will let go on.
  [[nodiscard]] bool has_suspended() const { return !suspended_.empty(); }

 private:
  static constexpr std::uint64_t kOurs = std::uint64_t{1} << 63;
  /// Tasks of pages read ahead are multiples of this, and the number of the thread that reads.
  static constexpr std::uint64_t kAhead = std::uint64_t{1} << 32;
  static constexpr std::uint64_t kMostAhead = 31;
  static constexpr std::int64_t kMostTries = 64;
  static constexpr std::uint64_t kNoFile = ~std::uint64_t{0};
  /// What a thread's `progress` says of its access.
  enum Progress : std::uint8_t { kAccess, kState };
  enum State : std::uint8_t { kFresh, kWaiting, kCharged };

  explicit Paging(Kernel& kernel) : kernel_(kernel) {}
  [[nodiscard]] static TaskId task_of(const Thread& thread) {
    return TaskId{static_cast<std::uint64_t>(thread.id)};
  }
  void read_ahead(const Thread& thread, std::uint64_t file, std::uint64_t page,
                  std::uint64_t pages);
  Result<> find_swap_file(MemoryConfiguration& configuration);
  Outcome finish(Thread& thread, const AccessOutcome& outcome, VirtualAddress address);
  Outcome out_of_memory();
  Outcome await(Thread& thread, const char* channel);
  std::int64_t poll_transfers_ns();
  void count_read(const PageTransfer& transfer, const BlockRequest& request) const;
  [[nodiscard]] BlockRequest request_for(const PageTransfer& transfer);
  void finish(const PageTransfer& transfer);
  void note_fault(Thread& thread, const AccessOutcome& outcome, VirtualAddress address);
  std::vector<std::byte> read_content(const PageTransfer& transfer);
  void write_content(const PageTransfer& transfer);
  [[nodiscard]] Process* process_of(SpaceId space) const;
  [[nodiscard]] std::set<SpaceId> awake_spaces() const;
  bool suspend(SpaceId space);
  void resume(SpaceId space);
  void tell(const char* what, const Process& whom) const;
  [[nodiscard]] bool is_paged() const { return memory_->configuration().allocation == "paging"; }
  struct ProgramAreas {
    VirtualAddress heap;
    VirtualAddress stack;
  };
  Result<ProgramAreas> map_program(const Process& process, SpaceId space, const std::string& path);
  /// Swaps other processes out for `process`, one by one, as long as the attempt finds no room.
  template <class Attempt>
  auto with_room(const Process& process, Attempt attempt);

  Kernel& kernel_;
  std::unique_ptr<MemoryManager> memory_;
  std::uint32_t page_size_ = 4096;
  std::uint64_t swap_file_ = kNoFile;
  std::map<std::uint64_t, PageTransfer> transfers_;
  std::map<std::int32_t, AccessOutcome> resumed_;  ///< by thread, until the thread takes them
  std::map<std::string, SegmentId, std::less<>> segments_;
  std::set<SpaceId> suspended_;
  std::map<std::uint64_t, std::uint64_t> versions_;  ///< of files, as their cached pages are
  std::uint64_t last_ahead_ = 0;
};

}  // namespace spindle
