#include "spindle/solve/solve.h"

#include <algorithm>

#include "domains.h"
#include "spindle/policy/policy_library.h"

namespace spindle {
namespace {

using Json = nlohmann::json;

struct Domain {
  std::string_view name;
  Json (*solve)(const Problem&);
};

#define SPINDLE_ENTRY(NAME, FUNCTION) Domain{NAME, FUNCTION},
constexpr Domain kDomains[] = {SPINDLE_SOLVE_DOMAINS(SPINDLE_ENTRY)};
#undef SPINDLE_ENTRY

char in_capitals(char c) {
  return static_cast<char>(c >= 'a' && c <= 'z' ? c - 'a' + 'A' : c);
}

Json solve_case(const Json& value, Failure& failure) {
  const Field all(&value, "case", &failure);
  if (!value.is_object()) all.fail("not an object");
  const std::string name = all["domain"].text();
  std::string algorithm = all["algorithm"].text();
  // The path of a library is as it is.
  if (!is_policy_library(algorithm))
    std::ranges::transform(algorithm, algorithm.begin(), in_capitals);
  const Problem problem{algorithm, all["parameters"], all["input"], &failure};
  if (failure.failed()) return {};
  for (const Domain& domain : kDomains)
    if (domain.name == name) return domain.solve(problem);
  failure.note("domain: \"" + name + "\" is not known");
  return {};
}

/// Of the answer, what the case asks for; all of it if the case does not say.
Json asked_for(const Json& value, Json answer) {
  if (!value.is_object() || !answer.is_object()) return answer;
  const auto expected = value.find("expected");
  if (expected == value.end() || !expected->is_object()) return answer;
  Json part = Json::object();
  for (auto member = expected->begin(); member != expected->end(); ++member)
    if (answer.contains(member.key())) part[member.key()] = std::move(answer[member.key()]);
  return part;
}

}  // namespace

Json solve_cases(const Json& cases) {
  Json answers = Json::array();
  if (!cases.is_array()) return answers;
  for (const Json& value : cases) {
    Failure failure;
    Json answer = solve_case(value, failure);
    Json line = Json::object();
    line["id"] = value.is_object() && value.contains("id") ? value["id"] : Json();
    if (failure.failed())
      line["error"] = failure.sentence();
    else
      line["answer"] = asked_for(value, std::move(answer));
    answers.push_back(std::move(line));
  }
  return answers;
}

}  // namespace spindle
