// Runs docs/CONVENTIONS.md: each table's case with each of its choices must give the answer in the
// table, and the first choice must be the default.

#include <gtest/gtest.h>

#include <algorithm>
#include <cctype>
#include <fstream>
#include <set>
#include <string>
#include <vector>

#include "spindle/json/json.h"
#include "spindle/solve/solve.h"

namespace spindle {
namespace {

using Json = nlohmann::json;

struct Choice {
  Json value;
  Json answer;
};

struct Convention {
  std::string parameter;
  Json problem = {};
  std::vector<Choice> choices = {};
};

/// The text between the nth pair of backquotes, from 0; empty if there is none.
std::string quoted(const std::string& line, std::size_t n) {
  std::size_t from = line.find('`');
  for (; n > 0 && from != std::string::npos; --n)
    from = line.find('`', line.find('`', from + 1) + 1);
  if (from == std::string::npos) return {};
  return line.substr(from + 1, line.find('`', from + 1) - from - 1);
}

std::vector<Convention> read_conventions() {
  std::ifstream file(SPINDLE_SOURCE_FOLDER "/docs/CONVENTIONS.md");
  std::vector<Convention> conventions;
  for (std::string line; std::getline(file, line);) {
    if (line.starts_with("### `")) conventions.push_back({.parameter = quoted(line, 0)});
    if (line.starts_with("{")) conventions.back().problem = Json::parse(line);
    const bool is_choice = line.starts_with("| `") && !line.ends_with("| Answer |");
    if (is_choice)
      conventions.back().choices.push_back(
          {Json::parse(quoted(line, 0)), Json::parse(quoted(line, 1))});
  }
  return conventions;
}

Json answer_to(const Json& problem) {
  const Json line = solve_cases(Json::array({problem}))[0];
  EXPECT_TRUE(line.contains("answer")) << line;
  return line.value("answer", Json::object());
}

/// The part of the answer that the document shows.
Json shown(const Json& answer, const Json& keys) {
  Json part = Json::object();
  for (const auto& [key, value] : keys.items()) part[key] = answer.value(key, Json());
  return part;
}

TEST(Conventions, EachChoiceGivesTheAnswerThatIsWritten) {
  const std::vector<Convention> conventions = read_conventions();
  EXPECT_GT(conventions.size(), 40u);
  for (const Convention& convention : conventions) {
    SCOPED_TRACE(convention.parameter + " of " + convention.problem.dump());
    ASSERT_GE(convention.choices.size(), 2u);
    const Choice& first = convention.choices[0];
    EXPECT_EQ(shown(answer_to(convention.problem), first.answer), first.answer) << "the default";
    for (const Choice& choice : convention.choices) {
      Json problem = convention.problem;
      problem["parameters"][convention.parameter] = choice.value;
      EXPECT_EQ(shown(answer_to(problem), choice.answer), choice.answer) << choice.value;
    }
  }
}

/// A table whose lines all say the same shows nothing.
TEST(Conventions, EachExampleTellsItsChoicesApart) {
  for (const Convention& convention : read_conventions()) {
    std::set<std::string> answers;
    for (const Choice& choice : convention.choices) answers.insert(choice.answer.dump());
    EXPECT_GT(answers.size(), 1u) << convention.parameter;
  }
}

/// Domains that the document treats as one.
std::string chapter_of(const Json& problem) {
  std::string domain = problem["domain"].get<std::string>();
  std::ranges::transform(domain, domain.begin(), [](unsigned char c) { return std::tolower(c); });
  if (domain == "cpu-io") return "cpu";
  if (domain == "disk-online") return "disk";
  return domain == "page-aging" ? "page-replacement" : domain;
}

/// A parameter that the solver does not require is a convention: it has a default.
TEST(Conventions, EachParameterThatMayBeLeftOutIsListed) {
  std::set<std::string> listed;
  for (const Convention& convention : read_conventions())
    listed.insert(chapter_of(convention.problem) + " " + convention.parameter);
  std::set<std::string> tried;
  for (const char* name : {"simulation-cases.json", "more-cases.json"}) {
    std::ifstream file(SPINDLE_SOURCE_FOLDER "/tests/data/" + std::string(name));
    for (Json problem : Json::parse(file)) {
      problem.erase("expected");
      const Json parameters = problem.value("parameters", Json::object());
      if (problem.dump().size() > 3000) continue;
      for (const auto& [parameter, value] : parameters.items()) {
        Json without = problem;
        without["parameters"].erase(parameter);
        if (solve_cases(Json::array({without}))[0].contains("error")) continue;
        const std::string name_of_it = chapter_of(problem) + " " + parameter;
        EXPECT_TRUE(listed.contains(name_of_it)) << name_of_it << " of " << problem["id"];
        tried.insert(name_of_it);
      }
    }
  }
  EXPECT_GT(tried.size(), 40u);
}

}  // namespace
}  // namespace spindle
