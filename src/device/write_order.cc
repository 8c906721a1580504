#include "spindle/device/write_order.h"

#include <algorithm>
#include <unordered_map>

#include "spindle/base/random.h"

namespace spindle {

WriteOrder::WriteOrder(std::span<const WriteEvent> events, std::uint32_t block_size)
    : events_(events), block_size_(block_size) {
  barriers_.emplace_back();
  for (std::size_t i = 0; i < events.size(); ++i) {
    if (events[i].kind != WriteEvent::Kind::kFlush) continue;
    Barrier next{i + 1, {}, {}};
    for (const WritePart& part : uncovered_parts(i)) {
      if (events[part.event].moment < events[i].moment) {
        next.uncovered = without_overwritten(next.uncovered, part);
        next.made_durable.push_back(part);
      } else {
        next.uncovered.push_back(part);
      }
    }
    barriers_.push_back(std::move(next));
  }
}

std::size_t WriteOrder::barrier_of(std::size_t cut) const {
  const auto after = std::ranges::upper_bound(barriers_, cut, {}, &Barrier::position);
  return static_cast<std::size_t>(after - barriers_.begin()) - 1;
}

std::vector<WritePart> WriteOrder::uncovered_parts(std::size_t cut) const {
  CHECK(cut <= events());
  const Barrier& base = barriers_[barrier_of(cut)];
  std::vector<WritePart> parts = base.uncovered;
  for (std::size_t i = base.position; i < cut; ++i) {
    if (events_[i].kind != WriteEvent::Kind::kFlush)
      parts.push_back({i, 0, events_[i].run.length * block_size_});
  }
  return parts;
}

std::vector<WritePart> WriteOrder::without_overwritten(std::span<const WritePart> parts,
                                                       const WritePart& over) const {
  std::vector<WritePart> left;
  for (const WritePart& part : parts) {
    const std::uint64_t begin = start_of(part);
    const std::uint64_t end = begin + part.length;
    const std::uint64_t cut_begin = std::clamp(start_of(over), begin, end);
    const std::uint64_t cut_end = std::clamp(start_of(over) + over.length, begin, end);
    if (cut_begin >= cut_end) {
      left.push_back(part);
      continue;
    }
    if (begin < cut_begin) left.push_back({part.event, part.offset, cut_begin - begin});
    if (cut_end < end) left.push_back({part.event, part.offset + (cut_end - begin), end - cut_end});
  }
  return left;
}

std::vector<std::size_t> WriteOrder::uncovered(std::size_t cut) const {
  std::vector<std::size_t> writes;
  for (const WritePart& part : uncovered_parts(cut)) {
    if (writes.empty() || writes.back() != part.event) writes.push_back(part.event);
  }
  return writes;
}

std::vector<WritePart> WriteOrder::arrived(std::size_t cut, CrashMode mode,
                                           std::uint64_t seed) const {
  std::vector<WritePart> parts = uncovered_parts(cut);
  switch (mode) {
    case CrashMode::kAll:
      return parts;
    case CrashMode::kNone:
      return {};
    case CrashMode::kSubset: {
      Random random(seed);
      std::vector<std::size_t> lost;
      for (const std::size_t event : uncovered(cut))
        if (!random.one_in(2)) lost.push_back(event);
      std::erase_if(parts, [&](const WritePart& part) {
        return std::ranges::binary_search(lost, part.event);
      });
      return parts;
    }
    case CrashMode::kReordered:
      return versions(parts, block_size_, seed);
    case CrashMode::kTorn:
      return versions(parts, kSectorSize, seed);
  }
  return {};
}

// Chooses for each unit of the device how many of the writes to it arrived: from none to all.
std::vector<WritePart> WriteOrder::versions(std::span<const WritePart> writes, std::uint64_t unit,
                                            std::uint64_t seed) const {
  std::unordered_map<std::uint64_t, std::uint64_t> versions_left;
  for (const WritePart& write : writes) {
    for (std::uint64_t at = 0; at < write.length; at += unit)
      ++versions_left[(start_of(write) + at) / unit];
  }
  for (auto& [place, left] : versions_left) {
    // Drawn from the place itself, so that the order of the table does not matter.
    Random random(seed ^ (place * 0x9E3779B97F4A7C15ull));
    left = random.below(left + 1);
  }
  std::vector<WritePart> arrived;
  for (const WritePart& write : writes) {
    for (std::uint64_t at = 0; at < write.length; at += unit) {
      std::uint64_t& left = versions_left[(start_of(write) + at) / unit];
      if (left == 0) continue;
      --left;
      const bool goes_on = !arrived.empty() && arrived.back().event == write.event &&
                           arrived.back().offset + arrived.back().length == write.offset + at;
      if (goes_on)
        arrived.back().length += unit;
      else
        arrived.push_back({write.event, write.offset + at, unit});
    }
  }
  return arrived;
}

}  // namespace spindle
