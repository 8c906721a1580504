#include "spindle/chart/block_map.h"

#include <fmt/format.h>

#include <algorithm>
#include <cctype>
#include <numeric>

#include "spindle/base/size_text.h"
#include "spindle/chart/palette.h"
#include "spindle/chart/rgb.h"
#include "spindle/chart/svg.h"

namespace spindle::chart {
namespace {

constexpr std::size_t kMostCellsInRow = 64;

/// A line of the legend, without its letter or colour.
struct LegendLine {
  std::string name;
  std::string blocks;
  std::string size;
};

std::string_view unit_of(const LegendLine& line) {
  return line.blocks == "1" ? "block" : "blocks";
}

std::vector<LegendLine> legend_of(const BlockMap& map) {
  std::vector<LegendLine> lines;
  for (std::size_t i = 0; i < map.kinds.size(); ++i) {
    const std::uint64_t blocks = map.blocks_of(i);
    lines.push_back(
        {map.kinds[i].name, std::to_string(blocks), size_text(blocks * map.block_size_bytes)});
  }
  return lines;
}

std::string cell_text(const BlockMap& map) {
  return fmt::format("{} block{} ({})", map.blocks_per_cell, map.blocks_per_cell == 1 ? "" : "s",
                     size_text(map.blocks_per_cell * map.block_size_bytes));
}

std::string first_block_text(const BlockMap& map, std::size_t cell) {
  return std::to_string(map.first_block + cell * map.blocks_per_cell);
}

/// The text on a ground of that colour, dark on a light one and light on a dark one.
std::string coloured(std::string_view colour, std::string_view text) {
  const Rgb ground = rgb_of(colour);
  const Rgb ink = rgb_of(readable_on(colour));
  return fmt::format("\x1b[48;2;{};{};{};{}m{}\x1b[0m", ground.red, ground.green, ground.blue,
                     ink.red == 0 ? 30 : 97, text);
}

std::string glyph(const BlockMap& map, std::size_t kind, bool is_capital, const TextStyle& style,
                  Colours colours) {
  if (kind == 0) return std::string(style.pick("·", "."));
  const BlockMap::Kind& of = map.kinds[kind];
  const auto letter = static_cast<unsigned char>(of.letter);
  const std::string text(
      1, static_cast<char>(is_capital ? std::toupper(letter) : std::tolower(letter)));
  return colours == Colours::kTerminal ? coloured(of.colour, text) : text;
}

constexpr double kPitch = 13;
constexpr double kCell = 12;
constexpr double kGridTop = 66;
constexpr double kLegendPitch = 18;

class BlockMapDrawing {
 public:
  explicit BlockMapDrawing(const BlockMap& map)
      : map_(map),
        legend_(legend_of(map)),
        note_("Each cell is " + cell_text(map) +
              ", in the colour of what fills most of it, as high as it is in use."),
        left_(30 + Svg::width_of(first_block_text(map, map.cells.size()), 10)),
        rows_((map.cells.size() + kMostCellsInRow - 1) / kMostCellsInRow) {
    for (const LegendLine& line : legend_) {
      names_ = std::max(names_, Svg::width_of(line.name));
      blocks_ = std::max(blocks_, Svg::width_of(line.blocks));
    }
  }

  [[nodiscard]] std::string document() const {
    const double bottom = kGridTop + static_cast<double>(rows_) * kPitch;
    const double width = std::max({left_ + kMostCellsInRow * kPitch + 16, legend_right() + 16,
                                   Svg::width_of(map_.title, 15) + 32, Svg::width_of(note_) + 32,
                                   Svg::width_of(map_.caption, 11) + 32});
    const double height = bottom + 62 + static_cast<double>(legend_.size()) * kLegendPitch;
    Svg svg(width, height, map_.title);
    svg.text({16, 26}, map_.title, {.size = 15, .bold = true});
    svg.text({16, 46}, note_);
    svg.text({left_ - 8, kGridTop - 5}, "block", {.size = 10, .anchor = Anchor::kEnd});
    for (std::size_t i = 0; i < map_.cells.size(); ++i) draw_cell(svg, i);
    draw_legend(svg, bottom + 36);
    svg.text({16, height - 16}, map_.caption, {.size = 11, .colour = "#595959"});
    return svg.document();
  }

 private:
  [[nodiscard]] double legend_right() const { return left_ + 22 + names_ + 24 + blocks_ + 140; }

