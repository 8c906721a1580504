// Faces: from what was asked for to the cases, to the solver, to what is shown.

#include <fmt/format.h>
#include <unistd.h>

#include <algorithm>
#include <cstring>
#include <deque>
#include <filesystem>

#include "cli/face/libraries.h"
#include "spindle/base/json_text.h"
#include "spindle/base/whole_file.h"
#include "spindle/solve/solve.h"

namespace spindle::cli {
namespace {

using Kind = FaceParameter::Kind;

/// Longer inputs are not solved again for each other convention.
constexpr std::size_t kMostForConventions = 5000;
constexpr std::size_t kMostReasons = 300;
constexpr std::uintmax_t kLargestFile = 512u << 20;

struct Plan {
  const Form* form = nullptr;
  std::vector<const FacePolicy*> policies;
  std::deque<FacePolicy> own;  ///< those out of libraries
  Json input;
  Json parameters = Json::object();  ///< from a file
  std::string algorithm = {};        ///< from a file, if it is not as the policy names it
};

std::string option_name(std::string_view parameter) {
  std::string name = "--" + std::string(parameter);
  std::ranges::replace(name, '_', '-');
  return name;
}

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

/// The name that the face gives to what somebody calls by another: "round-robin", "SPTF".
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

/// The policy of a library, and the form that it is for; null, with a complaint, if it has none.
/// The plan refers to `path`.
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
  complaint.make(why != nullptr ? fmt::format("--policy: {}", why)
                                : fmt::format("--policy: {}: a library has none for this", path));
  return nullptr;
}

/// The form that has all of these policies.
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
    if (found == face.forms.end())
      return complaint.make(fmt::format("--policy: '{}' is none of {}, nor a library (./mine.so)",
                                        name, names_of(face)));
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

/// Whether the policy solves the case: by the algorithm's name, or because its form has no other,
/// and names its algorithm by what was chosen ("SWITCH_ON_END,IO_RUN_LATER").
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

/// A case of the solver, or its input alone.
void take_json(const Face& face, const Json& json, Plan& plan, Complaint& complaint) {
  const bool is_case = json.is_object() && json.contains("input") && json["input"].is_object();
  plan.input = is_case ? json["input"] : json;
  if (!plan.input.is_object())
    return complaint.make("--file: the JSON is neither a case nor the input of one");
  if (!is_case) return;
  if (json.contains("parameters") && json["parameters"].is_object())
    plan.parameters = json["parameters"];
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
    return complaint.make("--quiz: a question is about the policies that all know");
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
      if (rows.back().empty()) return complaint.make(fmt::format("input: '{}' says nothing", word));
      if (has_gap(word, ":") || has_gap(word, ","))
        return complaint.make(fmt::format("input: something is missing in '{}'", word));
    }
    plan.input = plan.form->read_rows(rows, complaint);
  }
}

