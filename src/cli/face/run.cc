// Faces: from what was asked for to the cases, to the solver, to what is shown.

#include <fmt/format.h>

#include <algorithm>
#include <cctype>

#include "cli/face/plan.h"
#include "cli/face/show.h"
#include "cli/words.h"
#include "spindle/command_line/tell_error.h"
#include "spindle/solve/solve.h"

namespace spindle::cli {
namespace {

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
        tell_error(fmt::format("spindle {}", face.command), note);
}

/// The value as a shell reads it.
std::string shell_word(const std::string& value) {
  const bool is_plain = !value.empty() && std::ranges::all_of(value, [](unsigned char c) {
    return std::isalnum(c) != 0 ||
           std::string_view("+-_.,:/@%").find(static_cast<char>(c)) != std::string_view::npos;
  });
  return is_plain ? value : fmt::format("'{}'", value);
}

/// The command that answers the question of a quiz: with all that makes it this question.
std::string command_to_answer(const Face& face, const FaceRequest& request) {
  std::string command = fmt::format("spindle {}", face.command);
  if (!request.policies.empty()) command += fmt::format(" -p {}", fmt::join(request.policies, ","));
  for (const auto& [name, value] : request.values)
    command += fmt::format(" {} {}", option_name(name), shell_word(value));
  return command + fmt::format(" --quiz {} --answer", *request.quiz);
}

void answer(const Face& face, const FaceRequest& request, Complaint& complaint) {
  Plan plan;
  make_plan(face, request, plan, complaint);
  std::vector<Solved> all;
  for (const FacePolicy* policy : plan.policies) {
    if (complaint.made()) return;
    Solved solved{case_of(plan, *policy, request, complaint), {}, policy};
    if (complaint.made()) return;
    if (request.explain || plan.explains || (request.answer && !request.json))
      solved.problem["explain"] = true;
    if (request.quiz && !request.answer) {
      fmt::print("{}\n\nThe answer: {}\n", plan.form->question(solved.problem),
                 command_to_answer(face, request));
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
  show(*plan.form, request, std::move(all), complaint);
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

int run_face(const Face& face, const FaceRequest& request) {
  Complaint complaint;
  const bool replays = face.replay != nullptr && (request.curve || !request.trace.empty());
  try {
    if (replays)
      face.replay(request, complaint);
    else
      answer(face, request, complaint);
  } catch (const Json::exception& error) {
    // The solver takes numbers as text, too; pictures of them do not.
    complaint.make(
        fmt::format("--file: a value is of another kind than is shown here ({})", error.what()));
  }
  if (!complaint.made()) return 0;
  return fail(face.command, complaint.what());
}

}  // namespace spindle::cli
