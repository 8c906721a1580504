// FrameTable: what stands in each frame of memory, reference by reference.
//
// A column is a reference, a row is a frame; below stand footers, such as who was thrown out. Long
// strings of references are broken into several tables, one below the other.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "spindle/chart/text_style.h"

namespace spindle::chart {

struct FrameTable {
  enum class State : std::uint8_t { kEmpty, kKept, kHit, kLoaded };
  struct Cell {
    std::string text;
    State state = State::kEmpty;
  };
  struct Column {
    std::string reference;
    std::vector<Cell> cells;  ///< as many as there are rows
    std::string footer;       ///< who left
    bool is_fault = false;
  };

  std::string title;
  std::string references_label = "reference";
  std::string footer_label = "out";
  std::vector<std::string> rows;
  std::vector<Column> columns;
};

std::string to_text(const FrameTable& table, const TextStyle& style);
std::string to_svg(const FrameTable& table);

}  // namespace spindle::chart
