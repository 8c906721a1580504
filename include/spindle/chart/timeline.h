// Timeline: who had what, when: a Gantt chart.
//
// `resources` are the CPUs and devices, whose spans name who used them; `tasks` are the processes,
// whose spans say what each was doing. As text, the resources stand as the boxed bars of the
// textbooks, broken over lines where they are long. As SVG, all lanes stand over one axis of time.
// Spans of a lane stand in order of time and do not overlap; what lies between is idle.
#pragma once

#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "spindle/chart/palette.h"
#include "spindle/chart/text_style.h"

namespace spindle::chart {

struct Span {
  double from = 0;
  double to = 0;
  std::string label;
  Meaning meaning = Meaning::kRunning;
};

/// Something at one moment of a lane: an arrival, a deadline.
struct Mark {
  double at = 0;
  bool is_bad = false;
  std::string what;
};

struct Lane {
  std::string label;
  std::vector<Span> spans;
  std::vector<Mark> marks;
};

struct Timeline {
  std::string title;
  std::string time_label;  ///< "time (ms)"
  std::vector<Lane> resources;
  std::vector<Lane> tasks;
  /// Names of colours that differ from those of the palette.
  std::map<Meaning, std::string_view> meanings = {};
};

std::string to_text(const Timeline& timeline, const TextStyle& style);
/// A chart of any length in the width of a terminal: columns of equal time, shaded by how much of
/// it each resource was used and by whom; and each user's share of the whole.
std::string overview_text(const Timeline& timeline, const TextStyle& style);
std::string to_svg(const Timeline& timeline);

}  // namespace spindle::chart
