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
    for (const Piece& piece : uncovered_pieces(i)) {
      if (recording_.events[piece.event].moment < flush.moment) {
        apply(next.image, piece);
        next.uncovered = without_overwritten(next.uncovered, piece.event);
      } else {
        next.uncovered.push_back(piece);
      }
    }
    durables_.push_back(std::move(next));
  }
}

const CrashStates::Durable& CrashStates::durable(std::size_t cut) const {
  const auto after = std::ranges::upper_bound(durables_, cut, {}, &Durable::position);
  return *std::prev(after);
}

std::vector<CrashStates::Piece> CrashStates::uncovered_pieces(std::size_t cut) const {
  CHECK(cut <= events());
  const Durable& base = durable(cut);
  std::vector<Piece> pieces = base.uncovered;
  for (std::size_t i = base.position; i < cut; ++i) {
    const RecordedEvent& event = recording_.events[i];
    if (event.kind != RecordedEvent::Kind::kFlush) pieces.push_back({i, 0, event.run.length});
  }
  return pieces;
}

std::vector<CrashStates::Piece> CrashStates::without_overwritten(std::span<const Piece> pieces,
                                                                 std::size_t event) const {
  const Run over = recording_.events[event].run;
  std::vector<Piece> left;
  for (const Piece& piece : pieces) {
    const std::uint64_t start = recording_.events[piece.event].run.start.value;
    const std::uint64_t begin = start + piece.first;
    const std::uint64_t end = begin + piece.count;
    const std::uint64_t cut_begin = std::clamp(over.start.value, begin, end);
    const std::uint64_t cut_end = std::clamp(over.end().value, begin, end);
    if (cut_begin >= cut_end) {
      left.push_back(piece);
      continue;
    }
    if (begin < cut_begin) left.push_back({piece.event, begin - start, cut_begin - begin});
    if (cut_end < end) left.push_back({piece.event, cut_end - start, end - cut_end});
  }
  return left;
}

std::vector<std::size_t> CrashStates::uncovered(std::size_t cut) const {
  std::vector<std::size_t> writes;
  for (const Piece& piece : uncovered_pieces(cut)) {
    if (writes.empty() || writes.back() != piece.event) writes.push_back(piece.event);
  }
  return writes;
}

MemoryDevice CrashStates::at(std::size_t cut, CrashMode mode, std::uint64_t seed) const {
  const std::vector<Piece> writes = uncovered_pieces(cut);
  MemoryDevice image = durable(cut).image;
  Random random(seed);
  switch (mode) {
    case CrashMode::kAll:
      for (const Piece& write : writes) apply(image, write);
      break;
    case CrashMode::kNone:
      break;
    case CrashMode::kSubset:
      for (const std::size_t event : uncovered(cut)) {
        if (!random.one_in(2)) continue;
        for (const Piece& write : writes)
          if (write.event == event) apply(image, write);
      }
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

void CrashStates::apply(MemoryDevice& image, const Piece& piece) const {
  const std::uint64_t unit = recording_.block_size;
  apply(image, piece.event, piece.first * unit, piece.count * unit);
}

/// Chooses for each unit of the device how many of the writes to it arrived: from none to all.
void CrashStates::apply_versions(MemoryDevice& image, std::span<const Piece> writes,
                                 std::uint64_t unit, std::uint64_t seed) const {
  const std::uint64_t units_per_block = recording_.block_size / unit;
  std::unordered_map<std::uint64_t, std::uint64_t> versions_left;
  const auto for_each_unit = [&](const Piece& piece, auto&& visit) {
    const std::uint64_t start = recording_.events[piece.event].run.start.value * units_per_block;
    const std::uint64_t end = (piece.first + piece.count) * units_per_block;
    for (std::uint64_t i = piece.first * units_per_block; i < end; ++i) visit(start + i, i * unit);
  };
  for (const Piece& write : writes)
    for_each_unit(write, [&](std::uint64_t place, std::uint64_t) { ++versions_left[place]; });
  for (auto& [place, versions] : versions_left) {
    // Drawn from the place itself, so that the order of the table does not matter.
    Random random(seed ^ (place * 0x9E3779B97F4A7C15ull));
    versions = random.below(versions + 1);
  }
  for (const Piece& write : writes) {
    for_each_unit(write, [&](std::uint64_t place, std::uint64_t offset) {
      std::uint64_t& left = versions_left[place];
      if (left == 0) return;
      --left;
      apply(image, write.event, offset, unit);
    });
  }
}

}  // namespace spindle
