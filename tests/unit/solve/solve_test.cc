// Every case of tests/data/simulation-cases.json, and of more-cases.json beside it, is a test of
// its own.

#include "spindle/solve/solve.h"

#include <gtest/gtest.h>

#include <cctype>
#include <fstream>
#include <functional>
#include <set>

#include "spindle/json/json.h"

namespace spindle {
namespace {

using Json = nlohmann::json;

std::vector<Json> load_cases() {
  std::vector<Json> cases;
  for (const char* name : {"simulation-cases.json", "more-cases.json"}) {
    std::ifstream file(SPINDLE_SOURCE_FOLDER "/tests/data/" + std::string(name));
    for (Json& problem : Json::parse(file)) cases.push_back(std::move(problem));
  }
  return cases;
}

class Case : public testing::TestWithParam<Json> {};

TEST_P(Case, HasItsKnownAnswer) {
  std::vector<std::string> notes;
  const Json line = solve_cases(Json::array({GetParam()}), &notes)[0];
  EXPECT_EQ(line["id"], GetParam()["id"]);
  EXPECT_EQ(notes, std::vector<std::string>());
  ASSERT_TRUE(line.contains("answer")) << line.dump();
  for (const std::string& difference : differences(GetParam(), line["answer"]))
    ADD_FAILURE() << difference;
}

INSTANTIATE_TEST_SUITE_P(Simulation, Case, testing::ValuesIn(load_cases()), [](const auto& test) {
  std::string name = test.param["id"].template get<std::string>();
  for (char& c : name)
    if (std::isalnum(static_cast<unsigned char>(c)) == 0) c = '_';
  return name;
});

/// The answer to a case with this input and no parameters.
Json answer_line(const char* domain, const char* algorithm, Json input) {
  const Json problem = {{"domain", domain}, {"algorithm", algorithm}, {"input", std::move(input)}};
  return solve_cases(Json::array({problem}))[0];
}

/// Any value in place of any other gives an answer or an error, never a crash.
TEST(Solve, AnswersAMalformedCaseWithASentence) {
  const std::vector<Json> wrong = {nullptr,
                                   -1,
                                   0.5,
                                   "x",
                                   Json::array(),
                                   Json::object(),
                                   1e300,
                                   ~std::uint64_t{0},
                                   Json::array({1, "2", nullptr})};
  const std::function<void(Json&, const std::function<void()>&)> spoil_each =
      [&](Json& value, const std::function<void()>& check) {
        const Json good = value;
        for (const Json& bad : wrong) {
          value = bad;
          check();
        }
        value = good;
        if (!value.is_structured() || value.size() > 12) return;
        for (Json& part : value) spoil_each(part, check);
      };
  std::set<std::string> seen;
  for (Json problem : load_cases()) {
    const std::string kind = problem["domain"].get<std::string>() + problem["algorithm"].dump();
    if (problem.dump().size() > 1500 || !seen.insert(kind).second) continue;
    for (const char* part : {"domain", "algorithm", "parameters", "input"}) {
      if (!problem.contains(part)) continue;
      spoil_each(problem[part], [&problem] {
        const Json line = solve_cases(Json::array({problem}))[0];
        ASSERT_EQ(line["id"], problem["id"]);
        ASSERT_NE(line.contains("answer"), line.contains("error")) << problem.dump();
      });
    }
  }
  EXPECT_GT(seen.size(), 20u);
}

TEST(Solve, NamesTheFieldThatIsWrong) {
  const Json good = {{"id", "a"},
                     {"domain", "disk"},
                     {"algorithm", "FCFS"},
                     {"parameters", {{"head", 5}, {"cylinders", 10}}},
                     {"input", {{"queue", {1, 2}}}}};
  const auto error_of = [](const Json& problem) {
    return solve_cases(Json::array({problem}))[0].value("error", "");
  };
  EXPECT_EQ(error_of(good), "");
  Json bad = good;
  bad["parameters"]["head"] = 10;
  EXPECT_EQ(error_of(bad), "head: 10 is not from 0 to 9");
  bad = good;
  bad["input"]["queue"] = {1, "two"};
  EXPECT_EQ(error_of(bad), "queue: \"two\" is not a whole number (item 2 of the list)");
  bad = good;
  bad["algorithm"] = "PATERNOSTER";
  EXPECT_EQ(
      error_of(bad),
      "algorithm: \"PATERNOSTER\" is not one of FCFS, SSTF, SCAN, C-SCAN, LOOK, C-LOOK, FSCAN, "
      "N-STEP-SCAN, V(R), SPTF, SATF, BSATF, ASATF, DEADLINE");
  bad = {{"domain", "cpu"},
         {"algorithm", "FCFS"},
         {"input", {{"processes", {{"A", 0, 1}, {"B", 0, -1}}}}}};
  EXPECT_EQ(error_of(bad), "processes: -1 is below 0 (item 2 of the list)");
  bad["input"]["processes"][1] = {"A", 0, 1};
  EXPECT_EQ(error_of(bad), "processes: two are named \"A\" (item 2 of the list)");
  bad["domain"] = "tape";
  EXPECT_EQ(error_of(bad), "domain: \"tape\" is not known");
}

/// A process that arrives during a context switch is considered when the switch is done.
TEST(Solve, LooksAtTheEndOfASwitchWhoHasCome) {
  Json problem = {{"domain", "cpu"},
                  {"algorithm", "SRTF"},
                  {"parameters", {{"context_switch", 2}}},
                  {"input", {{"processes", {{"A", 0, 3}, {"B", 1, 9}, {"C", 4, 1}}}}}};
  const Json answer = solve_cases(Json::array({problem}))[0]["answer"];
  EXPECT_EQ(answer["gantt"], Json::parse(R"([["A", 0, 3], ["C", 7, 8], ["B", 10, 19]])"));
  EXPECT_EQ(answer["response"], Json({{"A", 0}, {"B", 9}, {"C", 3}}));
  problem["input"]["processes"][2] = {"C", 5, 1};
  EXPECT_EQ(solve_cases(Json::array({problem}))[0]["answer"]["gantt"], answer["gantt"]);
}

/// Each change that is paid for is counted, and no other: C takes the CPU from B, which had just
/// got it, and A goes on after its device as if nothing had been.
TEST(Solve, CountsTheChangesOfProcessThatAreMade) {
  Json problem = {{"domain", "cpu"},
                  {"algorithm", "SRTF"},
                  {"parameters", {{"context_switch", 2}}},
                  {"input", {{"processes", {{"A", 0, 3}, {"B", 1, 9}, {"C", 4, 1}}}}}};
  const Json answer = solve_cases(Json::array({problem}))[0]["answer"];
  EXPECT_EQ(answer["switches"], 3);
  EXPECT_EQ(answer["makespan"], 13 + 3 * 2);
  problem["input"]["processes"] = Json::parse(R"([["A", 0, [2, 3, 2]]])");
  EXPECT_EQ(solve_cases(Json::array({problem}))[0]["answer"]["switches"], 0);
}

Json completions(const char* algorithm, const Json& parameters, const char* input) {
  const Json problem = {{"domain", "cpu"},
                        {"algorithm", algorithm},
                        {"parameters", parameters},
                        {"input", Json::parse(input)}};
  return solve_cases(Json::array({problem}))[0]["answer"]["completion"];
}

/// B and C may not run on the second CPU when it takes D, and wait on all the same: at 5, B has
/// waited 4 for its 7, and C 1 for its 3.
TEST(Solve, WhoIsPassedOverHasWaitedAllTheSame) {
  EXPECT_EQ(completions("HRRN", {{"cpus", 2}},
                        R"({"processes": [["A", 0, 5], ["B", 1, 7], ["C", 4, 3], ["D", 4, 1]],
                            "affinity": {"A": [0], "B": [0], "C": [0]}})"),
            Json({{"A", 5}, {"B", 12}, {"C", 15}, {"D", 5}}));
}

/// At 1, D needs one of two CPUs: B, which was chosen last, gives way, and the quantum of A goes
/// on.
TEST(Solve, OnlyWhoGivesWayBeginsItsQuantumAgain) {
  EXPECT_EQ(
      completions(
          "PRIORITY-RR", {{"cpus", 2}, {"quantum", 3}},
          R"({"processes": [["A", 0, 5, 1], ["B", 0, 5, 1], ["C", 0, 4, 1], ["D", 1, 2, 0]]})"),
      Json({{"A", 8}, {"B", 8}, {"C", 7}, {"D", 3}}));
}

/// At 1, A goes on where it was, and D and E, which are before it in the queue, take the others.
TEST(Solve, WhoIsNewTakesTheFirstCpuThatIsLeft) {
  const Json problem = Json::parse(
      R"({"domain": "cpu", "algorithm": "RR", "parameters": {"cpus": 3, "quantum": 1},
          "input": {"processes": [["A", 0, 2], ["B", 0, 1], ["C", 0, 1], ["D", 0, 1],
                                  ["E", 0, 1]]}})");
  EXPECT_EQ(solve_cases(Json::array({problem}))[0]["answer"]["gantt"],
            Json::parse(R"([["A", 0, 2, 0], ["B", 0, 1, 1], ["C", 0, 1, 2], ["D", 1, 2, 1],
                            ["E", 1, 2, 2]])"));
}

