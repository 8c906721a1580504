#include "spindle/command_line/command_line.h"

#include <CLI/CLI.hpp>
#include <utility>

namespace spindle {
namespace {

constexpr char kVersionNames[] = "--version,-V";

// CLI11 has one, too; its sentence spells out the largest of all numbers.
std::string not_positive(const std::string& text) {
  double value = 0;
  const bool is_positive = CLI::detail::lexical_cast(text, value) && value > 0;
  return is_positive ? "" : "Value " + text + " is not above 0";
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

}  // namespace

Option Option::type_name(const std::string& name) const {
  option_->type_name(name);
  return *this;
}

Option Option::shown_as(const std::string& text) const {
  option_->option_text(text);
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
  option_->check(CLI::Range(low, high));
  return *this;
}

Option Option::range(double low, double high) const {
  option_->check(CLI::Range(low, high));
  return *this;
}

Option Option::positive() const {
  option_->check(not_positive, "POSITIVE");
  return *this;
}

Option Option::one_of(const std::vector<std::string>& words) const {
  option_->check(CLI::IsMember(words).description(""));
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
  return Option(*app_->add_option(names, into, help));
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
  return Command(*app_->add_subcommand(name, help));
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
  owned_->set_version_flag(kVersionNames, version_);
}

CommandLine::~CommandLine() = default;

std::optional<int> CommandLine::parse(int argc, const char* const* argv, int usage_status) {
  // Last in the help of a command, which has told all of its own now.
  for (CLI::App* command : owned_->get_subcommands({}))
    command->set_version_flag(kVersionNames, version_);
  try {
    owned_->parse(argc, argv);
  } catch (const CLI::RequiredError& error) {
    // Who misspelt an option is told of that, rather than of what it would have stood for.
    const std::vector<std::string> unknown = unknown_options(*owned_);
    if (unknown.empty()) return owned_->exit(error), usage_status;
    return owned_->exit(CLI::ExtrasError(owned_->get_name(), unknown)), usage_status;
  } catch (const CLI::ParseError& error) {
    return owned_->exit(error) == 0 ? 0 : usage_status;
  }
  return std::nullopt;
}

}  // namespace spindle
