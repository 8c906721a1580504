// The textbook's exercises of memory, run on the machine's memory: the solver's answers are what
// happens there.

#include <gtest/gtest.h>

#include <fstream>
#include <map>

#include "spindle/json/json.h"
#include "spindle/machine/memory.h"

namespace spindle {
namespace {

using Json = nlohmann::json;

Json cases_of(const std::string& domain) {
  std::ifstream file(SPINDLE_SOURCE_FOLDER "/tests/data/simulation-cases.json");
  Json chosen = Json::array();
  for (const Json& each : Json::parse(file))
    if (each["domain"] == domain && each["input"].begin()->is_array()) chosen.push_back(each);
  return chosen;
}

MemoryConfiguration exercise(std::uint64_t frames) {
  MemoryConfiguration configuration;
  configuration.page_size = 64;
  configuration.bytes = frames * 64;
  configuration.tables_take_frames = false;
  configuration.tlb.entries = 0;
  configuration.swap_bytes = frames * 64;
  return configuration;
}

/// One space that uses the pages in order, each access served at once.
class Exercise {
 public:
  explicit Exercise(const MemoryConfiguration& configuration)
      : memory_(MemoryManager::make(configuration).take()),
        space_(memory_->create({}).take()),
        page_size_(configuration.page_size) {
    start_ = memory_->map(space_, {.bytes = std::uint64_t{1} << 24}).take();
  }

  MemoryManager& memory() { return *memory_; }

  void use(std::uint64_t page, AccessKind kind) {
    const VirtualAddress at = start_ + page * page_size_;
    bool is_blocked =
        memory_->access({.space = space_, .task = TaskId{1}, .address = at, .kind = kind}).status ==
        AccessOutcome::Status::kBlocked;
    for (auto ahead = memory_->take_transfers(); !ahead.empty(); ahead = memory_->take_transfers())
      for (const PageTransfer& transfer : ahead)
        for (const ResumedAccess& resumed : memory_->complete(transfer.id))
          is_blocked = resumed.outcome.status == AccessOutcome::Status::kBlocked;
    ASSERT_FALSE(is_blocked);
  }

  [[nodiscard]] AddressSpaceStatistics statistics() const { return memory_->statistics(space_); }
  [[nodiscard]] std::uint64_t faults() const {
    return statistics().minor_faults + statistics().major_faults;
  }
  /// Ascending, counted from the first of the area.
  [[nodiscard]] std::vector<std::uint64_t> resident() const {
    std::vector<std::uint64_t> pages;
    for (const PageRow& row : memory_->page_table(space_))
      if (row.frame) pages.push_back(row.page - start_.value / page_size_);
    return pages;
  }

