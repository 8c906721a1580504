#include "spindle/command_line/command_line.h"

#include <CLI/CLI.hpp>
#include <algorithm>
#include <cerrno>
#include <cstdlib>
#include <limits>
#include <type_traits>
#include <utility>

#include "help_text.h"
#include "spindle/base/printable.h"

namespace spindle {
namespace {

constexpr char kVersionNames[] = "--version,-V";
constexpr char kVersionHelp[] = "print the version and exit";

/// CLI11 has one, too; its sentence spells out the largest of all numbers.
std::string not_positive(const std::string& text) {
  double value = 0;
  const bool is_positive = CLI::detail::lexical_cast(text, value) && value > 0;
  return is_positive ? "" : text + " is not above 0";
}

/// CLI11 reads the negative as what is as far from the largest number, and the too large as it.
std::string not_whole_number(const std::string& text, std::uint64_t largest) {
  const bool is_negative = text.starts_with('-');
  const std::string digits = text.substr(is_negative ? 1 : 0);
  if (digits.empty() || digits.front() < '0' || digits.front() > '9')
    return "'" + text + "' is not a whole number";
  char* end = nullptr;
  errno = 0;
  const unsigned long long value = std::strtoull(digits.c_str(), &end, 0);
  if (*end != '\0') return "'" + text + "' is not a whole number";
  if (is_negative) return text + " is below 0";
  return errno == ERANGE || value > largest ? text + " is too large" : "";
}

/// Last in the help of a command, which must have told all of its own.
void add_version(CLI::App& program, const std::string& version) {
  for (CLI::App* command : program.get_subcommands({})) {
    command->set_version_flag(kVersionNames, version, kVersionHelp);
    add_version(*command, version);
  }
}

template <class Value>
void allow_numbers(CLI::Option& option) {
  if constexpr (std::is_unsigned_v<Value>) {
    option.check([](const std::string& text) {
      return not_whole_number(text, std::numeric_limits<Value>::max());
    });
  } else if constexpr (std::same_as<Value, std::optional<std::uint64_t>>) {
    allow_numbers<std::uint64_t>(option);
  } else if constexpr (std::same_as<Value, double>) {
    option.check([](const std::string& text) {
      double value = 0;
      return CLI::detail::lexical_cast(text, value) ? "" : "'" + text + "' is not a number";
    });
  }
}

/// A number as the help and a complaint write it: 0.1 rather than 0.100000.
template <class Number>
std::string plain(Number number) {
  std::ostringstream text;
  text << number;
  return text.str();
}

template <class Number>
void allow_range(CLI::Option& option, Number low, Number high) {
  const std::string bounds = plain(low) + " to " + plain(high);
  const auto outside = [low, high, bounds](const std::string& text) {
    Number value{};
    const bool is_inside = CLI::detail::lexical_cast(text, value) && low <= value && value <= high;
    return is_inside ? "" : text + " is not from " + bounds;
  };
  option.check(outside);
  option.description(option.get_description() + " (" + bounds + ")");
}

/// What a command was given that it does not know, its subcommands included. What is left to
/// somebody else is no such thing.
std::vector<std::string> unknown_options(const CLI::App& command) {
  std::vector<std::string> unknown;
  if (!command.get_prefix_command())
    for (const std::string& word : command.remaining())
      if (word.size() > 1 && word.front() == '-') unknown.push_back(word);
  for (const CLI::App* subcommand : command.get_subcommands())
    for (std::string& word : unknown_options(*subcommand)) unknown.push_back(std::move(word));
  return unknown;
}

/// Takes away the first "--" before what a command leaves as it is: with it, what follows would be
/// the program's.
void drop_separator(const CLI::App& program, std::vector<const char*>& words) {
  if (words.size() < 2) return;
  const auto leaves_rest = [&](const CLI::App* command) {
    return command->get_name() == words[1] && command->get_prefix_command();
  };
  const auto is_argument = [](const CLI::Option* option) { return option->get_positional(); };
  for (const CLI::App* command : program.get_subcommands(leaves_rest)) {
    const std::size_t before = 2 + command->get_options(is_argument).size();
    const auto end =
        words.begin() + static_cast<std::ptrdiff_t>(std::min(words.size(), before + 1));
    const auto mark = std::ranges::find(words.begin() + 2, end, std::string_view("--"));
    if (mark != end) words.erase(mark);
  }
}

/// "spindle age": with the command that was asked for.
std::string whole_name(const CLI::App& app) {
  std::string name = app.get_name();
  for (const CLI::App* subcommand : app.get_subcommands()) name += ' ' + whole_name(*subcommand);
  return name;
}

std::string refusal(const CLI::App* app, const CLI::Error& error) {
  const std::string name = whole_name(*app);
  return name + ": " + printable_line(error.what()) + "; `" + name + " --help` says more\n";
}

}  // namespace

Option Option::type_name(const std::string& name) const {
  option_->type_name(name);
  return *this;
}

Option Option::group(const std::string& name) const {
  option_->group(name);
  return *this;
}

Option Option::required() const {
  option_->required();
  return *this;
}

Option Option::excludes(Option other) const {
  option_->excludes(other.option_);
  return *this;
}

Option Option::needs(Option other) const {
  option_->needs(other.option_);
  return *this;
}

Option Option::range(int low, int high) const {
  allow_range(*option_, low, high);
  return *this;
}

Option Option::range(double low, double high) const {
  allow_range(*option_, low, high);
  return *this;
}

Option Option::positive() const {
  option_->check(not_positive);
  return *this;
}

Option Option::one_of(const std::vector<std::string>& words) const {
  option_->check([words](const std::string& text) {
    if (std::ranges::find(words, text) != words.end()) return std::string();
    return "'" + text + "' is not one of " + CLI::detail::join(words, ", ");
  });
  return *this;
}

Option Option::existing_directory() const {
  option_->check(CLI::Validator(CLI::ExistingDirectory).description(""));
  return *this;
}

Option Option::check(const std::function<std::string(const std::string& value)>& complaint) const {
  option_->check(complaint);
  return *this;
}

Option Option::one_value() const {
  option_->allow_extra_args(false);
  return *this;
}

Option Option::comma_separated() const {
  option_->delimiter(',');
  return one_value();
}

bool Option::is_given() const {
  return option_->count() != 0;
}

Option Command::flag(const std::string& names, bool& into, const std::string& help) const {
  return Option(*app_->add_flag(names, into, help));
}

template <OptionValue Value>
Option Command::option(const std::string& names, Value& into, const std::string& help) const {
  CLI::Option& option = *app_->add_option(names, into, help);
  allow_numbers<Value>(option);
  return Option(option);
}

template Option Command::option(const std::string&, std::string&, const std::string&) const;
template Option Command::option(const std::string&, std::vector<std::string>&,
                                const std::string&) const;
template Option Command::option(const std::string&, std::uint32_t&, const std::string&) const;
template Option Command::option(const std::string&, std::uint64_t&, const std::string&) const;
template Option Command::option(const std::string&, double&, const std::string&) const;
template Option Command::option(const std::string&, std::optional<std::uint64_t>&,
                                const std::string&) const;

Option Command::option(const std::string& names, std::function<void(const std::string& value)> take,
                       const std::string& help) const {
  return Option(*app_->add_option_function<std::string>(names, std::move(take), help));
}

bool Command::has_option(const std::string& name) const {
  return app_->get_option_no_throw(name) != nullptr;
}

void Command::footer(const std::string& text) const {
  app_->footer(text);
}

void Command::leave_rest() const {
  app_->prefix_command();
}

std::vector<std::string> Command::rest() const {
  return app_->remaining();
}

void Command::callback(std::function<void()> action) const {
  app_->callback(std::move(action));
}

Command Command::subcommand(const std::string& name, const std::string& help) const {
  return Command(*app_->add_subcommand(name, help)->group("Commands"));
}

bool Command::has_subcommand(const std::string& name) const {
  const auto is_named = [&name](const CLI::App* command) { return command->get_name() == name; };
  return !app_->get_subcommands(is_named).empty();
}

void Command::require_subcommand() const {
  app_->require_subcommand(1);
}

CommandLine::CommandLine(const std::string& program, std::string version, const std::string& help)
    : CommandLine(std::make_unique<CLI::App>(help), program, std::move(version)) {}

CommandLine::CommandLine(std::unique_ptr<CLI::App> app, const std::string& program,
                         std::string version)
    : Command(*app), owned_(std::move(app)), version_(std::move(version)) {
  owned_->name(program);
  owned_->formatter(make_help_formatter());
  owned_->failure_message(refusal);
  owned_->set_help_flag("--help,-h", "print this help and exit");
  owned_->set_version_flag(kVersionNames, version_, kVersionHelp);
}

CommandLine::~CommandLine() = default;

std::optional<int> CommandLine::parse(int argc, const char* const* argv, int usage_status) {
  add_version(*owned_, version_);
  std::vector<const char*> words(argv, argv + argc);
  drop_separator(*owned_, words);
  try {
    owned_->parse(static_cast<int>(words.size()), words.data());
  } catch (const CLI::RequiredError& error) {
    // A misspelt option is reported itself, rather than the missing one that it stands for.
    const std::vector<std::string> unknown = unknown_options(*owned_);
    if (unknown.empty()) return owned_->exit(error), usage_status;
    return owned_->exit(CLI::ExtrasError(owned_->get_name(), unknown)), usage_status;
  } catch (const CLI::ParseError& error) {
    return owned_->exit(error) == 0 ? 0 : usage_status;
  }
  return std::nullopt;
}

}  // namespace spindle
