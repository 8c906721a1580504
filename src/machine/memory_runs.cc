#include "memory_runs.h"

#include <bit>

#include "spindle/base/check.h"

namespace spindle {
namespace {

Error not_with_runs() {
  return {EOPNOTSUPP, "memory in runs has no such thing"};
}

bool allows(const Protection& protection, AccessKind kind) {
  if (kind == AccessKind::kRead) return protection.read;
  return kind == AccessKind::kWrite ? protection.write : protection.execute;
}

}  // namespace

RunMemory::RunMemory(const MemoryConfiguration& configuration)
    : settings_(configuration), limit_(std::uint64_t{1} << (configuration.address_bits - 1)) {
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
    return Error{EINVAL, "there must be a partition"};
  auto fit = TRY(make_fit_policy(configuration.fit));
  std::unique_ptr<RunMemory> memory(new RunMemory(configuration));
  memory->fit_ = std::move(fit);
  return std::unique_ptr<MemoryManager>(std::move(memory));
}

// Runs.

/// With "buddy" a power of two; of fixed partitions a whole one.
Result<Run> RunMemory::take(std::uint64_t wanted) {
  if (fit_->name() == "buddy") wanted = std::bit_ceil(wanted);
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

/// All runs move down, in order, until no hole is left between them.
void RunMemory::compact() {
  std::map<BlockNo, Run*> runs;
  for (const auto& [id, space] : spaces_) {
    if (space->partition.length != 0) runs[space->partition.start] = &space->partition;
    for (auto& [start, run] : space->segments) runs[run.start] = &run;
  }
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

/// The area has memory.
Result<> RunMemory::hold(Owned& space, const MemoryArea& area) {
  if (is_segmented()) {
    const Run run = TRY(take(units(area.bytes())));
    space.segments[area.start] = run;
  } else if (units(space.areas.bytes()) > space.partition.length) {
    return Error{ENOMEM, "the partition is full"};
  }
  return {};
}

void RunMemory::let_go(Owned& space, const MemoryArea& area) {
  forget_pages(space, area.start, area.end);
  const auto run = space.segments.find(area.start);
  if (run == space.segments.end()) return;
  give_back(run->second);
  space.segments.erase(run);
}

void RunMemory::forget_pages(Owned& space, VirtualAddress start, VirtualAddress end) {
  const std::uint64_t first = start.value / settings_.page_size;
  const std::uint64_t last = end.value / settings_.page_size;
  space.pages.erase(space.pages.lower_bound(first), space.pages.lower_bound(last));
  space.reading.erase(space.reading.lower_bound(first), space.reading.lower_bound(last));
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
  space->oom_adjustment = options.oom_adjustment;
  spaces_.emplace(id.value, std::move(space));
  return id;
}

Result<SpaceId> RunMemory::fork(SpaceId parent_id) {
  const Owned& parent = space_of(parent_id);
  const SpaceId id = TRY(create({.partition_bytes = parent.partition.length * settings_.page_size,
                                 .oom_adjustment = parent.oom_adjustment}));
  Owned& child = space_of(id);
  for (const auto& [start, area] : parent.areas.all()) {
    if (const Result<> held = hold(child, area); !held.ok()) {
      destroy(id);
      return held.error();
    }
  }
  child.areas = parent.areas;
  child.peak = child.areas.bytes();
  for (const auto& [page, content] : parent.pages)
    child.pages[page] = content.copy(settings_.page_size);
  return id;
}

void RunMemory::destroy(SpaceId id) {
  Owned& space = space_of(id);
  for (const auto& [start, run] : space.segments) give_back(run);
  give_back(space.partition);
  for (auto& [number, reading] : readings_)
    if (reading.space == id) reading.waiting.clear();
  spaces_.erase(id.value);
}

Result<VirtualAddress> RunMemory::map(SpaceId id, const MapRequest& request) {
  Owned& space = space_of(id);
  if (request.kind == AreaKind::kSegment || request.shared) return not_with_runs();
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
  if (area.kind == AreaKind::kFile) read_file(space, area, request.file_bytes);
  return start;
}

/// All of it is brought in now.
void RunMemory::read_file(Owned& space, const MemoryArea& area, std::uint64_t file_bytes) {
  const std::uint32_t size = settings_.page_size;
  for (std::uint64_t at = 0; at < area.bytes() && area.offset + at < file_bytes; at += size) {
    PageTransfer transfer;
    transfer.id = TransferId{++last_id_};
    transfer.file = area.file;
    transfer.page = FilePage{(area.offset + at) / size};
    transfer.space = space.id;
    const std::uint64_t page = (area.start.value + at) / size;
    space.reading[page] = transfer.id;
    readings_[transfer.id.value] = {space.id, page};
    outbox_.push_back(transfer);
  }
}

Result<> RunMemory::unmap(SpaceId id, VirtualAddress start, std::uint64_t bytes) {
  Owned& space = space_of(id);
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
  return space.areas.protect(start, bytes, protection);
}

/// A segment that grows has a new run, and its old one only until then.
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
  if (lost.start < lost.end) forget_pages(space, lost.start, lost.end);
  space.peak = std::max(space.peak, space.areas.bytes());
  return {};
}

Result<SegmentId> RunMemory::create_segment(std::uint64_t) {
  return not_with_runs();
}
Result<> RunMemory::remove_segment(SegmentId) {
  return Error{ENOENT, "there is no such segment"};
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
  if (!allows(area->protection, access.kind)) return refused(Violation::kProtection);
  const std::uint64_t page = access.address.value / settings_.page_size;
  const std::uint64_t offset = access.address.value % settings_.page_size;
  if (const auto reading = space.reading.find(page); reading != space.reading.end()) {
    readings_.at(reading->second.value).waiting.push_back(access);
    return {.status = Status::kBlocked};
  }
  ++space.references;
  ++counted_.references;
  // A segment's base and limit stand in a table, a partition's in registers.
  AccessOutcome outcome{.cost_ns = settings_.costs.memory_ns * (is_segmented() ? 2 : 1)};
  if (access.store) space.pages[page].set_word(offset, *access.store, settings_.page_size);
  if (!access.load) return outcome;
  const auto content = space.pages.find(page);
  if (content != space.pages.end()) outcome.value = content->second.word(offset);
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
  const auto found = readings_.find(id.value);
  CHECK(found != readings_.end());
  const Reading reading = std::move(found->second);
  readings_.erase(found);
  ++counted_.pages_in;
  std::vector<ResumedAccess> resumed;
  const auto space = spaces_.find(reading.space.value);
  if (space == spaces_.end()) return resumed;
  auto& expected = space->second->reading;
  const auto wanted = expected.find(reading.page);
  if (wanted != expected.end() && wanted->second == id) {
    expected.erase(wanted);
    space->second->pages[reading.page].assign(content, settings_.page_size);
  }
  for (const MemoryAccess& waiting : reading.waiting) {
    AccessOutcome outcome = access(waiting);
    if (failed)
      outcome = {.status = AccessOutcome::Status::kViolation, .violation = Violation::kReadFailed};
    outcome.fault = AccessOutcome::Fault::kMajor;
    resumed.push_back({waiting.task, outcome});
  }
  return resumed;
}

void RunMemory::cancel(TaskId task) {
  for (auto& [id, reading] : readings_)
    std::erase_if(reading.waiting, [task](const MemoryAccess& a) { return a.task == task; });
}

// What does not apply.

void RunMemory::suspend(SpaceId id) {
  space_of(id).is_suspended = true;
}
Result<> RunMemory::resume(SpaceId id) {
  space_of(id).is_suspended = false;
  return {};
}
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
Result<> RunMemory::set_swap_bytes(std::uint64_t) {
  return not_with_runs();
}

}  // namespace spindle
