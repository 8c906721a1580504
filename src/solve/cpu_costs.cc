// Formulas about CPUs: how much faster a program runs on several, and how busy one is with several
// processes that wait for devices.

#include <cmath>

#include "domains.h"

namespace spindle {
namespace {

using Json = nlohmann::json;

constexpr std::int64_t kMostCores = 1'000'000;
constexpr double kLargestMemory = 1e15;
constexpr double kMostProcessesInMemory = 1e6;

/// Amdahl's law: the serial share of the work gains nothing from more cores.
Json amdahl(const Field& parameters) {
  const double serial = parameters["serial"].number(0, 1);
  const auto cores = static_cast<double>(parameters["cores"].integer(1, kMostCores));
  Json answer = {{"speedup", rounded(1 / (serial + (1 - serial) / cores))}};
  answer["limit"] = serial > 0 ? rounded(1 / serial) : Json();
  return answer;
}

/// The CPU idles only while all processes in memory wait at once.
Json multiprogramming_degree(const Field& parameters) {
  const double waits = parameters["io_share"].number(0, 1);
  const double memory = parameters["memory"].number(0, kLargestMemory);
  const double system = parameters["system"].number(0, kLargestMemory);
  const double process = parameters["process"].number(0, kLargestMemory);
  if (process <= 0) parameters["process"].fail("not above 0");
  if (system > memory) parameters["system"].fail("larger than the memory");
  if (parameters.failed()) return {};
  const double fit = std::floor((memory - system) / process + 1e-9);
  if (fit > kMostProcessesInMemory) return parameters["process"].fail("too small"), Json();
  return {{"degree", rounded(fit)},
          {"idle", rounded(std::pow(waits, fit))},
          {"utilization", rounded(1 - std::pow(waits, fit))}};
}

}  // namespace

Json solve_cpu_cost(const Problem& problem) {
  if (problem.algorithm == "AMDAHL") return amdahl(problem.parameters);
  if (problem.algorithm == "IO-WAIT") return multiprogramming_degree(problem.parameters);
  return problem.unknown_algorithm();
}

}  // namespace spindle
