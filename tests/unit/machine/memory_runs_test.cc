// Memory in runs: placement as the solver says, words that are kept when runs move, and the laws.

#include <gtest/gtest.h>

#include <array>
#include <fstream>
#include <map>

#include "spindle/base/random.h"
#include "spindle/json/json.h"
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

/// Serves what is asked for, as a disk would, each transfer at a time of its own.
class Disk {
 public:
  explicit Disk(MemoryManager& memory) : memory_(memory) {}
  void take() {
    for (const PageTransfer& transfer : memory_.take_transfers()) waiting_.push_back(transfer);
  }
  void serve(Random& random) {
    take();
    if (waiting_.empty()) return;
    const auto at = waiting_.begin() + static_cast<std::ptrdiff_t>(random.below(waiting_.size()));
    const TransferId id = at->id;
    waiting_.erase(at);
    for (const ResumedAccess& resumed : memory_.complete(id))
      answers[resumed.task.value] = resumed.outcome;
  }
  [[nodiscard]] bool is_idle() {
    take();
    return waiting_.empty();
  }
  std::map<std::uint64_t, AccessOutcome> answers;

 private:
  MemoryManager& memory_;
  std::vector<PageTransfer> waiting_;
};

/// More spaces than fit into memory, each with some words that it must keep.
class Crowd {
 public:
  explicit Crowd(MemoryManager& memory) : memory_(memory), disk_(memory) {}

  /// Adds a space, for which others make room.
  void add() {
    auto made = memory_.create({.partition_bytes = 16 * 64});
    for (; !made.ok(); made = memory_.create({.partition_bytes = 16 * 64})) {
      ASSERT_EQ(made.code(), ENOMEM);
      make_room({});
    }
    Known& known = spaces_[*made];
    auto at = memory_.map(*made, {.bytes = 13 * 64});
    for (; !at.ok(); at = memory_.map(*made, {.bytes = 13 * 64})) make_room(*made);
    known.at = *at;
    ASSERT_EQ(memory_.broken_law(), "");
  }

  /// A space comes in again, or uses a word.
  void step() {
    auto& [space, known] =
        *std::next(spaces_.begin(), static_cast<std::ptrdiff_t>(random_.below(spaces_.size())));
    if (random_.one_in(3)) disk_.serve(random_);
    if (known.is_out) {
      const auto back = memory_.resume(space);
      known.is_out = !back.ok();
      if (back.code() == ENOMEM) make_room(space);
    } else {
      use(space, known);
    }
    ASSERT_EQ(memory_.broken_law(), "");
  }

  void end() {
    for (const auto& [space, known] : spaces_) memory_.destroy(space);
    while (!disk_.is_idle()) disk_.serve(random_);
    ASSERT_EQ(memory_.broken_law(), "");
  }

 private:
  struct Known {
    VirtualAddress at;
    std::array<std::uint64_t, 3> words{};
    bool is_out = false;
  };

  void make_room(SpaceId space) {
    const auto victim = memory_.roll_out_victim(space);
    if (!victim) return disk_.serve(random_);
    memory_.suspend(*victim);
    spaces_.at(*victim).is_out = true;
  }

  void use(SpaceId space, Known& known) {
    const std::size_t word = random_.below(known.words.size());
    const bool stores = random_.one_in(2);
    MemoryAccess access{.space = space, .task = TaskId{++task_}, .address = {}};
    access.address = known.at + word * 5 * 64;
    access.load = !stores;
    if (stores) access.kind = AccessKind::kWrite, access.store = known.words[word] = random_();
    AccessOutcome outcome = memory_.access(access);
    while (outcome.status == AccessOutcome::Status::kBlocked) {
      ASSERT_FALSE(disk_.is_idle());
      disk_.serve(random_);
      if (const auto answer = disk_.answers.extract(task_); !answer.empty())
        outcome = answer.mapped();
    }
    ASSERT_EQ(outcome.status, AccessOutcome::Status::kDone);
    if (!stores) ASSERT_EQ(outcome.value, known.words[word]);
  }