/// Three turns of B cost as much as one of A, to the last digit.
TEST(Solve, StridesOfSmallNumbersOfTicketsAreExact) {
  const Json problem = {
      {"domain", "cpu"},
      {"algorithm", "STRIDE"},
      {"parameters", {{"quantum", 1}}},
      {"input", {{"processes", Json::parse(R"([["A", 0, 2, 1], ["B", 0, 6, 3]])")}}}};
  EXPECT_EQ(solve_cases(Json::array({problem}))[0]["answer"]["gantt"],
            Json::parse(R"([["A", 0, 1], ["B", 1, 4], ["A", 4, 5], ["B", 5, 8]])"));
}

/// P would come before A and B, but is bound to the CPU of X.
TEST(Solve, WhoMayNotRunOnACpuSendsNobodyAway) {
  EXPECT_EQ(completions("PRIORITY-RR", {{"cpus", 2}, {"quantum", 3}},
                        R"({"processes": [["A", 0, 4, 2], ["B", 0, 3, 2], ["X", 0, 10, 0],
                                          ["P", 2, 1, 1]],
                            "affinity": {"A": [0], "B": [0], "X": [1], "P": [1]}})"),
            Json({{"A", 7}, {"B", 6}, {"X", 10}, {"P", 11}}));
}

/// At 1, A takes the idle CPU, G sends D away from the one that it is bound to, and D does so with
/// A.
TEST(Solve, WhoIsSentAwayMaySendAnotherAway) {
  EXPECT_EQ(completions("PRIORITY-P", {{"cpus", 2}},
                        R"({"processes": [["D", 0, 5, 2], ["G", 1, 1, 0], ["A", 1, 4, 3]],
                            "affinity": {"G": [0]}})"),
            Json({{"D", 5}, {"G", 2}, {"A", 6}}));
}

