// Terminal: the screen and the keyboard, by way of ncurses.
//
//   const auto terminal = Terminal::open(complaint);     // from here on the whole screen is ours
//   terminal->show(canvas);
//
// What the terminal lacks (colours, characters beyond ASCII, an alternate screen) is not needed.
// The destructor leaves the terminal as it was before, and so does a stop with Ctrl-Z. There must
// be only one at a time.
#pragma once

#include <map>
#include <memory>
#include <string_view>

#include "cli/watch/canvas.h"
#include "cli/words.h"

namespace spindle::cli {

enum class Key : unsigned char {
  kNone,
  kCharacter,
  kEnter,
  kEscape,
  kNext,  ///< tab, right, down
  kPrevious,
  kResized,
};

struct KeyPress {
  Key key = Key::kNone;
  char character = 0;  ///< which one, for kCharacter
};

class Terminal {
 public:
  /// Null, with a complaint, if there is no terminal on which one can draw.
  static std::unique_ptr<Terminal> open(Complaint& complaint);
  ~Terminal();
  Terminal(const Terminal&) = delete;
  Terminal& operator=(const Terminal&) = delete;

  /// An empty canvas of the terminal's present size.
  [[nodiscard]] Canvas canvas() const;
  /// Shows the canvas, which should have the terminal's present size.
  void show(const Canvas& canvas);
  /// The next key that was pressed, or kNone: it does not wait.
  KeyPress key();

 private:
  explicit Terminal(void* screen);
  int attributes_of(const Look& look);
  [[nodiscard]] short colour_of(std::string_view colour) const;

  void* screen_;
  bool utf8_;
  std::map<std::pair<short, short>, short> pairs_;  ///< ncurses' number of an ink on a ground
};

}  // namespace spindle::cli
