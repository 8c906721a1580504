#include "spindle/chart/page.h"

#include <fmt/format.h>

#include <algorithm>
#include <cstdlib>

#include "spindle/chart/svg.h"

namespace spindle::chart {
namespace {

/// The document from its root element on, without the declarations before it.
std::string_view element_of(std::string_view document) {
  const std::size_t start = document.find("<svg");
  return document.substr(std::min(start, document.size()));
}

double attribute_of(std::string_view element, std::string_view name) {
  const std::string mark = fmt::format(" {}=\"", name);
  const std::size_t at = element.find(mark);
  if (at == std::string_view::npos) return 0;
  return std::strtod(std::string(element.substr(at + mark.size(), 16)).c_str(), nullptr);
}

/// What is wider than a small screen scrolls in its own frame, so that pictures stay legible. Their
/// colours are made for a white ground.
constexpr std::string_view kStyle =
    ":root{color-scheme:light}"
    "body{font-family:sans-serif;max-width:60em;margin:2em auto;padding:0 1em;color:#000;"
    "background:#FFF}"
    "h1{font-size:1.6em;overflow-wrap:anywhere}"
    ".wide{overflow-x:auto;margin:1em 0}"
    "table{border-collapse:collapse;font-size:90%}"
    "th,td{padding:.2em .7em;text-align:right;border-bottom:1px solid #D9D9D9}"
    "th:first-child,td:first-child{text-align:left;white-space:nowrap}"
    "svg{display:block;min-width:44em;max-width:100%;height:auto}";

std::string framed(std::string_view html) {
  return fmt::format("<div class=\"wide\">\n{}</div>\n", html);
}

std::string table_html(const Table& table) {
  std::string out = "<table>\n";
  for (std::size_t row = 0; row < table.rows().size() + 1; ++row) {
    const bool is_head = row == 0;
    out += "<tr>";
    for (const std::string& cell : is_head ? table.titles() : table.rows()[row - 1])
      out += fmt::format("<{0}>{1}</{0}>", is_head ? "th" : "td", escaped(cell));
    out += "</tr>\n";
  }
  return out + "</table>\n";
}

}  // namespace

std::string Page::svg() const {
  constexpr double kMargin = 16;
  constexpr double kHeading = 36;
  double width = Svg::width_of(title_, 18) + 2 * kMargin;
  double y = kMargin + kHeading;
  std::string body =
      fmt::format("<text x=\"{}\" y=\"{}\" font-size=\"18\" font-weight=\"bold\">{}</text>\n",
                  kMargin, kMargin + 14, escaped(title_));
  for (const auto& part : parts_) {
    if (const auto* heading = std::get_if<Heading>(&part)) {
      body +=
          fmt::format("<text x=\"{}\" y=\"{}\" font-size=\"16\" font-weight=\"bold\">{}</text>\n",
                      kMargin, y + 20, escaped(heading->text));
      width = std::max(width, Svg::width_of(heading->text, 16) + 2 * kMargin);
      y += kHeading;
    }
    const auto* picture = std::get_if<Picture>(&part);
    if (picture == nullptr) continue;
    const std::string_view element = element_of(picture->document);
    body += fmt::format("<svg y=\"{}\" {}", y, element.substr(5));
    width = std::max(width, attribute_of(element, "width"));
    y += attribute_of(element, "height") + kMargin;
  }
  return svg_document(width, y, title_, body);
}

std::string Page::html() const {
  std::string body;
  for (const auto& part : parts_) {
    if (const auto* heading = std::get_if<Heading>(&part)) {
      body += fmt::format("<h2>{}</h2>\n", escaped(heading->text));
    } else if (const auto* paragraph = std::get_if<Paragraph>(&part)) {
      body += fmt::format("<p>{}</p>\n", escaped(paragraph->text));
    } else if (const auto* table = std::get_if<Table>(&part)) {
      body += framed(table_html(*table));
    } else if (const auto* picture = std::get_if<Picture>(&part)) {
      body += framed(element_of(picture->document));
    }
  }
  return fmt::format(
      "<!DOCTYPE html>\n<html lang=\"en\">\n<head><meta charset=\"utf-8\">"
      "<meta name=\"viewport\" content=\"width=device-width\"><title>{0}</title>\n"
      "<style>{1}</style></head>\n<body>\n<h1>{0}</h1>\n{2}</body>\n</html>\n",
      escaped(title_), kStyle, body);
}

}  // namespace spindle::chart
