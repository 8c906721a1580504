// Plot: lines over two axes: a miss-ratio curve, thrashing, anything that depends on a number.
//
// The y axis starts at 0. The x axis is logarithmic where that is asked for and all x are above 0.
// An axis that counts has no marks between whole numbers.
#pragma once

#include <string>
#include <vector>

#include "spindle/chart/svg.h"
#include "spindle/chart/text_style.h"

namespace spindle::chart {

struct Plot {
  struct Line {
    std::string label;
    std::vector<Point> points;     ///< their x rise
    bool is_step = false;          ///< each y holds up to the next x
    bool is_points = false;        ///< marks that are not joined
    std::string_view colour = {};  ///< empty: the next of the series
  };
  std::string title;
  std::string caption;
  std::string x_label;  ///< with its unit
  std::string y_label;
  bool logarithmic = false;
  bool counts_across = false;  ///< x counts things, so that it has no marks between whole numbers
  bool counts_up = false;
  double y_top = 0;     ///< how far the y axis goes at least
  std::string nothing;  ///< the text of a picture without points
  std::vector<Line> lines;
};

std::string to_text(const Plot& plot, const TextStyle& style);
std::string to_svg(const Plot& plot);

}  // namespace spindle::chart
