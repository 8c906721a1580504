#include "memory_runs.h"

#include <algorithm>
#include <bit>

#include "spindle/base/check.h"

namespace spindle {
namespace {

Error not_with_runs() {
  return {EOPNOTSUPP, "memory in runs does not have that"};
}

Error rolled_out() {
  return {EAGAIN, "the process is swapped out"};
}

}  // namespace

RunMemory::RunMemory(const MemoryConfiguration& configuration)
    : settings_(configuration),
      limit_(std::uint64_t{1} << (configuration.address_bits - 1)),
      swap_(configuration.swap_bytes / configuration.page_size) {
  if (!is_fixed()) {
    total_units_ = settings_.bytes / settings_.page_size;
    CHECK(free_.add({BlockNo{1}, total_units_}));
    return;
  }
  // A unit stands between any two, so that they never become one.
  BlockNo at{1};
  for (std::uint64_t bytes : settings_.partitions) {
    CHECK(free_.add({at, units(bytes)}));
    total_units_ += units(bytes);
    at += units(bytes) + 1;
  }
}

Result<std::unique_ptr<MemoryManager>> RunMemory::make(const MemoryConfiguration& asked) {
  MemoryConfiguration configuration = asked;
  if (configuration.address_bits == 0) configuration.address_bits = 48;
  std::uint64_t all = 0;
  for (std::uint64_t bytes : configuration.partitions) {
    if (bytes == 0 || bytes > configuration.bytes - all)
      return Error{EINVAL, "the partitions must fit into memory, and none may be empty"};
    all += bytes;
  }
  if (configuration.allocation == "fixed-partitions" && all == 0)
    return Error{EINVAL, "fixed partitions need their sizes first"};
  auto fit = TRY(make_fit_policy(configuration.fit));
  std::unique_ptr<RunMemory> memory(new RunMemory(configuration));
  memory->fit_ = std::move(fit);
  return std::unique_ptr<MemoryManager>(std::move(memory));
}

// Runs.

// With "buddy" the run is a power of two; with fixed partitions it is a whole one.
Result<Run> RunMemory::take(std::uint64_t wanted) {
  if (fit_->name() == "buddy") wanted = std::bit_ceil(wanted);
  if (wanted > total_units_) return Error{EFBIG, "no run could ever be so large"};
  const FitRequest request{.want = wanted, .hint = kNoBlock, .must_be_whole = true};
  auto run = fit_->choose(free_, request);
  if (!run && settings_.compaction && !is_fixed() && free_.total() >= wanted) {
    compact();
    run = fit_->choose(free_, request);
  }
  if (!run) return Error{ENOMEM, "no free run is large enough"};
  if (is_fixed()) run = free_.at_or_after(run->start);
  CHECK(free_.remove(*run));
  counted_.allocated += run->length;
  return *run;
}

void RunMemory::give_back(Run run) {
  if (run.length == 0) return;
  CHECK(free_.add(run));
  counted_.freed += run.length;
}

// All runs move down, in order, until no hole is left between them.
void RunMemory::compact() {
  std::map<BlockNo, Run*> runs;
  for (const auto& [id, space] : spaces_) {
    if (space->partition.length != 0) runs[space->partition.start] = &space->partition;
    for (auto& [start, run] : space->segments) runs[run.start] = &run;
  }
  for (const auto& [number, shared] : shared_) runs[shared->run.start] = &shared->run;
  BlockNo at{1};
  for (const auto& [start, run] : runs) {
    if (start != at) counted_.moved += run->length * settings_.page_size;
    run->start = at;
    at += run->length;
  }
  ++counted_.compactions;
  free_.clear();
  if (const std::uint64_t left = total_units_ + 1 - at.value; left > 0)
    CHECK(free_.add({at, left}));
}

// Gives the area memory.
Result<> RunMemory::hold(Owned& space, const MemoryArea& area) {
  if (area.kind == AreaKind::kSegment) {
    const auto found = std::ranges::find_if(
        shared_, [&](const auto& each) { return each.second->segment == area.segment; });
    if (found == shared_.end() || found->second->is_removed)
      return Error{EINVAL, "there is no such segment"};
    if (units(area.offset + area.bytes()) > found->second->run.length)
      return Error{EINVAL, "the segment is smaller than that"};
    share(space, area.start, *found->second);
  } else if (is_segmented()) {
    const Run run = TRY(take(units(area.bytes())));
    if (may_share(area))
      share(space, area.start, make_shared(run));
    else
      space.segments[area.start] = run;
  } else if (units(space.areas.bytes()) > space.partition_units) {
    return Error{ENOMEM, "the partition is full"};
  }
  return {};
}

void RunMemory::let_go(Owned& space, const MemoryArea& area) {
  if (space.shared.contains(area.start)) return stop_sharing(space, area.start);
  forget_pages(space, area.start, area.end);
  const auto run = space.segments.find(area.start);
  if (run == space.segments.end()) return;
  give_back(run->second);
  space.segments.erase(run);
}

void RunMemory::forget_pages(Owned& space, VirtualAddress start, VirtualAddress end) {
  const std::uint64_t first = start.value / settings_.page_size;
  const std::uint64_t last = end.value / settings_.page_size;
  Pages& pages = space.pages;
  pages.content.erase(pages.content.lower_bound(first), pages.content.lower_bound(last));
  pages.reading.erase(pages.reading.lower_bound(first), pages.reading.lower_bound(last));
  // The slots of pages that were just coming in.
  for (auto slot = space.slots.lower_bound(first); slot != space.slots.lower_bound(last);) {
    swap_.let_go(slot->second);
    slot = space.slots.erase(slot);
  }
}

// Runs that are shared.

RunMemory::Shared& RunMemory::make_shared(Run run) {
  auto& made = shared_[++last_id_];
  made = std::make_unique<Shared>(Shared{.number = last_id_, .run = run});
  return *made;
}

void RunMemory::share(Owned& space, VirtualAddress start, Shared& shared) {
  space.shared[start] = &shared;
  ++shared.mappings;
}

void RunMemory::stop_sharing(Owned& space, VirtualAddress start) {
  Shared& shared = *space.shared.at(start);
  space.shared.erase(start);
  --shared.mappings;
  drop_if_unused(shared);
}

void RunMemory::drop_if_unused(Shared& shared) {
  if (shared.mappings != 0 || (shared.segment && !shared.is_removed)) return;
  give_back(shared.run);
  shared_.erase(shared.number);
}

Result<SegmentId> RunMemory::create_segment(std::uint64_t bytes) {
  if (!is_segmented()) return not_with_runs();
  if (bytes == 0) return Error{EINVAL, "a segment is not empty"};
  Shared& made = make_shared(TRY(take(units(bytes))));
  made.segment = SegmentId{made.number};
  return made.segment;
}

Result<> RunMemory::remove_segment(SegmentId segment) {
  const auto found = shared_.find(segment.value);
  if (found == shared_.end() || found->second->segment != segment || found->second->is_removed)
    return Error{ENOENT, "there is no such segment"};
  found->second->is_removed = true;
  drop_if_unused(*found->second);
  return {};
}

// Where the page of the area is kept.
RunMemory::PageAt RunMemory::page_at(Owned& space, const MemoryArea& area, std::uint64_t page) {
  const auto shared = space.shared.find(area.start);
  if (shared == space.shared.end()) return {space.pages, page};
  const std::uint64_t skipped = area.kind == AreaKind::kSegment ? units(area.offset) : 0;
  return {shared->second->pages, page - area.start.value / settings_.page_size + skipped};
}

// Spaces and areas.

RunMemory::Owned& RunMemory::space_of(SpaceId id) const {
  const auto found = spaces_.find(id.value);
  CHECK(found != spaces_.end());
  return *found->second;
}

Result<SpaceId> RunMemory::create(const SpaceOptions& options) {
  Run partition;
  if (!is_segmented()) {
    const std::uint64_t wanted = std::max<std::uint64_t>(units(options.partition_bytes), 1);
    std::uint64_t largest = is_fixed() ? 0 : total_units_;
    for (std::uint64_t bytes : settings_.partitions) largest = std::max(largest, units(bytes));
    if (wanted > largest) return Error{EFBIG, "no partition could ever be so large"};
    partition = TRY(take(wanted));
  }
  const SpaceId id{++last_id_};
  auto space = std::make_unique<Owned>(Owned{id, {settings_.page_size, limit_}});
  space->partition = partition;
  space->partition_units = partition.length;
  space->oom_adjustment = options.oom_adjustment;
  space->since = reviews_;
  await_writes(*space);
  spaces_.emplace(id.value, std::move(space));
  return id;
}

// Gives the child memory for all that the parent has mapped.
Result<> RunMemory::copy_areas(const Owned& parent, Owned& child) {
  for (const auto& [start, area] : parent.areas.all()) {
    if (const auto shared = parent.shared.find(start); shared != parent.shared.end())
      share(child, start, *shared->second);
    else
      TRY(hold(child, area));
  }
  return {};
}

// What the parent waits for, the child waits for, too.
void RunMemory::copy_pages(const Owned& parent, Owned& child) {
  for (const auto& [page, content] : parent.pages.content)
    child.pages.content[page] = content.copy(settings_.page_size);
  for (const auto& [page, id] : parent.pages.reading) {
    const PageTransfer transfer = readings_.at(id.value).transfer;
    if (transfer.is_swap)
      child.pages.content[page] =
          swap_[static_cast<SlotIndex>(transfer.slot.value)].content.copy(settings_.page_size);
    else
      start_reading(transfer, &child, nullptr, page);
  }
}

Result<SpaceId> RunMemory::fork(SpaceId parent_id) {
  const Owned& parent = space_of(parent_id);
  if (parent.is_rolled_out) return rolled_out();
  const SpaceId id = TRY(create({.partition_bytes = parent.partition_units * settings_.page_size,
                                 .oom_adjustment = parent.oom_adjustment}));
  Owned& child = space_of(id);
  if (const Result<> copied = copy_areas(parent, child); !copied.ok()) {
    destroy(id);
    return copied.error();
  }
  child.areas = parent.areas;
  child.peak = child.areas.bytes();
  copy_pages(parent, child);
  return id;
}

void RunMemory::destroy(SpaceId id) {
  Owned& space = space_of(id);
  for (const auto& [start, run] : space.segments) give_back(run);
  while (!space.shared.empty()) stop_sharing(space, space.shared.begin()->first);
  give_back(space.partition);
  drop_slots(space);
  const auto is_of_it = [id](const MemoryAccess& access) { return access.space == id; };
  for (auto& [number, reading] : readings_) std::erase_if(reading.waiting, is_of_it);
  for (auto& [number, writing] : writings_) std::erase_if(writing.waiting, is_of_it);
  spaces_.erase(id.value);
}

Result<VirtualAddress> RunMemory::map(SpaceId id, const MapRequest& request) {
  Owned& space = space_of(id);
  const bool is_segment = request.kind == AreaKind::kSegment;
  if (is_segment ? !is_segmented() : request.shared) return not_with_runs();
  if (space.is_rolled_out) return rolled_out();
  // Areas are not joined: each is a segment of its own.
  MapRequest fixed = request;
  fixed.most_bytes = request.bytes;
  if (request.kind == AreaKind::kAnonymous) fixed.name += "\n" + std::to_string(++last_id_);
  const VirtualAddress start = TRY(space.areas.add(fixed));
  const MemoryArea area = *space.areas.find(start);
  if (const Result<> held = hold(space, area); !held.ok()) {
    TRY(space.areas.remove(area.start, area.bytes()));
    return held.error();
  }
  space.peak = std::max(space.peak, space.areas.bytes());
  await_writes(space);
  if (area.kind == AreaKind::kFile) read_file(space, area, request.file_bytes);
  return start;
}

// Reads all of the file's part now.
void RunMemory::read_file(Owned& space, const MemoryArea& area, std::uint64_t file_bytes) {
  const std::uint32_t size = settings_.page_size;
  const auto shared = space.shared.find(area.start);
  for (std::uint64_t at = 0; at < area.bytes() && area.offset + at < file_bytes; at += size) {
    PageTransfer transfer;
    transfer.file = area.file;
    transfer.page = FilePage{(area.offset + at) / size};
    transfer.space = space.id;
    if (shared != space.shared.end())
      start_reading(transfer, nullptr, shared->second, at / size);
    else
      start_reading(transfer, &space, nullptr, (area.start.value + at) / size);
  }
}

// Of a space, or of what several share.
void RunMemory::start_reading(PageTransfer transfer, const Owned* space, const Shared* shared,
                              std::uint64_t page) {
  transfer.id = TransferId{++last_id_};
  if (space != nullptr) transfer.space = space->id;
  const auto& made =
      readings_
          .emplace(transfer.id.value, Reading{.transfer = transfer,
                                              .space = space == nullptr ? 0 : space->id.value,
                                              .shared = shared == nullptr ? 0 : shared->number,
                                              .page = page})
          .first->second;
  pages_of(made)->reading[page] = transfer.id;
  outbox_.push_back(transfer);
}

// Null if the owner of the page is gone.
RunMemory::Pages* RunMemory::pages_of(const Reading& reading) {
  if (reading.shared != 0) {
    const auto shared = shared_.find(reading.shared);
    return shared == shared_.end() ? nullptr : &shared->second->pages;
  }
  const auto space = spaces_.find(reading.space);
  return space == spaces_.end() ? nullptr : &space->second->pages;
}

Result<> RunMemory::unmap(SpaceId id, VirtualAddress start, std::uint64_t bytes) {
  Owned& space = space_of(id);
  if (space.is_rolled_out) return rolled_out();
  if (space.areas.exactly(start, bytes) == nullptr)
    return Error{EINVAL, "only a whole area can be unmapped"};
  for (const MemoryArea& area : TRY(space.areas.remove(start, bytes))) let_go(space, area);
  return {};
}

Result<> RunMemory::protect(SpaceId id, VirtualAddress start, std::uint64_t bytes,
                            Protection protection) {
  Owned& space = space_of(id);
  if (space.areas.exactly(start, bytes) == nullptr)
    return Error{EINVAL, "only a whole area can be protected"};
  if (protection.write && space.shared.contains(start) &&
      space.areas.find(start)->kind == AreaKind::kFile)
    return Error{EACCES, "the text of a program is shared"};
  return space.areas.protect(start, bytes, protection);
}

// A segment that grows gets a new run, and then gives its old one back.
Result<> RunMemory::grow(Owned& space, const MemoryArea& heap) {
  if (!is_segmented()) return hold(space, heap);
  if (units(heap.bytes()) <= space.segments.at(heap.start).length) return {};
  const Run larger = TRY(take(units(heap.bytes())));
  // The old one may have moved to make room.
  give_back(std::exchange(space.segments.at(heap.start), larger));
  return {};
}

Result<> RunMemory::set_break(SpaceId id, VirtualAddress end) {
  Owned& space = space_of(id);
  if (space.is_rolled_out) return rolled_out();
  const AreaMap before = space.areas;
  const MemoryArea lost = TRY(space.areas.set_break(end));
  for (const auto& [start, area] : space.areas.all()) {
    if (area.kind != AreaKind::kHeap) continue;
    if (const Result<> grown = grow(space, area); !grown.ok()) {
      space.areas = before;
      return grown;
    }
    break;
  }
  await_writes(space);
  if (lost.start < lost.end) forget_pages(space, lost.start, lost.end);
  space.peak = std::max(space.peak, space.areas.bytes());
  return {};
}

// Accesses.

AccessOutcome RunMemory::access(const MemoryAccess& access) {
  using Status = AccessOutcome::Status;
  Owned& space = space_of(access.space);
  const auto refused = [](Violation violation) {
    return AccessOutcome{.status = Status::kViolation, .violation = violation};
  };
  if ((access.store || access.load) && access.address.value % sizeof(std::uint64_t) != 0)
    return refused(Violation::kMisaligned);
  const MemoryArea* area = space.areas.find(access.address);
  if (area == nullptr) return refused(Violation::kBeyondLimit);
  if (!area->protection.allows(access.kind)) return refused(Violation::kProtection);
  if (is_blocked(space, access)) return {.status = Status::kBlocked};
  const std::uint64_t offset = access.address.value % settings_.page_size;
  const auto [pages, page] = page_at(space, *area, access.address.value / settings_.page_size);
  if (const auto reading = pages.reading.find(page); reading != pages.reading.end()) {
    readings_.at(reading->second.value).waiting.push_back(access);
    return {.status = Status::kBlocked};
  }
  ++space.references;
  ++counted_.references;
  // A segment's base and limit stand in a table, a partition's in registers.
  AccessOutcome outcome{.cost_ns = settings_.costs.memory_ns * (is_segmented() ? 2 : 1)};
  if (access.store) pages.content[page].set_word(offset, *access.store, settings_.page_size);
  if (!access.load) return outcome;
  const auto content = pages.content.find(page);
  if (content != pages.content.end()) outcome.value = content->second.word(offset);
  return outcome;
}

AccessOutcome RunMemory::access_file(TaskId, InodeNo, FilePage, AccessKind) {
  return {.status = AccessOutcome::Status::kOutOfMemory};
}
std::span<std::byte> RunMemory::file_content(InodeNo, FilePage) {
  return {};
}
AccessOutcome RunMemory::sync_file(TaskId, InodeNo) {
  return {};
}
void RunMemory::set_file_bytes(InodeNo, std::uint64_t) {}

std::vector<ResumedAccess> RunMemory::complete(TransferId id, std::span<const std::byte> content,
                                               bool failed) {
  if (writings_.contains(id.value)) return complete_write(id);
  const auto found = readings_.find(id.value);
  CHECK(found != readings_.end());
  const Reading reading = std::move(found->second);
  readings_.erase(found);
  ++counted_.pages_in;
  std::vector<ResumedAccess> resumed;
  Pages* const pages = pages_of(reading);
  if (pages == nullptr) return resumed;
  const auto wanted = pages->reading.find(reading.page);
  if (wanted != pages->reading.end() && wanted->second == id) {
    pages->reading.erase(wanted);
    take_page(reading, content, *pages);
  }
  retry(reading.waiting, failed, resumed);
  return resumed;
}

void RunMemory::cancel(TaskId task) {
  const auto is_its = [task](const MemoryAccess& access) { return access.task == task; };
  for (auto& [id, reading] : readings_) std::erase_if(reading.waiting, is_its);
  for (auto& [id, writing] : writings_) std::erase_if(writing.waiting, is_its);
  for (auto& [id, space] : spaces_) std::erase_if(space->awaiting_return, is_its);
}

// What does not apply.

Result<> RunMemory::set_replacement(std::string_view) {
  return not_with_runs();
}
void RunMemory::set_replacement(std::unique_ptr<ReplacementPolicy>) {
  CHECK(false);
}
Result<> RunMemory::set_allotment(std::string_view) {
  return not_with_runs();
}
Result<> RunMemory::set_tlb(const MemoryConfiguration::Tlb&) {
  return not_with_runs();
}

}  // namespace spindle
