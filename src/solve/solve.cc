#include "spindle/solve/solve.h"

#include "domains.h"

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

Json solve_case(const Json& value, Failure& failure) {
  const Field all(&value, "case", &failure);
  const std::string name = all["domain"].text();
  const Problem problem{all["algorithm"].text(), all["parameters"], all["input"], &failure};
  if (failure.failed()) return {};
  for (const Domain& domain : kDomains)
    if (domain.name == name) return domain.solve(problem);
  failure.note("domain: \"" + name + "\" is not known");
  return {};
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
      line["answer"] = std::move(answer);
    answers.push_back(std::move(line));
  }
  return answers;
}

}  // namespace spindle
