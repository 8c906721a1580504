#include "spindle/device/crash_state.h"

#include <algorithm>
#include <unordered_map>

#include "spindle/base/random.h"

namespace spindle {

CrashStates::CrashStates(const MemoryDevice& start, const Recording& recording)
    : recording_(recording) {
  durables_.push_back({0, start, {}});
  for (std::size_t i = 0; i < events(); ++i) {
    const RecordedEvent& flush = recording_.events[i];
    if (flush.kind != RecordedEvent::Kind::kFlush) continue;
    Durable next{i + 1, durables_.back().image, {}};
    for (const std::size_t write : uncovered(i)) {
      if (recording_.events[write].moment < flush.moment)
        apply(next.image, write);
      else
        next.uncovered.push_back(write);
    }
    durables_.push_back(std::move(next));
  }
}

const CrashStates::Durable& CrashStates::durable(std::size_t cut) const {
  const auto after = std::ranges::upper_bound(durables_, cut, {}, &Durable::position);
  return *std::prev(after);
}

std::vector<std::size_t> CrashStates::uncovered(std::size_t cut) const {
  CHECK(cut <= events());
  const Durable& base = durable(cut);
  std::vector<std::size_t> writes = base.uncovered;
  for (std::size_t i = base.position; i < cut; ++i)
    if (recording_.events[i].kind != RecordedEvent::Kind::kFlush) writes.push_back(i);
  return writes;
}

MemoryDevice CrashStates::at(std::size_t cut, CrashMode mode, std::uint64_t seed) const {
  const std::vector<std::size_t> writes = uncovered(cut);
  MemoryDevice image = durable(cut).image;
  Random random(seed);
  switch (mode) {
    case CrashMode::kAll:
      for (const std::size_t write : writes) apply(image, write);
      break;
    case CrashMode::kNone:
      break;
    case CrashMode::kSubset:
      for (const std::size_t write : writes)
        if (random.one_in(2)) apply(image, write);
      break;
    case CrashMode::kReordered:
      apply_versions(image, writes, recording_.block_size, seed);
      break;
    case CrashMode::kTorn:
      apply_versions(image, writes, kSectorSize, seed);
      break;
  }
  return image;
}

void CrashStates::apply(MemoryDevice& image, std::size_t event, std::uint64_t offset,
                        std::uint64_t length) const {
  const RecordedEvent& write = recording_.events[event];
  const std::uint64_t begin = write.run.start.value * recording_.block_size;
  if (write.kind == RecordedEvent::Kind::kWrite) {
    image.poke(begin + offset, std::span(write.data).subspan(offset, length));
  } else {
    const std::vector<std::byte> zeros(length);
    image.poke(begin + offset, zeros);
  }
}

void CrashStates::apply(MemoryDevice& image, std::size_t event) const {
  apply(image, event, 0, recording_.events[event].run.length * recording_.block_size);
}

/// Chooses for each unit of the device how many of the writes to it arrived: from none to all.
void CrashStates::apply_versions(MemoryDevice& image, std::span<const std::size_t> writes,
                                 std::uint64_t unit, std::uint64_t seed) const {
  const std::uint64_t units_per_block = recording_.block_size / unit;
  std::unordered_map<std::uint64_t, std::uint64_t> versions_left;
  const auto for_each_unit = [&](std::size_t event, auto&& visit) {
    const Run run = recording_.events[event].run;
    for (std::uint64_t i = 0; i < run.length * units_per_block; ++i)
      visit(run.start.value * units_per_block + i, i * unit);
  };
  for (const std::size_t write : writes)
    for_each_unit(write, [&](std::uint64_t place, std::uint64_t) { ++versions_left[place]; });
  for (auto& [place, versions] : versions_left) {
    // Drawn from the place itself, so that the order of the table does not matter.
    Random random(seed ^ (place * 0x9E3779B97F4A7C15ull));
    versions = random.below(versions + 1);
  }
  for (const std::size_t write : writes) {
    for_each_unit(write, [&](std::uint64_t place, std::uint64_t offset) {
      std::uint64_t& left = versions_left[place];
      if (left == 0) return;
      --left;
      apply(image, write, offset, unit);
    });
  }
}

}  // namespace spindle
