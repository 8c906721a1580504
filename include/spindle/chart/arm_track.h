// The arm of a disk over time: time to the right, cylinders upwards.
//
// ArmTrack is one arm: its last moves one by one, and, where there were more, above them where it
// was all the time before. ArmPanels are the arms of several policies that served one stream of
// requests, side by side over the same two axes: the shorter its way, the sooner an arm is done.
//
// A move begins at `begin_ms`, turns where it turned, comes to its first block at `arrive_ms`, and
// follows the blocks to `end` until `finish_ms`.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "spindle/chart/text_style.h"

namespace spindle::chart {

struct ArmMove {
  double begin_ms = 0;
  double arrive_ms = 0;
  double finish_ms = 0;
  std::uint64_t from = 0;
  std::vector<std::uint64_t> turns;
  std::uint64_t to = 0;
  std::uint64_t end = 0;
};

struct ArmTrack {
  /// Several services together: between which cylinders the arm was, and where it stood at their
  /// end.
  struct Stretch {
    double begin_ms = 0;
    double finish_ms = 0;
    std::uint64_t services = 0;
    std::uint64_t lowest = 0;
    std::uint64_t highest = 0;
    std::uint64_t end = 0;
  };
  std::string title;
  std::string caption;
  std::uint64_t cylinders = 1;
  std::vector<Stretch> history;  ///< drawn if it has more services than there are moves
  std::vector<ArmMove> moves;
};

struct ArmPanels {
  struct Panel {
    std::string label;
    std::string what;  ///< below the label: how far, how long
    bool in_use = false;
    std::vector<ArmMove> moves;
  };
  std::string title;
  std::string caption;
  std::uint64_t cylinders = 1;
  std::vector<Panel> panels;
};

std::string to_svg(const ArmTrack& track);
std::string to_svg(const ArmPanels& panels);

}  // namespace spindle::chart
