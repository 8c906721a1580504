#include "spindle/chart/svg.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>

namespace spindle::chart {
namespace {

/// A length has two decimals at most, so that documents are small, and the same everywhere.
std::string length(double value) {
  std::string text = fmt::format("{:.2f}", value == 0 ? 0.0 : value);
  text.erase(text.find_last_not_of('0') + 1);
  if (text.back() == '.') text.pop_back();
  return text;
}

std::string look_of(const Look& look) {
  std::string out = fmt::format(" fill=\"{}\"", look.fill);
  if (look.stroke == "none") return out;
  out += fmt::format(" stroke=\"{}\" stroke-width=\"{}\"", look.stroke, length(look.stroke_width));
  if (!look.dashes.empty()) out += fmt::format(" stroke-dasharray=\"{}\"", look.dashes);
  return out;
}

std::string points_of(std::span<const Point> points) {
  std::string list;
  for (const Point& p : points) list += fmt::format("{},{} ", length(p.x), length(p.y));
  return list;
}

}  // namespace

Svg::Svg(double width, double height, std::string_view title)
    : width_(width), height_(height), title_(title) {}

void Svg::shape(std::string_view tag, std::string_view attributes, const Look& look,
                std::string_view tooltip) {
  body_ += fmt::format("<{}{}{}", tag, attributes, look_of(look));
  body_ += tooltip.empty() ? std::string("/>\n")
                           : fmt::format("><title>{}</title></{}>\n", escaped(tooltip), tag);
}

void Svg::box(const Box& box, const Look& look, std::string_view tooltip) {
  shape("rect",
        fmt::format(" x=\"{}\" y=\"{}\" width=\"{}\" height=\"{}\"", length(box.x), length(box.y),
                    length(std::max(box.width, 0.0)), length(std::max(box.height, 0.0))),
        look, tooltip);
}

void Svg::circle(Point centre, double radius, const Look& look, std::string_view tooltip) {
  shape("circle",
        fmt::format(" cx=\"{}\" cy=\"{}\" r=\"{}\"", length(centre.x), length(centre.y),
                    length(radius)),
        look, tooltip);
}

void Svg::line(Point from, Point to, const Look& look) {
  shape("line",
        fmt::format(" x1=\"{}\" y1=\"{}\" x2=\"{}\" y2=\"{}\"", length(from.x), length(from.y),
                    length(to.x), length(to.y)),
        look, "");
}

void Svg::path(std::span<const Point> points, const Look& look) {
  shape("polyline", fmt::format(" stroke-linejoin=\"round\" points=\"{}\"", points_of(points)),
        look, "");
}

void Svg::polygon(std::span<const Point> points, const Look& look, std::string_view tooltip) {
  shape("polygon", fmt::format(" points=\"{}\"", points_of(points)), look, tooltip);
}

void Svg::arrow(Point from, Point to, const Look& look) {
  const double dx = to.x - from.x;
  const double dy = to.y - from.y;
  const double size = std::hypot(dx, dy);
  if (size == 0) return;
  const Point along{dx / size, dy / size};
  const Point base{to.x - 10 * along.x, to.y - 10 * along.y};
  line(from, base, look);
  const std::string head =
      fmt::format(" points=\"{},{} {},{} {},{}\"", length(to.x), length(to.y),
                  length(base.x - 4.5 * along.y), length(base.y + 4.5 * along.x),
                  length(base.x + 4.5 * along.y), length(base.y - 4.5 * along.x));
  shape("polygon", head, {.fill = look.stroke}, "");
}

void Svg::text(Point at, std::string_view text, const Lettering& lettering) {
  constexpr std::string_view kAnchors[] = {"start", "middle", "end"};
  body_ += fmt::format(
      "<text x=\"{}\" y=\"{}\" font-size=\"{}\" text-anchor=\"{}\" fill=\"{}\"{}>{}</text>\n",
      length(at.x), length(at.y), length(lettering.size),
      kAnchors[static_cast<std::size_t>(lettering.anchor)], lettering.colour,
      lettering.bold ? " font-weight=\"bold\"" : "", escaped(text));
}

void Svg::text_in(const Box& box, std::string_view words, const Lettering& lettering) {
  Lettering centred = lettering;
  centred.anchor = Anchor::kMiddle;
  text({box.x + box.width / 2, box.y + box.height / 2 + lettering.size * 0.36}, words, centred);
}

double Svg::width_of(std::string_view text, double size) {
  return static_cast<double>(columns_of(text)) * size * 0.64;
}

bool Svg::fits(std::string_view text, const Box& box, double size) {
  return width_of(text, size) + 4 <= box.width && size + 2 <= box.height;
}

std::string Svg::document() const {
  return svg_document(width_, height_, title_, body_);
}

std::string svg_document(double width, double height, std::string_view title,
                         std::string_view body) {
  return fmt::format(
      "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n"
      "<svg xmlns=\"http://www.w3.org/2000/svg\" width=\"{0}\" height=\"{1}\" "
      "viewBox=\"0 0 {0} {1}\" font-family=\"{2}\" role=\"img\">\n<title>{3}</title>\n"
      "<rect width=\"100%\" height=\"100%\" fill=\"#FFFFFF\"/>\n{4}</svg>\n",
      length(width), length(height), kFont, escaped(title), body);
}

std::string escaped(std::string_view text) {
  std::string out;
  for (char c : text) {
    switch (c) {
      case '<':
        out += "&lt;";
        break;
      case '>':
        out += "&gt;";
        break;
      case '&':
        out += "&amp;";
        break;
      case '"':
        out += "&quot;";
        break;
      default:
        if (static_cast<unsigned char>(c) >= 0x20 || c == '\n' || c == '\t') out += c;
    }
  }
  return out;
}

std::vector<double> nice_ticks(double low, double high, std::size_t most) {
  if (!(low < high) || most == 0) return {low};
  const double raw = (high - low) / static_cast<double>(most);
  const double power = std::pow(10, std::floor(std::log10(raw)));
  double step = 10 * power;
  for (double factor : {1.0, 2.0, 5.0})
    if (raw <= factor * power) {
      step = factor * power;
      break;
    }
  std::vector<double> ticks;
  for (double index = std::ceil(low / step - 1e-9); index * step <= high + step * 1e-9; ++index)
    ticks.push_back(index * step);
  return ticks;
}

std::string number_text(double number) {
  if (number != 0 && std::abs(number) < 0.01) return fmt::format("{:.3g}", number);
  double shown = number;
  std::string_view suffix;
  if (std::abs(number) >= 1e9)
    shown /= 1e9, suffix = "G";
  else if (std::abs(number) >= 1e6)
    shown /= 1e6, suffix = "M";
  std::string text = suffix.empty() ? fmt::format("{:.4f}", shown) : fmt::format("{:.2f}", shown);
  text.erase(text.find_last_not_of('0') + 1);
  if (text.back() == '.') text.pop_back();
  if (text == "-0") text = "0";
  return text + std::string(suffix);
}

std::size_t columns_of(std::string_view text) {
  return static_cast<std::size_t>(std::ranges::count_if(
      text, [](char c) { return (static_cast<unsigned char>(c) & 0xC0) != 0x80; }));
}

}  // namespace spindle::chart
