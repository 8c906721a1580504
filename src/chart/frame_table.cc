#include "spindle/chart/frame_table.h"

#include <algorithm>

#include "spindle/chart/palette.h"
#include "spindle/chart/svg.h"

namespace spindle::chart {
namespace {

using State = FrameTable::State;

constexpr std::size_t kMostTextColumns = 400;
constexpr std::size_t kMostReferences = 600;

std::size_t widest_of(const FrameTable& table) {
  std::size_t width = 1;
  for (const FrameTable::Column& column : table.columns) {
    width = std::max({width, columns_of(column.reference), columns_of(column.footer)});
    for (const FrameTable::Cell& cell : column.cells)
      width = std::max(width, columns_of(cell.text));
  }
  return width;
}

std::size_t widest_label(const FrameTable& table) {
  std::size_t width = std::max(
      {columns_of(table.references_label), columns_of(table.footer_label), std::size_t{5}});
  for (const std::string& row : table.rows) width = std::max(width, columns_of(row));
  return width;
}

Meaning meaning_of(State state) {
  if (state == State::kHit) return Meaning::kHit;
  if (state == State::kLoaded) return Meaning::kMiss;
  return state == State::kEmpty ? Meaning::kFree : Meaning::kWaiting;
}

class FrameTableDrawing {
 public:
  explicit FrameTableDrawing(const FrameTable& table)
      : table_(table),
        count_(std::min(table.columns.size(), kMostReferences)),
        cell_(std::max(26.0, 9.0 * static_cast<double>(widest_of(table)) + 8)),
        left_(static_cast<double>(widest_label(table)) * 8 + 28),
        per_block_(static_cast<std::size_t>(std::max(4.0, 880 / cell_))) {}

  [[nodiscard]] std::string document() const {
    const double block = (static_cast<double>(table_.rows.size()) + 2) * kRow + 26;
    const std::size_t blocks = std::max<std::size_t>(1, (count_ + per_block_ - 1) / per_block_);
    const double bottom = kTop + static_cast<double>(blocks) * block;
    const auto columns = static_cast<double>(std::min(count_, per_block_));
    const double width =
        std::max({left_ + columns * cell_ + 30, 420.0, Svg::width_of(table_.title, 15) + 40});
    Svg svg(width, bottom + 34, table_.title);
    svg.text({16, 26}, table_.title, {.size = 15, .bold = true});
    for (std::size_t b = 0; b < blocks; ++b)
      draw_block(svg, b * per_block_, kTop + static_cast<double>(b) * block);
    draw_legend(svg, bottom + 16);
    return svg.document();
  }

 private:
  static constexpr double kTop = 46;
  static constexpr double kRow = 24;

  void draw_block(Svg& svg, std::size_t first, double y) const {
    const std::size_t last = std::min(count_, first + per_block_);
    svg.text({left_ - 10, y + 17}, table_.references_label, {.anchor = Anchor::kEnd});
    for (std::size_t r = 0; r < table_.rows.size(); ++r)
      svg.text({left_ - 10, y + 17 + kRow * static_cast<double>(r + 1)}, table_.rows[r],
               {.anchor = Anchor::kEnd});
    const double below = y + kRow * static_cast<double>(table_.rows.size() + 1);
    svg.text({left_ - 10, below + 17}, table_.footer_label, {.anchor = Anchor::kEnd});
    for (std::size_t i = first; i < last; ++i) {
      const FrameTable::Column& column = table_.columns[i];
      const double x = left_ + cell_ * static_cast<double>(i - first);
      svg.text_in({x, y, cell_, kRow}, column.reference, {.bold = true});
      for (std::size_t r = 0; r < column.cells.size(); ++r)
        draw_cell(svg, {x, y + kRow * static_cast<double>(r + 1), cell_, kRow}, column.cells[r]);
      svg.text_in({x, below, cell_, kRow}, column.footer, {.size = 11, .colour = "#595959"});
    }
  }

  static void draw_cell(Svg& svg, const Box& box, const FrameTable::Cell& cell) {
    const Meaning meaning = meaning_of(cell.state);
    svg.box(box, {.fill = colour_of(meaning), .stroke = "#FFFFFF", .stroke_width = 1.5});
    svg.text_in(box, cell.text, {.colour = ink_on(meaning)});
  }

  void draw_legend(Svg& svg, double y) const {
    double x = left_;
    for (const auto& [state, what] : {std::pair(State::kHit, table_.hit_meaning),
                                      {State::kLoaded, table_.loaded_meaning},
                                      {State::kKept, table_.kept_meaning}}) {
      if (what.empty()) continue;
      svg.box({x, y - 10, 14, 12}, {.fill = colour_of(meaning_of(state)), .stroke = "#8C8C8C"});
      svg.text({x + 20, y}, what, {.size = 11});
      x += 40 + Svg::width_of(what, 11);
    }
  }

  const FrameTable& table_;
  std::size_t count_;
  double cell_;
  double left_;
  std::size_t per_block_;
};

}  // namespace

std::string to_text(const FrameTable& table, const TextStyle& style) {
  const std::size_t label = widest_label(table);
  const std::size_t cell = widest_of(table) + 2;
  const std::size_t per_block = std::max<std::size_t>(1, (style.width - label - 1) / cell);
  const std::size_t count = std::min(table.columns.size(), kMostTextColumns);
  std::string out;
  for (std::size_t first = 0; first < count; first += per_block) {
    const std::size_t last = std::min(count, first + per_block);
    if (first != 0) out += "\n";
    const auto line = [&](std::string_view name, const auto& text_of) {
      std::string row = padded(name, label);
      for (std::size_t i = first; i < last; ++i)
        row += right_aligned(text_of(table.columns[i]), cell);
      row.erase(row.find_last_not_of(' ') + 1);
      out += row + "\n";
    };
    line(table.references_label, [](const auto& column) { return column.reference; });
    out += repeated(style.pick("─", "-"), label + cell * (last - first)) + "\n";
    for (std::size_t r = 0; r < table.rows.size(); ++r)
      line(table.rows[r], [&](const FrameTable::Column& column) {
        const FrameTable::Cell& at = column.cells[r];
        return at.text.empty() ? std::string(style.pick("·", ".")) : at.text;
      });
    if (!table.fault_label.empty())
      line(table.fault_label, [&](const FrameTable::Column& column) {
        return std::string(column.is_fault ? style.pick("✗", "x") : "");
      });
    if (!table.footer_label.empty())
      line(table.footer_label, [](const auto& column) { return column.footer; });
  }
  if (count < table.columns.size())
    out += "The first " + std::to_string(count) + " of " + std::to_string(table.columns.size()) +
           " references.\n";
  return out;
}

std::string to_svg(const FrameTable& table) {
  return FrameTableDrawing(table).document();
}

}  // namespace spindle::chart