  void draw_cell(Svg& svg, std::size_t i) const {
    const double x = left_ + static_cast<double>(i % kMostCellsInRow) * kPitch;
    const double y = kGridTop + static_cast<double>(i / kMostCellsInRow) * kPitch;
    if (i % kMostCellsInRow == 0) {
      svg.text({left_ - 8, y + 10}, first_block_text(map_, i),
               {.size = 10, .anchor = Anchor::kEnd});
    }
    const BlockMap::Cell& cell = map_.cells[i];
    const std::size_t kind = BlockMap::kind_of(cell);
    svg.box({x, y, kCell, kCell}, {.fill = map_.kinds[0].colour, .stroke = "#D9D9D9"});
    if (kind == 0) return;
    const double height = std::max(2.0, kCell * BlockMap::share_in_use(cell));
    svg.box({x, y + kCell - height, kCell, height}, {.fill = map_.kinds[kind].colour},
            fmt::format("from block {}: {}, {} blocks in use", first_block_text(map_, i),
                        map_.kinds[kind].name, BlockMap::blocks_in_use(cell)));
  }

  void draw_legend(Svg& svg, double y) const {
    for (std::size_t i = 0; i < legend_.size(); ++i, y += kLegendPitch) {
      const double blocks_right = left_ + 22 + names_ + 24 + blocks_;
      svg.box({left_, y - 10, kCell, kCell}, {.fill = map_.kinds[i].colour, .stroke = "#D9D9D9"});
      svg.text({left_ + 22, y}, legend_[i].name);
      svg.text({blocks_right, y}, legend_[i].blocks, {.anchor = Anchor::kEnd});
      svg.text({blocks_right + 6, y}, unit_of(legend_[i]));
      svg.text({blocks_right + 140, y}, legend_[i].size, {.anchor = Anchor::kEnd});
    }
  }

  const BlockMap& map_;
  std::vector<LegendLine> legend_;
  std::string note_;
  double left_;
  std::size_t rows_;
  double names_ = 0;
  double blocks_ = 0;
};

}  // namespace

std::size_t BlockMap::kind_of(const Cell& cell) {
  const auto most = std::max_element(cell.begin() + 1, cell.end());
  return most == cell.end() || *most == 0 ? 0 : static_cast<std::size_t>(most - cell.begin());
}

std::uint64_t BlockMap::blocks_in_use(const Cell& cell) {
  return std::accumulate(cell.begin() + 1, cell.end(), std::uint64_t{0});
}

double BlockMap::share_in_use(const Cell& cell) {
  const std::uint64_t used = blocks_in_use(cell);
  return used == 0 ? 0 : static_cast<double>(used) / static_cast<double>(used + cell.front());
}

std::uint64_t BlockMap::blocks_of(std::size_t kind) const {
  std::uint64_t blocks = 0;
  for (const Cell& cell : cells) blocks += cell[kind];
  return blocks;
}

std::string to_text(const BlockMap& map, const TextStyle& style, Colours colours) {
  const std::size_t digits = first_block_text(map, map.cells.size()).size();
  std::size_t columns = kMostCellsInRow;
  while (columns > 8 && columns + digits + 2 > style.width) columns /= 2;
  std::string out = map.title + "\nEach letter is " + cell_text(map) +
                    ": what fills most of it; a capital where at least half is in use.\n\n";
  for (std::size_t i = 0; i < map.cells.size(); ++i) {
    if (i % columns == 0) out += right_aligned(first_block_text(map, i), digits) + "  ";
    const BlockMap::Cell& cell = map.cells[i];
    out += glyph(map, BlockMap::kind_of(cell), BlockMap::share_in_use(cell) >= 0.5, style, colours);
    if (i % columns == columns - 1 || i + 1 == map.cells.size()) out += "\n";
  }
  out += "\n";
  const auto legend = legend_of(map);
  std::size_t name = 0;
  for (const LegendLine& line : legend) name = std::max(name, columns_of(line.name));
  for (std::size_t i = 0; i < legend.size(); ++i) {
    out += glyph(map, i, true, style, colours) + "  " + padded(legend[i].name, name) + "  " +
           right_aligned(legend[i].blocks, digits) + " " + padded(unit_of(legend[i]), 6) + "  " +
           right_aligned(legend[i].size, 10) + "\n";
  }
  if (!map.caption.empty()) out += "\n" + map.caption + "\n";
  return out;
}

std::string to_svg(const BlockMap& map) {
  return BlockMapDrawing(map).document();
}

}  // namespace spindle::chart
