// What the solver answers of a case that has `explain`: why each choice was made.

#include <gtest/gtest.h>

#include "spindle/json/json.h"
#include "spindle/solve/solve.h"

namespace spindle {
namespace {

using Json = nlohmann::json;

Json answer_of(Json problem) {
  return solve_cases(Json::array({std::move(problem)}))[0]["answer"];
}

Json choices_of(const char* domain, const char* algorithm, Json parameters, Json input) {
  return answer_of({{"domain", domain},
                    {"algorithm", algorithm},
                    {"parameters", std::move(parameters)},
                    {"input", std::move(input)},
                    {"explain", true}})["choices"];
}

TEST(Choices, AreThoseOfTheVictims) {
  EXPECT_EQ(
      choices_of("page-replacement", "CLOCK", {{"frames", 3}}, {{"refs", {7, 0, 1, 2, 0, 3}}}),
      Json::array({nullptr,
                   nullptr,
                   nullptr,
                   {{"ground", "bit-found-clear"}, {"cleared", {7, 0, 1}}},
                   {{"ground", "bit-found-clear"}, {"cleared", {0}}}}));
  EXPECT_EQ(choices_of("page-replacement", "NRU", {{"frames", 3}, {"tick", 3}},
                       {{"refs", {1, {2, "w"}, 3, 1, 4}}})[3],
            Json({{"ground", "lowest-class"},
                  {"among_equals", "first-frame"},
                  {"value", 0},
                  {"values", {{1, 2}, {2, 1}, {3, 0}}}}));
  EXPECT_EQ(choices_of("page-replacement", "OPT", {{"frames", 2}}, {{"refs", {1, 2, 3, 2}}})[2],
            Json({{"ground", "used-again-latest"},
                  {"among_equals", "loaded-first"},
                  {"value", nullptr},
                  {"values", {{1, nullptr}, {2, 4}}}}));
}

TEST(Choices, SayWhichPagesLeaveASetWithoutFrames) {
  EXPECT_EQ(
      choices_of("page-replacement", "WORKING-SET", {{"window", 2}}, {{"refs", {1, 2, 2, 1}}}),
      Json::array({{{"hit", false}, {"left", Json::array()}},
                   {{"hit", false}, {"left", Json::array()}},
                   {{"hit", true}, {"left", {1}}},
                   {{"hit", false}, {"left", Json::array()}}}));
  const Json late = choices_of("page-replacement", "PFF", {{"interval", 3}},
                               {{"refs", {1, 2, 3, 3, 3, 3, 5}}})[6];
  EXPECT_EQ(late, Json({{"hit", false}, {"since_last", 4}, {"late", true}, {"left", {1, 2}}}));
}

TEST(Choices, SayHowBuddiesAreHalvedAndJoined) {
  EXPECT_EQ(choices_of("buddy", "BUDDY", {{"size", 64}, {"min", 8}},
                       {{"ops",
                         {{"alloc", "A", 10},
                          {"alloc", "B", 100},
                          {"alloc", "C", 16},
                          {"free", "B"},
                          {"free", "A"},
                          {"free", "C"}}}}),
            Json::array({{{"from", {0, 64}}, {"rests", {{32, 32}, {16, 16}}}},
                         nullptr,
                         {{"from", {16, 16}}, {"rests", Json::array()}},
                         nullptr,
                         {{"became", {{0, 16, 16}}}},
                         {{"became", {{16, 16, 0}, {0, 32, 32}, {0, 64, nullptr}}}}}));
}

TEST(Choices, SayWhyTheArmGoesWhereItGoes) {
  EXPECT_EQ(
      choices_of("disk", "SCAN", {{"cylinders", 200}, {"head", 50}}, {{"queue", {60, 10, 20}}}),
      Json::array({{{"ground", "next-ahead"},
                    {"from", 50},
                    {"to", 60},
                    {"up", true},
                    {"turns", Json::array()},
                    {"above", nullptr},
                    {"below", 20}},
                   {{"ground", "first-after-turn"},
                    {"from", 60},
                    {"to", 20},
                    {"up", false},
                    {"turns", {199}},
                    {"above", nullptr},
                    {"below", 10}},
                   {{"ground", "next-ahead"},
                    {"from", 20},
                    {"to", 10},
                    {"up", false},
                    {"turns", Json::array()},
                    {"above", nullptr},
                    {"below", nullptr}}}));
  const Json late =
      choices_of("disk-online", "DEADLINE",
                 {{"cylinders", 200}, {"head", 50}, {"read_deadline", 15}, {"batch", 1}},
                 {{"requests", {{0, 60}, {0, 10}, {1, 70}, {1, 80}}}});
  EXPECT_EQ(late[2]["ground"], "deadline-over");
  EXPECT_EQ(late[2]["time"], 20);
}

TEST(Choices, SayWhoElseWasReady) {
  const Json choices = choices_of("cpu", "SRTF", Json::object(),
                                  {{"processes", {{"A", 0, 5}, {"B", 1, 2}, {"C", 1, 9}}}});
  ASSERT_EQ(choices.size(), 4u);
  EXPECT_EQ(choices[0], Json({{"at", 0},
                              {"chosen", {"A", 0, 5e6}},
                              {"others", Json::array()},
                              {"others_count", 0},
                              {"equals", false},
                              {"bound", false}}));
  EXPECT_EQ(choices[1], Json({{"at", 1},
                              {"chosen", {"B", 1, 2e6}},
                              {"others", Json::array({{"A", 1, 4e6}, {"C", 1, 9e6}})},
                              {"others_count", 2},
                              {"equals", false},
                              {"bound", false},
                              {"gave_way", {{"process", "A"}, {"preempted", true}}}}));
}

TEST(Choices, SayOnWhichLevelAJobStands) {
  EXPECT_EQ(choices_of("mlfq", "MLFQ", {{"quanta", {2, 4}}},
                       {{"jobs", Json::array({{0, 5, 0}, {0, 2, 0}})}}),
            Json::array({{{"level", 0}, {"then", 1}},
                         {{"level", 0}, {"then", nullptr}},
                         {{"level", 1}, {"then", nullptr}}}));
}

TEST(Choices, AreAnsweredOnlyWhereTheyAreAskedFor) {
  Json problem = {{"domain", "page-replacement"},
                  {"algorithm", "FIFO"},
                  {"parameters", {{"frames", 1}}},
                  {"input", {{"refs", {1, 2}}}},
                  {"expected", {{"faults", 2}}}};
  EXPECT_EQ(answer_of(problem), Json({{"faults", 2}}));
  problem["explain"] = true;
  EXPECT_EQ(answer_of(problem),
            Json({{"faults", 2}, {"choices", {nullptr, {{"ground", "loaded-first"}}}}}));
  problem["explain"] = "x";
  EXPECT_TRUE(solve_cases(Json::array({problem}))[0].contains("error"));
}

}  // namespace
}  // namespace spindle
