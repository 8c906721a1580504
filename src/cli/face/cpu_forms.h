// The forms of `spindle cpu` whose input is not a list of processes, each in a file of its own.
#pragma once

#include "cli/face/face.h"

namespace spindle::cli {

/// How long the next burst will be, estimated from the bursts before.
const Form& estimate_form();
/// Jobs in a multi-level feedback queue, numbered from 0.
const Form& mlfq_form();
/// Shares of the CPU: a lottery, strides, slices by weight.
const Form& lottery_form();
const Form& stride_form();
const Form& slices_form();

/// A list of whole numbers from `low` to `high`, and how many: "uniform:count=5,low=1,high=9".
Json drawn_numbers(Recipe& recipe, Complaint& complaint, std::uint64_t count, std::uint64_t low,
                   std::uint64_t high);
/// All words of all rows as numbers above 0.
Json read_numbers(const std::vector<std::vector<std::string>>& rows, std::string_view field,
                  Complaint& complaint);

}  // namespace spindle::cli
