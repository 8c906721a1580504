// Memory of the simulated machine against a naive model, over random operations; and what happens
// when it runs out.

#include <gtest/gtest.h>

#include <map>
#include <set>

#include "spindle/base/random.h"
#include "spindle/machine/memory.h"
#include "spindle/policy/replacement_policy.h"

namespace spindle {
namespace {

using Status = AccessOutcome::Status;

constexpr std::uint32_t kPage = 64;

MemoryConfiguration small_memory(std::uint64_t frames, std::uint64_t slots) {
  MemoryConfiguration configuration;
  configuration.page_size = kPage;
  configuration.bytes = frames * kPage;
  configuration.swap_bytes = slots * kPage;
  configuration.tables_take_frames = false;
  configuration.tlb = {.entries = 8, .sets = 2, .replacement = "fifo", .asids = 3};
  configuration.working_set_references = 40;
  configuration.fault_interval_references = 10;
  return configuration;
}

/// Serves all transfers, and those that follow, until the access of the task is done.
AccessOutcome settle(MemoryManager& memory, const MemoryAccess& access) {
  AccessOutcome outcome = memory.access(access);
  std::vector<PageTransfer> ahead;
  while (outcome.status == Status::kBlocked) {
    for (const PageTransfer& transfer : memory.take_transfers()) ahead.push_back(transfer);
    if (ahead.empty()) return outcome;
    const TransferId next = ahead.front().id;
    ahead.erase(ahead.begin());
    for (const ResumedAccess& resumed : memory.complete(next))
      if (resumed.task == access.task) outcome = resumed.outcome;
  }
  for (const PageTransfer& transfer : ahead) memory.complete(transfer.id);
  for (const PageTransfer& transfer : memory.take_transfers()) memory.complete(transfer.id);
  return outcome;
}

/// Random accesses of several spaces at once, each by a task of its own; the model knows what each
/// word of each space must be.
class Model {
 public:
  Model(MemoryManager& memory, std::uint64_t seed) : memory_(memory), random_(seed) {}

  void run(int steps) {
    start_space(*memory_.create({}), {});
    for (int i = 0; i < steps && !::testing::Test::HasFailure(); ++i) {
      step();
      ASSERT_EQ(memory_.broken_law(), "") << "step " << i;
    }
    while (!transfers_.empty()) complete_one();
    for (const auto& [id, space] : spaces_) EXPECT_FALSE(space.waits) << "a task waits for ever";
    while (!spaces_.empty()) end_space(spaces_.begin()->first);
    EXPECT_EQ(memory_.broken_law(), "");
    collect();
    while (!transfers_.empty()) complete_one();
    EXPECT_EQ(memory_.usage().free + memory_.usage().page_tables, memory_.usage().total);
    EXPECT_EQ(memory_.usage().swap_free, memory_.usage().swap_total);
  }

 private:
  static constexpr std::uint64_t kPages = 12;  ///< private ones; as many are shared
  using Words = std::map<std::uint64_t, std::uint64_t>;
  struct Space {
    Words words;
    VirtualAddress heap{}, shared{};
    bool waits = false;
    MemoryAccess pending{};
  };

  void start_space(SpaceId id, Words words) {
    Space space{.words = std::move(words)};
    for (const MemoryArea& area : memory_.areas(id))
      (area.shared ? space.shared : space.heap) = area.start;
    if (!space.heap) {
      space.heap = *memory_.map(id, {.bytes = kPages * kPage});
      space.shared = *memory_.map(id, {.bytes = kPages * kPage, .shared = true});
    }
    spaces_[id] = space;
  }

  void step() {
    const std::uint64_t choice = random_.below(100);
    const SpaceId id = std::next(spaces_.begin(), pick(spaces_.size()))->first;
    Space& space = spaces_[id];
    if (choice < 25 && !transfers_.empty()) return complete_one();
    if (choice < 28 && spaces_.size() < 5) return fork(id);
    if (choice < 30 && spaces_.size() > 1) return end_space(id);
    if (choice < 32) return memory_.suspend(id), static_cast<void>(memory_.resume(id)), collect();
    if (choice < 34) return unmap_one(id, space);
    if (space.waits) return;
    access(id, space);
  }

  std::ptrdiff_t pick(std::size_t count) {
    return static_cast<std::ptrdiff_t>(random_.below(count));
  }

