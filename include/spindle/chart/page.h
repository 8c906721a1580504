// Several pictures as one: below one another in one SVG, or with headings and tables in one HTML
// page that needs nothing from anywhere.
//
//   Page page("git clone: what the policies made of it");
//   page.add_heading("The disk");
//   page.add_table(table);             // HTML alone
//   page.add_picture(to_svg(bars));
//   write(page.svg());  write(page.html());
#pragma once

#include <string>
#include <string_view>
#include <utility>
#include <variant>
#include <vector>

#include "spindle/chart/table.h"

namespace spindle::chart {

class Page {
 public:
  explicit Page(std::string title) : title_(std::move(title)) {}

  void add_heading(std::string text) { parts_.emplace_back(Heading{std::move(text)}); }
  void add_paragraph(std::string text) { parts_.emplace_back(Paragraph{std::move(text)}); }
  void add_table(Table table) { parts_.emplace_back(std::move(table)); }
  /// What `Svg::document` wrote.
  void add_picture(std::string document) { parts_.emplace_back(Picture{std::move(document)}); }

  /// The pictures and their headings.
  [[nodiscard]] std::string svg() const;
  [[nodiscard]] std::string html() const;

 private:
  struct Heading {
    std::string text;
  };
  struct Paragraph {
    std::string text;
  };
  struct Picture {
    std::string document;
  };

  std::string title_;
  std::vector<std::variant<Heading, Paragraph, Table, Picture>> parts_;
};

}  // namespace spindle::chart
