// Ring: what fills the parts of a ring buffer, and where its ends are; a log that is used round and
// round.
//
// Place 0 is at the top, and the ring runs clockwise. A part may go round the end.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "spindle/chart/text_style.h"

namespace spindle::chart {

struct Ring {
  struct Kind {
    std::string name;
    char letter = '?';
    std::string_view colour;
  };
  struct Part {
    std::uint64_t start = 0;
    std::uint64_t length = 0;  ///< not 0
    std::size_t kind = 0;
    std::string what;  ///< a tooltip
  };
  struct Mark {
    std::uint64_t at = 0;
    std::string name;
  };
  std::string title;
  std::string caption;
  std::string unit;  ///< what a place is called: "block"
  std::uint64_t length = 1;
  std::vector<Kind> kinds;  ///< the first is what no part covers
  std::vector<Part> parts;  ///< they do not overlap
  std::vector<Mark> marks;
  std::vector<std::string> centre;  ///< lines in the middle

  /// How many places are of that kind.
  [[nodiscard]] std::uint64_t places_of(std::size_t kind) const;
};

/// The ring as a line, with one letter for so many places.
std::string to_text(const Ring& ring, const TextStyle& style);
std::string to_svg(const Ring& ring);

}  // namespace spindle::chart
