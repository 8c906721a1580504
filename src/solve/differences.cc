#include <algorithm>
#include <cmath>
#include <set>

#include "field.h"
#include "spindle/solve/solve.h"

namespace spindle {
namespace {

using Json = nlohmann::json;

constexpr std::int64_t kMost = 1'000'000'000'000;

/// Half a unit of the last digit with which the number is written.
double half_of_last_digit(const Json& number) {
  const std::string text = number.dump();
  const std::size_t exponent_at = text.find_first_of("eE");
  const int exponent =
      exponent_at == std::string::npos ? 0 : std::stoi(text.substr(exponent_at + 1));
  const std::string digits = text.substr(0, exponent_at);
  const std::size_t point = digits.find('.');
  const int decimals = point == std::string::npos ? 0 : static_cast<int>(digits.size() - point - 1);
  return 0.5 * std::pow(10.0, exponent - decimals);
}

bool agrees(const Json& expected, const Json& answer) {
  if (expected.is_number() && answer.is_number()) {
    if (expected.is_number_integer() && answer.is_number_integer()) return expected == answer;
    const double want = expected.get<double>();
    // A little more than half a digit: the expected number may have been rounded the other way, or
    // computed from numbers that had been.
    return std::fabs(want - answer.get<double>()) <=
           std::max(half_of_last_digit(expected) * 1.01, std::fabs(want) * 1e-4);
  }
  if (expected.is_array() && answer.is_array()) {
    if (expected.size() != answer.size()) return false;
    for (std::size_t i = 0; i < expected.size(); ++i)
      if (!agrees(expected[i], answer[i])) return false;
    return true;
  }
  if (expected.is_object() && answer.is_object()) {
    if (expected.size() != answer.size()) return false;
    for (auto member = expected.begin(); member != expected.end(); ++member)
      if (!answer.contains(member.key()) || !agrees(*member, answer[member.key()])) return false;
    return true;
  }
  return expected == answer;
}

/// Whether the processes can end in this order, each with all that it may still need.
bool is_safe_sequence(const Json& problem, const Json& sequence) {
  Failure failure;
  const Field input = Field(&problem, "case", &failure)["input"];
  std::vector<std::int64_t> available;
  for (const Field& units : input["available"].items())
    available.push_back(units.integer(0, kMost));
  const std::vector<Field> held = input["allocation"].items();
  const std::vector<Field> most = input["max"].items();
  const std::vector<Field> order = Field(&sequence, "sequence", &failure).items();
  if (failure.failed() || order.size() != held.size() || most.size() != held.size()) return false;
  std::set<std::size_t> ended;
  for (const Field& item : order) {
    const auto process =
        static_cast<std::size_t>(item.integer(0, static_cast<std::int64_t>(held.size()) - 1));
    if (failure.failed() || !ended.insert(process).second) return false;
    const std::vector<Field> has = held[process].items();
    const std::vector<Field> needs = most[process].items();
    if (has.size() != available.size() || needs.size() != available.size()) return false;
    for (std::size_t r = 0; r < available.size(); ++r) {
      const std::int64_t units = has[r].integer(0, kMost);
      if (needs[r].integer(0, kMost) - units > available[r]) return false;
      available[r] += units;
    }
  }
  return !failure.failed();
}

}  // namespace

std::vector<std::string> differences(const Json& problem, const Json& answer) {
  std::vector<std::string> found;
  if (!problem.is_object() || !problem.contains("expected") || !problem["expected"].is_object())
    return found;
  const Json& expected = problem["expected"];
  for (auto member = expected.begin(); member != expected.end(); ++member) {
    const std::string& key = member.key();
    if (!answer.is_object() || !answer.contains(key))
      found.push_back(key + ": no answer");
    else if (key == "sequence" && member->is_array() && problem.contains("algorithm") &&
             problem["algorithm"] == "BANKER" && is_safe_sequence(problem, answer[key]))
      continue;
    else if (!agrees(*member, answer[key]))
      found.push_back(key + ": expected " + member->dump() + ", answered " + answer[key].dump());
  }
  return found;
}

}  // namespace spindle
