// PagedMemory: memory in pages, with tables of 1 to 4 levels or an inverted one.
//
// An access that cannot be done becomes an Operation, and each wait a place in a queue: that of the
// transfer that it waits for, or that for frames. When a transfer is complete, the operations
// concerned take their step again from the start; so they rely on nothing that they saw before.
// While any operation waits for frames, a transfer is under way.
//
// memory_paged_spaces.cc: spaces and areas; _access.cc: accesses and faults; _frames.cc: who gets
// and who loses frames; _transfers.cc: what is under way; _files.cc: the cache of files;
// _control.cc: load control and changes; _views.cc: statistics.
#pragma once

#include <deque>
#include <memory>
#include <unordered_map>
#include <vector>

#include "memory_paged_space.h"
#include "memory_swap.h"
#include "memory_tlb.h"
#include "spindle/machine/memory.h"

namespace spindle {

class PagedMemory final : public MemoryManager {
 public:
  static Result<std::unique_ptr<MemoryManager>> make(const MemoryConfiguration& configuration);

  [[nodiscard]] const MemoryConfiguration& configuration() const override { return settings_; }
  Result<SpaceId> create(const SpaceOptions& options) override;
  Result<SpaceId> fork(SpaceId space) override;
  void destroy(SpaceId space) override;
  Result<VirtualAddress> map(SpaceId space, const MapRequest& request) override;
  Result<> unmap(SpaceId space, VirtualAddress start, std::uint64_t bytes) override;
  Result<> protect(SpaceId space, VirtualAddress start, std::uint64_t bytes,
                   Protection protection) override;
  Result<> set_break(SpaceId space, VirtualAddress end) override;
  Result<SegmentId> create_segment(std::uint64_t bytes) override;
  Result<> remove_segment(SegmentId segment) override;

  AccessOutcome access(const MemoryAccess& access) override;
  AccessOutcome access_file(TaskId task, InodeNo file, FilePage page, AccessKind kind) override;
  std::span<std::byte> file_content(InodeNo file, FilePage page) override;
  void write_through(InodeNo file, FilePage page, std::uint64_t offset,
                     std::span<const std::byte> bytes) override;
  AccessOutcome sync_file(TaskId task, InodeNo file) override;
  void set_file_bytes(InodeNo file, std::uint64_t bytes) override;
  std::uint64_t drop_caches() override;
  std::vector<PageTransfer> take_transfers() override { return std::exchange(outbox_, {}); }
  std::vector<ResumedAccess> complete(TransferId transfer, std::span<const std::byte> content,
                                      bool failed) override;
  void cancel(TaskId task) override;

  LoadReview review(const std::set<SpaceId>& awake) override;
  void suspend(SpaceId space) override;
  Result<> resume(SpaceId space) override;
  [[nodiscard]] std::optional<SpaceId> oom_victim() const override;
  void set_oom_adjustment(SpaceId space, int adjustment) override;
  Result<> set_replacement(std::string_view name) override;
  void set_replacement(std::unique_ptr<ReplacementPolicy> policy) override;
  Result<> set_allotment(std::string_view name) override;
  Result<> set_tlb(const MemoryConfiguration::Tlb& tlb) override;
  Result<> set_swap_bytes(std::uint64_t bytes) override;

  [[nodiscard]] std::vector<MemoryArea> areas(SpaceId space) const override;
  [[nodiscard]] AddressSpaceStatistics statistics(SpaceId space) const override;
  [[nodiscard]] std::vector<AreaStatistics> area_statistics(SpaceId space) const override;
  [[nodiscard]] MemoryUsage usage() const override;
  [[nodiscard]] std::vector<FrameRow> frames() const override;
  [[nodiscard]] std::vector<PageRow> page_table(SpaceId space) const override;
  [[nodiscard]] std::vector<TlbRow> tlb() const override { return tlb_.rows(); }
  [[nodiscard]] std::vector<SpaceId> spaces() const override;
  [[nodiscard]] std::string broken_law() const override;

 private:
  struct Suspended {
    SpaceId space;
    std::uint64_t demand_frames;  ///< its working set when it was suspended
  };

  using Status = AccessOutcome::Status;
  using Fault = AccessOutcome::Fault;

