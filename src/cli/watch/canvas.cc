#include "cli/watch/canvas.h"

#include <fmt/format.h>

#include <algorithm>
#include <cwchar>
#include <sstream>

#include "spindle/base/wrapped_text.h"
#include "spindle/chart/rgb.h"

namespace spindle::cli {
namespace {

struct Character {
  std::string_view bytes;
  int columns = 1;
};

/// The first character of a text, which must not be empty and must be valid UTF-8.
Character first_of(std::string_view text) {
  const auto byte = [&](std::size_t i) { return static_cast<unsigned char>(text[i]); };
  const std::size_t length = byte(0) < 0x80 ? 1 : byte(0) < 0xE0 ? 2 : byte(0) < 0xF0 ? 3 : 4;
  if (length == 1 || text.size() < length) return {text.substr(0, 1), 1};
  wchar_t code = byte(0) & (0xFF >> (length + 1));
  for (std::size_t i = 1; i < length; ++i) code = code << 6 | (byte(i) & 0x3F);
  return {text.substr(0, length), std::max(0, ::wcwidth(code))};
}

std::string ansi(const Look& look) {
  std::string codes;
  if (look.strong) codes += ";1";
  if (look.faint) codes += ";2";
  if (look.reverse) codes += ";7";
  const auto add = [&](int which, std::string_view colour) {
    if (colour.empty()) return;
    const chart::Rgb rgb = chart::rgb_of(colour);
    codes += fmt::format(";{};2;{};{};{}", which, rgb.red, rgb.green, rgb.blue);
  };
  add(48, look.ground);
  add(38, !look.ink.empty() || look.ground.empty() ? look.ink : chart::readable_on(look.ground));
  return "\x1b[0" + codes + "m";
}

}  // namespace

Canvas::Canvas(int width, int height, bool utf8)
    : width_(std::max(width, 0)),
      height_(std::max(height, 0)),
      utf8_(utf8),
      cells_(static_cast<std::size_t>(width_) * static_cast<std::size_t>(height_)) {}

int Canvas::put(int x, int y, std::string_view text, const Look& look) {
  while (!text.empty()) {
    const Character one = first_of(text);
    text.remove_prefix(one.bytes.size());
    const bool is_shown = utf8_ || one.bytes.size() == 1;
    if (one.columns == 0) {
      if (utf8_ && has(x - 1, y) && at(x - 1, y).text.size() < 12)
        cells_[index(x - 1, y)].text += one.bytes;
      continue;
    }
    if (has(x, y)) cells_[index(x, y)] = {std::string(is_shown ? one.bytes : "?"), look};
    if (one.columns == 2 && has(x, y)) {
      // At the edge there is no room for its second half.
      if (has(x + 1, y))
        cells_[index(x + 1, y)] = {is_shown ? "" : "?", look};
      else
        cells_[index(x, y)].text = std::string(" ");
    }
    x += one.columns;
  }
  return x;
}

int Canvas::put_within(int x, int y, int width, std::string_view text, const Look& look) {
  std::size_t taken = 0;
  for (int columns = 0; taken < text.size();) {
    const Character one = first_of(text.substr(taken));
    columns += one.columns;
    if (columns > width) break;
    taken += one.bytes.size();
  }
  return put(x, y, text.substr(0, taken), look);
}

int Canvas::put_clauses(int x, int y, int width, std::string_view text, const Look& look) {
  std::string_view shown = text;
  while (columns_on_canvas(shown) > width) {
    const std::size_t end = shown.find_last_of(",;");
    if (end == std::string_view::npos) break;
    shown = shown.substr(0, end);
  }
  return put_within(x, y, width, shown, look);
}

int Canvas::put_wrapped(const Area& area, std::string_view text, const Look& look) {
  std::istringstream lines(wrapped_text(text, "", "", static_cast<std::size_t>(area.width)));
  int row = 0;
  for (std::string line; row < area.height && std::getline(lines, line); ++row)
    put_within(area.x, area.y + row, area.width, line, look);
  return row;
}

int Canvas::put_end_within(int x, int y, int width, std::string_view text, const Look& look) {
  if (columns_on_canvas(text) <= width) return put(x, y, text, look);
  const std::string_view dots = "...";
  while (!text.empty() && columns_on_canvas(text) + 3 > width)
    text.remove_prefix(first_of(text).bytes.size());
  return put(put_within(x, y, width, dots, look), y, text, look);
}

void Canvas::put_right(int right, int y, std::string_view text, const Look& look) {
  put(right - columns_on_canvas(text), y, text, look);
}

void Canvas::clear(const Area& area) {
  for (int y = area.y; y < area.y + area.height; ++y)
    for (int x = area.x; x < area.x + area.width; ++x)
      if (has(x, y)) cells_[index(x, y)] = {};
}

std::string Canvas::text(bool coloured) const {
  std::string out;
  for (int y = 0; y < height_; ++y) {
    int end = width_;
    while (end > 0 && at(end - 1, y).text == " " && at(end - 1, y).look == Look{}) --end;
    Look look;
    for (int x = 0; x < end; ++x) {
      const Cell& cell = at(x, y);
      if (coloured && cell.look != look) out += ansi(cell.look);
      look = cell.look;
      out += cell.text;
    }
    if (coloured && look != Look{}) out += "\x1b[0m";
    if (!coloured) out.erase(out.find_last_not_of(' ') + 1);
    out += '\n';
  }
  return out;
}

int columns_on_canvas(std::string_view text) {
  int columns = 0;
  while (!text.empty()) {
    const Character one = first_of(text);
    text.remove_prefix(one.bytes.size());
    columns += one.columns;
  }
  return columns;
}

}  // namespace spindle::cli