  void access(SpaceId id, Space& space) {
    const bool is_shared = random_.one_in(3);
    const VirtualAddress at =
        (is_shared ? space.shared : space.heap) + random_.below(kPages * kPage / 8) * 8;
    MemoryAccess access{.space = id, .task = TaskId{id.value}, .address = at};
    if (random_.one_in(2)) {
      access.kind = AccessKind::kWrite;
      access.store = ++stored_;
    } else {
      access.load = true;
    }
    space.pending = access;
    judge(space, memory_.access(access));
    collect();
  }

  void judge(Space& space, const AccessOutcome& outcome) {
    space.waits = outcome.status == Status::kBlocked;
    if (space.waits) return;
    ASSERT_EQ(outcome.status, Status::kDone);
    const MemoryAccess& access = space.pending;
    const bool is_shared =
        access.address >= space.shared && access.address < space.shared + kPages * kPage;
    Words& words = is_shared ? shared_words_ : space.words;
    const std::uint64_t at = access.address.value - (is_shared ? space.shared.value : 0);
    if (access.store) words[at] = *access.store;
    if (access.load) ASSERT_EQ(outcome.value, words.contains(at) ? words[at] : 0);
  }

  void fork(SpaceId id) {
    if (spaces_[id].waits) return;
    const Result<SpaceId> child = memory_.fork(id);
    ASSERT_TRUE(child.ok());
    start_space(*child, spaces_[id].words);
    collect();
  }

  void end_space(SpaceId id) {
    memory_.destroy(id);
    spaces_.erase(id);
  }

  /// A page of the heap is unmapped and mapped again: it is zero.
  void unmap_one(SpaceId id, Space& space) {
    if (space.waits) return;
    const VirtualAddress page = space.heap + random_.below(kPages) * kPage;
    ASSERT_TRUE(memory_.unmap(id, page, kPage).ok());
    ASSERT_TRUE(memory_.map(id, {.address = page, .bytes = kPage}).ok());
    space.words.erase(space.words.lower_bound(page.value),
                      space.words.lower_bound(page.value + kPage));
  }

  void collect() {
    for (const PageTransfer& transfer : memory_.take_transfers()) transfers_.push_back(transfer);
  }

  /// In any order; what is read from swap is what was written there.
  void complete_one() {
    const auto chosen = transfers_.begin() + pick(transfers_.size());
    const PageTransfer transfer = *chosen;
    transfers_.erase(chosen);
    std::vector<std::byte> content;
    if (transfer.is_write)
      swap_file_[transfer.slot.value].assign(transfer.content.begin(), transfer.content.end());
    else
      content = swap_file_[transfer.slot.value];
    for (const ResumedAccess& resumed : memory_.complete(transfer.id, content)) {
      const auto space = spaces_.find(SpaceId{resumed.task.value});
      ASSERT_NE(space, spaces_.end());
      ASSERT_TRUE(space->second.waits);
      judge(space->second, resumed.outcome);
    }
    collect();
  }

