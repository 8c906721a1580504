// What an experiment on a mount has shown, and its reports.
#pragma once

#include <string>
#include <vector>

#include "cli/mount/mount_control.h"
#include "spindle/chart/text_style.h"

namespace spindle::cli {

/// All figures of one run, in the form of --json: command, status and elapsed_ns; the settings; and
/// requests, disk, arms, cache, replacements, lru_curve, journal and usage, which have the content
/// of the control files since the reset.
using Experiment = Json;

Experiment take_figures(const MountControl& control, const std::vector<std::string>& command,
                        const CommandRun& run, const Json& journal_before);
std::string report_text(const Experiment& experiment, const chart::TextStyle& style);
std::string report_svg(const Experiment& experiment);
/// The report with these pictures, SVG documents, at its end.
std::string report_html(const Experiment& experiment, const std::vector<std::string>& pictures);

}  // namespace spindle::cli
