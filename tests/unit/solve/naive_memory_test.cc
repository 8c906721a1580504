// A second implementation of memory exercises, on plain vectors, with random inputs; and what must
// hold for page replacement whatever the input.

#include <gtest/gtest.h>

#include <algorithm>
#include <optional>
#include <string>
#include <vector>

#include "spindle/base/random.h"
#include "spindle/json/json.h"
#include "spindle/solve/solve.h"

namespace spindle {
namespace {

using Json = nlohmann::json;

Json solved(const char* domain, const std::string& algorithm, const Json& parameters,
            const Json& input) {
  const Json problem = {
      {"domain", domain}, {"algorithm", algorithm}, {"parameters", parameters}, {"input", input}};
  const Json line = solve_cases(Json::array({problem}))[0];
  EXPECT_TRUE(line.contains("answer")) << line << problem;
  return line.value("answer", Json::object());
}

std::vector<int> random_numbers(Random& random, std::size_t most, int low, int high) {
  std::vector<int> numbers(1 + random.below(most));
  for (int& number : numbers)
    number = low + static_cast<int>(random.below(static_cast<std::uint64_t>(high - low + 1)));
  return numbers;
}

/// Which hole takes the request, under the rule.
std::optional<std::size_t> naive_hole(const std::string& rule, const std::vector<int>& left,
                                      const std::vector<bool>& closed, int want,
                                      std::size_t& next) {
  std::optional<std::size_t> best;
  for (std::size_t step = 0; step < left.size(); ++step) {
    const std::size_t hole = rule == "NEXT-FIT" ? (next + step) % left.size() : step;
    if (closed[hole] || left[hole] < want) continue;
    if (!best || (rule == "BEST-FIT" && left[hole] < left[*best]) ||
        (rule == "WORST-FIT" && left[hole] > left[*best]))
      best = hole;
  }
  if (best) next = *best;
  return best;
}

TEST(NaiveMemory, HolesAreChosenTheSame) {
  for (const std::string rule : {"FIRST-FIT", "BEST-FIT", "WORST-FIT", "NEXT-FIT"})
    for (std::uint64_t seed = 1; seed <= 200; ++seed) {
      SCOPED_TRACE(rule + ", seed " + std::to_string(seed));
      Random random(seed);
      std::vector<int> left = random_numbers(random, 8, 1, 60);
      const std::vector<int> requests = random_numbers(random, 12, 1, 50);
      const bool fixed = random.one_in(3);
      const Json answer =
          solved("allocation", rule, {{"fixed", fixed}}, {{"holes", left}, {"requests", requests}});
      std::vector<bool> closed(left.size(), false);
      std::size_t next = 0;
      Json placed = Json::array();
      for (int want : requests) {
        const auto hole = naive_hole(rule, left, closed, want, next);
        placed.push_back(hole ? Json(*hole) : Json());
        if (!hole) continue;
        left[*hole] -= want;
        closed[*hole] = fixed;
      }
      ASSERT_EQ(answer["placed"], placed);
      ASSERT_EQ(answer["left"], Json(left));
    }
}

/// The buddy system as an array of units: an aligned block is free if all its units are, and the
/// smallest free block that holds it whole is split.
TEST(NaiveMemory, BuddiesAreSplitTheSame) {
  for (std::uint64_t seed = 1; seed <= 200; ++seed) {
    SCOPED_TRACE("seed " + std::to_string(seed));
    Random random(seed);
    constexpr std::size_t kSize = 64;
    std::vector<int> owner(kSize, -1);
    const auto is_free = [&owner](std::size_t start, std::size_t size) {
      return std::all_of(owner.begin() + static_cast<std::ptrdiff_t>(start),
                         owner.begin() + static_cast<std::ptrdiff_t>(start + size),
                         [](int o) { return o < 0; });
    };
    Json operations = Json::array();
    Json allocations = Json::array();
    for (int id = 0; id < 30; ++id) {
      if (id > 0 && random.one_in(2)) {
        const int gone = static_cast<int>(random.below(static_cast<std::uint64_t>(id)));
        operations.push_back({"free", "b" + std::to_string(gone)});
        std::ranges::replace(owner, gone, -1);
        continue;
      }
      const std::size_t want = 1 + random.below(40);
      std::size_t size = 1;
      while (size < want) size *= 2;
      const std::string name = "b" + std::to_string(id);
      operations.push_back({"alloc", name, want});
      std::optional<std::size_t> place;
      for (std::size_t whole = size; whole <= kSize && !place; whole *= 2)
        for (std::size_t start = 0; start < kSize && !place; start += whole)
          if (is_free(start, whole) && (whole == kSize || !is_free(start & ~whole, 2 * whole)))
            place = start;
      if (place) std::fill_n(owner.begin() + static_cast<std::ptrdiff_t>(*place), size, id);
      allocations.push_back({name, place ? Json(*place) : Json(), size});
    }
    const Json answer =
        solved("buddy", "BUDDY", {{"size", kSize}, {"min", 1}}, {{"ops", operations}});
    ASSERT_EQ(answer["allocations"], allocations);
  }
}

TEST(NaiveMemory, TranslationBuffersHitTheSame) {
  for (const std::string policy : {"LRU", "FIFO"})
    for (std::uint64_t seed = 1; seed <= 200; ++seed) {
      SCOPED_TRACE(policy + ", seed " + std::to_string(seed));
      Random random(seed);
      const std::size_t sets = std::size_t{1} << random.below(3);
      const std::size_t ways = 1 + random.below(4);
      const std::vector<int> addresses = random_numbers(random, 80, 0, 16 * 12 - 1);
      std::vector<std::vector<int>> tlb(sets);
      std::string trace;
      for (int address : addresses) {
        const int page = address / 16;
        auto& set = tlb[static_cast<std::size_t>(page) % sets];
        const auto found = std::ranges::find(set, page);
        trace += found == set.end() ? 'M' : 'H';
        if (found != set.end() && policy == "LRU") std::rotate(found, found + 1, set.end());
        if (trace.back() == 'H') continue;
        if (set.size() == ways) set.erase(set.begin());
        set.push_back(page);
      }
      const Json answer =
          solved("tlb", policy, {{"entries", sets * ways}, {"sets", sets}, {"page_size", 16}},
                 {{"addresses", addresses}});
      ASSERT_EQ(answer["trace"], trace);
    }
}

int faults(const std::string& algorithm, std::size_t frames, const std::vector<int>& references) {
  return solved("page-replacement", algorithm, {{"frames", frames}},
                {{"refs", references}})["faults"]
      .get<int>();
}

/// One pass gives for every size what a pass for each size gives; for LRU and OPT more frames never
/// mean more faults; and no policy has fewer than OPT.
TEST(NaiveMemory, TheCurveOfLruIsThatOfItsSizes) {
  for (std::uint64_t seed = 1; seed <= 60; ++seed) {
    SCOPED_TRACE("seed " + std::to_string(seed));
    Random random(seed);
    const std::vector<int> references = random_numbers(random, 120, 0, 11);
    const Json curve =
        solved("page-replacement", "LRU-CURVE", {{"frames", 12}}, {{"refs", references}})["curve"];
    int before_lru = 1000;
    int before_opt = 1000;
    for (std::size_t frames = 1; frames <= 12; ++frames) {
      const int lru = faults("LRU", frames, references);
      const int opt = faults("OPT", frames, references);
      ASSERT_EQ(curve[frames - 1], Json({frames, lru}));
      ASSERT_LE(lru, before_lru);
      ASSERT_LE(opt, before_opt);
      for (const char* other : {"FIFO", "LRU", "CLOCK", "NRU", "ENHANCED-CLOCK", "AGING", "WSCLOCK",
                                "RANDOM", "MFU", "ARC", "SIEVE"})
        ASSERT_LE(opt, faults(other, frames, references)) << other;
      before_lru = lru;
      before_opt = opt;
    }
  }
}

/// Locally each process is alone with its frames; globally their references, in turns, are those of
/// one process with all pages.
TEST(NaiveMemory, ProcessesShareMemoryAsOneOrAsNone) {
  for (std::uint64_t seed = 1; seed <= 60; ++seed) {
    SCOPED_TRACE("seed " + std::to_string(seed));
    Random random(seed);
    const std::size_t count = 1 + random.below(4);
    const std::size_t share = 1 + random.below(4);
    const std::size_t length = 1 + random.below(30);
    Json processes = Json::array();
    for (std::size_t p = 0; p < count; ++p) {
      Json pages = Json::array();
      for (std::size_t i = 0; i < length; ++i) pages.push_back(random.below(6));
      processes.push_back({"P" + std::to_string(p), pages});
    }
    const auto faults = [](const char* domain, const Json& parameters, const Json& input) {
      const Json line = solve_cases(Json::array({{{"domain", domain},
                                                  {"algorithm", "FIFO"},
                                                  {"parameters", parameters},
                                                  {"input", input}}}))[0];
      return line.at("answer");
    };
    const Json input = {{"processes", processes}};
    const Json local =
        faults("multiprogramming", {{"frames", count * share}, {"scope", "local"}}, input);
    const Json global = faults("multiprogramming", {{"frames", count * share}}, input);
    Json merged = Json::array();
    for (std::size_t i = 0; i < length; ++i)
      for (std::size_t p = 0; p < count; ++p)
        merged.push_back(100 * p + processes[p][1][i].get<std::size_t>());
    for (const Json& process : processes)
      EXPECT_EQ(local["faults_of_each"][process[0].get<std::string>()],
                faults("page-replacement", {{"frames", share}}, {{"refs", process[1]}})["faults"]);
    EXPECT_EQ(global["faults"], faults("page-replacement", {{"frames", count * share}},
                                       {{"refs", merged}})["faults"]);
  }
}

/// Alone, a process has each reference and each fetch one after the other, the last one, too.
TEST(NaiveMemory, EveryFetchTakesItsTime) {
  Random random(7);
  for (int round = 0; round < 50; ++round) {
    const std::vector<int> pages = random_numbers(random, 12, 0, 4);
    const Json process = Json::array({"A", pages});
    const Json answer = solved("multiprogramming", "LRU", {{"frames", 3}, {"fault_time", 5}},
                               {{"processes", Json::array({process})}});
    const int run = static_cast<int>(pages.size());
    ASSERT_EQ(answer["time"], run + 5 * answer["faults"].get<int>());
  }
  EXPECT_EQ(solved("multiprogramming", "LRU", {{"frames", 2}, {"fault_time", 5}},
                   Json::parse(R"({"processes": [["A", [1]], ["B", [1]]]})")),
            Json::parse(R"({"faults": 2, "hits": 0, "faults_of_each": {"A": 1, "B": 1},
                            "frames_of_each": {"A": 1, "B": 1}, "time": 11,
                            "utilization": 0.1818})"));
}

/// The CPU is busier with every process, until their pages no longer fit.
TEST(NaiveMemory, TooManyProcessesThrash) {
  const Json pages = {1, 2, 3, 4, 1, 2, 3, 4, 1, 2, 3, 4, 1, 2, 3, 4, 1, 2, 3, 4, 1, 2, 3, 4};
  const Json problem = {{"domain", "thrashing"},
                        {"algorithm", "LRU"},
                        {"parameters", {{"frames", 20}, {"degree", 8}, {"quantum", 4}}},
                        {"input", {{"processes", Json::array({Json::array({"P", pages})})}}}};
  const Json answer = solve_cases(Json::array({problem}))[0]["answer"];
  EXPECT_EQ(answer["best_degree"], 5);
  EXPECT_LT(3 * answer["curve"][5][1].get<double>(), answer["curve"][4][1].get<double>());
  EXPECT_EQ(answer["curve"][4][2], 20);
}

TEST(NaiveMemory, BeladysStringFaultsMoreWithMoreFrames) {
  const std::vector<int> references = {1, 2, 3, 4, 1, 2, 5, 1, 2, 3, 4, 5};
  EXPECT_EQ(faults("FIFO", 3, references), 9);
  EXPECT_EQ(faults("FIFO", 4, references), 10);
}

/// Writes: a dirty page costs a write-back, and enhanced CLOCK spares it for a clean one.
TEST(NaiveMemory, EnhancedClockSparesDirtyPages) {
  const Json references = {Json::array({1, "w"}), 2, 3, 4, 5};
  const Json spares =
      solved("page-replacement", "ENHANCED-CLOCK", {{"frames", 3}}, {{"refs", references}});
  EXPECT_EQ(spares["write_backs"], 0);
  EXPECT_EQ(spares["victims"], Json({nullptr, nullptr, nullptr, 2, 3}));
  EXPECT_EQ(
      solved("page-replacement", "FIFO", {{"frames", 3}}, {{"refs", references}})["write_backs"],
      1);
}

/// An access to each page of two processes through one inverted table, and through two levels.
TEST(NaiveMemory, TablesOfOtherShapesTranslate) {
  const Json inverted = solved("translation", "INVERTED",
                               {{"page_size", 100}, {"table", {{1, 0}, nullptr, {2, 0}, {1, 7}}}},
                               {{"addresses", {{1, 5}, {2, 99}, {1, 742}, {2, 700}}}});
  EXPECT_EQ(inverted["physical"], Json({5, 299, 342, nullptr}));
  const Json levels =
      solved("translation", "MULTI-LEVEL", {{"fields", {2, 2, 4}}, {"table", {{"1", {{"3", 9}}}}}},
             {{"addresses", {0x7A, 0x6A, 0xFF, 0x100}}});
  EXPECT_EQ(levels["physical"], Json({0x9A, nullptr, nullptr, nullptr}));
}

TEST(NaiveMemory, VictimsAreTheCheapest) {
  const Json input = {{"available", {0}},
                      {"allocation", Json::parse("[[1],[2],[3]]")},
                      {"request", Json::parse("[[2],[1],[1]]")},
                      {"costs", {9, 5, 7}}};
  const Json answer = solved("deadlock", "VICTIM", Json::object(), input);
  EXPECT_EQ(answer["victims"], Json::array({1}));
  EXPECT_EQ(answer["cost"], 5);
}

}  // namespace
}  // namespace spindle
