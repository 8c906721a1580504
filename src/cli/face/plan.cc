#include "cli/face/plan.h"

#include <fmt/format.h>

#include <algorithm>
#include <cstring>
#include <filesystem>

#include "cli/face/libraries.h"
#include "spindle/base/json_text.h"
#include "spindle/base/whole_file.h"
#include "spindle/solve/solve.h"

namespace spindle::cli {
namespace {

using Kind = FaceParameter::Kind;

constexpr std::uintmax_t kLargestFile = 512u << 20;

std::string names_of(const Face& face) {
  std::vector<std::string> names;
  for (const Form* form : face.forms)
    for (const FacePolicy& policy : form->policies())
      if (std::ranges::find(names, policy.name) == names.end()) names.emplace_back(policy.name);
  return listed(names);
}

const FacePolicy* find_policy(const Form& form, std::string_view name) {
  const auto found = std::ranges::find(form.policies(), name, &FacePolicy::name);
  return found == form.policies().end() ? nullptr : &*found;
}

/// The face's own name of a policy that somebody calls by another name: "round-robin", "SPTF".
std::string name_in(const Face& face, const std::string& name) {
  for (const Form* form : face.forms)
    if (find_policy(*form, name) != nullptr) return name;
  for (const Form* form : face.forms) {
    const std::string algorithm = algorithm_named(form->domain(Json::object()), name);
    const auto found = std::ranges::find(form->policies(), algorithm, &FacePolicy::algorithm);
    if (found != form->policies().end()) return std::string(found->name);
  }
  return name;
}

/// Loads the policy of a library; returns the form that it is for, or null, with a complaint, if
/// there is none. The plan refers to `path` from then on.
const Form* load_own(const Face& face, const std::string& path, Plan& plan, Complaint& complaint) {
  const char* why = nullptr;
  for (const Form* form : face.forms) {
    const LibraryPolicies* libraries = libraries_of(*form);
    if (libraries == nullptr || (!plan.policies.empty() && form != plan.form)) continue;
    const auto name = load_policy(libraries->kind, path);
    if (name.ok()) {
      plan.own.push_back({*name, path, *name, libraries->parameters});
      return form;
    }
    if (why == nullptr) why = name.error().what;
  }
  complaint.make(
      why != nullptr
          ? fmt::format("--policy: {}", why)
          : fmt::format("--policy: {}: a library cannot have a policy of this kind", path));
  return nullptr;
}

void complain_of_policy(const Face& face, const std::string& unknown, Complaint& complaint) {
  const bool takes_libraries = std::ranges::any_of(
      face.forms, [](const Form* form) { return libraries_of(*form) != nullptr; });
  if (takes_libraries) return complaint.make_unknown_policy(unknown, names_of(face));
  complaint.make_unknown("--policy", unknown, names_of(face));
}

/// Finds the form that has all the policies that are asked for.
void choose_policies(const Face& face, const FaceRequest& request, Plan& plan,
                     Complaint& complaint) {
  plan.form = face.forms.front();
  for (const std::string& asked : request.policies) {
    if (is_policy_library(asked)) {
      const Form* form = load_own(face, asked, plan, complaint);
      if (form == nullptr) return;
      plan.form = form;
      plan.policies.push_back(&plan.own.back());
      continue;
    }
    const std::string name = name_in(face, asked);
    const auto has = [&](const Form* form) { return find_policy(*form, name) != nullptr; };
    const auto found = std::ranges::find_if(face.forms, has);
    if (found == face.forms.end()) return complain_of_policy(face, name, complaint);
    if (plan.policies.empty()) plan.form = *found;
    if (!has(plan.form))
      return complaint.make(
          fmt::format("--policy: {} and {} do not solve the same kind of exercise",
                      plan.policies.front()->name, name));
    plan.policies.push_back(find_policy(*plan.form, name));
  }
  if (!request.all) return;
  std::erase_if(plan.policies,
                [](const FacePolicy* policy) { return !is_policy_library(policy->algorithm); });
  for (const FacePolicy& policy : plan.form->policies()) plan.policies.push_back(&policy);
}

/// Whether the policy solves the case: because the algorithm has its name (`by_name`), or because
/// its form has no other policy, and the algorithm names what was chosen
/// ("SWITCH_ON_END,IO_RUN_LATER").
bool is_of(const Json& json, const Form& form, const FacePolicy& policy, const Json& input,
           bool by_name) {
  const std::string known = form.domain(input);
  const std::string domain =
      json.contains("domain") ? domain_named(plain(json["domain"])) : std::string();
  // To the solver "cpu-io" is another name of "cpu".
  if (json.contains("domain") && domain != known && !(domain == "cpu-io" && known == "cpu"))
    return false;
  if (by_name)
    return algorithm_named(known, plain(json["algorithm"])) ==
           algorithm_named(known, policy.algorithm);
  return !domain.empty() && json["algorithm"].is_string() && form.policies().size() == 1;
}

/// Reads a case of the solver, or only the input of one.
void take_json(const Face& face, const Json& json, Plan& plan, Complaint& complaint) {
  const bool is_case = json.is_object() && json.contains("input") && json["input"].is_object();
  plan.input = is_case ? json["input"] : json;
  if (!plan.input.is_object())
    return complaint.make("--file: the JSON is neither a case nor the input of one");
  if (!is_case) return;
  if (json.contains("parameters") && json["parameters"].is_object())
    plan.parameters = json["parameters"];
  plan.explains = json.contains("explain") && json["explain"] == true;
  if (!plan.policies.empty() || !json.contains("algorithm")) return;
  for (const bool by_name : {true, false})
    for (const Form* form : face.forms)
      for (const FacePolicy& policy : form->policies())
        if (is_of(json, *form, policy, plan.input, by_name)) {
          plan.form = form;
          plan.policies = {&policy};
          if (!by_name) plan.algorithm = plain(json["algorithm"]);
          return;
        }
  complaint.make("--file: the algorithm " + plain(json["algorithm"]) + " is not known here");
}

void read_file(const Face& face, const std::string& path, Plan& plan, Complaint& complaint) {
  std::error_code unknown;
  if (const auto size = std::filesystem::file_size(path, unknown); !unknown && size > kLargestFile)
    return complaint.make(fmt::format("--file: {} is too large; --trace reads long traces", path));
  const Result<std::string> content = whole_file(path);
  if (!content.ok())
    return complaint.make(
        fmt::format("--file: {} cannot be read ({})", path, std::strerror(content.code())));
  const std::string& text = *content;
  const std::size_t start = text.find_first_not_of(" \t\r\n");
  if (start != std::string::npos && (text[start] == '{' || text[start] == '[')) {
    try {
      const Json json = Json::parse(text);
      return take_json(face, json.is_array() && json.size() == 1 ? json[0] : json, plan, complaint);
    } catch (const Json::parse_error& error) {
      return complaint.make(fmt::format("--file: {}: not JSON: {}", path, what_is_wrong(error)));
    }
  }
  plan.input =
      plan.form->read_rows(rows_of_csv(text, plan.form->rows_have_numbers(), complaint), complaint);
}

Json generated(const Form& form, const std::string& text, Complaint& complaint) {
  Recipe recipe(text, complaint);
  return complaint.made() ? Json() : form.generate(recipe, complaint);
}

void read_input(const Face& face, const FaceRequest& request, Plan& plan, Complaint& complaint) {
  const int ways = int{!request.words.empty()} + int{!request.file.empty()} +
                   int{!request.recipe.empty()} + int{request.quiz.has_value()};
  if (ways > 1)
    return complaint.make(
        "the input is typed, or comes from --file, --generate or --quiz, not more "
        "than one of them");
  if (request.quiz && !plan.own.empty())
    return complaint.make("--quiz: a question cannot be about a policy of a library");
  if (request.answer && !request.quiz)
    return complaint.make("--answer: there is no question without --quiz");
  if (request.quiz) {
    const auto& policies = plan.form->policies();
    if (plan.policies.empty()) plan.policies = {&policies[*request.quiz % policies.size()]};
    plan.input = generated(*plan.form, plan.form->quiz_recipe(*request.quiz), complaint);
  } else if (!request.file.empty()) {
    read_file(face, request.file, plan, complaint);
  } else if (!request.recipe.empty()) {
    plan.input = generated(*plan.form, request.recipe, complaint);
  } else {
    std::vector<std::vector<std::string>> rows;
    for (const std::string& word : request.words) {
      rows.push_back(split(word, ":"));
      if (rows.back().empty()) return complaint.make(fmt::format("input: '{}' has no value", word));
      if (has_gap(word, ":") || has_gap(word, ","))
        return complaint.make(fmt::format("input: something is missing in '{}'", word));
    }
    plan.input = plan.form->read_rows(rows, complaint);
  }
}

Json read_value(const FaceParameter& parameter, const std::string& text, Complaint& complaint) {
  const std::string name = option_name(parameter.name);
  const auto unknown = [&](const std::string& choices) {
    complaint.make_unknown(name, text, choices);
    return Json();
  };
  switch (parameter.kind) {
    case Kind::kNumber:
      return read_number(text, name, complaint);
    case Kind::kChoice:
      if (std::ranges::find(parameter.choices, text) != parameter.choices.end()) return text;
      return unknown(listed({parameter.choices.begin(), parameter.choices.end()}));
    case Kind::kFlag:
      if (text == "yes" || text == "true") return true;
      return text == "no" || text == "false" ? Json(false) : unknown("yes and no");
    case Kind::kText:
      return text;
    case Kind::kWords:
    case Kind::kNumbers:
      break;
  }
  if (has_gap(text, ","))
    return complaint.make(fmt::format("{}: something is missing in '{}'", name, text)), Json();
  if (parameter.kind == Kind::kWords) return split(text, ", ");
  Json list = Json::array();
  for (const std::string& part : split(text, ", "))
    list.push_back(read_number(part, name, complaint));
  return list;
}

/// Makes what a file gives for a parameter into what a person would have typed. The solver reads
/// "3" and "Low_First", too; pictures and reasons need not know them.
void tidy(const FaceParameter& parameter, Json& value) {
  Complaint none;
  if (parameter.kind == Kind::kNumber && value.is_string()) {
    const Json number = read_number(value.get<std::string>(), parameter.name, none, -1e15);
    if (!none.made()) value = number;
  }
  const auto lower = [](char c) {
    return c == '_' ? '-' : static_cast<char>(c >= 'A' && c <= 'Z' ? c - 'A' + 'a' : c);
  };
  const std::string word = plain(value);
  for (const std::string_view choice : parameter.choices)
    if (std::ranges::equal(choice, word, {}, lower, lower)) value = choice;
}

}  // namespace

std::string option_name(std::string_view parameter) {
  std::string name = "--" + std::string(parameter);
  std::ranges::replace(name, '_', '-');
  return name;
}

bool has_parameter(const FacePolicy& policy, const FaceParameter& parameter) {
  return std::ranges::find(policy.parameters, parameter.name) != policy.parameters.end();
}

void make_plan(const Face& face, const FaceRequest& request, Plan& plan, Complaint& complaint) {
  choose_policies(face, request, plan, complaint);
  if (!complaint.made()) read_input(face, request, plan, complaint);
  if (plan.policies.empty()) plan.policies = {&plan.form->policies().front()};
}

Json case_of(const Plan& plan, const FacePolicy& policy, const FaceRequest& request,
             Complaint& complaint) {
  Json problem = {{"id", policy.name},
                  {"domain", plan.form->domain(plan.input)},
                  {"algorithm", plan.algorithm.empty() ? policy.algorithm : plan.algorithm},
                  {"parameters", plan.parameters},
                  {"input", plan.input}};
  std::vector<std::string_view> known;
  for (const FaceParameter& parameter : plan.form->parameters()) {
    known.push_back(parameter.name);
    const auto given = request.values.find(std::string(parameter.name));
    Json& target = problem[parameter.is_input ? "input" : "parameters"];
    if (!has_parameter(policy, parameter)) {
      if (given != request.values.end() && plan.policies.size() == 1)
        complaint.make(
            fmt::format("{}: {} has no such parameter", option_name(parameter.name), policy.name));
    } else if (given != request.values.end()) {
      target[std::string(parameter.name)] = read_value(parameter, given->second, complaint);
    } else if (!parameter.fallback.empty() && !target.contains(parameter.name)) {
      target[std::string(parameter.name)] =
          read_value(parameter, std::string(parameter.fallback), complaint);
    } else if (target.contains(parameter.name)) {
      tidy(parameter, target[std::string(parameter.name)]);
    }
  }
  for (const auto& [name, value] : request.values)
    if (std::ranges::find(known, name) == known.end())
      complaint.make(fmt::format("{}: {} has no such parameter", option_name(name), policy.name));
  plan.form->complete(problem, complaint);
  return problem;
}

}  // namespace spindle::cli
