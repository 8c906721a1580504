// Histogram: how many of what there is have which size, as upright bars side by side.
//
// A bar counts what is above the limit before it, up to its own, which stands below its right edge;
// a bar of zeros stands apart, at the left. Limits need not be evenly spread: bars are equally
// wide.
#pragma once

#include <string>
#include <vector>

#include "spindle/chart/palette.h"
#include "spindle/chart/text_style.h"

namespace spindle::chart {

struct Histogram {
  struct Bin {
    double limit = 0;  ///< the highest value that it counts; they rise, and a bar of zeros has 0
    double count = 0;
  };
  /// A value worth a line of its own: a median, a mean.
  struct Mark {
    std::string label;
    double value = 0;
  };
  std::string title;
  std::string caption;
  std::string x_label;  ///< with its unit
  std::string y_label;
  std::vector<Bin> bins;    ///< each begins where the one before it ends
  std::vector<Mark> marks;  ///< rising
  Meaning meaning = Meaning::kDevice;
};

std::string to_text(const Histogram& histogram, const TextStyle& style);
std::string to_svg(const Histogram& histogram);

}  // namespace spindle::chart
