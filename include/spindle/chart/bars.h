// Bars: one quantity of several things side by side, as horizontal bars over a common axis.
//
// The bars stand in the order in which they are given: best first, for a comparison.
#pragma once

#include <string>
#include <vector>

#include "spindle/chart/palette.h"
#include "spindle/chart/text_style.h"

namespace spindle::chart {

struct Bars {
  struct Bar {
    std::string label;
    double value = 0;
  };
  std::string title;
  std::string axis_label;  ///< with its unit
  std::vector<Bar> bars;
  Meaning meaning = Meaning::kRunning;
};

std::string to_text(const Bars& bars, const TextStyle& style);
std::string to_svg(const Bars& bars);

}  // namespace spindle::chart
