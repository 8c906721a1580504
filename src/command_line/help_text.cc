#include "help_text.h"

#include <CLI/CLI.hpp>
#include <algorithm>
#include <set>
#include <string_view>

#include "spindle/base/take_until.h"
#include "spindle/base/wrapped_text.h"

namespace spindle {
namespace {

constexpr std::size_t kOptionsEnd = 26;   ///< where what is said of an option begins
constexpr std::size_t kCommandsEnd = 14;  ///< the same of a command

/// The name, and from the column on what is said of it; below it where the name is longer. What is
/// one of several lines goes on further right.
std::string row(std::string_view name, std::string_view help, std::size_t column) {
  const std::string margin(column, ' ');
  const std::string hanging = margin + (help.find('\n') == std::string_view::npos ? "" : "  ");
  std::string first = "  " + std::string(name);
  std::string out;
  if (first.size() >= column) out = std::exchange(first, margin) + '\n';
  first.resize(column, ' ');
  for (bool is_first = true; is_first || !help.empty(); is_first = false)
    out += wrapped_text(take_until(help, '\n'), is_first ? first : margin, hanging);
  return out;
}

std::string names_of(const std::set<CLI::Option*>& options) {
  std::set<std::string> sorted;
  for (const CLI::Option* option : options) sorted.insert(option->get_name());
  std::string names;
  for (const std::string& name : sorted) names += (names.empty() ? "" : ", ") + name;
  return names;
}

class HelpText final : public CLI::Formatter {
 public:
  HelpText() {
    label("Positionals", "Arguments");
    label("SUBCOMMAND", "COMMAND");
  }

  std::string make_description(const CLI::App* app) const override {
    std::string text = app->get_description();
    for (std::size_t at = text.find('\n'); at != std::string::npos; at = text.find('\n', at + 1))
      if (at == 0 || text[at - 1] != '.') text[at] = ' ';
    std::string out;
    for (std::string_view rest = text; !rest.empty();)
      out += wrapped_text(take_until(rest, '\n'), "", "");
    return out + '\n';
  }

  std::string make_group(std::string group, bool is_positional,
                         std::vector<const CLI::Option*> options) const override {
    const bool is_further = !is_positional && group != "Options";
    std::string text = CLI::Formatter::make_group(std::move(group), is_positional, options);
    // Between groups of options there is a blank line already.
    return is_further ? text.substr(1) : text;
  }

  std::string make_subcommand(const CLI::App* command) const override {
    const std::string help = command->get_description();
    const std::size_t end = std::min(help.find(". "), help.find(".\n"));
    std::string sentence = help.substr(0, end == std::string::npos ? end : end + 1);
    std::ranges::replace(sentence, '\n', ' ');
    return row(command->get_name(), sentence, kCommandsEnd);
  }

  std::string make_option(const CLI::Option* option, bool is_positional) const override {
    std::string name = make_option_name(option, is_positional);
    const std::string type = option->get_type_name();
    if (!is_positional && option->get_type_size() != 0 && !type.empty())
      name += type == "UINT" ? " N" : ' ' + type;
    if (option->get_expected_max() == CLI::detail::expected_max_vector_size &&
        !name.ends_with("..."))
      name += " ...";
    std::string help = option->get_description();
    if (!is_positional && option->get_required()) help += " (required)";
    const std::string needed = names_of(option->get_needs());
    if (!needed.empty()) help += " (only with " + needed + ")";
    const std::string excluded = names_of(option->get_excludes());
    if (!excluded.empty()) help += " (not with " + excluded + ")";
    return row(name, help, kOptionsEnd);
  }
};

}  // namespace

std::shared_ptr<CLI::FormatterBase> make_help_formatter() {
  return std::make_shared<HelpText>();
}

}  // namespace spindle
