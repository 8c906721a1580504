// The solver: textbook exercises in, answers out.
//
// A case is an object {id, domain, algorithm, parameters, input}; the answer is an object of the
// quantities that the exercise asks for. Every algorithm runs through the same policy objects that
// serve a mounted volume. Where textbooks differ, a parameter names the choice, and each has a
// default. A malformed case is answered with a sentence that names the field, and the others are
// still solved. Nothing here throws, and no input makes it run without end.
//
//   nlohmann::json answers = solve_cases(cases);
#pragma once

#include <nlohmann/json_fwd.hpp>
#include <string>
#include <string_view>
#include <vector>

namespace spindle {

/// For a list of cases the list of {"id": ..., "answer": {...}} or {"id": ..., "error": "why"}, in
/// the same order. The answer has all quantities that the domain knows, or, of a case that carries
/// `expected`, those that it names. If the case's `explain` is true, the answer also has `choices`
/// where the policy says why it made each: data, of which a face makes sentences. What a case says
/// and nothing read, a misspelt parameter, is no error; `notes` gets a sentence for each.
nlohmann::json solve_cases(const nlohmann::json& cases, std::vector<std::string>* notes = nullptr);

/// The domain as the solver spells it; empty if it knows none such. Of names, neither case nor
/// hyphens, underscores and spaces matter.
std::string domain_named(std::string_view name);
/// The algorithm as the solver spells it: "round robin" is "RR", "SPN" is "SJF". Empty if the
/// domain has none such; the path of a library, and a name of an unknown domain, are as they are.
std::string algorithm_named(std::string_view domain, std::string_view name);
/// All algorithms of the domain, as the solver spells them.
std::vector<std::string> algorithm_names(std::string_view domain);

/// What differs between the case's `expected` and the answer: a sentence for each quantity, none if
/// all agree. A number that is no whole one agrees if it rounds to the digits that are expected, or
/// to four that count; quantities that are not expected do not count. A safe sequence agrees if
/// replaying it shows that it is safe.
std::vector<std::string> differences(const nlohmann::json& problem, const nlohmann::json& answer);

}  // namespace spindle