  MemoryManager& memory_;
  Disk disk_;
  Random random_{11};
  std::map<SpaceId, Known> spaces_;
  std::uint64_t task_ = 0;
};

/// Spaces go out as a whole and come in again, whichever needs the room; each keeps its words.
TEST(MemoryInRuns, RollsSpacesOutAndIn) {
  for (const std::string_view allocation : {"partitions", "fixed-partitions", "segmentation"}) {
    for (const std::string_view fit : {"first", "best", "next", "buddy"}) {
      const bool is_fixed = allocation == "fixed-partitions";
      if (is_fixed && fit == "buddy") continue;
      SCOPED_TRACE(std::string(allocation) + " " + std::string(fit));
      MemoryConfiguration configuration = in_runs(allocation.data(), fit.data());
      configuration.swap_bytes = 400 * 64;
      if (is_fixed) configuration.partitions = {16 * 64, 16 * 64, 16 * 64};
      const auto memory = MemoryManager::make(configuration).take();
      Crowd crowd(*memory);
      for (int i = 0; i < 8; ++i) crowd.add();
      for (int i = 0; i < 2000 && !testing::Test::HasFatalFailure(); ++i) crowd.step();
      EXPECT_GT(memory->usage().swapped_out, 100u);
      EXPECT_GT(memory->usage().swapped_in, 100u);
      crowd.end();
      EXPECT_EQ(memory->usage().free, memory->usage().total);
      EXPECT_EQ(memory->usage().swap_free, memory->usage().swap_total);
    }
  }
}

TEST(MemoryInRuns, SegmentsAreShared) {
  const auto memory = MemoryManager::make(in_runs("segmentation", "first")).take();
  const SpaceId one = memory->create({}).take();
  const SegmentId segment = memory->create_segment(4 * 64).take();
  const MapRequest request{.bytes = 4 * 64, .kind = AreaKind::kSegment, .segment = segment};
  const VirtualAddress here = memory->map(one, request).take();
  const VirtualAddress text = memory
                                  ->map(one, {.bytes = 2 * 64,
                                              .kind = AreaKind::kFile,
                                              .protection = {.read = true, .execute = true},
                                              .file = InodeNo{9},
                                              .file_bytes = 2 * 64})
                                  .take();
  memory->map(one, {.bytes = 3 * 64}).take();
  const SpaceId child = memory->fork(one).take();
  const SpaceId other = memory->create({}).take();
  const VirtualAddress there = memory->map(other, request).take();
  // 4 shared, 2 of text for both, 3 each of their own.
  EXPECT_EQ(memory->usage().free, (64u - 4 - 2 - 3 - 3) * 64);
  memory->access(
      {.space = child, .task = {}, .address = here + 64, .kind = AccessKind::kWrite, .store = 7});
  EXPECT_EQ(memory->access({.space = other, .task = {}, .address = there + 64, .load = true}).value,
            7u);
  EXPECT_EQ(memory->area_statistics(other)[0].proportional, 4u * 64 / 3);
  EXPECT_EQ(memory->statistics(other).resident_shared, 4u * 64);
  EXPECT_EQ(memory->protect(one, text, 2 * 64, {.write = true}).code(), EACCES);
  EXPECT_EQ(memory->broken_law(), "");
  // After its removal it lasts as long as a process maps it.
  ASSERT_TRUE(memory->remove_segment(segment).ok());
  EXPECT_EQ(memory->remove_segment(segment).code(), ENOENT);
  EXPECT_EQ(memory->map(one, request).code(), EINVAL);
  memory->destroy(one);
  memory->destroy(child);
  EXPECT_EQ(memory->access({.space = other, .task = {}, .address = there + 64, .load = true}).value,
            7u);
  memory->destroy(other);
  EXPECT_EQ(memory->usage().free, memory->usage().total);
  EXPECT_EQ(memory->broken_law(), "");
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
