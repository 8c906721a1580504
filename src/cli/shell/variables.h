// ShellVariables: the variables of a shell, with marks for those that programs get (exported), and
// those that cannot be changed (read-only).
//
//   variables.set("COLOUR", "blue");
//   variables.mark_exported("COLOUR");
//   for (const auto& [name, value] : variables.exported()) ...
//
// The local variables of a function are kept in frames: `pop_frame` gives the names back what they
// held before.
#pragma once

#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "spindle/base/result.h"

namespace spindle::cli {

class ShellVariables {
 public:
  [[nodiscard]] std::optional<std::string> value(std::string_view name) const;
  /// EPERM if the variable is read-only.
  Result<> set(std::string_view name, std::string value);
  Result<> unset(std::string_view name);
  void mark_exported(std::string_view name) { variables_[std::string(name)].is_exported = true; }
  void mark_read_only(std::string_view name) { variables_[std::string(name)].is_read_only = true; }
  [[nodiscard]] std::vector<std::pair<std::string, std::string>> exported() const;
  [[nodiscard]] std::vector<std::pair<std::string, std::string>> all() const;

  void push_frame() { frames_.emplace_back(); }
  void pop_frame();
  /// Makes it local to the innermost function; false if there is none.
  bool make_local(std::string_view name);

 private:
  struct Variable {
    std::optional<std::string> value;
    bool is_exported = false;
    bool is_read_only = false;
  };
  using Variables = std::map<std::string, Variable, std::less<>>;

  Variables variables_;
  std::vector<Variables> frames_;  ///< of each call, what its local names held outside
};

}  // namespace spindle::cli
