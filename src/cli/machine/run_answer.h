// What `spindle run` says of a run: the solver's quantities as JSON, and pictures and tables of it.
#pragma once

#include <string>

#include "spindle/chart/text_style.h"
#include "spindle/json/json.h"
#include "spindle/machine/scenario.h"

namespace spindle::cli {

/// The scenario's name and text, the seed, and all figures; times in ms.
nlohmann::json run_json(const Scenario& scenario, const ScenarioRun& run, const std::string& name,
                        const std::string& text);
/// The Gantt chart, processes, CPUs, deadlocks, and what the programs printed.
std::string run_text(const Scenario& scenario, const ScenarioRun& run,
                     const chart::TextStyle& style);
/// The Gantt chart.
std::string run_svg(const Scenario& scenario, const ScenarioRun& run, const std::string& title);
/// Use of the CPUs, page faults, runnable processes and free memory over time.
std::string curves_svg(const ScenarioRun& run, const std::string& title);
std::string curves_text(const ScenarioRun& run, const chart::TextStyle& style);
/// How the disk's arm moved, as far as a picture can show it.
std::string arm_svg(const ScenarioRun& run);
std::string arm_text(const ScenarioRun& run, const chart::TextStyle& style);
/// What was where when memory was fullest.
std::string memory_svg(const ScenarioRun& run);
std::string memory_text(const ScenarioRun& run, const chart::TextStyle& style);

/// A row of the comparison of policies.
struct PolicyResult {
  std::string policy;
  nlohmann::json answer;  ///< what run_json made
};
std::string comparison_text(const std::vector<PolicyResult>& results,
                            const chart::TextStyle& style);

}  // namespace spindle::cli
