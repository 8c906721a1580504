// The command lines of the faces: the options that all share, and one for each parameter.

#include <fmt/format.h>

#include <algorithm>
#include <map>
#include <memory>
#include <set>

#include "cli/commands.h"
#include "cli/face/libraries.h"
#include "spindle/command_line/command_line.h"
#include "spindle/trace/disk_trace.h"
#include "spindle/trace/page_trace.h"

namespace spindle::cli {
namespace {

/// The value where none is given, and those of forms that have another one: "[3; shared-lru,
/// thrashing: 12]".
std::string fallback_help(const Face& face, const FaceParameter& parameter) {
  std::string help(parameter.fallback);
  std::map<std::string_view, std::vector<std::string_view>> others;
  for (const Form* form : face.forms)
    for (const FaceParameter& same : form->parameters()) {
      if (same.name != parameter.name || same.fallback.empty()) continue;
      if (same.fallback == parameter.fallback) continue;
      for (const FacePolicy& policy : form->policies())
        others[same.fallback].push_back(policy.name);
    }
  for (const auto& [fallback, policies] : others)
    help += fmt::format("{}{}: {}", help.empty() ? "" : "; ", fmt::join(policies, ", "), fallback);
  return help.empty() ? "" : fmt::format(" [{}]", help);
}

std::string option_help(const Face& face, const FaceParameter& parameter) {
  std::string help(parameter.help);
  if (!parameter.choices.empty()) help += fmt::format(": {}", fmt::join(parameter.choices, ", "));
  if (parameter.kind == FaceParameter::Kind::kFlag) help += ": yes, no";
  return help + fallback_help(face, parameter);
}

void add_parameters(const Command& command, const Face& face, FaceRequest& request) {
  std::set<std::string_view> added;
  for (const Form* form : face.forms)
    for (const FaceParameter& parameter : form->parameters()) {
      if (!added.insert(parameter.name).second) continue;
      std::string name = "--" + std::string(parameter.name);
      std::ranges::replace(name, '_', '-');
      command
          .option(
              name,
              [&request, key = std::string(parameter.name)](const std::string& value) {
                request.values[key] = value;
              },
              option_help(face, parameter))
          .type_name("")
          .group("Parameters");
    }
}

/// A line for each form that has several, and one for all that have no more than one.
std::string policies_help(const Face& face) {
  std::string help = fmt::format("one policy, or several of one line to compare [{}]",
                                 face.forms.front()->policies().front().name);
  std::vector<std::string_view> alone;
  for (const Form* form : face.forms) {
    std::vector<std::string_view> names;
    for (const FacePolicy& policy : form->policies()) names.push_back(policy.name);
    if (names.size() == 1) {
      alone.push_back(names.front());
      continue;
    }
    help += fmt::format("\n{}", fmt::join(names, ", "));
    if (libraries_of(*form) != nullptr) help += ", or a library with one of your own (./mine.so)";
  }
  if (!alone.empty()) help += fmt::format("\none at a time: {}", fmt::join(alone, ", "));
  return help;
}

/// A line for each form. Of forms in a row that are typed alike, the names stand together before
/// what they share.
std::string rows_help(const Face& face) {
  constexpr std::string_view kColon = ": ";
  std::string help;
  std::string_view last;
  for (const Form* form : face.forms) {
    const std::string_view own = form->row_help();
    if (help.find(own) != std::string::npos) continue;
    const std::size_t colon = std::min(own.find(kColon), own.size());
    const std::string_view rest = own.substr(colon);
    if (!rest.empty() && rest == last)
      help.insert(help.size() - rest.size(), fmt::format(", {}", own.substr(0, colon)));
    else
      help += fmt::format("{}{}", help.empty() ? "" : "\n", own);
    last = rest;
  }
  return help;
}

void add_trace_options(const Command& command, FaceRequest& request, bool of_pages) {
  const auto formats = of_pages ? page_format_names() : disk_format_names();
  command.option("-t,--trace", request.trace, "replay this trace")
      .type_name("FILE")
      .group("Traces");
  command
      .option(
          "--format", request.format,
          fmt::format("format of the trace, if it is not recognised: {}", fmt::join(formats, ", ")))
      .type_name("NAME")
      .group("Traces");
  const auto add = [&](const char* name, const char* key, const char* help) {
    if (command.has_option(name)) return;  // an exercise has it, too
    command
        .option(
            name, [&request, key](const std::string& value) { request.values[key] = value; }, help)
        .type_name("")
        .group("Traces");
  };
  if (of_pages) {
    command.flag("--curve", request.curve, "LRU's misses for every number of frames, in one pass")
        .group("Traces");
    add("--page-size", "page_size", "page size for traces of addresses (bytes) [4096]");
  } else {
    add("--disk", "disk",
        "model of the disk: none (only arm movement), textbook, 7200rpm, 15000rpm [none]");
    add("--depth", "depth", "how many requests wait at a time [32]");
  }
}

void add_face(const Command& program, const Face& face, int& status) {
  auto request = std::make_shared<FaceRequest>();
  const Command command = program.subcommand(std::string(face.command), std::string(face.help));
  command.option("INPUT", request->words, rows_help(face)).type_name("");
  command
      .option(
          "-p,--policy",
          [request](const std::string& names) { request->policies = split(names, ","); },
          policies_help(face))
      .type_name("NAME,...");
  command.flag("-a,--all", request->all, "compare every policy, best first");
  command.flag("-e,--explain", request->explain, "explain why each choice was made");
  command.option("-f,--file", request->file, "read the input from a CSV or JSON file")
      .type_name("FILE");
  command.option("-g,--generate", request->recipe, "generate the input, with a seeded generator")
      .type_name("KIND:NAME=NUMBER,...");
  command.option("--svg", request->svg, "write the picture to this file").type_name("FILE");
  command.flag("--json", request->json, "print the case and its answer as JSON");
  command.flag("--csv", request->csv, "print the table as CSV");
  command.option("--quiz", request->quiz, "pose the question with this number").type_name("SEED");
  command.flag("--answer", request->answer, "with --quiz: give the answer, and explain it");
  add_parameters(command, face, *request);
  if (face.replay != nullptr) add_trace_options(command, *request, &face == &memory_face());
  command.callback([request, &face, &status] { status = run_face(face, *request); });
}

}  // namespace

void add_face_commands(const Command& program, int& status) {
  for (const Face* face : {&cpu_face(), &realtime_face(), &memory_face(), &translate_face(),
                           &disk_face(), &raid_face(), &files_face(), &deadlock_face(),
                           &sync_face(), &processes_face(), &cron_face()})
    add_face(program, *face, status);
}

}  // namespace spindle::cli
