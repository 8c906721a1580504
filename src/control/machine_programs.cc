// machine/run: starts programs.

#include <fmt/format.h>

#include "control/machine_folder.h"

namespace spindle::control {
namespace {

// The words of a line; blanks within "..." or '...' belong to the word.
Result<std::vector<std::string>> words_of(std::string_view line) {
  std::vector<std::string> words;
  std::string word;
  bool in_word = false;
  char quote = 0;
  for (const char c : line) {
    if (quote != 0) {
      if (c == quote) {
        quote = 0;
      } else {
        word += c;
      }
    } else if (c == '"' || c == '\'') {
      quote = c;
      in_word = true;
    } else if (c == ' ' || c == '\t') {
      if (in_word) words.push_back(std::exchange(word, {}));
      in_word = false;
    } else {
      word += c;
      in_word = true;
    }
  }
  if (quote != 0) return Error{EINVAL, "a quotation has no end"};
  if (in_word) words.push_back(std::move(word));
  if (words.empty()) return Error{EINVAL, "no program is named"};
  return words;
}

// Whoever opens the file reads the number of the process that they started themselves.
ControlFile run_file(MachineAccess machine) {
  const auto started = std::make_shared<ProcessNumber>(0);
  return {.read = [started]() -> Result<std::string> {
            if (*started == 0) {
              return std::string("write a program's path and arguments; then read its number\n");
            }
            return fmt::format("{}\n", *started);
          },
          .command = [machine, started](const Caller& caller, std::string_view line) -> Result<> {
            auto words = TRY(words_of(line));
            StartRequest request;
            request.path = words.front();
            request.arguments.assign(words.begin() + 1, words.end());
            request.uid = caller.uid;
            request.gid = caller.gid;
            *started = TRY(machine.with([&](Machine& m) { return m.start(request); }));
            return {};
          }};
}

}  // namespace

void add_machine_programs(ControlTree& tree, MachineAccess machine) {
  tree.add_file("machine/run", [machine] { return run_file(machine); });
  tree.add_file("machine/last_message", {.read = [machine] {
                  return machine.with([](Machine& m) -> Result<std::string> {
                    return m.last_message().empty() ? m.last_message() : m.last_message() + "\n";
                  });
                }});
}

}  // namespace spindle::control
