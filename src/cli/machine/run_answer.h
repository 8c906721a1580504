// What `spindle run` says of a run: the solver's quantities as JSON, and pictures and tables of it.
#pragma once

#include <nlohmann/json.hpp>
#include <string>

#include "spindle/chart/text_style.h"
#include "spindle/machine/scenario.h"

namespace spindle::cli {

/// The scenario's name and text, the seed, and all that was counted; times in ms.
nlohmann::json run_json(const Scenario& scenario, const ScenarioRun& run, const std::string& name,
                        const std::string& text);
/// Gantt chart, processes, CPUs, deadlocks, and what the programs printed.
std::string run_text(const Scenario& scenario, const ScenarioRun& run,
                     const chart::TextStyle& style);
/// The Gantt chart.
std::string run_svg(const Scenario& scenario, const ScenarioRun& run, const std::string& title);
/// Use of the CPUs, page faults and runnable processes over time.
std::string curves_svg(const ScenarioRun& run, const std::string& title);

/// A row of the comparison of policies.
struct PolicyResult {
  std::string policy;
  nlohmann::json answer;  ///< of run_json
};
std::string comparison_text(const std::vector<PolicyResult>& results,
                            const chart::TextStyle& style);

}  // namespace spindle::cli
