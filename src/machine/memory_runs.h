// RunMemory: memory in runs of adjacent units: segmentation, and partitions.
//
// With segmentation each area has a run of its own, found through a segment table; with partitions
// all areas of a space lie in one run, behind one base and limit. A FitPolicy chooses among the
// free runs; where none is large enough and all together are, the runs are moved together. A file
// is read when it is mapped.
//
// What a space has is in memory as a whole, or, rolled out, in the swap file as a whole. Its runs
// are given to other spaces at once, whose first access waits until what was there has been
// written. With segmentation, shared segments and the text of programs after a fork lie in one run
// for all spaces that map them, and stay in memory.
#pragma once

#include <map>
#include <memory>
#include <set>
#include <vector>

#include "memory_areas.h"
#include "memory_page.h"
#include "memory_swap.h"
#include "spindle/machine/memory.h"
#include "spindle/policy/run_set.h"

namespace spindle {

class RunMemory final : public MemoryManager {
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
  void write_through(InodeNo, FilePage, std::uint64_t, std::span<const std::byte>) override {}
  AccessOutcome sync_file(TaskId task, InodeNo file) override;
  void set_file_bytes(InodeNo file, std::uint64_t bytes) override;
  std::uint64_t drop_caches() override { return 0; }
  std::vector<PageTransfer> take_transfers() override { return std::exchange(outbox_, {}); }
  std::vector<ResumedAccess> complete(TransferId transfer, std::span<const std::byte> content,
                                      bool failed) override;
  void cancel(TaskId task) override;

  LoadReview review(const std::set<SpaceId>& awake) override;
  [[nodiscard]] std::optional<SpaceId> roll_out_victim(SpaceId for_whom) const override;
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
  [[nodiscard]] std::vector<TlbRow> tlb() const override { return {}; }
  [[nodiscard]] std::vector<SpaceId> spaces() const override;
  [[nodiscard]] std::string broken_law() const override;

 private:
  /// The bytes of pages, and those that are on their way into memory.
  struct Pages {
    std::map<std::uint64_t, PageContent> content{};
    std::map<std::uint64_t, TransferId> reading{};
  };
  /// A run that several areas may lie in; pages are counted from its start.
  struct Shared {
    std::uint64_t number = 0;
    SegmentId segment{};  ///< none: the run holds a file, and goes with the last area
    Run run{};
    std::uint64_t mappings = 0;
    bool is_removed = false;
    Pages pages{};
  };
  struct Owned {
    SpaceId id;
    AreaMap areas;
    std::uint64_t partition_units = 0;  ///< the size of its partition, also while it is rolled out
    Run partition{};                    ///< where its partition is, with partitions
    std::map<VirtualAddress, Run> segments{};    ///< where each area is, with segmentation
    std::map<VirtualAddress, Shared*> shared{};  ///< where each other area is, with segmentation
    Pages pages{};                               ///< its content, by virtual page
    std::map<std::uint64_t, SlotIndex> slots{};  ///< where the pages are that are rolled out
    std::map<std::uint64_t, PageTransfer> unread{};  ///< pages of files that were still to be read
    std::set<std::uint64_t> awaited_writes{};  ///< the transfers after which its memory is its own
    std::vector<MemoryAccess> awaiting_return{};  ///< made while it was rolled out
    std::uint64_t since = 0;                      ///< the review at which it came in, or went out
    std::uint64_t references = 0;
    std::uint64_t peak = 0;
    int oom_adjustment = 0;
    bool is_suspended = false;
    bool is_rolled_out = false;
  };
  /// A page that is read.
  struct Reading {
    PageTransfer transfer;
    std::uint64_t space = 0;  ///< whose page it is; 0: a shared run's
    std::uint64_t shared = 0;
    std::uint64_t page = 0;
    std::vector<MemoryAccess> waiting{};
  };
  /// A page that is written to the swap file.
  struct Writing {
    SlotIndex slot = 0;
    std::vector<MemoryAccess> waiting{};
  };
  struct PageAt {
    Pages& pages;
    std::uint64_t page = 0;
  };

