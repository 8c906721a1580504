#include "cli/watch/terminal.h"

// The macros of ncurses would take names such as `move` and `timeout`.
#define NCURSES_NOMACROS 1
#include <curses.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <climits>
#include <cstdlib>

#include "spindle/chart/rgb.h"
#include "spindle/chart/text_style.h"

namespace spindle::cli {
namespace {

constexpr short kDefault = -1;
constexpr int kEscapeKey = 27;

int square(int value) {
  return value * value;
}

int distance(const chart::Rgb& a, const chart::Rgb& b) {
  return square(a.red - b.red) + square(a.green - b.green) + square(a.blue - b.blue);
}

/// The nearest of 256 colours: a cube of 6 x 6 x 6 from 16 on, and greys from 232 on.
short nearest_of_256(const chart::Rgb& wanted) {
  constexpr std::array<int, 6> kLevels = {0, 95, 135, 175, 215, 255};
  const auto level = [&](int value) {
    int best = 0;
    for (int i = 1; i < 6; ++i)
      if (std::abs(kLevels[static_cast<std::size_t>(i)] - value) <
          std::abs(kLevels[static_cast<std::size_t>(best)] - value))
        best = i;
    return best;
  };
  const int r = level(wanted.red);
  const int g = level(wanted.green);
  const int b = level(wanted.blue);
  const auto at = [&](int i) { return kLevels[static_cast<std::size_t>(i)]; };
  const int grey =
      std::min(23, std::max(0, ((wanted.red + wanted.green + wanted.blue) / 3 - 3) / 10));
  const int shade = 8 + 10 * grey;
  const bool is_grey =
      distance(wanted, {shade, shade, shade}) < distance(wanted, {at(r), at(g), at(b)});
  return static_cast<short>(is_grey ? 232 + grey : 16 + 36 * r + 6 * g + b);
}

/// The nearest of the eight colours that every terminal with colours has.
short nearest_of_8(const chart::Rgb& wanted) {
  short best = 0;
  int least = INT_MAX;
  for (short i = 0; i < 8; ++i) {
    const chart::Rgb colour{(i & 1) != 0 ? 205 : 0, (i & 2) != 0 ? 205 : 0, (i & 4) != 0 ? 205 : 0};
    const int far = distance(wanted, colour);
    if (far < least) {
      least = far;
      best = i;
    }
  }
  return best;
}

}  // namespace

std::unique_ptr<Terminal> Terminal::open(Complaint& complaint) {
  if (::isatty(STDIN_FILENO) == 0 || ::isatty(STDOUT_FILENO) == 0) {
    complaint.make(
        "this is not a terminal; --once shows one snapshot, --json one line for each interval");
    return nullptr;
  }
  // This sets the locale, which ncurses looks at.
  static_cast<void>(chart::terminal_style(STDOUT_FILENO));
  // If a shell has exported a size, ncurses takes it for the terminal's.
  ::unsetenv("LINES");
  ::unsetenv("COLUMNS");
  SCREEN* screen = ::newterm(nullptr, stdout, stdin);
  if (screen == nullptr) {
    const char* type = std::getenv("TERM");
    complaint.make(std::string("the terminal's type '") + (type == nullptr ? "" : type) +
                   "' is not known; --once shows one snapshot");
    return nullptr;
  }
  return std::unique_ptr<Terminal>(new Terminal(screen));
}

Terminal::Terminal(void* screen)
    : screen_(screen), utf8_(chart::terminal_style(STDOUT_FILENO).utf8) {
  ::cbreak();
  ::noecho();
  ::nonl();
  ::intrflush(stdscr, FALSE);
  ::keypad(stdscr, TRUE);
  ::nodelay(stdscr, TRUE);
  ::set_escdelay(25);
  ::curs_set(0);
  if (::has_colors() && std::getenv("NO_COLOR") == nullptr) {
    ::start_color();
    ::use_default_colors();
  }
}

Terminal::~Terminal() {
  ::endwin();
  ::delscreen(static_cast<SCREEN*>(screen_));
}

Canvas Terminal::canvas() const {
  return {::getmaxx(stdscr), ::getmaxy(stdscr), utf8_};
}

short Terminal::colour_of(std::string_view colour) const {
  if (colour.empty()) return kDefault;
  const chart::Rgb rgb = chart::rgb_of(colour);
  return COLORS >= 256 ? nearest_of_256(rgb) : nearest_of_8(rgb);
}

int Terminal::attributes_of(const Look& look) {
  unsigned attributes = A_NORMAL;
  if (look.strong) attributes |= A_BOLD;
  if (look.faint && COLORS >= 256) attributes |= A_DIM;
  const bool has_colours = ::has_colors() && std::getenv("NO_COLOR") == nullptr && COLORS >= 8;
  // Text on a coloured ground stands out on a terminal without colours, too.
  if (look.reverse || (!has_colours && !look.ground.empty() && look.strong))
    attributes |= A_REVERSE;
  if (!has_colours || (look.ground.empty() && look.ink.empty()))
    return static_cast<int>(attributes);
  const std::string_view ink =
      look.ink.empty() && !look.ground.empty() ? chart::readable_on(look.ground) : look.ink;
  const std::pair colours{colour_of(ink), colour_of(look.ground)};
  auto found = pairs_.find(colours);
  if (found == pairs_.end()) {
    const auto pair = static_cast<short>(pairs_.size() + 1);
    if (pair >= COLOR_PAIRS || ::init_pair(pair, colours.first, colours.second) == ERR)
      return static_cast<int>(attributes);
    found = pairs_.emplace(colours, pair).first;
  }
  return static_cast<int>(attributes | COLOR_PAIR(static_cast<unsigned>(found->second)));
}

void Terminal::show(const Canvas& canvas) {
  ::werase(stdscr);
  for (int y = 0; y < canvas.height(); ++y) {
    for (int x = 0; x < canvas.width(); ++x) {
      const Canvas::Cell& cell = canvas.at(x, y);
      if (cell.text.empty() || (cell.text == " " && cell.look == Look{})) continue;
      ::wattrset(stdscr, attributes_of(cell.look));
      // Behind the last cell the cursor has no place; ncurses calls that an error.
      static_cast<void>(::mvwaddstr(stdscr, y, x, cell.text.c_str()));
    }
  }
  ::wattrset(stdscr, A_NORMAL);
  ::wrefresh(stdscr);
}

KeyPress Terminal::key() {
  const int code = ::wgetch(stdscr);
  switch (code) {
    case ERR:
      return {};
    case KEY_RESIZE:
      return {Key::kResized};
    case KEY_ENTER:
    case '\r':
    case '\n':
      return {Key::kEnter};
    case kEscapeKey:
      return {Key::kEscape};
    case '\t':
    case KEY_RIGHT:
    case KEY_DOWN:
      return {Key::kNext};
    case KEY_BTAB:
    case KEY_LEFT:
    case KEY_UP:
      return {Key::kPrevious};
    default:
      return code > 0 && code < 128 ? KeyPress{Key::kCharacter, static_cast<char>(code)}
                                    : KeyPress{Key::kCharacter, '\0'};
  }
}

}  // namespace spindle::cli
