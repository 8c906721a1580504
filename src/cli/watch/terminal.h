// Terminal: the screen and the keyboard, by way of ncurses.
//
//   const auto terminal = Terminal::open(complaint);     // from here on the whole screen is ours
//   terminal->show(canvas);
//
// It does without what the terminal lacks (colours, characters beyond ASCII, an alternate screen).
// When it is destroyed, the terminal is as it was before; a stop with Ctrl-Z restores it, too. One
// at a time.
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
  char character = 0;  ///< of kCharacter
};

class Terminal {
 public:
  /// Null, with a complaint, where there is no terminal that can be drawn on.
  static std::unique_ptr<Terminal> open(Complaint& complaint);
  ~Terminal();
  Terminal(const Terminal&) = delete;
  Terminal& operator=(const Terminal&) = delete;

  /// An empty canvas of the terminal's present size.
  [[nodiscard]] Canvas canvas() const;
  /// The canvas should be of the present size.
  void show(const Canvas& canvas);
  /// The next key that was pressed, without waiting.
  KeyPress key();

 private:
  explicit Terminal(void* screen);
  int attributes_of(const Look& look);
  [[nodiscard]] short colour_of(std::string_view colour) const;

  void* screen_;
  bool utf8_;
  std::map<std::pair<short, short>, short> pairs_;  ///< of ink and ground
};

}  // namespace spindle::cli