Json read_value(const FaceParameter& parameter, const std::string& text, Complaint& complaint) {
  const std::string name = option_name(parameter.name);
  const auto unknown = [&](const std::string& choices) {
    complaint.make(fmt::format("{}: '{}' is none of {}", name, text, choices));
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

bool has_parameter(const FacePolicy& policy, const FaceParameter& parameter) {
  return std::ranges::find(policy.parameters, parameter.name) != policy.parameters.end();
}

/// What a file says of a parameter, as a person would have typed it: the solver reads "3" and
/// "Low_First" too, and pictures and reasons need not know that.
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

/// What another convention would have given, where it differs in a quantity.
struct OtherConvention {
  std::string parameter;
  Json value;
  std::vector<std::string> differences;
};

std::vector<OtherConvention> other_conventions(const Form& form, const Solved& solved) {
  std::vector<OtherConvention> others;
  for (const auto& [name, list] : solved.input().items())
    if (list.is_structured() && list.size() > kMostForConventions) return others;
  for (const FaceParameter& parameter : form.parameters()) {
    const bool is_convention = parameter.kind == Kind::kChoice || parameter.kind == Kind::kFlag;
    if (!is_convention || !parameter.is_convention || !has_parameter(*solved.policy, parameter))
      continue;
    std::vector<Json> values(parameter.choices.begin(), parameter.choices.end());
    if (parameter.kind == Kind::kFlag) values = {true, false};
    const std::string name(parameter.name);
    const Json current = solved.parameters().contains(name) ? solved.parameters()[name] : values[0];
    for (const Json& value : values) {
      if (value == current) continue;
      Solved other{solved.problem, {}, solved.policy};
      other.problem["parameters"][name] = value;
      Complaint ignored;
      if (!solve(other, ignored)) continue;
      OtherConvention found{name, value, {}};
      for (const Measure& measure : form.measures()) {
        const auto here = number_of(solved.answer, measure.key);
        const auto there = number_of(other.answer, measure.key);
        if (here && there && shown(*here) != shown(*there))
          found.differences.push_back(
              fmt::format("{} {} instead of {}", measure.title, shown(*there), shown(*here)));
      }
      if (!found.differences.empty()) others.push_back(std::move(found));
    }
  }
  return others;
}

std::string title_of(const Form& form, const Solved& solved) {
  std::string title(solved.policy->title);
  for (const FaceParameter& parameter : form.parameters()) {
    const Json& values = solved.parameters();
    if (parameter.is_input || !values.contains(parameter.name)) continue;
    std::string name(parameter.name);
    std::ranges::replace(name, '_', ' ');
    const Json& value = values[std::string(parameter.name)];
    if (!value.is_structured()) title += fmt::format(", {} {}", name, plain(value));
  }
  return title;
}

std::string svg_of(const Picture& picture, const std::string& title) {
  return std::visit(
      [&](const auto& data) -> std::string {
        if constexpr (std::is_same_v<std::decay_t<decltype(data)>, std::monostate>) {
          return {};
        } else {
          auto titled = data;
          titled.title = title;
          return to_svg(titled);
        }
      },
      picture);
}

std::string text_of(const Picture& picture, const chart::TextStyle& style) {
  return std::visit(
      [&](const auto& data) -> std::string {
        if constexpr (std::is_same_v<std::decay_t<decltype(data)>, std::monostate>)
          return {};
        else
          return to_text(data, style);
      },
      picture);
}

class Show {
 public:
  Show(const Form& form, const FaceRequest& request, Complaint& complaint)
      : form_(form),
        request_(request),
        complaint_(complaint),
        style_(chart::terminal_style(STDOUT_FILENO)) {}

  void one(const Solved& solved) const {
    const std::string title = title_of(form_, solved);
    if (!request_.svg.empty())
      write_svg(request_, svg_of(form_.picture(solved), title), complaint_);
    if (complaint_.made()) return;
    if (request_.json) return print(json_text(json_of(solved), 2) + "\n");
    if (request_.csv) return print(form_.table(solved).csv());
    std::string out = title + "\n\n";
    add_part(out, text_of(form_.picture(solved), style_));
    const chart::Table table = form_.table(solved);
    add_part(out, form_.shows_table() && !table.empty() ? table.text(style_) : "");
    add_part(out, chart::pairs_text(form_.facts(solved)));
    for (const OtherConvention& other : other_conventions(form_, solved))
      out += fmt::format("With {} {}: {}.\n", option_name(other.parameter), plain(other.value),
                         listed(other.differences));
    if (request_.explain || request_.answer) add_part(out += "\n", reasons_text(solved));
    print(out);
  }

  void several(std::vector<Solved> all) const {
    const Measure* rank = nullptr;
    for (const Measure& measure : form_.measures())
      if (rank == nullptr && number_of(all.front().answer, measure.key)) rank = &measure;
    if (rank != nullptr)
      std::ranges::stable_sort(all, [&](const Solved& a, const Solved& b) {
        const double left = number_of(a.answer, rank->key).value_or(1e300);
        const double right = number_of(b.answer, rank->key).value_or(1e300);
        return rank->more_is_better ? right < left : left < right;
      });
    if (!request_.svg.empty()) write_svg(request_, to_svg(bars_of(all, rank)), complaint_);
    if (complaint_.made()) return;
    if (request_.json) {
      Json list = Json::array();
      for (const Solved& solved : all) list.push_back(json_of(solved));
      return print(json_text(list, 2) + "\n");
    }
    const chart::Table table = comparison(all);
    if (request_.csv) return print(table.csv());
    std::string out = table.text(style_);
    if (request_.explain)
      for (const Solved& solved : all)
        out += "\n" + title_of(form_, solved) + "\n" + reasons_text(solved);
    print(out);
  }

 private:
  static void print(const std::string& text) { fmt::print("{}", text); }

  static void add_part(std::string& out, const std::string& part) {
    if (!part.empty() && !out.ends_with("\n\n")) out += "\n";
    out += part;
  }

  [[nodiscard]] std::string reasons_text(const Solved& solved) const {
    std::string out;
    const std::vector<std::string> all = form_.reasons(solved);
    for (std::size_t i = 0; i < all.size() && i < kMostReasons; ++i) out += all[i] + "\n";
    if (all.size() > kMostReasons)
      out +=
          fmt::format("... and {} more choices; --json has them all.\n", all.size() - kMostReasons);
    return out;
  }

  [[nodiscard]] Json json_of(const Solved& solved) const {
    Json json = solved.problem;
    json["answer"] = solved.answer;
    Json others = Json::array();
    for (const OtherConvention& other : other_conventions(form_, solved))
      others.push_back({{"parameter", other.parameter},
                        {"value", other.value},
                        {"differences", other.differences}});
    json["other_conventions"] = others;
    if (request_.explain) json["reasons"] = form_.reasons(solved);
    return json;
  }

  [[nodiscard]] chart::Table comparison(const std::vector<Solved>& all) const {
    std::vector<const Measure*> measures;
    for (const Measure& measure : form_.measures())
      if (std::ranges::any_of(all, [&](const Solved& solved) {
            return number_of(solved.answer, measure.key).has_value();
          }))
        measures.push_back(&measure);
    std::vector<std::string> titles = {"policy"};
    for (const Measure* measure : measures) titles.emplace_back(measure->title);
    chart::Table table(titles);
    for (const Solved& solved : all) {
      std::vector<std::string> row = {std::string(solved.policy->name)};
      for (const Measure* measure : measures) {
        const auto value = number_of(solved.answer, measure->key);
        row.push_back(value ? shown(*value) : "-");
      }
      table.add_row(row);
    }
    return table;
  }

  [[nodiscard]] static chart::Bars bars_of(const std::vector<Solved>& all, const Measure* measure) {
    chart::Bars bars;
    if (measure == nullptr) return bars;
    bars.title = fmt::format("{} of each policy", measure->title);
    bars.axis_label = measure->title;
    for (const Solved& solved : all)
      if (const auto value = number_of(solved.answer, measure->key))
        bars.bars.push_back({std::string(solved.policy->name), *value});
    return bars;
  }

  const Form& form_;
  const FaceRequest& request_;
  Complaint& complaint_;
  chart::TextStyle style_;
};

/// What the solver says of a parameter, "page_size: 0 is ...", with the name of the option.
std::string as_typed(const Form& form, const std::string& sentence) {
  const std::string name = sentence.substr(0, sentence.find(':'));
  const bool is_option =
      std::ranges::find(form.parameters(), name, &FaceParameter::name) != form.parameters().end();
  return is_option ? option_name(name) + sentence.substr(name.size()) : sentence;
}

/// Says which parameters of a file the solver did not read: they may be misspelt.
void tell_unread(const Face& face, const Plan& plan, const std::vector<std::string>& notes) {
  for (const auto& [name, value] : plan.parameters.items())
    for (const std::string& note : notes)
      if (note.find(fmt::format("parameters: \"{}\"", name)) != std::string::npos)
        fmt::print(stderr, "spindle {}: {}\n", face.command, note);
}

void answer(const Face& face, const FaceRequest& request, Complaint& complaint) {
  Plan plan;
  choose_policies(face, request, plan, complaint);
  if (!complaint.made()) read_input(face, request, plan, complaint);
  if (plan.policies.empty()) plan.policies = {&plan.form->policies().front()};
  std::vector<Solved> all;
  for (const FacePolicy* policy : plan.policies) {
    if (complaint.made()) return;
    Solved solved{case_of(plan, *policy, request, complaint), {}, policy};
    if (complaint.made()) return;
    if (request.quiz && !request.answer) {
      fmt::print("{}\n\nThe answer: spindle {} --quiz {} --answer\n",
                 plan.form->question(solved.problem), face.command, *request.quiz);
      return;
    }
    Complaint refused;
    std::vector<std::string> notes;
    if (!solve(solved, refused, &notes))
      return complaint.make(as_typed(*plan.form, refused.what()));
    if (plan.policies.size() == 1) tell_unread(face, plan, notes);
    plan.form->finish(solved);
    all.push_back(std::move(solved));
  }
  if (request.quiz && !request.json && !request.csv)
    fmt::print("{}\n\n", plan.form->question(all.front().problem));
  const Show show(*plan.form, request, complaint);
  all.size() == 1 ? show.one(all.front()) : show.several(std::move(all));
}

}  // namespace

bool solve(Solved& solved, Complaint& complaint, std::vector<std::string>* notes) {
  const Json lines = solve_cases(Json::array({solved.problem}), notes);
  if (lines[0].contains("error")) {
    complaint.make(lines[0]["error"].get<std::string>());
    return false;
  }
  solved.answer = lines[0]["answer"];
  return true;
}

void write_svg(const FaceRequest& request, const std::string& document, Complaint& complaint) {
  if (request.svg.empty()) return;
  if (document.empty()) return complaint.make("--svg: there is no picture of this answer");
  const Result<> written = write_whole_file(request.svg, document);
  if (!written.ok())
    complaint.make(fmt::format("--svg: {}: {}", request.svg, written.error().describe()));
}

int run_face(const Face& face, const FaceRequest& request) {
  Complaint complaint;
  const bool replays = face.replay != nullptr && (request.curve || !request.trace.empty());
  try {
    if (replays)
      face.replay(request, complaint);
    else
      answer(face, request, complaint);
  } catch (const Json::exception& error) {
    // The solver takes numbers as text, too; what is drawn of them wants numbers.
    complaint.make(
        fmt::format("--file: a value is of another kind than is shown here ({})", error.what()));
  }
  if (!complaint.made()) return 0;
  fmt::print(stderr, "spindle {}: {}\n", face.command, complaint.what());
  return 1;
}

}  // namespace spindle::cli
