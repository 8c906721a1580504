// ShellExpansion: makes a word of a script into the words that its command gets.
//
//   ShellExpansion expansion(scope);
//   const auto fields = TRY(expansion.fields("$HOME/*.lua"));    // patterns: names on the volume
//   const auto value = TRY(expansion.text("\"$1\""));            // one word, whatever it holds
//
// The order is that of POSIX: parameters, $(...) and $((...)); the parting of what these gave into
// fields; patterns; and at last the quotes go. Not locked.
#pragma once

#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "cli/shell/arithmetic.h"
#include "spindle/base/result.h"

namespace spindle::cli {

/// What words need of the shell in which they are expanded.
class ShellScope {
 public:
  virtual ~ShellScope() = default;
  /// Nothing if it is not set.
  [[nodiscard]] virtual std::optional<std::string> variable(std::string_view name) const = 0;
  virtual Result<> set_variable(std::string_view name, std::string value) = 0;
  /// $1, $2, ...
  [[nodiscard]] virtual const std::vector<std::string>& positional() const = 0;
  /// The output of the commands of a $(...).
  virtual Result<std::string> output_of(const std::string& commands) = 0;
  /// The volume's names that the pattern fits, in order.
  [[nodiscard]] virtual std::vector<std::string> names(const std::string& pattern) const = 0;
  /// Whether a variable that is not set is an error (set -u).
  [[nodiscard]] virtual bool wants_variables() const = 0;
};

class ShellExpansion {
 public:
  explicit ShellExpansion(ShellScope& scope) : scope_(scope) {}

  /// Any number of words.
  Result<std::vector<std::string>> fields(std::string_view word);
  Result<std::vector<std::string>> fields(const std::vector<std::string>& words);
  /// One word: it is not parted, and patterns in it mean nothing.
  Result<std::string> text(std::string_view word);
  /// One pattern for fnmatch(3), in which quoted characters stand for themselves.
  Result<std::string> pattern(std::string_view word);
  /// The text of a here-document, in which quotes are characters as any other.
  Result<std::string> document(std::string_view text);

 private:
  /// A field that is being made, and the pattern that it is for fnmatch(3).
  struct Field {
    std::string text;
    std::string pattern;  ///< the text for fnmatch(3), in which quoted characters have backslashes
    bool is_pattern = false;
    bool is_there = false;  ///< there is a word, although it may be empty
  };
  /// Where a part of a word stands.
  enum class Place : std::uint8_t { kPlain, kQuoted, kDocument };

  Result<> expand(std::string_view word, Place place);
  Result<> take_quoted(std::string_view& rest);
  Result<> take_dollar(std::string_view& rest, Place place);
  Result<> take_braces(std::string_view body, Place place);
  Result<> take_changed(std::string_view name, std::string_view change, Place place);
  Result<> take_cut(std::string_view value, std::string_view change, Place place);
  Result<> take_backquotes(std::string_view& rest, Place place);
  Result<> take_escape(std::string_view& rest, Place place);
  Result<> take_parameter(std::string_view name, Place place);
  Result<> take_arithmetic(std::string_view text, Place place);
  Result<std::optional<std::string>> value_of(std::string_view name) const;
  void take_all_arguments(std::string_view name, Place place);
  void take_tilde(std::string_view& rest);
  void add(std::string_view text, Place place);
  void add_parted(std::string_view text);
  /// Adds what a variable holds, or commands printed: parted, if it stands where words are.
  void add_value(std::string_view text, Place place);
  void end_field();
  void start();

  ShellScope& scope_;
  std::vector<Field> done_;
  Field field_;
  bool is_parted_ = true;
  int depth_ = 0;
};

}  // namespace spindle::cli
