// PagedSpace: an address space of paged memory, with what is counted of it.
#pragma once

#include <memory>
#include <vector>

#include "memory_areas.h"
#include "memory_page_map.h"
#include "memory_pool.h"
#include "memory_recency.h"

namespace spindle {

struct PagedSpace {
  SpaceId id;
  AreaMap areas;
  PageMap pages;
  RecencyList recency;
  std::unique_ptr<ReplacementPool> pool{};  ///< its own frames; none: replacement is global
  std::uint64_t resident_limit = 0;
  int oom_adjustment = 0;
  bool is_suspended = false;
  std::vector<FrameIndex> tables{};
  std::uint64_t references = 0;
  std::uint64_t reviewed_references = 0;  ///< those at the last review of load control
  std::uint64_t last_fault = 0;           ///< the number of the reference that faulted last
  std::uint64_t minor_faults = 0;
  std::uint64_t major_faults = 0;
  std::uint64_t copies = 0;
  std::uint64_t anonymous = 0;    ///< anonymous pages that are resident
  std::uint64_t of_files = 0;     ///< pages of files that are resident
  std::uint64_t of_segments = 0;  ///< pages of shared segments that are resident
  std::uint64_t swapped = 0;
  std::uint64_t peak_size = 0;
  std::uint64_t peak_resident = 0;  ///< pages
  [[nodiscard]] std::uint64_t resident() const { return anonymous + of_files + of_segments; }
};

}  // namespace spindle
