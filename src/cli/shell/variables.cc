#include "cli/shell/variables.h"

namespace spindle::cli {

std::optional<std::string> ShellVariables::value(std::string_view name) const {
  const auto found = variables_.find(name);
  return found == variables_.end() ? std::nullopt : found->second.value;
}

Result<> ShellVariables::set(std::string_view name, std::string value) {
  Variable& variable = variables_[std::string(name)];
  if (variable.is_read_only) return Error{EPERM, "the variable is read-only"};
  variable.value = std::move(value);
  return {};
}

Result<> ShellVariables::unset(std::string_view name) {
  const auto found = variables_.find(name);
  if (found == variables_.end()) return {};
  if (found->second.is_read_only) return Error{EPERM, "the variable is read-only"};
  variables_.erase(found);
  return {};
}

std::vector<std::pair<std::string, std::string>> ShellVariables::exported() const {
  std::vector<std::pair<std::string, std::string>> some;
  for (const auto& [name, variable] : variables_)
    if (variable.is_exported && variable.value) some.emplace_back(name, *variable.value);
  return some;
}

std::vector<std::pair<std::string, std::string>> ShellVariables::all() const {
  std::vector<std::pair<std::string, std::string>> all;
  for (const auto& [name, variable] : variables_)
    if (variable.value) all.emplace_back(name, *variable.value);
  return all;
}

void ShellVariables::pop_frame() {
  for (auto& [name, variable] : frames_.back()) variables_[name] = std::move(variable);
  frames_.pop_back();
}

bool ShellVariables::make_local(std::string_view name) {
  if (frames_.empty()) return false;
  frames_.back().try_emplace(std::string(name), variables_[std::string(name)]);
  return true;
}

}  // namespace spindle::cli
