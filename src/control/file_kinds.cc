#include "control/file_kinds.h"

#include <unistd.h>

#include <algorithm>
#include <array>
#include <vector>

#include "spindle/base/number_text.h"
#include "spindle/control/fact_files.h"
#include "spindle/thread/offload.h"

namespace spindle::control {

std::string choice_text(std::span<const std::string_view> names, std::string_view present) {
  std::string text;
  for (const std::string_view name : names) {
    if (!text.empty()) text += ' ';
    text += name == present ? "[" + std::string(name) + "]" : std::string(name);
  }
  return text + "\n";
}

bool is_master(const Caller& caller) {
  return caller.uid == 0 || caller.uid == ::geteuid();
}

void add_choice(ControlTree& tree, std::string_view path,
                std::function<std::span<const std::string_view>()> names,
                std::function<std::string_view()> present,
                std::function<Result<>(std::string_view name)> choose) {
  const auto show = [names = std::move(names),
                     present = std::move(present)]() -> Result<std::string> {
    return choice_text(names(), present());
  };
  tree.add_file(path, {.read = show, .write = std::move(choose), .is_choice = true});
}

Result<std::string_view> policy_for(const Caller& caller, PolicyKind kind, std::string_view text) {
  if (!is_policy_library(text)) return policy_named(kind, text);
  if (!is_master(caller)) {
    return Error{EPERM, "only root and the user who mounted may load a library"};
  }
  if (text.front() != '/') return Error{EINVAL, "the daemon needs the whole path of a library"};
  // It may be a file of this very mount.
  return thread::offload([&] { return load_policy(kind, text); });
}

std::string policies_text(PolicyKind kind, std::string_view present) {
  const auto listed = policy_names(kind);
  std::vector<std::string_view> names(listed.begin(), listed.end());
  if (std::ranges::find(names, present) == names.end()) names.push_back(present);
  return choice_text(names, present);
}

void add_policy_choice(ControlTree& tree, std::string_view path, PolicyKind kind,
                       std::function<std::string_view()> present,
                       std::function<Result<>(std::string_view name)> choose) {
  const auto show = [kind, present = std::move(present)]() -> Result<std::string> {
    return policies_text(kind, present());
  };
  const auto take = [kind, choose = std::move(choose)](const Caller& caller,
                                                       std::string_view text) -> Result<> {
    return choose(TRY(policy_for(caller, kind, text)));
  };
  tree.add_file(path, {.read = show, .command = take, .is_choice = true});
}

void add_number(ControlTree& tree, std::string_view path, std::function<double()> present,
                std::function<Result<>(double value)> set) {
  const auto take = [set = std::move(set)](std::string_view text) -> Result<> {
    const auto value = number_in<double>(text);
    if (!value) return Error{EINVAL, "it is not a number"};
    return set(*value);
  };
  tree.add_file(path, {.read = [present = std::move(present)]() -> Result<std::string> {
                         return to_text(present()) + "\n";
                       },
                       .write = take});
}

void add_switch(ControlTree& tree, std::string_view path, std::function<bool()> is_on,
                std::function<void(bool)> set) {
  static constexpr std::array<std::string_view, 2> kStates = {"on", "off"};
  const auto show = [is_on = std::move(is_on)]() -> Result<std::string> {
    return choice_text(kStates, kStates[is_on() ? 0 : 1]);
  };
  const auto take = [set = std::move(set)](std::string_view state) -> Result<> {
    const bool turns_on = state == "on" || state == "1";
    if (!turns_on && state != "off" && state != "0") return Error{EINVAL, "it is on or off"};
    set(turns_on);
    return {};
  };
  tree.add_file(path, {.read = show, .write = take});
}

void add_trigger(ControlTree& tree, std::string_view path, std::function<Result<>()> action) {
  tree.add_file(path,
                {.write = [action = std::move(action)](std::string_view) { return action(); }});
}

}  // namespace spindle::control
