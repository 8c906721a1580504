#include "spindle/chart/rgb.h"

#include <string>

namespace spindle::chart {

Rgb rgb_of(std::string_view colour) {
  const unsigned long value = std::stoul(std::string(colour.substr(1)), nullptr, 16);
  return {static_cast<int>(value >> 16), static_cast<int>(value >> 8 & 255),
          static_cast<int>(value & 255)};
}

std::string_view readable_on(std::string_view ground) {
  // To the eye green is brightest, and blue darkest.
  const Rgb rgb = rgb_of(ground);
  return 3 * rgb.red + 6 * rgb.green + rgb.blue > 10 * 128 ? "#000000" : "#FFFFFF";
}

}  // namespace spindle::chart
