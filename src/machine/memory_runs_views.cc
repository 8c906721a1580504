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

SpaceStatistics RunMemory::statistics(SpaceId id) const {
  const Owned& space = space_of(id);
  SpaceStatistics seen{.size = space.areas.bytes(),
                       .peak_size = space.peak,
                       .peak_resident = space.peak,
                       .references = space.references,
                       .suspended = space.is_suspended};
  for (const auto& [start, area] : space.areas.all()) {
    const bool is_file = area.kind == AreaKind::kFile;
    (is_file ? seen.resident_file : seen.resident_anonymous) += area.bytes();
    if (area.kind == AreaKind::kStack)
      seen.stack += area.bytes();
    else if (area.protection.write)
      seen.data += area.bytes();
    if (is_file && area.protection.execute) seen.text += area.bytes();
  }
  seen.oom_score = std::clamp(
      static_cast<int>(units(seen.size) * 1000 / total_units_) + space.oom_adjustment, 0, 2000);
  return seen;
}

std::vector<AreaStatistics> RunMemory::area_statistics(SpaceId id) const {
  std::vector<AreaStatistics> all;
  for (const MemoryArea& area : areas(id)) {
    const bool is_file = area.kind == AreaKind::kFile;
    all.push_back({.area = area,
                   .resident = area.bytes(),
                   .proportional = area.bytes(),
                   .proportional_dirty = is_file ? 0 : area.bytes(),
                   .private_clean = is_file ? area.bytes() : 0,
                   .private_dirty = is_file ? 0 : area.bytes(),
                   .referenced = area.bytes(),
                   .anonymous = is_file ? 0 : area.bytes()});
  }
  return all;
}

MemoryUsage RunMemory::usage() const {
  MemoryUsage usage = counted_;
  usage.total = total_units_ * settings_.page_size;
  usage.free = usage.available = free_.total() * settings_.page_size;
  for (const auto& [id, space] : spaces_) {
    const SpaceStatistics seen = statistics(SpaceId{id});
    usage.anonymous += seen.resident_anonymous;
    usage.mapped += seen.resident_file;
    usage.committed += seen.data + seen.stack;
    usage.active += seen.size;
  }
  return usage;
}

std::vector<FrameRow> RunMemory::frames() const {
  std::vector<FrameRow> rows;
  const auto add = [&rows](Run run, SpaceId space, std::uint64_t page) {
    rows.push_back({.frame = FrameNo{run.start.value - 1},
                    .count = run.length,
                    .use = space ? FrameUse::kAnonymous : FrameUse::kFree,
                    .space = space,
                    .page = page,
                    .mappings = space ? 1u : 0u});
  };
  free_.for_each([&](Run run) { add(run, SpaceId{}, 0); });
  for (const auto& [id, space] : spaces_) {
    if (space->partition.length != 0) add(space->partition, space->id, 0);
    for (const auto& [start, run] : space->segments)
      add(run, space->id, start.value / settings_.page_size);
  }
  std::ranges::sort(rows, {}, &FrameRow::frame);
  return rows;
}

std::vector<PageRow> RunMemory::page_table(SpaceId id) const {
  const Owned& space = space_of(id);
  std::vector<PageRow> rows;
  std::uint64_t behind = 0;  // of a partition's base
  for (const auto& [start, area] : space.areas.all()) {
    const auto segment = space.segments.find(start);
    const BlockNo base =
        segment != space.segments.end() ? segment->second.start : space.partition.start + behind;
    rows.push_back({.page = start.value / settings_.page_size,
                    .count = units(area.bytes()),
                    .frame = FrameNo{base.value - 1},
                    .writable = area.protection.write,
                    .referenced = true,
                    .dirty = area.protection.write});
    behind += units(area.bytes());
  }
  return rows;
}

std::vector<SpaceId> RunMemory::spaces() const {
  std::vector<SpaceId> all;
  for (const auto& [id, space] : spaces_) all.push_back(SpaceId{id});
  return all;
}

std::string RunMemory::broken_law() const {
  std::uint64_t held = free_.total();
  for (const auto& [id, space] : spaces_) {
    held += space->partition.length;
    for (const auto& [start, run] : space->segments) held += run.length;
    const std::uint64_t has = is_segmented() ? 0 : space->partition.length;
    if (!is_segmented() && units(space->areas.bytes()) > has)
      return "a space has more mapped than its partition holds";
    if (!is_segmented()) continue;
    if (space->segments.size() != space->areas.all().size()) return "an area has no run";
    for (const auto& [start, area] : space->areas.all())
      if (space->segments.at(start).length < units(area.bytes())) return "a run is too short";
  }
  if (held != total_units_) return "runs are lost, or held twice";
  BlockNo end{};
  for (const FrameRow& row : frames()) {
    if (BlockNo{row.frame.value} < end) return "two runs overlap";
    end = BlockNo{row.frame.value + row.count};
  }
  return {};
}

}  // namespace spindle
