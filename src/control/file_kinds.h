// The kinds of file that the folders of .spindle are made of: choices, numbers, switches, triggers.
#pragma once

#include <functional>
#include <span>
#include <string>
#include <string_view>

#include "spindle/control/control_tree.h"
#include "spindle/policy/policy_library.h"

namespace spindle::control {

/// Root, and the user who mounted: they may see what others do, and load libraries.
[[nodiscard]] bool is_master(const Caller& caller);

/// A file that shows all names with the present one in brackets, as the kernel's I/O scheduler
/// files do, and takes a name.
void add_choice(ControlTree& tree, std::string_view path,
                std::function<std::span<const std::string_view>()> names,
                std::function<std::string_view()> present,
                std::function<Result<>(std::string_view name)> choose);
/// All names, the present one in brackets.
std::string choice_text(std::span<const std::string_view> names, std::string_view present);
/// The name of the policy that the caller means: one that is known, or that of a library, which
/// only root and the user of the daemon may load.
Result<std::string_view> policy_for(const Caller& caller, PolicyKind kind, std::string_view text);
/// "fcfs [look] scan": the names of a kind, and the present one in any case.
std::string policies_text(PolicyKind kind, std::string_view present);
/// A choice of policies, which also takes a library.
void add_policy_choice(ControlTree& tree, std::string_view path, PolicyKind kind,
                       std::function<std::string_view()> present,
                       std::function<Result<>(std::string_view name)> choose);
/// A file that shows a number and takes one.
void add_number(ControlTree& tree, std::string_view path, std::function<double()> present,
                std::function<Result<>(double value)> set);
/// A choice of on and off.
void add_switch(ControlTree& tree, std::string_view path, std::function<bool()> is_on,
                std::function<void(bool)> set);
/// A file that starts the action when anything is written into it.
void add_trigger(ControlTree& tree, std::string_view path, std::function<Result<>()> action);

}  // namespace spindle::control
