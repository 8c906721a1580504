// What memory in runs shows of itself, and the laws that it keeps.

#include <algorithm>

#include "memory_runs.h"

namespace spindle {

std::optional<SpaceId> RunMemory::oom_victim() const {
  std::optional<SpaceId> victim;
  int highest = 0;
  for (const auto& [id, space] : spaces_) {
    const int score = statistics(SpaceId{id}).oom_score;
    if (space->oom_adjustment <= -1000 || (victim && score < highest)) continue;
    highest = score;
    victim = SpaceId{id};
  }
  return victim;
}

void RunMemory::set_oom_adjustment(SpaceId space, int adjustment) {
  space_of(space).oom_adjustment = std::clamp(adjustment, -1000, 1000);
}

std::vector<MemoryArea> RunMemory::areas(SpaceId id) const {
  std::vector<MemoryArea> areas;
  for (const auto& [start, area] : space_of(id).areas.all()) {
    areas.push_back(area);
    // What tells segments apart is nobody else's business.
    areas.back().name.resize(std::min(area.name.find('\n'), area.name.size()));
  }
  return areas;
}

AddressSpaceStatistics RunMemory::statistics(SpaceId id) const {
  const Owned& space = space_of(id);
  AddressSpaceStatistics seen{.size = space.areas.bytes(),
                              .peak_size = space.peak,
                              .peak_resident = space.peak,
                              .references = space.references,
                              .suspended = space.is_suspended};
  for (const AreaStatistics& each : area_statistics(id)) {
    const MemoryArea& area = each.area;
    const bool is_file = area.kind == AreaKind::kFile;
    (is_file                           ? seen.resident_file
     : area.kind == AreaKind::kSegment ? seen.resident_shared
                                       : seen.resident_anonymous) += each.resident;
    seen.swap += each.swap;
    if (area.kind == AreaKind::kStack)
      seen.stack += area.bytes();
    else if (area.protection.write && area.kind != AreaKind::kSegment)
      seen.data += area.bytes();
    if (is_file && area.protection.execute) seen.text += area.bytes();
  }
  seen.oom_score = std::clamp(
      static_cast<int>(units(seen.size) * 1000 / total_units_) + space.oom_adjustment, 0, 2000);
  return seen;
}

std::vector<AreaStatistics> RunMemory::area_statistics(SpaceId id) const {
  const Owned& space = space_of(id);
  std::vector<AreaStatistics> all;
  for (MemoryArea& area : areas(id)) {
    AreaStatistics& seen = all.emplace_back();
    const std::uint64_t bytes = area.bytes();
    const auto shared = space.shared.find(area.start);
    const bool is_clean = area.kind == AreaKind::kFile;
    seen.area = std::move(area);
    if (shared == space.shared.end() && space.is_rolled_out) {
      seen.swap = seen.proportional_swap = seen.anonymous = bytes;
      continue;
    }
    const std::uint64_t sharers = shared == space.shared.end() ? 1 : shared->second->mappings;
    seen.resident = seen.referenced = bytes;
    seen.proportional = bytes / sharers;
    seen.proportional_dirty = is_clean ? 0 : seen.proportional;
    (sharers > 1 ? (is_clean ? seen.shared_clean : seen.shared_dirty)
                 : (is_clean ? seen.private_clean : seen.private_dirty)) = bytes;
    if (!is_clean && shared == space.shared.end()) seen.anonymous = bytes;
  }
  return all;
}

MemoryUsage RunMemory::usage() const {
  MemoryUsage usage = counted_;
  usage.total = total_units_ * settings_.page_size;
  usage.free = usage.available = free_.total() * settings_.page_size;
  for (const auto& [id, space] : spaces_) {
    const AddressSpaceStatistics seen = statistics(SpaceId{id});
    usage.anonymous += seen.resident_anonymous;
    usage.mapped += seen.resident_file;
    usage.committed += seen.data + seen.stack;
    usage.active += seen.resident();
  }
  for (const auto& [number, shared] : shared_)
    if (shared->segment) usage.shared += shared->run.length * settings_.page_size;
  usage.swap_total = swap_.capacity() * settings_.page_size;
  usage.swap_free = (swap_.capacity() - swap_.used()) * settings_.page_size;
  usage.writeback = writings_.size() * settings_.page_size;
  return usage;
}

std::vector<FrameRow> RunMemory::frames() const {
  std::vector<FrameRow> rows;
  const auto add = [&rows](Run run, FrameUse use) -> FrameRow& {
    return rows.emplace_back(
        FrameRow{.frame = FrameNo{run.start.value - 1}, .count = run.length, .use = use});
  };
  const auto add_owned = [&add](Run run, SpaceId space, std::uint64_t page) {
    FrameRow& row = add(run, FrameUse::kAnonymous);
    row.space = space;
    row.page = page;
    row.mappings = 1;
  };
  free_.for_each([&](Run run) { add(run, FrameUse::kFree); });
  for (const auto& [id, space] : spaces_) {
    if (space->partition.length != 0) add_owned(space->partition, space->id, 0);
    for (const auto& [start, run] : space->segments)
      add_owned(run, space->id, start.value / settings_.page_size);
  }
  for (const auto& [number, shared] : shared_) {
    FrameRow& row = add(shared->run, shared->segment ? FrameUse::kSegment : FrameUse::kFile);
    row.mappings = static_cast<std::uint32_t>(shared->mappings);
    for (const auto& [id, space] : spaces_)
      for (const auto& [start, mapped] : space->shared)
        if (mapped == shared.get()) row.space = space->id;
  }
  std::ranges::sort(rows, {}, &FrameRow::frame);
  return rows;
}

std::vector<PageRow> RunMemory::page_table(SpaceId id) const {
  const Owned& space = space_of(id);
  std::vector<PageRow> rows;
  std::uint64_t behind = 0;  // of a partition's base
  for (const auto& [start, area] : space.areas.all()) {
    PageRow& row = rows.emplace_back();
    row.page = start.value / settings_.page_size;
    row.count = units(area.bytes());
    row.writable = row.dirty = area.protection.write;
    row.referenced = true;
    if (const auto slot = space.slots.find(row.page); slot != space.slots.end())
      row.slot = SlotNo{slot->second};
    if (const auto base = base_of(space, area, behind)) row.frame = FrameNo{base->value - 1};
    behind += row.count;
  }
  return rows;
}

// Where the area begins in memory, `behind` the base of a partition; nothing if it is rolled out.
std::optional<BlockNo> RunMemory::base_of(const Owned& space, const MemoryArea& area,
                                          std::uint64_t behind) const {
  if (const auto shared = space.shared.find(area.start); shared != space.shared.end())
    return shared->second->run.start + (area.kind == AreaKind::kSegment ? units(area.offset) : 0);
  if (space.is_rolled_out) return std::nullopt;
  const auto segment = space.segments.find(area.start);
  return segment != space.segments.end() ? segment->second.start : space.partition.start + behind;
}

std::vector<SpaceId> RunMemory::spaces() const {
  std::vector<SpaceId> all;
  for (const auto& [id, space] : spaces_) all.push_back(SpaceId{id});
  return all;
}

// A space's own part of the laws.
std::string RunMemory::broken_law_of(const Owned& space) const {
  const bool has_partition = space.partition.length != 0;
  if (!is_segmented() &&
      (space.is_rolled_out ? has_partition : space.partition.length < space.partition_units))
    return "a partition is neither in nor out";
  if (!is_segmented() && units(space.areas.bytes()) > space.partition_units)
    return "a space has more mapped than its partition holds";
  if (space.is_rolled_out && space.slots.size() != units(private_bytes(space)))
    return "a space that is out has not all of its pages in the swap file";
  if (!is_segmented() || space.is_rolled_out)
    return space.segments.empty() ? "" : "a segment is neither in nor out";
  if (space.segments.size() + space.shared.size() != space.areas.all().size())
    return "an area has no run";
  for (const auto& [start, area] : space.areas.all()) {
    const auto shared = space.shared.find(start);
    const Run run = shared != space.shared.end() ? shared->second->run : space.segments.at(start);
    if (run.length < units(area.bytes())) return "a run is too short";
  }
  return {};
}

std::string RunMemory::broken_law() const {
  std::uint64_t held = free_.total();
  std::uint64_t slots = 0;
  std::map<const Shared*, std::uint64_t> mappings;
  for (const auto& [id, space] : spaces_) {
    held += space->partition.length;
    for (const auto& [start, run] : space->segments) held += run.length;
    for (const auto& [start, shared] : space->shared) ++mappings[shared];
    slots += space->slots.size();
    if (std::string broken = broken_law_of(*space); !broken.empty()) return broken;
  }
  for (const auto& [number, shared] : shared_) {
    held += shared->run.length;
    if (mappings[shared.get()] != shared->mappings)
      return "mappings of a shared run are miscounted";
  }
  if (held != total_units_) return "runs are lost, or held twice";
  if (swap_.used() < slots || swap_.used() > slots + writings_.size())
    return "slots of the swap file are lost";
  BlockNo end{};
  for (const FrameRow& row : frames()) {
    if (BlockNo{row.frame.value} < end) return "two runs overlap";
    end = BlockNo{row.frame.value + row.count};
  }
  return {};
}

}  // namespace spindle
