// Svg: a drawing, built up from shapes, written as one SVG 1.1 document.
//
// Lengths are in pixels, (0, 0) is the upper left corner. What is drawn later lies above. Text is
// measured by the widths of a common sans-serif font, on the safe side, so that a picture can be
// laid out without a font; `fits` is what decides whether a label goes into a box. Text is escaped,
// and bytes that XML does not allow are left out.
//
//   Svg svg(640, 200, "Round robin, quantum 4");
//   svg.box({10, 10, 80, 24}, {.fill = colour_of(Meaning::kRunning)}, "P1: 0 to 4 ms");
//   write(svg.document());
#pragma once

#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace spindle::chart {

struct Point {
  double x = 0;
  double y = 0;
};

struct Box {
  double x = 0;
  double y = 0;
  double width = 0;
  double height = 0;
};

struct Look {
  std::string_view fill = "none";
  std::string_view stroke = "none";
  double stroke_width = 1;
  std::string_view dashes = "";
};

enum class Anchor : unsigned char { kStart, kMiddle, kEnd };

struct Lettering {
  double size = 12;
  Anchor anchor = Anchor::kStart;
  bool bold = false;
  std::string_view colour = "#000000";
};
/// The size of what stands beside a picture: marks of its axes, its caption.
inline constexpr double kSmallText = 11;

class Svg {
 public:
  /// `title` is what screen readers and tooltips say of the whole.
  Svg(double width, double height, std::string_view title);

  /// A tooltip that is not empty is shown when the pointer rests on the shape.
  void box(const Box& box, const Look& look, std::string_view tooltip = "");
  void circle(Point centre, double radius, const Look& look, std::string_view tooltip = "");
  void line(Point from, Point to, const Look& look);
  void path(std::span<const Point> points, const Look& look);
  void polygon(std::span<const Point> points, const Look& look, std::string_view tooltip = "");
  /// A line with a head of the stroke's colour at its end.
  void arrow(Point from, Point to, const Look& look);
  /// `at` is where the base line begins, or as `lettering` anchors it.
  void text(Point at, std::string_view text, const Lettering& lettering = {});
  /// Writes the text in the middle of the box.
  void text_in(const Box& box, std::string_view text, const Lettering& lettering = {});

  [[nodiscard]] static double width_of(std::string_view text, double size = 12);
  /// Whether the text fits into the box, with a little room on each side.
  [[nodiscard]] static bool fits(std::string_view text, const Box& box, double size = 12);

  [[nodiscard]] std::string document() const;

 private:
  void shape(std::string_view tag, std::string_view attributes, const Look& look,
             std::string_view tooltip);

  double width_;
  double height_;
  std::string title_;
  std::string body_;
};

inline constexpr std::string_view kFont = "DejaVu Sans, Verdana, Helvetica, Arial, sans-serif";
/// A document of this size: the shapes of `body` on a white ground.
std::string svg_document(double width, double height, std::string_view title,
                         std::string_view body);
/// The text with the characters escaped that mean something in XML and HTML.
std::string escaped(std::string_view text);

/// Numbers at which an axis from `low` to `high` is marked: 1, 2 or 5 times a power of ten apart,
/// at most `most` of them.
std::vector<double> nice_ticks(double low, double high, std::size_t most);
/// A number with as many decimals as it has, four at most; "1.5M" from a million on, and three
/// significant digits below a hundredth.
std::string number_text(double number);
/// How many columns of a terminal the text takes.
std::size_t columns_of(std::string_view text);

}  // namespace spindle::chart
