// The verbs of proc/PID/ctl: one a line, as Plan 9 has them, with the names of Linux's signals and
// scheduling classes.
#pragma once

#include <string>
#include <string_view>

#include "spindle/base/result.h"
#include "spindle/machine/machine.h"

namespace spindle::control {

/// Does what the line says to the process or thread, as the user `by`. EINVAL for an unknown verb
/// or a bad argument, beside the errors of Machine's verbs.
Result<> apply_command(Machine& machine, ProcessNumber process, std::string_view line,
                       std::uint32_t by);

/// The settings of a thread as lines that `apply_command` takes.
std::string settings_text(const ProcessSnapshot& process, const ThreadSnapshot& thread,
                          std::uint32_t cpus);

/// "0-2,5" as a set of CPUs; nothing for any other text.
std::optional<std::uint64_t> cpu_set_of(std::string_view list);

}  // namespace spindle::control
