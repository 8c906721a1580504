// Rgb: the parts of a colour of the palette, for terminals that are told them by number.
//
//   const Rgb rgb = rgb_of(colour_of(Meaning::kHit));
#pragma once

#include <string_view>

namespace spindle::chart {

/// A colour; each part is from 0 to 255.
struct Rgb {
  int red = 0;
  int green = 0;
  int blue = 0;
};

/// The parts of "#RRGGBB".
Rgb rgb_of(std::string_view colour);
/// Black or white, whichever can be read on that ground.
std::string_view readable_on(std::string_view ground);

}  // namespace spindle::chart