  struct Operation {
    enum class Kind : std::uint8_t { kAccess, kFile, kSync };
    Kind kind = Kind::kAccess;
    MemoryAccess access;
    InodeNo file{};
    FilePage page{};
    bool is_counted = false;      ///< its fault has been counted
    FrameIndex fresh = kNoFrame;  ///< the frame filled for it, which counted as a use
    PageKey key = 0;              ///< the key of the page that it brings in
    TransferId until{};           ///< kSync: the last transfer that it waits for
    std::uint64_t frames = 0;     ///< how many frames it waits for
    AccessOutcome outcome{};      ///< what the access came to so far
  };
  struct Transfer {
    PageTransfer shown;
    FrameIndex frame = kNoFrame;
    SlotIndex slot = kNoSlot;
    PageObject* object = nullptr;  ///< the file or segment whose page it is
    PageContent content;           ///< what is written, for a page of a file
    bool keeps_frame = false;      ///< the page stays in memory when it is written
    std::vector<Operation> waiting;
  };
  static constexpr std::uint64_t kMostPages = 1ull
                                              << 31;  ///< of a file: keys have room for no more
  enum class Allotment : std::uint8_t { kGlobal, kFixed, kFaultFrequency, kWorkingSet };

  PagedMemory(const MemoryConfiguration& configuration, Tlb tlb, Allotment allotment);
  static Result<Allotment> allotment_of(std::string_view name);

  // Spaces.
  [[nodiscard]] PagedSpace& space_of(SpaceId id) const;
  PagedSpace& new_space(const SpaceOptions& options);
  Result<> take_tables(PagedSpace& space);
  void copy_entry(PagedSpace& child, PageEntry& entry);
  void unmap_pages(PagedSpace& space, VirtualAddress start, VirtualAddress end);
  void unmap_area(PagedSpace& space, const MemoryArea& area);
  void free_segment(SegmentId segment);
  void count_size(PagedSpace& space);
  [[nodiscard]] PageObject* object_of(const MemoryArea& area);
  [[nodiscard]] std::uint64_t page_of(VirtualAddress address) const {
    return address.value >> page_bits_;
  }

  // Accesses. Each step answers kDone when the page is mapped and may be used so.
  AccessOutcome step(Operation& operation);
  AccessOutcome step_access(Operation& operation);
  void touch(const PageEntry& entry);
  void use(PagedSpace& space, PageEntry& entry, const MemoryAccess& access, AccessOutcome& outcome);
  Status serve_fault(Operation& operation, PagedSpace& space, const MemoryArea& area);
  Status write_protected(Operation& operation, PagedSpace& space, const MemoryArea& area,
                         PageEntry& entry);
  Status from_slot(Operation& operation, PagedSpace& space, const MemoryArea& area,
                   PageEntry& entry);
  Status from_object(Operation& operation, PagedSpace& space, const MemoryArea& area,
                     std::uint64_t page);
  Status zero_filled(Operation& operation, PagedSpace& space, const MemoryArea& area,
                     std::uint64_t page);
  Status copied(Operation& operation, PagedSpace& space, std::uint64_t page, FrameIndex source);
  void count_fault(Operation& operation, PagedSpace& space, Fault fault);
  void shrink(PagedSpace& space);
  void walk_cost(PagedSpace& space, std::uint64_t page, AccessOutcome& outcome);
  Status refuse(Operation& operation, Violation violation);

