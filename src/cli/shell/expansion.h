// ShellExpansion: what a word of a script holds when its command runs.
//
//   ShellExpansion expansion(scope);
//   const auto fields = TRY(expansion.fields("$HOME/*.lua"));    // patterns: names on the volume
//   const auto value = TRY(expansion.text("\"$1\""));            // one word, whatever it holds
//
// In the order of POSIX: parameters, $(...), $((...)); the parting of what these gave; patterns;
// and the quotes are gone. Not locked.
#pragma once

#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "cli/shell/arithmetic.h"
#include "spindle/base/result.h"

namespace spindle::cli {

/// What the words can ask their shell for.
class ShellScope {
 public:
  virtual ~ShellScope() = default;
  /// Nothing if it is not set.
  [[nodiscard]] virtual std::optional<std::string> variable(std::string_view name) const = 0;
  virtual Result<> set_variable(std::string_view name, std::string value) = 0;
  /// $1, $2, ...
  [[nodiscard]] virtual const std::vector<std::string>& positional() const = 0;
  /// What the commands print.
  virtual Result<std::string> output_of(const std::string& commands) = 0;
  /// The volume's names that the pattern fits, in order.
  [[nodiscard]] virtual std::vector<std::string> names(const std::string& pattern) const = 0;
  /// A variable that is not set is an error (set -u).
  [[nodiscard]] virtual bool wants_variables() const = 0;
};

class ShellExpansion {
 public:
  explicit ShellExpansion(ShellScope& scope) : scope_(scope) {}

  /// Any number of words out of one.
  Result<std::vector<std::string>> fields(std::string_view word);
  Result<std::vector<std::string>> fields(const std::vector<std::string>& words);
  /// One, which is not parted and no pattern.
  Result<std::string> text(std::string_view word);
  /// One for fnmatch(3): what was quoted is no pattern.
  Result<std::string> pattern(std::string_view word);
  /// Of a here-document: quotes are characters as any other.
  Result<std::string> document(std::string_view text);

 private:
  // As the word goes on, its characters are known with whether they were quoted.
  struct Field {
    std::string text;
    std::string pattern;  ///< for fnmatch(3)
    bool is_pattern = false;
    bool is_there = false;  ///< also if it is empty
  };
  enum class Place : std::uint8_t { kPlain, kQuoted, kDocument };

  Result<> expand(std::string_view word, Place place);
  Result<> take_quoted(std::string_view& rest);
  Result<> take_dollar(std::string_view& rest, bool is_quoted);
  Result<> take_braces(std::string_view body, bool is_quoted);
  Result<> take_changed(std::string_view name, std::string_view change, bool is_quoted);
  Result<> take_cut(std::string_view value, std::string_view change, bool is_quoted);
  Result<> take_backquotes(std::string_view& rest, bool is_quoted);
  Result<> take_escape(std::string_view& rest, Place place);
  Result<> take_parameter(std::string_view name, bool is_quoted);
  Result<> take_arithmetic(std::string_view text, bool is_quoted);
  Result<std::optional<std::string>> value_of(std::string_view name) const;
  void take_all_arguments(bool is_quoted, bool is_star);
  void take_tilde(std::string_view& rest);
  void add(std::string_view text, bool is_quoted);
  void add_parted(std::string_view text);
  void end_field();
  void start();

  ShellScope& scope_;
  std::vector<Field> done_;
  Field field_;
  bool is_parted_ = true;
  int depth_ = 0;
};

}  // namespace spindle::cli