/// Arrivals may stand in any order: each request has its own answer.
TEST(Solve, ServesRequestsInWhateverOrderTheyAreListed) {
  Json problem = {{"domain", "disk-online"},
                  {"algorithm", "LOOK"},
                  {"parameters", {{"head", 50}, {"cylinders", 100}, {"service_time", 1}}},
                  {"input", {{"requests", {{0, 60}, {5, 10}, {8, 90}}}}}};
  const Json sorted = solve_cases(Json::array({problem}))[0]["answer"];
  problem["input"]["requests"] = {{8, 90}, {0, 60}, {5, 10}};
  const Json answer = solve_cases(Json::array({problem}))[0]["answer"];
  EXPECT_EQ(answer["total_movement"], sorted["total_movement"]);
  EXPECT_EQ(answer["order"], Json({1, 0, 2}));
  for (std::size_t i : {0u, 1u, 2u})
    EXPECT_EQ(answer["completion"][(i + 1) % 3], sorted["completion"][i]);
}

TEST(Solve, RefusesWhatWouldNotEnd) {
  const Json problem = {{"domain", "cpu"},
                        {"algorithm", "RR"},
                        {"parameters", {{"quantum", 1}}},
                        {"input", {{"processes", {{"A", 0, 1'000'000'000}, {"B", 0, 1}}}}}};
  EXPECT_EQ(solve_cases(Json::array({problem}))[0].value("error", ""),
            "processes: they run in more slices than can be counted");
}

/// Any safe sequence is right, and only a safe one.
TEST(Solve, ReplaysTheSequenceOfTheBanker) {
  const Json problem = {
      {"id", 1},
      {"domain", "deadlock"},
      {"algorithm", "BANKER"},
      {"input", {{"available", {1}}, {"allocation", {{1}, {1}, {1}}}, {"max", {{2}, {2}, {4}}}}},
      {"expected", {{"sequence", {0, 1, 2}}}}};
  const auto wrong = [&problem](const Json& sequence) {
    return differences(problem, {{"sequence", sequence}}).size();
  };
  EXPECT_EQ(wrong({0, 1, 2}), 0u);
  EXPECT_EQ(wrong({1, 0, 2}), 0u);
  EXPECT_EQ(wrong({2, 0, 1}), 1u);
  EXPECT_EQ(wrong({0, 1}), 1u);
  EXPECT_EQ(wrong({0, 0, 1}), 1u);
  EXPECT_EQ(wrong(nullptr), 1u);
}

Json realtime(const char* algorithm, int until, const Json& tasks) {
  const Json problem = {{"domain", "realtime"},
                        {"algorithm", algorithm},
                        {"parameters", {{"until", until}}},
                        {"input", {{"tasks", tasks}}}};
  return solve_cases(Json::array({problem}))[0]["answer"];
}

/// A job that ends at its deadline, where the schedule ends, is in time.
TEST(Solve, TheLastInstantOfAScheduleCounts) {
  const Json answer = realtime("EDF", 5, Json::array({Json::array({"T", 4, 1, 1})}));
  EXPECT_EQ(answer["misses"], Json::array());
  EXPECT_EQ(answer["gantt"], Json({{"T", 0, 1}, {"T", 4, 5}}));
}

/// If laxities are equal the running task goes on; but a task that lost the CPU is again ordered by
/// its release.
TEST(Solve, LeastLaxityFavoursOnlyWhoRuns) {
  const Json answer = realtime("LLF", 16, {{"A", 8, 1}, {"B", 4, 2}, {"C", 9, 3, 7}});
  EXPECT_EQ(answer["gantt"], Json({{"B", 0, 2},
                                   {"C", 2, 5},
                                   {"B", 5, 7},
                                   {"A", 7, 8},
                                   {"B", 8, 10},
                                   {"C", 10, 12},
                                   {"B", 12, 14},
                                   {"A", 14, 15},
                                   {"C", 15, 16}}));
}

/// As seen on Linux 6.18, where a stopped process was sent both, SEGV last, and went on.
TEST(Solve, SignalsOfFaultsAreTakenFirst) {
  const Json problem = {{"domain", "signals"},
                        {"algorithm", "LINUX"},
                        {"parameters", Json::object()},
                        {"input",
                         {{"ops",
                           {"catch HUP", "catch SEGV", "catch USR1", "kill STOP", "kill USR1",
                            "kill HUP", "kill SEGV", "kill CONT"}}}}};
  EXPECT_EQ(solve_cases(Json::array({problem}))[0]["answer"]["handled"],
            Json({"SEGV", "HUP", "USR1"}));
}

/// RTMIN+2 is counted from the lowest real-time signal, RTMAX-2 from the highest.
TEST(Solve, RealTimeSignalsAreCountedFromTheirEnds) {
  const Json problem = {{"domain", "signals"},
                        {"algorithm", "linux"},
                        {"input",
                         {{"ops",
                           {"block RTMIN+2", "block RTMAX-2", "kill RTMAX-2", "kill RTMIN+2",
                            "kill RTMIN+2", "kill USR1"}}}}};
  const Json answer = solve_cases(Json::array({problem}))[0]["answer"];
  EXPECT_EQ(answer["pending"], Json({"RTMIN+2", "RTMIN+2", "RTMIN+28"}));
}

/// As in Linux, a stopped process executes nothing, and the default of SIGCONT counts as ignoring.
TEST(Solve, AStoppedProcessDoesItsPartWhenItGoesOn) {
  const auto answer = [](Json operations) {
    return answer_line("signals", "LINUX", {{"ops", std::move(operations)}})["answer"];
  };
  Json stopped = answer({"kill STOP", "catch TERM", "exit 3", "wait"});
  EXPECT_EQ(stopped["state"], "stopped");
  EXPECT_EQ(stopped["waits"], Json::array({nullptr}));
  stopped = answer({"kill STOP", "catch USR1", "block TERM", "kill TERM", "kill CONT", "wait"});
  EXPECT_EQ(stopped["waits"], Json::parse(R"([{"signal": "TERM"}])"));
  stopped = answer({"kill STOP", "catch TERM", "exit 3", "kill CONT", "kill TERM", "wait"});
  EXPECT_EQ(stopped["waits"], Json::parse(R"([{"exit": 3}])"));
  EXPECT_EQ(answer({"block CONT", "kill CONT", "default CONT"})["pending"], Json::array());
  EXPECT_EQ(answer({"block TSTP", "kill TSTP", "default TSTP"})["pending"], Json::array({"TSTP"}));
}

TEST(Solve, AStepOfCronBeyondItsFieldLeavesTheFirst) {
  const auto line = [](const char* expression) {
    return answer_line("cron", "VIXIE",
                       {{"expression", expression}, {"after", "2024-01-01T00:00"}});
  };
  const Json first = Json::array({"2024-01-01T00:05"});
  EXPECT_EQ(line("5/2147483647 * * * *")["answer"]["times"], first);
  EXPECT_EQ(line("5-30/2147483647 * * * *")["answer"]["times"], first);
  EXPECT_EQ(line("5, * * * *")["error"], "expression: \"5,\" is not a valid minute");
}

/// Words are the same in other case, and with underscores; what is missing is said to be.
TEST(Solve, ReadsWordsAsPeopleWriteThem) {
  Json problem = {{"domain", "cpu"},
                  {"algorithm", "priority"},
                  {"parameters", {{"priority_order", "High_First"}}},
                  {"input", {{"processes", {{"A", 0, 1, 1}, {"B", 0, 1, 2}, {"C", 0, 0, 0}}}}}};
  const Json answer = solve_cases(Json::array({problem}))[0]["answer"];
  EXPECT_EQ(answer["completion"], Json({{"A", 2}, {"B", 1}, {"C", 2}}));
  problem["algorithm"] = "rr";
  EXPECT_EQ(solve_cases(Json::array({problem}))[0]["error"], "quantum: missing");
}

/// A read that has waited beyond its deadline is served before what is nearer; without one the arm
/// sweeps.
TEST(Solve, DeadlinesCountFromTheArrival) {
  const auto order_with = [](int deadline) {
    const Json problem = {
        {"domain", "disk-online"},
        {"algorithm", "DEADLINE"},
        {"parameters",
         {{"head", 50}, {"cylinders", 100}, {"read_deadline", deadline}, {"batch", 1}}},
        {"input", {{"requests", {{0, 60}, {0, 10}, {1, 70}, {1, 80}}}}}};
    return solve_cases(Json::array({problem}))[0]["answer"]["order"];
  };
  EXPECT_EQ(order_with(1000), Json({0, 2, 3, 1}));
  EXPECT_EQ(order_with(15), Json({0, 2, 1, 3}));
}

/// Every listed name is solved, or its input is asked for; any other name is refused.
TEST(Solve, KnowsTheAlgorithmsThatItLists) {
  for (const Json& problem : load_cases()) {
    const std::string domain = domain_named(problem["domain"].get<std::string>());
    const std::vector<std::string> names = algorithm_names(domain);
    ASSERT_FALSE(names.empty()) << problem["domain"];
    for (const std::string& name : names) {
      EXPECT_EQ(algorithm_named(domain, name), name);
      const Json empty = {{"domain", domain}, {"algorithm", name}, {"parameters", Json::object()}};
      const Json line = solve_cases(Json::array({empty}))[0];
      const std::string error = line.value("error", "");
      EXPECT_FALSE(error.starts_with("algorithm")) << domain << " " << name << ": " << error;
    }
  }
  EXPECT_EQ(algorithm_named("disk", "cscan"), "C-SCAN");
  EXPECT_EQ(algorithm_named("disk", "zigzag"), "");
  EXPECT_EQ(algorithm_named("disk", "./mine.so"), "./mine.so");
  EXPECT_EQ(domain_named("Page_Replacement"), "page-replacement");
  EXPECT_EQ(domain_named("kitchen"), "");
  const Json problem = {{"domain", "tlb"}, {"algorithm", "MAGIC"}};
  EXPECT_EQ(solve_cases(Json::array({problem}))[0]["error"],
            "algorithm: \"MAGIC\" is not one of LRU, FIFO, RANDOM");
}

/// Bits above the fields of an address would be dropped, and another address answered for.
TEST(Solve, RefusesAddressesThatHaveMoreBitsThanTheirSpace) {
  const auto error_of = [](const char* algorithm, const Json& parameters, const Json& input) {
    const Json problem = {{"domain", "translation"},
                          {"algorithm", algorithm},
                          {"parameters", parameters},
                          {"input", input}};
    return solve_cases(Json::array({problem}))[0].value("error", "");
  };
  const Json fields = {{"fields", {4, 4}}};
  EXPECT_EQ(error_of("SPLIT-BITS", fields, {{"addresses", {255}}}), "");
  EXPECT_EQ(error_of("SPLIT-BITS", fields, {{"addresses", {0, 256}}}),
            "addresses: 256 is not from 0 to 255 (item 2 of the list)");
  const Json directory = {{"directory", 0}};
  const Json memory = {{"0", std::string(64, '7')}};
  EXPECT_EQ(error_of("TWO-LEVEL", directory, {{"addresses", {32767}}, {"memory", memory}}), "");
  EXPECT_EQ(error_of("TWO-LEVEL", directory, {{"addresses", {32768}}, {"memory", memory}}),
            "addresses: 32768 is not from 0 to 32767 (item 1 of the list)");
}

TEST(Solve, TellsWhatNobodyRead) {
  const Json problem = {{"id", 7},
                        {"domain", "cpu"},
                        {"algorithm", "FCFS"},
                        {"parameters", {{"quatum", 3}, {"quantum", 3}}},
                        {"input", {{"processes", {{"A", 0, 1}}}, {"colour", "red"}}}};
  std::vector<std::string> notes;
  EXPECT_EQ(solve_cases(Json::array({problem}), &notes)[0]["answer"]["makespan"], 1);
  EXPECT_EQ(notes, (std::vector<std::string>{"7: parameters: \"quatum\" means nothing here",
                                             "7: input: \"colour\" means nothing here"}));
}

TEST(Solve, TellsOfAConventionOfAnotherPolicy) {
  Json problem = {{"domain", "page-replacement"},
                  {"algorithm", "NRU"},
                  {"parameters", {{"frames", 3}, {"tick", 2}, {"load_bit", 0}}},
                  {"input", {{"refs", {1, 2}}}}};
  std::vector<std::string> notes;
  solve_cases(Json::array({problem}), &notes);
  EXPECT_EQ(notes, std::vector<std::string>{"case 1: parameters: \"load_bit\" means nothing here"});
}

/// Numbers as text and whole numbers with a point, but nothing that is no number.
TEST(Solve, ReadsNumbersAsTheyCome) {
  const auto faults_with = [](const Json& frames) {
    const Json problem = {{"domain", "page-replacement"},
                          {"algorithm", "LRU"},
                          {"parameters", {{"frames", frames}}},
                          {"input", {{"refs", {1, "2", 3.0, 1}}}}};
    const Json line = solve_cases(Json::array({problem}))[0];
    return line.contains("error") ? line["error"] : line["answer"]["faults"];
  };
  for (const Json& frames : {Json(3), Json(3.0), Json("3"), Json("3e0")})
    EXPECT_EQ(faults_with(frames), 3) << frames;
  for (const Json& frames : {Json(3.5), Json("3x"), Json(""), Json(" 3"), Json("nan"), Json(true)})
    EXPECT_EQ(faults_with(frames), "frames: " + frames.dump() + " is not a whole number");
  for (const Json& frames : {Json(1e300), Json("-1"), Json("inf")})
    EXPECT_EQ(faults_with(frames), "frames: " + frames.dump() + " is not from 1 to 5000000");
}

/// 17/32 has five decimals, and its fifth is a tie; the nearest double to 7.00005 lies below it.
TEST(Solve, RoundsTheNumberAsItIs) {
  const auto estimates = [](double first) {
    return solve_cases(
        Json::array({{{"domain", "burst-estimate"},
                      {"algorithm", "EXPONENTIAL"},
                      {"parameters", {{"alpha", 0}, {"first", first}}},
                      {"input", {{"bursts", Json::array()}}}}}))[0]["answer"]["estimates"][0];
  };
  EXPECT_EQ(estimates(0.53125), 0.5312);
  EXPECT_EQ(estimates(0.59375), 0.5938);
  EXPECT_EQ(estimates(7.00005), 7);
  EXPECT_EQ(estimates(8), 8);
  EXPECT_EQ(estimates(1e15), 1e15);
}

TEST(Solve, NothingIsDoneInNoTime) {
  const Json problem = {{"domain", "cpu"},
                        {"algorithm", "FCFS"},
                        {"input", {{"processes", Json::array({Json::array({"A", 0, 0})})}}}};
  const Json answer = solve_cases(Json::array({problem}))[0]["answer"];
  EXPECT_EQ(answer["makespan"], 0);
  EXPECT_EQ(answer["throughput"], 0);
}

TEST(Solve, RefusesWhatIsNoProgramOfForks) {
  for (const char* program :
       {"fork", "fork(", "fork() fork()", "for (;;) fork();", "for (i = 0; i < 3; i--) fork();",
        "if fork() fork();", "break; fork();", "{ fork();", "if (fork() == 7) fork();",
        "system(\"x\")", "fork() &&", "printf(\"", "else; fork();", "execute(fork());",
        "for (i = 0; i < 900; i++) for (j = 0; j < 900; j++) wait(0);"}) {
    const std::string error =
        answer_line("fork-count", "COUNT", {{"program", program}}).value("error", "");
    EXPECT_TRUE(error.starts_with("program: not a program of forks")) << program << ": " << error;
  }
  const std::pair<const char*, const char*> reasons[] = {
      {"int x; if (x) fork();", "x has no value"},
      {"if (wait(NULL) > 0) fork();", "its way depends on a number that is not known"},
      {"for (i = 5; i != 3; i++) fork();", "it is too deep, or takes too many steps"}};
  for (const auto& [program, reason] : reasons)
    EXPECT_EQ(answer_line("fork-count", "COUNT", {{"program", program}})["error"],
              std::string("program: not a program of forks: ") + reason);
}

/// The counts are those of the same programs run on Linux.
TEST(Solve, ForksOfThoseWhoJumpAreCounted) {
  const std::pair<const char*, int> programs[] = {
      {"for (i = 0; i < 4; i++) if (fork() == 0) break;", 5},
      {"for (i = 0; i < 3; i++) { if (fork() == 0) continue; fork(); }", 27},
      {"for (i = 0; i < 2; i++) { for (j = 0; j < 3; j++) if (fork() == 0) break; fork(); }", 64},
      {"for (i = 0; i < 3; i++) { if (fork()) break; fork(); } fork();", 30},
      {"for (i = 0; i < 0; i++) break; fork();", 2},
      {"pid_t a = fork(), b = fork(); if (a == 0 && b == 0) fork();", 5},
      {"int main(void) { if (fork() == 0) execlp(\"ls\", \"ls\", NULL); fork(); return 0; }", 3},
      {"", 1},
      {"for (i = 0; i < 3; i++) if (i == 0) fork();", 2},
      {"for (i = 0; i < 3; i++) if (i) fork();", 4},
      {"for (i = 0; i < 4; i++) if (i % 2 == 1) fork();", 4},
      {"for (i = 0; i < 3; i++) { fork(); i = 2; }", 2},
      {"for (i = 0; i < 2; i++) for (i = 0; i < 2; i++) fork();", 4},
      {"for (int i = 3; i > 0; --i) fork();", 8},
      {"for (int i = 0; i < 2; i++) for (int i = 0; i < 2; i++) fork();", 16},
      {"int x = 1; { int x = 0; x++; fork(); } if (x == 1) fork();", 4},
      {"int i = 0; while (i < 3) { if (fork() == 0) i += 2; i++; }", 4},
      {"while (fork() == 0) break; while (wait(NULL) > 0); fork();", 4},
      {"for (i = 0; i < 2; i++) fork(); if (i == 0) fork();", 4},
      {"int x = -1; if (x < 0) fork();", 2},
      {"int x = 2 * -6 / 4; x == -3 && fork();", 2},
      {"x = fork() || fork(); if (x == 1) fork();", 5},
      {"printf(\"%d (\", fork());", 2},
      {"if (fork() == 0) return fork(); exit(fork());", 4},
      {"sleep(1) && fork();", 1},
      {"fork() ? fork() : 0;", 3},
      {"fork() != 0 && (fork(), fork());", 5},
  };
  for (const auto& [program, processes] : programs)
    EXPECT_EQ(answer_line("fork-count", "COUNT", {{"program", program}})["answer"]["processes"],
              processes)
        << program;
}

TEST(Solve, OneBadCaseDoesNotStopTheOthers) {
  const Json good = {{"id", 2},
                     {"domain", "page-aging"},
                     {"algorithm", "AGING"},
                     {"parameters", {{"bits", 2}}},
                     {"input", {{"ticks", {"10"}}}}};
  const Json lines = solve_cases(Json::array({17, good}));
  ASSERT_EQ(lines.size(), 2u);
  EXPECT_TRUE(lines[0].contains("error"));
  EXPECT_EQ(lines[1]["answer"]["victim"], 1);
  EXPECT_EQ(solve_cases(Json("none")), Json::array());
}

TEST(Solve, SeesEachDifference) {
  const Json problem = {{"expected", {{"a", 1}, {"b", 0.3333}, {"c", {1, 2}}, {"d", "x"}}}};
  EXPECT_EQ(differences(problem, {{"a", 1}, {"b", 1.0 / 3}, {"c", {1, 2}}, {"d", "x"}}).size(), 0u);
  EXPECT_EQ(differences(problem, {{"a", 2}, {"b", 0.3334}, {"c", {2, 1}}}).size(), 4u);
  EXPECT_EQ(differences(problem, nullptr).size(), 4u);
}

}  // namespace
}  // namespace spindle