  // Frames.
  Status room(Operation& operation, PagedSpace* space, std::uint64_t frames);
  Status park(Operation& operation, std::uint64_t frames);
  struct VictimRules {
    bool own_only = false;    ///< only a page of the space itself
    bool clean_only = false;  ///< only one that need not be written first
  };
  FrameIndex choose_victim(PagedSpace* space, PageKey incoming, VictimRules rules);
  [[nodiscard]] bool may_go(FrameIndex frame) const;
  [[nodiscard]] bool may_go_at_once(FrameIndex frame) const;
  [[nodiscard]] bool is_over_limit(const PagedSpace& space) const;
  bool grab(std::uint64_t frames);
  FrameIndex take_frame(FrameUse use);
  void free_frame(FrameIndex frame);
  void drop_frame(FrameIndex frame);
  void evict(FrameIndex frame);
  void evict_to_slot(FrameIndex frame);
  void move_anonymous_page(Frame& frame, SlotIndex slot);
  void move_segment_page(Frame& frame, SlotIndex slot);
  void start_swap_out(FrameIndex frame, SlotIndex slot, SpaceId owner);
  void evict_to_file(FrameIndex frame);
  void release(PageEntry& entry);
  void mark_dirty(FrameIndex frame);
  /// The entry, which may not be written to yet.
  PageEntry& map_page(PagedSpace& space, std::uint64_t page, FrameIndex frame);
  void link(PageEntry& entry, FrameIndex frame);
  void unlink(PageEntry& entry);
  void unmap_entry(PageEntry& entry);
  std::uint64_t& resident_of(PagedSpace& space, FrameUse use);
  [[nodiscard]] std::uint64_t missing_tables(const PagedSpace& space, std::uint64_t page) const;
  [[nodiscard]] std::uint64_t tables_for(std::uint64_t bytes) const;
  ReplacementPool& pool_for(PagedSpace* space);
  std::unique_ptr<ReplacementPool> make_pool(std::uint64_t capacity);
  void recharge(FrameIndex frame);
  void enter_pool(FrameIndex frame, PagedSpace* space);

  // Transfers.
  Transfer& start_read(FrameIndex frame, SpaceId space);
  /// The frame is free when its page is written.
  Transfer& start_write_out(FrameIndex frame, SpaceId space);
  Transfer& start(FrameIndex frame, SpaceId space);
  Status read_slot(Operation& operation, SlotIndex slot, PagedSpace* space, PageObject* object,
                   std::uint64_t page);
  Status read_file(Operation& operation, PageObject& object, std::uint64_t page, PagedSpace* space);
  Status wait_on(Operation& operation, TransferId transfer);
  void finish_read(Transfer& transfer, std::span<const std::byte> content, bool failed);
  void finish_write(Transfer& transfer);
  void resume_step(Operation operation, std::vector<ResumedAccess>& resumed);
  void serve_waiting(std::vector<ResumedAccess>& resumed);
  template <class Which>
  void forget_operations(Which&& which);
  void forget_space(SpaceId space);

  // Files.
  AccessOutcome step_file(Operation& operation);
  AccessOutcome step_sync(Operation& operation);
  PageObject& file_object(InodeNo file);
  void drop_object_page(PageObject& object, std::uint64_t page);
  void start_write_back(FrameIndex frame);
  [[nodiscard]] int oom_score(const PagedSpace& space) const;
  [[nodiscard]] std::string broken_law_of(const PagedSpace& space) const;

  MemoryConfiguration settings_;
  std::uint32_t page_size_;
  unsigned page_bits_;
  std::uint64_t address_limit_;
  TableShape shape_;
  Tlb tlb_;
  Allotment allotment_;
  std::vector<Frame> frames_;
  std::vector<FrameIndex> free_;  ///< the one to be taken next is last
  FrameIndex ever_used_ = 0;      ///< frames from here on were always free
  SwapSlots swap_;
  std::unique_ptr<InvertedTable> inverted_;
  std::uint64_t inverted_frames_ = 0;
  std::unique_ptr<ReplacementPool> pool_;  ///< all frames; with local replacement those of files
  std::map<std::uint64_t, std::unique_ptr<PagedSpace>> spaces_;
  mutable PagedSpace* last_space_ = nullptr;  ///< the space that was looked up last
  std::map<std::uint64_t, PageObject> files_;
  std::map<std::uint64_t, PageObject> segments_;
  std::map<std::uint64_t, Transfer> transfers_;
  std::vector<PageTransfer> outbox_;
  std::deque<Operation> waiting_for_frames_;
  std::uint64_t frames_waited_for_ = 0;
  std::uint64_t frames_coming_ = 0;  ///< frames that are free as soon as they are written
  FrameIndex pinned_ = kNoFrame;     ///< the frame that the step under way needs
  std::uint64_t last_id_ = 0;
  PageKey last_key_ = 0;
  MemoryUsage counted_;               ///< only its counters; usage() finds the rest out
  std::vector<Suspended> suspended_;  ///< who has been out for longest stands first
  std::uint64_t reviewed_references_ = 0;
  std::uint64_t reviewed_major_faults_ = 0;
};

}  // namespace spindle
