// RunMemory: memory in runs of adjacent units: segmentation, and partitions.
//
// With segmentation each area has a run of its own, found through a segment table; with partitions
// all areas of a space lie in one run, behind one base and limit. A FitPolicy chooses among the
// free runs; where none is large enough and all together are, the runs are moved together. What is
// mapped is resident: nothing is swapped, and a file is read when it is mapped.
#pragma once

#include <map>
#include <memory>
#include <vector>

#include "memory_areas.h"
#include "memory_page.h"
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

  LoadReview review() override { return {}; }
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
  [[nodiscard]] SpaceStatistics statistics(SpaceId space) const override;
  [[nodiscard]] std::vector<AreaStatistics> area_statistics(SpaceId space) const override;
  [[nodiscard]] MemoryUsage usage() const override;
  [[nodiscard]] std::vector<FrameRow> frames() const override;
  [[nodiscard]] std::vector<PageRow> page_table(SpaceId space) const override;
  [[nodiscard]] std::vector<TlbRow> tlb() const override { return {}; }
  [[nodiscard]] std::vector<SpaceId> spaces() const override;
  [[nodiscard]] std::string broken_law() const override;

 private:
  struct Owned {
    SpaceId id;
    AreaMap areas;
    Run partition{};                           ///< with partitions
    std::map<VirtualAddress, Run> segments{};  ///< with segmentation, by the area's start
    std::map<std::uint64_t, PageContent> pages{};
    std::map<std::uint64_t, TransferId> reading{};  ///< pages that are on their way
    std::uint64_t references = 0;
    std::uint64_t peak = 0;
    int oom_adjustment = 0;
    bool is_suspended = false;
  };
  struct Reading {
    SpaceId space;
    std::uint64_t page = 0;
    std::vector<MemoryAccess> waiting{};
  };

  explicit RunMemory(const MemoryConfiguration& configuration);
  [[nodiscard]] Owned& space_of(SpaceId id) const;
  [[nodiscard]] std::uint64_t units(std::uint64_t bytes) const {
    return (bytes + settings_.page_size - 1) / settings_.page_size;
  }
  [[nodiscard]] bool is_segmented() const { return settings_.allocation == "segmentation"; }
  [[nodiscard]] bool is_fixed() const { return settings_.allocation == "fixed-partitions"; }
  Result<Run> take(std::uint64_t units);
  void give_back(Run run);
  void compact();
  Result<> hold(Owned& space, const MemoryArea& area);
  Result<> grow(Owned& space, const MemoryArea& heap);
  void let_go(Owned& space, const MemoryArea& area);
  void forget_pages(Owned& space, VirtualAddress start, VirtualAddress end);
  void read_file(Owned& space, const MemoryArea& area, std::uint64_t file_bytes);

  MemoryConfiguration settings_;
  std::uint64_t limit_;
  std::uint64_t total_units_ = 0;
  std::unique_ptr<FitPolicy> fit_;
  RunSet free_;  ///< unit n of memory is number n + 1: 0 is no block
  std::map<std::uint64_t, std::unique_ptr<Owned>> spaces_;
  std::map<std::uint64_t, Reading> readings_;
  std::vector<PageTransfer> outbox_;
  std::uint64_t last_id_ = 0;
  MemoryUsage counted_;
};

}  // namespace spindle