 private:
  std::unique_ptr<MemoryManager> memory_;
  SpaceId space_;
  std::uint32_t page_size_;
  VirtualAddress start_;
};

std::vector<std::uint64_t> pages_of(const Json& references) {
  std::vector<std::uint64_t> pages;
  for (const Json& each : references)
    pages.push_back((each.is_array() ? each[0] : each).get<std::uint64_t>());
  return pages;
}

ReplacementConventions conventions_of(const Json& parameters) {
  ReplacementConventions conventions;
  conventions.clock_bit_on_load = parameters.value("load_bit", 1) == 1;
  if (parameters.value("tie", "fifo") == "fifo")
    conventions.frequency_tie = ReplacementConventions::Tie::kFirstLoaded;
  conventions.keep_counts = parameters.value("keep_counts", false);
  return conventions;
}

TEST(MemoryTextbook, FaultsAsTheSolverSays) {
  int compared = 0;
  for (const Json& exercise_case : cases_of("page-replacement")) {
    const std::string algorithm = exercise_case["algorithm"];
    const Json& parameters = exercise_case["parameters"];
    if (!parameters.contains("frames")) continue;
    SCOPED_TRACE(exercise_case["id"].get<std::string>());
    MemoryConfiguration configuration = exercise(parameters["frames"]);
    configuration.conventions = conventions_of(parameters);
    configuration.table_levels = static_cast<unsigned>(compared % 5);
    configuration.address_bits = 40;
    if (configuration.table_levels != 0) configuration.address_bits = 30;
    std::string policy = algorithm;
    for (char& c : policy) c = static_cast<char>(std::tolower(c));
    if (algorithm != "OPT") configuration.replacement = policy;
    Exercise run(configuration);
    const std::vector<std::uint64_t> pages = pages_of(exercise_case["input"]["refs"]);
    if (algorithm == "OPT") {
      // Pages of a space are known to policies by the order in which they were first used.
      std::map<std::uint64_t, PageKey> keys;
      std::vector<PageKey> references;
      for (std::uint64_t page : pages)
        references.push_back(keys.try_emplace(page, keys.size() + 1).first->second);
      run.memory().set_replacement(make_optimal_policy(parameters["frames"], references));
    }
    for (std::size_t i = 0; i < pages.size(); ++i) {
      const Json& each = exercise_case["input"]["refs"][i];
      const bool writes = each.is_array() && each.size() == 2 && each[1] == "w";
      run.use(pages[i], writes ? AccessKind::kWrite : AccessKind::kRead);
    }
    const Json& expected = exercise_case["expected"];
    std::uint64_t faults = run.faults();
    if (!parameters.value("count_cold", true)) faults -= run.resident().size();
    EXPECT_EQ(faults, expected["faults"]);
    if (expected.contains("resident")) EXPECT_EQ(Json(run.resident()), expected["resident"]);
    ++compared;
  }
  EXPECT_GT(compared, 40);
}

TEST(MemoryTextbook, KeepsTheWorkingSet) {
  for (const Json& exercise_case : cases_of("page-replacement")) {
    if (exercise_case["algorithm"] != "WORKING-SET") continue;
    SCOPED_TRACE(exercise_case["id"].get<std::string>());
    MemoryConfiguration configuration = exercise(1000);
    configuration.allotment = "working-set";
    configuration.working_set_references = exercise_case["parameters"]["window"];
    Exercise run(configuration);
    Json sizes = Json::array();
    for (std::uint64_t page : pages_of(exercise_case["input"]["refs"])) {
      run.use(page, AccessKind::kRead);
      sizes.push_back(run.statistics().working_set / configuration.page_size);
      EXPECT_EQ(run.resident().size(), sizes.back());
    }
    EXPECT_EQ(run.faults(), exercise_case["expected"]["faults"]);
    EXPECT_EQ(sizes, exercise_case["expected"]["sizes"]);
    EXPECT_EQ(Json(run.resident()), exercise_case["expected"]["last_set"]);
  }
}

TEST(MemoryTextbook, HitsTheTlbAsTheSolverSays) {
  for (const Json& exercise_case : cases_of("tlb")) {
    const Json& parameters = exercise_case["parameters"];
    SCOPED_TRACE(exercise_case["id"].get<std::string>());
    MemoryConfiguration configuration = exercise(4096);
    configuration.page_size = parameters["page_size"];
    configuration.bytes = std::uint64_t{4096} * configuration.page_size;
    configuration.swap_bytes = 0;
    configuration.address_bits = 40;
    configuration.tlb.entries = parameters["entries"];
    configuration.tlb.sets = parameters.value("sets", 1u);
    configuration.tlb.replacement = exercise_case["algorithm"] == "FIFO" ? "fifo" : "lru";
    const auto made = MemoryManager::make(configuration);
    ASSERT_TRUE(made.ok()) << made.error().describe();
    Exercise run(configuration);
    std::string trace;
    for (std::uint64_t address : pages_of(exercise_case["input"]["addresses"])) {
      const std::uint64_t before = run.memory().usage().tlb_hits;
      run.use(address / configuration.page_size, AccessKind::kRead);
      trace += run.memory().usage().tlb_hits == before ? 'M' : 'H';
    }
    EXPECT_EQ(run.memory().usage().tlb_hits, exercise_case["expected"]["hits"]);
    if (exercise_case["expected"].contains("trace"))
      EXPECT_EQ(trace, exercise_case["expected"]["trace"]);
  }
}

/// Silberschatz's 80 % of hits, 20 ns to ask the TLB, 100 ns to access memory: 140 ns.
TEST(MemoryTextbook, CostsWhatATableWalkCosts) {
  for (unsigned levels = 1; levels <= 4; ++levels) {
    MemoryConfiguration configuration = exercise(64);
    configuration.table_levels = levels;
    configuration.address_bits = 30;
    configuration.tlb.entries = 4;
    configuration.costs = {.tlb_ns = 20, .memory_ns = 100};
    const auto memory = MemoryManager::make(configuration).take();
    const SpaceId space = memory->create({}).take();
    const VirtualAddress at = memory->map(space, {.bytes = 4096}).take();
    const auto cost = [&](std::uint64_t page) {
      return memory->access({.space = space, .task = {}, .address = at + page * 64}).cost_ns;
    };
    for (std::uint64_t page = 0; page < 8; ++page) cost(page);
    EXPECT_EQ(cost(0), 20 + 100 * static_cast<std::int64_t>(levels) + 100);
    EXPECT_EQ(cost(0), 20 + 100);
  }
}

}  // namespace
}  // namespace spindle
