// Screen: what `spindle watch` shows as a whole, drawn on a canvas of any size.
//
//   Canvas canvas(width, height, utf8);
//   draw_screen(canvas, state);
//
// It shows as many panels as have room: all five from 78 x 20 cells on, two above three from 132
// columns on; on a smaller screen only the chosen one, and below 40 x 8 a sentence.
#pragma once

#include <string>
#include <vector>

#include "cli/watch/panels.h"

namespace spindle::cli {

/// A setting that can be chosen from a list: "disk/scheduler".
struct WatchMenu {
  std::string setting;
  std::vector<std::string> choices;
  std::size_t chosen = 0;  ///< where the cursor stands
  std::string present;
};

struct WatchScreen {
  std::string mount;
  double interval_s = 1;
  const Figures* figures = nullptr;  ///< null: there are none yet
  WatchHistory history;
  Panel panel = Panel::kArm;  ///< the chosen panel
  bool is_alone = false;      ///< the chosen panel fills the screen
  bool is_paused = false;
  bool has_keys = true;  ///< somebody sits at the keyboard
  bool shows_help = false;
  std::string message;  ///< in the last line, in place of the keys
  std::optional<WatchMenu> menu;
};

void draw_screen(Canvas& canvas, const WatchScreen& screen);

}  // namespace spindle::cli
