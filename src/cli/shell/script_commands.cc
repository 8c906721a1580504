// The shell's own commands that control a script: variables, options, leaving loops and functions.

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <cstring>
#include <iterator>

#include "cli/shell/shell.h"
#include "spindle/base/number_text.h"
#include "spindle/base/shell_words.h"
#include "spindle/base/whole_file.h"

namespace spindle::cli {
namespace {

constexpr std::string_view kOptions = "efux";

}  // namespace

// Leaving loops, functions and the shell.

int Shell::leave_loops(const Arguments& arguments, Flow flow, std::string_view name) {
  const int levels = arguments.empty() ? 1 : number_in(arguments[0]).value_or(0);
  if (levels < 1) return say_error(fmt::format("{}: the number of loops is 1 or more", name), 2);
  if (loops_ == 0) return say_error(fmt::format("{}: it is not inside a loop", name));
  flow_ = flow;
  flow_levels_ = std::min(levels, loops_);
  return 0;
}

int Shell::do_break(const Arguments& arguments) {
  return leave_loops(arguments, Flow::kBreak, "break");
}

int Shell::do_continue(const Arguments& arguments) {
  return leave_loops(arguments, Flow::kContinue, "continue");
}

int Shell::do_exit(const Arguments& arguments) {
  const auto status = arguments.empty() ? std::optional(status_) : number_in(arguments[0]);
  if (!status || *status < 0 || *status > 255) return say_error("exit: a status is 0 to 255", 2);
  flow_ = Flow::kLeave;
  return *status;
}

int Shell::do_return(const Arguments& arguments) {
  const auto status = arguments.empty() ? std::optional(status_) : number_in(arguments[0]);
  if (!status || *status < 0 || *status > 255) return say_error("return: a status is 0 to 255", 2);
  if (calls_ == 0) return say_error("return: it is not inside a function");
  flow_ = Flow::kReturn;
  return *status;
}

int Shell::do_exec(const Arguments& arguments) {
  if (arguments.empty()) return 0;
  auto program = std::make_shared<ShellCommand>();
  for (const std::string& word : arguments) program->words.push_back(quoted_shell_word(word));
  program->text = fmt::format("{}", fmt::join(arguments, " "));
  const int status = run_programs({program}, Ground::kForeground);
  flow_ = Flow::kLeave;
  return status;
}

// Running texts as commands.

int Shell::do_eval(const Arguments& arguments) {
  const int before = status_;
  status_ = 0;
  run(fmt::format("{}", fmt::join(arguments, " ")));
  return arguments.empty() ? before : status_;
}

int Shell::do_source(const Arguments& arguments) {
  if (arguments.empty()) return say_error(".: which file?", 2);
  const Result<std::string> text = whole_file(session_.outside(absolute(arguments[0])));
  if (!text.ok())
    return say_error(fmt::format(".: {}: {}", arguments[0], std::strerror(text.code())));
  ++calls_;
  status_ = 0;
  run(*text);
  --calls_;
  if (flow_ == Flow::kReturn) flow_ = Flow::kNone;
  return status_;
}

// Variables.

int Shell::change_variables(const Arguments& arguments, std::string_view name,
                            const std::function<Result<>(const std::string& name)>& change) {
  int status = 0;
  for (const std::string& argument : arguments) {
    const std::size_t split = argument.find('=');
    const std::string variable = argument.substr(0, split);
    Result<> done = Error{EINVAL, "it is not a valid name of a variable"};
    if (is_variable_name(variable)) done = change(variable);
    if (done.ok() && split != std::string::npos && name != "readonly")
      done = set_variable(variable, argument.substr(split + 1));
    if (!done.ok()) status = say_error(done.error(), fmt::format("{}: {}", name, argument), 1);
  }
  return status;
}

int Shell::do_export(const Arguments& arguments) {
  if (arguments.empty() || arguments[0] == "-p") {
    for (const auto& [name, value] : variables_.exported())
      output_ += fmt::format("export {}={}\n", name, quoted_shell_word(value));
    return 0;
  }
  return change_variables(arguments, "export", [this](const std::string& name) -> Result<> {
    variables_.mark_exported(name);
    return {};
  });
}

int Shell::do_readonly(const Arguments& arguments) {
  for (const std::string& argument : arguments) {
    const std::size_t split = argument.find('=');
    if (split == std::string::npos) continue;
    if (const auto set = set_variable(argument.substr(0, split), argument.substr(split + 1));
        !set.ok())
      return say_error(set.error(), fmt::format("readonly: {}", argument), 1);
  }
  return change_variables(arguments, "readonly", [this](const std::string& name) -> Result<> {
    variables_.mark_read_only(name);
    return {};
  });
}

int Shell::do_local(const Arguments& arguments) {
  return change_variables(arguments, "local", [this](const std::string& name) -> Result<> {
    if (!variables_.make_local(name)) return Error{EINVAL, "it is not inside a function"};
    return {};
  });
}

int Shell::do_unset(const Arguments& arguments) {
  const bool are_functions = !arguments.empty() && arguments[0] == "-f";
  int status = 0;
  for (const std::string& name : arguments) {
    if (are_functions)
      functions_.erase(name);
    else if (const auto gone = variables_.unset(name); !gone.ok())
      status = say_error(gone.error(), fmt::format("unset: {}", name), 1);
  }
  return status;
}

int Shell::do_set(const Arguments& arguments) {
  if (arguments.empty()) {
    for (const auto& [name, value] : variables_.all())
      output_ += fmt::format("{}={}\n", name, quoted_shell_word(value));
    return 0;
  }
  std::size_t i = 0;
  for (; i < arguments.size() && arguments[i].size() > 1 && arguments[i] != "--" &&
         (arguments[i][0] == '-' || arguments[i][0] == '+');
       ++i) {
    for (const char letter : arguments[i].substr(1)) {
      if (kOptions.find(letter) == kOptions.npos)
        return say_error(fmt::format("set: the options are -e, -f, -u and -x, not -{}", letter), 2);
      if (arguments[i][0] == '-')
        options_.insert(letter);
      else
        options_.erase(letter);
    }
  }
  if (i == arguments.size()) return 0;
  if (arguments[i] == "--") ++i;
  arguments_.assign(arguments.begin() + static_cast<std::ptrdiff_t>(i), arguments.end());
  return 0;
}

int Shell::do_shift(const Arguments& arguments) {
  const int count = arguments.empty() ? 1 : number_in(arguments[0]).value_or(-1);
  if (count < 0 || static_cast<std::size_t>(count) > arguments_.size())
    return say_error("shift: there are fewer arguments");
  arguments_.erase(arguments_.begin(), arguments_.begin() + count);
  return 0;
}

}  // namespace spindle::cli