  explicit RunMemory(const MemoryConfiguration& configuration);
  [[nodiscard]] Owned& space_of(SpaceId id) const;
  [[nodiscard]] std::uint64_t units(std::uint64_t bytes) const {
    return (bytes + settings_.page_size - 1) / settings_.page_size;
  }
  [[nodiscard]] bool is_segmented() const { return settings_.allocation == "segmentation"; }
  [[nodiscard]] bool is_fixed() const { return settings_.allocation == "fixed-partitions"; }
  [[nodiscard]] bool may_share(const MemoryArea& area) const {
    return is_segmented() && area.kind == AreaKind::kFile && !area.protection.write;
  }
  /// Bytes that belong to this space only.
  [[nodiscard]] static std::uint64_t private_bytes(const Owned& space);
  Result<Run> take(std::uint64_t units);
  void give_back(Run run);
  void compact();
  Result<> hold(Owned& space, const MemoryArea& area);
  Shared& make_shared(Run run);
  void share(Owned& space, VirtualAddress start, Shared& shared);
  void stop_sharing(Owned& space, VirtualAddress start);
  void drop_if_unused(Shared& shared);
  Result<> grow(Owned& space, const MemoryArea& heap);
  void let_go(Owned& space, const MemoryArea& area);
  void forget_pages(Owned& space, VirtualAddress start, VirtualAddress end);
  PageAt page_at(Owned& space, const MemoryArea& area, std::uint64_t page);
  Pages* pages_of(const Reading& reading);
  void start_reading(PageTransfer transfer, const Owned* space, const Shared* shared,
                     std::uint64_t page);
  void read_file(Owned& space, const MemoryArea& area, std::uint64_t file_bytes);
  Result<> copy_areas(const Owned& parent, Owned& child);
  void copy_pages(const Owned& parent, Owned& child);

  [[nodiscard]] std::optional<BlockNo> base_of(const Owned& space, const MemoryArea& area,
                                               std::uint64_t behind) const;
  [[nodiscard]] std::string broken_law_of(const Owned& space) const;

  // Rolling out and in (memory_runs_swap.cc).
  /// Has the space wait until what others had in its memory is written.
  void await_writes(Owned& space) const;
  bool is_blocked(Owned& space, const MemoryAccess& access);
  [[nodiscard]] bool can_roll_out(const Owned& space) const;
  /// Who has been out, or in of those that can go out, for the longest time; null: nobody.
  [[nodiscard]] const Owned* longest_out() const;
  [[nodiscard]] const Owned* longest_in(SpaceId besides = {}) const;
  [[nodiscard]] std::uint64_t units_to_return(const Owned& space) const;
  void stop_reading(Owned& space);
  void roll_out(Owned& space);
  Result<> roll_in(Owned& space);
  Result<> take_back_runs(Owned& space);
  void drop_slots(Owned& space);
  std::vector<ResumedAccess> complete_write(TransferId id);
  void take_page(const Reading& reading, std::span<const std::byte> content, Pages& pages);
  void retry(const std::vector<MemoryAccess>& waiting, bool failed,
             std::vector<ResumedAccess>& resumed);

  MemoryConfiguration settings_;
  std::uint64_t limit_;
  std::uint64_t total_units_ = 0;
  std::unique_ptr<FitPolicy> fit_;
  RunSet free_;  ///< unit n of memory is number n + 1: 0 is no block
  std::map<std::uint64_t, std::unique_ptr<Owned>> spaces_;
  std::map<std::uint64_t, std::unique_ptr<Shared>> shared_;
  std::map<std::uint64_t, Reading> readings_;
  std::map<std::uint64_t, Writing> writings_;
  SwapSlots swap_;
  std::uint64_t reviews_ = 0;
  std::uint64_t reviewed_references_ = 0;
  std::vector<PageTransfer> outbox_;
  std::uint64_t last_id_ = 0;
  MemoryUsage counted_;
};

}  // namespace spindle
