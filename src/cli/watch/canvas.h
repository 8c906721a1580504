// Canvas: a screen of character cells in memory, on which panels draw; a terminal shows it, or it
// is written to a file.
//
//   Canvas canvas(80, 24, utf8);
//   canvas.put(4, 0, "reads", {.strong = true});
//   canvas.put(10, 0, "  ", {.ground = colour_of(Meaning::kHit)});
//
// What lies outside is left out. A cell has one character, at most four bytes of UTF-8 with what
// combines with it; a wide character takes two cells. If the canvas is not UTF-8, characters beyond
// ASCII become '?'. Colours are "#RRGGBB", in text that outlives the canvas; empty is the
// terminal's own colour.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>
#include <vector>

namespace spindle::cli {

struct Look {
  std::string_view ground = {};
  std::string_view ink = {};
  bool strong = false;
  bool faint = false;
  bool reverse = false;

  bool operator==(const Look&) const = default;
};

/// A part of a canvas.
struct Area {
  int x = 0;
  int y = 0;
  int width = 0;
  int height = 0;
};

class Canvas {
 public:
  struct Cell {
    std::string text = " ";  ///< empty: the second half of the wide one before
    Look look;
  };

  Canvas(int width, int height, bool utf8);

  [[nodiscard]] int width() const { return width_; }
  [[nodiscard]] int height() const { return height_; }
  [[nodiscard]] bool utf8() const { return utf8_; }
  /// `fancy` if the canvas is UTF-8, otherwise `plain`.
  [[nodiscard]] std::string_view pick(std::string_view fancy, std::string_view plain) const {
    return utf8_ ? fancy : plain;
  }
  [[nodiscard]] const Cell& at(int x, int y) const { return cells_[index(x, y)]; }

  /// Writes to the right from (x, y) on; returns the column behind it.
  int put(int x, int y, std::string_view text, const Look& look = {});
  /// The same in `width` columns at most: a text that is too long loses its end.
  int put_within(int x, int y, int width, std::string_view text, const Look& look = {});
  /// The same, but it loses its start.
  int put_end_within(int x, int y, int width, std::string_view text, const Look& look = {});
  /// As many clauses of the text, which end before "," or ";", as fit; at least a part of the
  /// first.
  int put_clauses(int x, int y, int width, std::string_view text, const Look& look = {});
  /// Breaks the text into lines as far as the area has room; returns how many there are.
  int put_wrapped(const Area& area, std::string_view text, const Look& look = {});
  /// Writes so that the text ends to the left of column `right`.
  void put_right(int right, int y, std::string_view text, const Look& look = {});
  void clear(const Area& area);

  /// The lines without blanks at their ends, with colours as ANSI terminals have them if
  /// `coloured`.
  [[nodiscard]] std::string text(bool coloured) const;

 private:
  [[nodiscard]] std::size_t index(int x, int y) const {
    return static_cast<std::size_t>(y) * static_cast<std::size_t>(width_) +
           static_cast<std::size_t>(x);
  }
  [[nodiscard]] bool has(int x, int y) const {
    return x >= 0 && x < width_ && y >= 0 && y < height_;
  }

  int width_;
  int height_;
  bool utf8_;
  std::vector<Cell> cells_;
};

/// Columns that the text takes on the canvas.
int columns_on_canvas(std::string_view text);

}  // namespace spindle::cli
