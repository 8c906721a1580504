// CommandLine: what a program takes from its command line, told option by option, and read.
//
//   CommandLine line("mkfs.spindle", "mkfs.spindle 1.0", "Makes a volume in IMAGE.");
//   line.flag("-q,--quiet", request.quiet, "say nothing but errors");
//   line.option("-b,--block-size", request.block_size, "1K to 64K").type_name("BLOCK");
//   line.option("IMAGE", request.image, "file or block device").required();
//   if (const std::optional<int> status = line.parse(argc, argv, kFailed)) return *status;
//
// Names with hyphens are options, the others are arguments by their position. Every command has
// --help, written from what was told of it in lines of 80 columns, and --version. A line break in
// the help of an option is kept, in that of a command only behind the end of a sentence.
//
// Command and Option are handles: copied freely, good as long as the CommandLine lives. What is
// read into has to live until parse() has returned. Nothing here is for more than one thread.
//
// CLI11 does the work, beneath: its headers would cost each source ten seconds to compile.
#pragma once

#include <concepts>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

namespace CLI {
class App;
class Option;
}  // namespace CLI

namespace spindle {

/// What an option may be read into. A list takes all words that follow; nothing touches what is
/// not given.
template <class Value>
concept OptionValue =
    std::same_as<Value, std::string> || std::same_as<Value, std::vector<std::string>> ||
    std::same_as<Value, std::uint32_t> || std::same_as<Value, std::uint64_t> ||
    std::same_as<Value, double> || std::same_as<Value, std::optional<std::uint64_t>>;

/// An option or an argument of a command. All but is_given() says more of it, and gives it back.
class Option {
 public:
  // How the help shows it.
  Option type_name(const std::string& name) const;  ///< what its value is called; "": not at all
  Option group(const std::string& name) const;      ///< beneath this heading

  // What is refused, with a sentence.
  Option required() const;                ///< if it is not given
  Option excludes(Option other) const;    ///< if the other is given, too
  Option needs(Option other) const;       ///< if the other is not given
  Option range(int low, int high) const;  ///< out of this, which the help shows
  Option range(double low, double high) const;
  Option positive() const;                                     ///< 0 and less
  Option one_of(const std::vector<std::string>& words) const;  ///< all but these
  Option existing_directory() const;                           ///< what is not a directory
  /// What `complaint` finds something wrong with; it gives "" if there is nothing.
  Option check(const std::function<std::string(const std::string& value)>& complaint) const;

  // Of lists.
  Option one_value() const;        ///< one word each time that it is given, not all that follow
  Option comma_separated() const;  ///< one word, and its parts are the values

  /// Whether it was on the command line; for callbacks.
  bool is_given() const;

 private:
  friend class Command;
  explicit Option(CLI::Option& option) : option_(&option) {}
  CLI::Option* option_;
};

/// A program, or one of its commands.
class Command {
 public:
  /// A switch: true if it is given.
  Option flag(const std::string& names, bool& into, const std::string& help) const;
  template <OptionValue Value>
  Option option(const std::string& names, Value& into, const std::string& help) const;
  /// `take` gets the value, if it is given.
  Option option(const std::string& names, std::function<void(const std::string& value)> take,
                const std::string& help) const;
  bool has_option(const std::string& name) const;

  /// What the help ends with.
  void footer(const std::string& text) const;
  /// Whatever follows the arguments is left as it is, options and all: rest() in the callback.
  void leave_rest() const;
  std::vector<std::string> rest() const;
  /// What is done if the command line asks for this command, and nothing in it was refused.
  void callback(std::function<void()> action) const;

  Command subcommand(const std::string& name, const std::string& help) const;
  bool has_subcommand(const std::string& name) const;
  /// Refuses a command line without one of the subcommands.
  void require_subcommand() const;

 protected:
  explicit Command(CLI::App& app) : app_(&app) {}

 private:
  CLI::App* app_;
};

/// The whole command line of a program.
class CommandLine : public Command {
 public:
  /// `version` is what --version says.
  CommandLine(const std::string& program, std::string version, const std::string& help);
  ~CommandLine();
  CommandLine(const CommandLine&) = delete;
  CommandLine& operator=(const CommandLine&) = delete;

  /// Reads it, and runs the callbacks. Nothing if the program shall go on; else its exit status: 0
  /// where help or the version was asked for and told, `usage_status` where something was refused,
  /// with a sentence on standard error.
  std::optional<int> parse(int argc, const char* const* argv, int usage_status);

 private:
  CommandLine(std::unique_ptr<CLI::App> app, const std::string& program, std::string version);

  std::unique_ptr<CLI::App> owned_;
  std::string version_;
};

}  // namespace spindle
