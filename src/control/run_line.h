// What is written to machine/run: programs that start together, in the words of a shell.
#pragma once

#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "spindle/machine/machine.h"

namespace spindle::control {

struct RunLine {
  std::vector<StartRequest> programs;  ///< the programs of the pipeline, in order
  std::vector<std::pair<std::string, std::uint64_t>> limits;  ///< what each program is limited to
};

/// "-n 5 -d /home -t 0 -e 1 -l n=64 NAME=VALUE /bin/a.lua x <in | /bin/b.lua >>out 2>errors":
/// options, environment, and programs whose output is the next one's input. `pipes` names the pipes
/// and is counted on. -t is the terminal, -e another one for descriptor 2. EINVAL, with the reason,
/// for any other line.
Result<RunLine> parse_run_line(std::string_view line, std::uint64_t& pipes);

/// A mask of permissions as umask(1) has it: "022".
Result<std::uint32_t> file_mask_of(std::string_view text);

/// A limit as ulimit(1) has it: "64", or "unlimited".
Result<std::uint64_t> limit_of(std::string_view text);

}  // namespace spindle::control