  MemoryManager& memory_;
  Random random_;
  std::map<SpaceId, Space> spaces_;
  Words shared_words_;
  std::vector<PageTransfer> transfers_;
  std::map<std::uint64_t, std::vector<std::byte>> swap_file_;
  std::uint64_t stored_ = 0;
};

TEST(Memory, KeepsWordsThroughForkAndSwapUnderEveryPolicy) {
  std::uint64_t seed = 1;
  for (std::string_view policy : replacement_policy_names())
    for (const char* allotment : {"global", "fixed", "fault-frequency", "working-set"}) {
      SCOPED_TRACE(std::string(policy) + " " + allotment);
      MemoryConfiguration configuration = small_memory(10, 200);
      configuration.replacement = policy;
      configuration.allotment = allotment;
      configuration.resident_limit = seed % 2 == 0 ? 3 : 0;
      configuration.table_levels = static_cast<unsigned>(seed % 5);
      configuration.tlb.asids = seed % 3 == 0 ? 0 : 3;
      const auto memory = MemoryManager::make(configuration);
      ASSERT_TRUE(memory.ok()) << memory.error().describe();
      Model(**memory, seed++).run(1500);
      if (HasFailure()) return;
    }
}

TEST(Memory, ChargesPageTablesToFrames) {
  MemoryConfiguration configuration = small_memory(400, 400);
  configuration.tables_take_frames = true;
  configuration.table_levels = 3;
  configuration.address_bits = 18;
  const auto memory = MemoryManager::make(configuration);
  ASSERT_TRUE(memory.ok()) << memory.error().describe();
  Model(**memory, 5).run(3000);
}

TEST(Memory, RunsOutWhenSwapIsFullAndGoesOnWhenAVictimIsGone) {
  const auto memory = MemoryManager::make(small_memory(8, 4)).take();
  const SpaceId small = memory->create({}).take();
  const SpaceId large = memory->create({}).take();
  const VirtualAddress one = memory->map(small, {.bytes = kPage}).take();
  const VirtualAddress many = memory->map(large, {.bytes = 20 * kPage}).take();
  const auto write = [&](SpaceId space, VirtualAddress at, std::uint64_t value) {
    return settle(*memory, {.space = space,
                            .task = TaskId{space.value},
                            .address = at,
                            .kind = AccessKind::kWrite,
                            .store = value});
  };
  ASSERT_EQ(write(small, one, 17).status, Status::kDone);
  std::uint64_t pages = 0;
  while (write(large, many + pages * kPage, pages).status == Status::kDone) ++pages;
  EXPECT_EQ(pages, 8u + 4u - 1u);
  EXPECT_EQ(memory->usage().swap_free, 0u);
  EXPECT_EQ(memory->oom_victim(), large);
  memory->set_oom_adjustment(large, -1000);
  EXPECT_EQ(memory->oom_victim(), small);
  memory->destroy(large);
  const AccessOutcome outcome =
      settle(*memory, {.space = small, .task = TaskId{1}, .address = one, .load = true});
  EXPECT_EQ(outcome.value, 17u);
  EXPECT_EQ(memory->broken_law(), "");
}

TEST(Memory, RefusesWhatTheAreaDoesNotAllow) {
  const auto memory = MemoryManager::make(small_memory(8, 4)).take();
  const SpaceId space = memory->create({}).take();
  const VirtualAddress at =
      memory->map(space, {.bytes = 2 * kPage, .protection = {.read = true}}).take();
  const auto violation = [&](VirtualAddress address, AccessKind kind, bool load = false) {
    return settle(*memory,
                  {.space = space, .task = {}, .address = address, .kind = kind, .load = load})
        .violation;
  };
  EXPECT_EQ(violation(at, AccessKind::kRead), Violation::kNone);
  EXPECT_EQ(violation(at, AccessKind::kWrite), Violation::kProtection);
  EXPECT_EQ(violation(at, AccessKind::kExecute), Violation::kProtection);
  EXPECT_EQ(violation(at + 2 * kPage, AccessKind::kRead), Violation::kNotMapped);
  EXPECT_EQ(violation(at + 1, AccessKind::kRead, true), Violation::kMisaligned);
  ASSERT_TRUE(memory->protect(space, at + kPage, kPage, {.read = true, .write = true}).ok());
  EXPECT_EQ(memory->areas(space).size(), 2u);
  EXPECT_EQ(violation(at + kPage, AccessKind::kWrite), Violation::kNone);
  EXPECT_EQ(violation(at, AccessKind::kWrite), Violation::kProtection);
  EXPECT_EQ(memory->protect(space, at + kPage, 2 * kPage, {}).code(), ENOMEM);
  EXPECT_EQ(memory->map(space, {.address = at, .bytes = 1}).code(), EEXIST);
}

TEST(Memory, GrowsStackAndHeapAsFarAsTheyMay) {
  const auto memory = MemoryManager::make(small_memory(32, 4)).take();
  const SpaceId space = memory->create({}).take();
  const VirtualAddress stack =
      memory->map(space, {.bytes = kPage, .kind = AreaKind::kStack, .most_bytes = 4 * kPage})
          .take();
  const auto touch = [&](VirtualAddress at) {
    return settle(*memory, {.space = space, .task = {}, .address = at, .kind = AccessKind::kWrite})
        .violation;
  };
  EXPECT_EQ(touch(stack - 3 * kPage), Violation::kNone);
  EXPECT_EQ(touch(stack - 3 * kPage - 1), Violation::kNotMapped);
  EXPECT_EQ(memory->statistics(space).stack, 4u * kPage);
  const VirtualAddress heap = memory->map(space, {.bytes = 1, .kind = AreaKind::kHeap}).take();
  ASSERT_TRUE(memory->set_break(space, heap + 3 * kPage + 1).ok());
  EXPECT_EQ(touch(heap + 3 * kPage), Violation::kNone);
  ASSERT_TRUE(memory->set_break(space, heap + kPage).ok());
  EXPECT_EQ(touch(heap + 3 * kPage), Violation::kNotMapped);
  EXPECT_EQ(memory->set_break(space, heap).code(), EINVAL);
  EXPECT_EQ(memory->broken_law(), "");
}

TEST(Memory, MapsFilesThroughOneCache) {
  const auto memory = MemoryManager::make(small_memory(8, 4)).take();
  const SpaceId space = memory->create({}).take();
  const InodeNo file{7};
  const MapRequest request{
      .bytes = 2 * kPage, .kind = AreaKind::kFile, .file = file, .file_bytes = 2 * kPage};
  const VirtualAddress own = memory->map(space, request).take();
  MapRequest with_others = request;
  with_others.shared = true;
  const VirtualAddress shared = memory->map(space, with_others).take();
  const MemoryAccess read{.space = space, .task = TaskId{1}, .address = shared, .load = true};
  ASSERT_EQ(memory->access(read).status, Status::kBlocked);
  const std::vector<PageTransfer> transfers = memory->take_transfers();
  ASSERT_EQ(transfers.size(), 1u);
  EXPECT_EQ(transfers[0].file, file);
  std::vector<std::byte> content(kPage, std::byte{1});
  const auto resumed = memory->complete(transfers[0].id, content);
  ASSERT_EQ(resumed.size(), 1u);
  EXPECT_EQ(resumed[0].outcome.value, 0x0101010101010101u);
  EXPECT_EQ(resumed[0].outcome.fault, AccessOutcome::Fault::kMajor);

  const auto store = [&](VirtualAddress at, std::uint64_t value) {
    return settle(*memory, {.space = space,
                            .task = TaskId{1},
                            .address = at,
                            .kind = AccessKind::kWrite,
                            .store = value})
        .status;
  };
  ASSERT_EQ(store(own, 5), Status::kDone);
  EXPECT_EQ(std::to_integer<int>(memory->file_content(file, {})[0]), 1);
  ASSERT_EQ(store(shared, 6), Status::kDone);
  EXPECT_EQ(std::to_integer<int>(memory->file_content(file, {})[0]), 6);
  EXPECT_EQ(memory->usage().dirty, kPage);

  ASSERT_EQ(memory->sync_file(TaskId{2}, file).status, Status::kBlocked);
  const std::vector<PageTransfer> writes = memory->take_transfers();
  ASSERT_EQ(writes.size(), 1u);
  EXPECT_EQ(std::to_integer<int>(writes[0].content[0]), 6);
  // Data written by write() meanwhile must not be overwritten by a transfer that is under way.
  memory->write_through(file, {}, 8, std::as_bytes(std::span("new", 3)));
  EXPECT_EQ(std::to_integer<char>(writes[0].content[8]), 'n');
  EXPECT_EQ(std::to_integer<char>(memory->file_content(file, {})[10]), 'w');
  EXPECT_EQ(std::to_integer<int>(writes[0].content[0]), 6);
  EXPECT_EQ(memory->complete(writes[0].id).at(0).task, TaskId{2});
  EXPECT_EQ(memory->usage().dirty, 0u);
  memory->set_file_bytes(file, kPage);
  EXPECT_EQ(
      settle(*memory, {.space = space, .task = TaskId{1}, .address = shared + kPage}).violation,
      Violation::kBeyondEnd);
  EXPECT_EQ(memory->broken_law(), "");
}

TEST(Memory, SuspendsTheLargestWhenItThrashesAndResumesItWhenItFits) {
  MemoryConfiguration configuration = small_memory(12, 100);
  configuration.working_set_references = 100;
  const auto memory = MemoryManager::make(configuration).take();
  std::map<SpaceId, VirtualAddress> spaces;
  for (int i = 0; i < 3; ++i) {
    const SpaceId space = memory->create({}).take();
    spaces[space] = memory->map(space, {.bytes = 8 * kPage}).take();
  }
  std::set<SpaceId> suspended;
  const auto work = [&] {
    for (std::uint64_t i = 0; i < 400; ++i)
      for (const auto& [space, at] : spaces)
        if (!suspended.contains(space)) {
          ASSERT_EQ(settle(*memory, {.space = space,
                                     .task = TaskId{space.value},
                                     .address = at + i % 8 * kPage,
                                     .kind = AccessKind::kWrite})
                        .status,
                    Status::kDone);
        }
  };
  for (int round = 0; round < 5; ++round) {
    work();
    const LoadReview review = memory->review({});
    if (!review.suspend) break;
    EXPECT_TRUE(review.thrashing);
    memory->suspend(*review.suspend);
    suspended.insert(*review.suspend);
    for (const PageTransfer& transfer : memory->take_transfers()) memory->complete(transfer.id);
  }
  EXPECT_EQ(suspended.size(), 2u);
  work();
  EXPECT_FALSE(memory->review({}).thrashing);
  for (const auto& [space, at] : std::map(spaces))
    if (!suspended.contains(space)) memory->destroy(space), spaces.erase(space);
  const LoadReview review = memory->review({});
  ASSERT_TRUE(review.resume.has_value());
  EXPECT_TRUE(suspended.contains(*review.resume));
  EXPECT_TRUE(memory->resume(*review.resume).ok());
  EXPECT_FALSE(memory->statistics(*review.resume).suspended);
}

TEST(Memory, ResumesFirstWhoHasBeenSuspendedForLongest) {
  const auto memory = MemoryManager::make(small_memory(12, 100)).take();
  const SpaceId first = memory->create({}).take();
  const SpaceId second = memory->create({}).take();
  memory->suspend(second);
  memory->suspend(first);
  EXPECT_EQ(memory->review({}).resume, second);
  ASSERT_TRUE(memory->resume(second).ok());
  EXPECT_EQ(memory->review({}).resume, first);
  memory->destroy(first);
  EXPECT_FALSE(memory->review({}).resume.has_value());
}

TEST(Memory, LeavesThoseThatSleepOutOfTheLoad) {
  MemoryConfiguration configuration = small_memory(12, 100);
  configuration.working_set_references = 100;
  const auto memory = MemoryManager::make(configuration).take();
  const auto use = [&](SpaceId space, VirtualAddress at) {
    for (std::uint64_t page = 0; page < 6; ++page)
      settle(*memory, {.space = space,
                       .task = TaskId{space.value},
                       .address = at + page * kPage,
                       .kind = AccessKind::kWrite});
  };
  std::map<SpaceId, VirtualAddress> spaces;
  for (int i = 0; i < 2; ++i) {
    const SpaceId space = memory->create({}).take();
    spaces[space] = memory->map(space, {.bytes = 6 * kPage}).take();
    use(space, spaces[space]);
  }
  const auto [sleeper, its_pages] = *spaces.begin();
  const auto [worker, at] = *spaces.rbegin();
  EXPECT_EQ(memory->review({}).demand_frames, 12u);
  EXPECT_EQ(memory->review({worker}).demand_frames, 6u);
  EXPECT_EQ(memory->review({worker, sleeper}).demand_frames, 12u);
  use(worker, at);
  EXPECT_EQ(memory->review({}).demand_frames, 6u);
}

TEST(Memory, SaysWhatCannotBeMade) {
  const auto code = [](auto&& change) {
    MemoryConfiguration configuration;
    change(configuration);
    return MemoryManager::make(configuration).code();
  };
  EXPECT_EQ(code([](auto&) {}), 0);
  EXPECT_EQ(code([](auto& c) { c.page_size = 100; }), EINVAL);
  EXPECT_EQ(code([](auto& c) { c.bytes = 100; }), EINVAL);
  EXPECT_EQ(code([](auto& c) { c.replacement = "best"; }), EINVAL);
  EXPECT_EQ(code([](auto& c) { c.allotment = "best"; }), EINVAL);
  EXPECT_EQ(code([](auto& c) { c.allocation = "best"; }), EINVAL);
  EXPECT_EQ(code([](auto& c) { c.tlb.sets = 3; }), EINVAL);
  EXPECT_EQ(code([](auto& c) { c.cpus = 65; }), EINVAL);
  EXPECT_EQ(code([](auto& c) { c.table_levels = 1, c.address_bits = 48; }), EINVAL);
}

}  // namespace
}  // namespace spindle
