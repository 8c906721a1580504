#include "spindle/solve/solve.h"

#include <algorithm>

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

std::string in_a_row(const std::vector<std::string>& names) {
  std::string text;
  for (const std::string& name : names) text += (text.empty() ? "" : ", ") + name;
  return text;
}

Json solve_case(const Json& value, Failure& failure) {
  const Field all(&value, "case", &failure);
  if (!value.is_object()) all.fail("not an object");
  const std::string written = all["domain"].text();
  const std::string name = all["algorithm"].text();
  if (failure.failed()) return {};
  const std::string own_name = domain_named(written);
  const auto* const domain = std::ranges::find(kDomains, own_name, &Domain::name);
  if (domain == std::end(kDomains))
    return failure.note("domain: \"" + written + "\" is not known"), Json();
  const std::string algorithm = algorithm_named(own_name, name);
  if (algorithm.empty())
    return failure.note("algorithm: \"" + name + "\" is not one of " +
                        in_a_row(algorithm_names(own_name))),
           Json();
  for (const char* part : {"parameters", "input"})
    if (value.contains(part)) failure.watch(&value[part]);
  return domain->solve(
      {algorithm, all["parameters"], all["input"], &failure, all["explain"].flag_or(false)});
}

/// Notes what stands in case `index` of the list, and was not read.
void note_unread(const Json& value, std::size_t index, const Failure& failure,
                 std::vector<std::string>& notes) {
  const Json id = value.value("id", Json());
  const std::string case_name = id.is_null()     ? "case " + std::to_string(index + 1)
                                : id.is_string() ? id.get<std::string>()
                                                 : id.dump();
  for (const char* part : {"parameters", "input"}) {
    if (!value.contains(part) || !value[part].is_object()) continue;
    for (const auto& [name, unused] : value[part].items())
      if (!failure.was_read(&value[part], name))
        notes.push_back(case_name + ": " + part + ": \"" + name + "\" means nothing here");
  }
}

/// The part of the answer that the case asks for; all of it if the case does not say.
Json asked_for(const Json& value, Json answer) {
  if (!value.is_object() || !answer.is_object()) return answer;
  const auto expected = value.find("expected");
  if (expected == value.end() || !expected->is_object()) return answer;
  Json part = Json::object();
  if (answer.contains("choices")) part["choices"] = std::move(answer["choices"]);
  for (auto member = expected->begin(); member != expected->end(); ++member)
    if (answer.contains(member.key())) part[member.key()] = std::move(answer[member.key()]);
  return part;
}

}  // namespace

Json solve_cases(const Json& cases, std::vector<std::string>* notes) {
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
    if (notes != nullptr && !failure.failed()) note_unread(value, answers.size(), failure, *notes);
    answers.push_back(std::move(line));
  }
  return answers;
}

}  // namespace spindle
