#include <cmath>
#include <nlohmann/json.hpp>

#include "spindle/solve/solve.h"

namespace spindle {
namespace {

using Json = nlohmann::json;

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
    // A little more than half a digit: the expected number may have been rounded the other way.
    return std::fabs(want - answer.get<double>()) <=
           half_of_last_digit(expected) * 1.01 + std::fabs(want) * 1e-12;
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
    else if (!agrees(*member, answer[key]))
      found.push_back(key + ": expected " + member->dump() + ", answered " + answer[key].dump());
  }
  return found;
}

}  // namespace spindle
