// Formulas about arrays of disks: how fast they read and write, and how long they keep data.

#include "domains.h"

namespace spindle {
namespace {

using Json = nlohmann::json;

constexpr double kLargestRate = 1e9;
constexpr double kLongestHours = 1e12;
constexpr double kHoursOfYear = 8760;

/// What all disks of the array read and write together, of which one has the rate `sequential` for
/// long requests and `random` for small ones that are spread. A small write of RAID 4 reads and
/// writes the one parity disk; of RAID 5 it makes four accesses, on any disks.
Json rates(const Field& parameters) {
  if (!parameters["level"].present()) parameters["level"].fail("missing");
  const std::size_t level = parameters["level"].choice({"0", "1", "4", "5"});
  const auto disks = static_cast<double>(parameters["disks"].integer(level < 2 ? 2 : 3, 1'000'000));
  const double sequential = parameters["sequential_mb_per_s"].number(0, kLargestRate);
  const double random = parameters["random_mb_per_s"].number(0, kLargestRate);
  const bool mirrors_read_half = parameters["mirror_reads"].choice({"half", "all"}) == 0;
  if (level == 1 && parameters["disks"].integer(2, 1'000'000) % 2 != 0)
    parameters["disks"].fail("an odd number cannot form pairs");
  if (parameters.failed()) return {};
  const double data = level == 0 ? disks : level == 1 ? disks / 2 : disks - 1;
  const double readers = level == 1 && !mirrors_read_half ? disks : data;
  const double random_readers = level == 2 ? disks - 1 : disks;
  const double random_writers = level == 0   ? disks
                                : level == 1 ? disks / 2
                                : level == 2 ? 0.5
                                             : disks / 4;
  return {{"data_disks", rounded(data)},
          {"sequential_read", rounded(readers * sequential)},
          {"sequential_write", rounded(data * sequential)},
          {"random_read", rounded(random_readers * random)},
          {"random_write", rounded(random_writers * random)}};
}

/// Disks that fail independently: when the first of them does, and when a second does before it is
/// replaced, with which a mirrored pair, or an array with one parity, loses data.
Json lives(const Field& parameters) {
  const auto disks = static_cast<double>(parameters["disks"].integer(2, 1'000'000));
  const double mttf = parameters["mttf_hours"].number(0, kLongestHours);
  const double mttr = parameters["mttr_hours"].number(0, kLongestHours);
  if (mttr <= 0) parameters["mttr_hours"].fail("not above 0");
  if (parameters.failed()) return {};
  const double loss = mttf * mttf / (disks * (disks - 1) * mttr);
  return {{"first_failure_hours", rounded(mttf / disks)},
          {"data_loss_hours", rounded(loss)},
          {"data_loss_years", rounded(loss / kHoursOfYear)}};
}

}  // namespace

Json solve_raid_cost(const Problem& problem) {
  if (problem.algorithm == "RATES") return rates(problem.parameters);
  if (problem.algorithm == "LIFE") return lives(problem.parameters);
  return problem.unknown_algorithm();
}

}  // namespace spindle
