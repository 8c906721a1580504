// FrameTable: what stands in each frame of memory, reference by reference.
//
// A column is a reference, a row is a frame; below stand footers, such as who was thrown out. Long
// strings of references are broken into several tables, one below the other. Whatever else has a
// state after each step can be shown so too: the labels say what the columns, rows and colours are.
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
    std::string footer;       ///< what left: the victim
    bool is_fault = false;
  };

  std::string title;
  std::string references_label = "reference";
  std::string fault_label = "fault";  ///< of the row that marks faults; empty: there is no such row
  std::string footer_label = "out";   ///< empty: no footers
  std::string hit_meaning = "hit";    ///< its name in the legend; empty: it is not listed
  std::string loaded_meaning = "fault: loaded";
  std::string kept_meaning = "kept";
  std::vector<std::string> rows;
  std::vector<Column> columns;
};

std::string to_text(const FrameTable& table, const TextStyle& style);
std::string to_svg(const FrameTable& table);

}  // namespace spindle::chart
