// Memory in runs: placement as the solver says, words that are kept when runs move, and the laws.

#include <gtest/gtest.h>

#include <fstream>
#include <map>
#include <nlohmann/json.hpp>

#include "spindle/base/random.h"
#include "spindle/machine/memory.h"

namespace spindle {
namespace {

MemoryConfiguration in_runs(const char* allocation, const char* fit) {
  MemoryConfiguration configuration;
  configuration.page_size = 64;
  configuration.bytes = 64 * 64;
  configuration.allocation = allocation;
  configuration.fit = fit;
  return configuration;
}

TEST(MemoryInRuns, KeepsWordsWhileSegmentsComeGoGrowAndMove) {
  for (const char* fit : {"first", "best", "worst", "next", "buddy"}) {
    SCOPED_TRACE(fit);
    const auto memory = MemoryManager::make(in_runs("segmentation", fit)).take();
    Random random(7);
    struct Segment {
      SpaceId space;
      std::uint64_t bytes = 0;
      std::uint64_t value = 0;
    };
    std::map<std::pair<SpaceId, VirtualAddress>, Segment> segments;
    std::vector<SpaceId> spaces{memory->create({}).take(), memory->create({}).take()};
    std::map<SpaceId, VirtualAddress> heaps;
    for (const SpaceId space : spaces) {
      heaps[space] = memory->map(space, {.bytes = 64, .kind = AreaKind::kHeap}).take();
      memory->access({.space = space,
                      .task = {},
                      .address = heaps[space],
                      .kind = AccessKind::kWrite,
                      .store = space.value});
    }
    for (std::uint64_t step = 1; step < 3000; ++step) {
      const SpaceId space = spaces[random.below(spaces.size())];
      if (random.one_in(5)) {
        // As far as there is room; the words below stay.
        const std::uint64_t bytes = 64 * (1 + random.below(12));
        const bool grew = memory->set_break(space, heaps.at(space) + bytes).ok();
        if (!grew && std::string_view(fit) != "buddy") EXPECT_LT(memory->usage().free, bytes);
      } else if (random.one_in(2) || segments.empty()) {
        const std::uint64_t bytes = 64 * (1 + random.below(9));
        const auto start = memory->map(space, {.bytes = bytes});
        if (!start.ok()) {
          // There is a run for it, unless all that is free is too little (or no buddy).
          if (std::string_view(fit) != "buddy") EXPECT_LT(memory->usage().free, bytes);
          continue;
        }
        memory->access({.space = space,
                        .task = {},
                        .address = *start + bytes - 8,
                        .kind = AccessKind::kWrite,
                        .store = step});
        segments[{space, *start}] = {space, bytes, step};
      } else {
        const auto at =
            std::next(segments.begin(), static_cast<std::ptrdiff_t>(random.below(segments.size())));
        ASSERT_TRUE(memory->unmap(at->first.first, at->first.second, at->second.bytes).ok());
        segments.erase(at);
      }
      ASSERT_EQ(memory->broken_law(), "");
    }
    for (const auto& [where, segment] : segments)
      EXPECT_EQ(memory
                    ->access({.space = where.first,
                              .task = {},
                              .address = where.second + segment.bytes - 8,
                              .load = true})
                    .value,
                segment.value);
    for (const auto& [space, heap] : heaps)
      EXPECT_EQ(memory->access({.space = space, .task = {}, .address = heap, .load = true}).value,
                space.value);
    EXPECT_GT(memory->usage().compactions, 0u);
  }
}

/// Each request of the exercise is a space in partitions as large as the exercise's holes.
TEST(MemoryInRuns, PlacesInFixedPartitionsAsTheSolverSays) {
  std::ifstream file(SPINDLE_SOURCE_FOLDER "/tests/data/simulation-cases.json");
  const std::map<std::string, std::string> fits = {
      {"FIRST-FIT", "first"}, {"BEST-FIT", "best"}, {"WORST-FIT", "worst"}, {"NEXT-FIT", "next"}};
  int compared = 0;
  for (const auto& each : nlohmann::json::parse(file)) {
    if (each["domain"] != "allocation" || !each["parameters"].value("fixed", false)) continue;
    if (!fits.contains(each["algorithm"])) continue;
    SCOPED_TRACE(each["id"].get<std::string>());
    MemoryConfiguration configuration =
        in_runs("fixed-partitions", fits.at(each["algorithm"]).c_str());
    configuration.bytes = 0;
    std::map<std::uint64_t, std::size_t> hole_at;
    std::uint64_t place = 0;
    for (const auto& hole : each["input"]["holes"]) {
      hole_at.emplace(place, hole_at.size());
      place += hole.get<std::uint64_t>() + 1;
      configuration.partitions.push_back(hole.get<std::uint64_t>() * 64);
      configuration.bytes += configuration.partitions.back();
    }
    const auto memory = MemoryManager::make(configuration).take();
    nlohmann::json placed = nlohmann::json::array();
    for (const auto& want : each["input"]["requests"]) {
      const auto space = memory->create({.partition_bytes = want.get<std::uint64_t>() * 64});
      placed.push_back(nullptr);
      if (!space.ok()) continue;
      for (const FrameRow& row : memory->frames())
        if (row.space == *space) placed.back() = hole_at.at(row.frame.value);
    }
    EXPECT_EQ(placed, each["expected"]["placed"]);
    EXPECT_EQ(memory->broken_law(), "");
    ++compared;
  }
  EXPECT_GT(compared, 0);
}

TEST(MemoryInRuns, RefusesWhatIsBeyondTheLimit) {
  const auto memory = MemoryManager::make(in_runs("partitions", "first")).take();
  const SpaceId space = memory->create({.partition_bytes = 4 * 64}).take();
  const VirtualAddress at = memory->map(space, {.bytes = 3 * 64}).take();
  EXPECT_EQ(memory->map(space, {.bytes = 2 * 64}).code(), ENOMEM);
  EXPECT_EQ(memory->access({.space = space, .task = {}, .address = at + 3 * 64}).violation,
            Violation::kBeyondLimit);
  EXPECT_EQ(memory->create({.partition_bytes = 65 * 64}).code(), EFBIG);
  EXPECT_EQ(memory->create({.partition_bytes = 61 * 64}).code(), ENOMEM);
  EXPECT_EQ(memory->create_segment(64).code(), EOPNOTSUPP);
  const SpaceId child = memory->fork(space).take();
  EXPECT_EQ(memory->statistics(child).size, 3u * 64);
  EXPECT_EQ(memory->broken_law(), "");
  memory->destroy(space);
  memory->destroy(child);
  EXPECT_EQ(memory->usage().free, memory->usage().total);
}

}  // namespace
}  // namespace spindle
