// BlockMap: what the blocks of a disk, or of a part of it, are, as cells of equally many.
//
// A cell shows the kind that most of its blocks in use have, and how much of it is in use: as text
// a letter, a capital where it is at least half; in SVG the height of its filling. A legend says
// how many blocks there are of each kind.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "spindle/chart/text_style.h"

namespace spindle::chart {

struct BlockMap {
  struct Kind {
    std::string name;
    char letter = '?';  ///< differs from those of the other kinds even without regard to case
    std::string_view colour;
  };
  /// How many blocks of the cell are of each kind.
  using Cell = std::vector<std::uint64_t>;

  std::string title;
  std::string caption;  ///< below the legend
  std::uint64_t block_size_bytes = 0;
  std::uint64_t first_block = 0;
  std::uint64_t blocks_per_cell = 1;
  std::vector<Kind> kinds;  ///< the first is what is free
  std::vector<Cell> cells;

  /// The kind that most of the cell's blocks in use have; 0 if it is free.
  [[nodiscard]] static std::size_t kind_of(const Cell& cell);
  [[nodiscard]] static std::uint64_t blocks_in_use(const Cell& cell);
  /// How much of the cell is in use, 0 to 1.
  [[nodiscard]] static double share_in_use(const Cell& cell);
  /// How many blocks of that kind all cells have.
  [[nodiscard]] std::uint64_t blocks_of(std::size_t kind) const;
};

enum class Colours : bool { kNone, kTerminal };

/// As text; with `kTerminal` each letter on a ground of its kind's colour, by the escapes of ANSI
/// terminals.
std::string to_text(const BlockMap& map, const TextStyle& style, Colours colours);
std::string to_svg(const BlockMap& map);

}  // namespace spindle::chart
