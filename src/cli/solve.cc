// `spindle solve`: a file of textbook exercises, answered.

#include <fmt/format.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <fstream>
#include <iostream>
#include <memory>
#include <optional>

#include "cli/commands.h"
#include "cli/words.h"
#include "spindle/base/json_text.h"
#include "spindle/command_line/command_line.h"
#include "spindle/command_line/tell_error.h"
#include "spindle/json/json.h"
#include "spindle/solve/solve.h"

namespace spindle::cli {
namespace {

constexpr std::size_t kMostBytes = std::size_t{256} << 20;
constexpr int kDeepestJson = 100;

struct SolveRequest {
  std::string file;
  bool json = false;
};

std::string unreadable(const std::string& name) {
  return fmt::format("{}: it cannot be read ({})", name, std::strerror(errno));
}

/// All of a file, or of the standard input for "-"; nothing, and why not in `reason`.
std::optional<std::string> read_all(const std::string& name, std::string& reason) {
  std::ifstream file;
  if (name != "-") {
    file.open(name, std::ios::binary);
    if (!file) {
      reason = unreadable(name);
      return std::nullopt;
    }
  }
  std::istream& in = name == "-" ? std::cin : file;
  std::string text;
  std::vector<char> piece(1 << 16);
  while (in.read(piece.data(), static_cast<std::streamsize>(piece.size())), in.gcount() > 0) {
    text.append(piece.data(), static_cast<std::size_t>(in.gcount()));
    if (text.size() <= kMostBytes) continue;
    reason = fmt::format("{}: larger than {} MiB", name, kMostBytes >> 20);
    return std::nullopt;
  }
  if (in.bad()) reason = unreadable(name);
  return in.bad() ? std::nullopt : std::optional(std::move(text));
}

/// How deep lists and objects stand in one another. Brackets in strings do not count.
int depth_of(const std::string& text) {
  int depth = 0;
  int deepest = 0;
  bool in_string = false;
  for (std::size_t i = 0; i < text.size(); ++i) {
    const char c = text[i];
    if (in_string && c == '\\') {
      ++i;
    } else if (c == '"') {
      in_string = !in_string;
    } else if (!in_string && (c == '[' || c == '{')) {
      deepest = std::max(deepest, ++depth);
    } else if (!in_string && (c == ']' || c == '}')) {
      --depth;
    }
  }
  return deepest;
}

std::optional<Json> read_cases(const std::string& name, std::string& reason) {
  const std::optional<std::string> text = read_all(name, reason);
  if (!text) return std::nullopt;
  if (depth_of(*text) > kDeepestJson) {
    reason = fmt::format("{}: nested deeper than {} levels", name, kDeepestJson);
    return std::nullopt;
  }
  try {
    Json cases = Json::parse(*text);
    if (cases.is_array()) return cases;
    reason = fmt::format("{}: not a list of cases", name);
  } catch (const Json::exception& error) {
    reason = fmt::format("{}: not JSON: {}", name, what_is_wrong(error));
  }
  return std::nullopt;
}

std::string text_of(const Json& value) {
  return json_text(value, kOneLine);
}

/// The case's id, or where it stands in the list.
std::string name_of(const Json& line, std::size_t index) {
  if (line["id"].is_null()) return fmt::format("case {}", index + 1);
  return line["id"].is_string() ? line["id"].get<std::string>() : text_of(line["id"]);
}

void print_answer(const Json& problem, const Json& line, const std::string& name) {
  const auto word = [&problem](const char* key) {
    return problem.contains(key) && problem[key].is_string() ? problem[key].get<std::string>() : "";
  };
  fmt::print("{}: {} {}\n", name, word("domain"), word("algorithm"));
  if (line.contains("error")) return fmt::print("  error: {}\n", line["error"].get<std::string>());
  std::size_t width = 0;
  const Json& answer = line["answer"];
  for (const auto& [key, value] : answer.items()) width = std::max(width, key.size());
  for (const auto& [key, value] : answer.items())
    fmt::print("  {:<{}}  {}\n", key, width, text_of(value));
}

/// How the cases went.
struct Tally {
  std::size_t compared = 0;
  std::size_t agreed = 0;
  std::size_t errors = 0;
};

/// A line for each difference between what was expected and what was answered.
void compare(const Json& problem, const Json& line, const std::string& name, std::FILE* out,
             Tally& tally) {
  if (line.contains("error")) ++tally.errors;
  if (!problem.is_object() || !problem.contains("expected")) return;
  ++tally.compared;
  std::vector<std::string> found;
  if (line.contains("error"))
    found = {"error: " + line["error"].get<std::string>()};
  else
    found = differences(problem, line["answer"]);
  if (found.empty()) ++tally.agreed;
  for (const std::string& difference : found) fmt::print(out, "{}: {}\n", name, difference);
}

int solve(const SolveRequest& request) {
  std::string reason;
  const std::optional<Json> cases = read_cases(request.file, reason);
  if (!cases) return fail("solve", reason);
  std::vector<std::string> notes;
  const Json lines = solve_cases(*cases, &notes);
  if (cases->empty()) notes.push_back(fmt::format("{}: there are no cases", request.file));
  for (const std::string& note : notes) tell_error("spindle solve", note);
  // A program that reads the list must find nothing else there.
  std::FILE* out = request.json ? stderr : stdout;
  Tally tally;
  if (request.json) fmt::print("[");
  for (std::size_t i = 0; i < lines.size(); ++i) {
    const Json& problem = (*cases)[i];
    const std::string name = name_of(lines[i], i);
    if (request.json) fmt::print("{}\n{}", i == 0 ? "" : ",", text_of(lines[i]));
    if (!request.json && !(problem.is_object() && problem.contains("expected")))
      print_answer(problem, lines[i], name);
    compare(problem, lines[i], name, out, tally);
  }
  if (request.json) fmt::print("\n]\n");
  if (tally.compared != 0)
    fmt::print(out, "{} of {} cases agree with what is expected\n", tally.agreed, tally.compared);
  return tally.agreed == tally.compared && tally.errors == 0 ? 0 : 1;
}

}  // namespace

void add_solve_command(const Command& program, int& status) {
  const Command command = program.subcommand("solve", "Answer a file of textbook exercises.");
  const auto request = std::make_shared<SolveRequest>();
  command.option("FILE", request->file, "a list of cases in JSON; - is the standard input")
      .required();
  command.flag("--json", request->json, "print the answers as a list in JSON");
  command.footer(
      "A case is {\"id\", \"domain\", \"algorithm\", \"parameters\", \"input\"}. If it has\n"
      "\"expected\", the answer is compared, and the exit status is 1 if any differs.");
  command.callback([request, &status] { status = solve(*request); });
}

}  // namespace spindle::cli
