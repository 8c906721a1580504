#include "spindle/control/what_if.h"

#include <algorithm>
#include <array>

#include "control/file_kinds.h"
#include "spindle/control/disk_tables.h"

namespace spindle {
namespace {

std::string_view basis_name(ReplacementWhatIf::Basis basis) {
  switch (basis) {
    case ReplacementWhatIf::Basis::kCounted:
      return "counted";
    case ReplacementWhatIf::Basis::kSimulated:
      return "simulated";
    case ReplacementWhatIf::Basis::kSampled:
      return "sampled";
  }
  return "";
}

/// One row a policy, its three sizes beside one another; the best at the present size first. A row
/// has what is said of the present size, and the largest error.
FactTable replacements_table(const ReplacementWhatIf& what_if, std::string_view in_use) {
  using Size = ReplacementWhatIf::Size;
  struct Row {
    ReplacementWhatIf::Row present;
    std::array<double, 3> hit_ratios{};
    double error = 0;
  };
  std::vector<Row> rows;
  for (const ReplacementWhatIf::Row& one : what_if.rows()) {
    if (rows.empty() || rows.back().present.policy != one.policy) rows.push_back({one});
    Row& row = rows.back();
    row.hit_ratios[static_cast<std::size_t>(one.size)] = one.hit_ratio;
    row.error = std::max(row.error, one.error);
    if (one.size == Size::kSame) row.present = one;
  }
  constexpr auto kSame = static_cast<std::size_t>(Size::kSame);
  std::ranges::stable_sort(rows, std::ranges::greater(),
                           [](const Row& row) { return row.hit_ratios[kSame]; });
  FactTable table({"policy", "in_use", "hit_ratio", "at_half_size", "at_double_size", "basis",
                   "error", "reads", "sampled_one_in", "shadow_hit_ratio"});
  for (const Row& row : rows) {
    // Without reads there is nothing to be said.
    const auto ratio = [&](double value) -> chart::Value {
      if (row.present.reads == 0) return std::monostate();
      return value;
    };
    table.add_row({std::string(row.present.policy), row.present.policy == in_use,
                   ratio(row.hit_ratios[kSame]), ratio(row.hit_ratios[0]), ratio(row.hit_ratios[2]),
                   std::string(basis_name(row.present.basis)), ratio(row.error), row.present.reads,
                   what_if.sampled_one_in(), ratio(row.present.shadow_hit_ratio)});
  }
  return table;
}

FactTable curve_table(const ReplacementWhatIf& what_if, std::uint32_t block_size) {
  constexpr std::size_t kPoints = 64;
  FactTable table({"capacity_blocks", "capacity_bytes", "hit_ratio", "sampled_one_in"});
  for (const ReplacementWhatIf::CurvePoint& point : what_if.lru_curve(kPoints)) {
    table.add_row({point.capacity_blocks, point.capacity_blocks * block_size, point.hit_ratio,
                   what_if.sampled_one_in()});
  }
  return table;
}

/// Shadows that are switched off know nothing of what happens, nor that the counters were reset.
FactTable if_watched(bool watches, FactTable table) {
  if (!watches) table.drop_rows();
  return table;
}

}  // namespace

WhatIf::WhatIf(SimulatedDisk& disk, BufferCache& cache) : disk_(disk), cache_(cache) {
  watch_disk(true);
  watch_cache(true);
}

WhatIf::~WhatIf() {
  watch_disk(false);
  watch_cache(false);
}

void WhatIf::watch_disk(bool on) {
  if (on == watches_disk_) return;
  watches_disk_ = on;
  for (DiskObserver* observer : std::initializer_list<DiskObserver*>{&arms_, &moves_, &history_}) {
    on ? disk_.add_observer(*observer) : disk_.remove_observer(*observer);
  }
}

void WhatIf::watch_cache(bool on) {
  if (on == watches_cache_) return;
  watches_cache_ = on;
  cache_.set_observer(on ? &replacements_ : nullptr);
}

void WhatIf::add_files(ControlTree& tree) {
  add_disk_files(tree);
  add_cache_files(tree);
}

void WhatIf::add_disk_files(ControlTree& tree) {
  add_table(tree, "disk/whatif",
            [this]() -> Result<FactTable> { return if_watched(watches_disk_, arms_table(arms_)); });
  add_table(tree, "disk/whatif_moves", [this]() -> Result<FactTable> {
    return if_watched(watches_disk_, shadow_moves_table(arms_));
  });
  add_table(tree, "disk/moves", [this]() -> Result<FactTable> { return moves_table(moves_); });
  add_table(tree, "disk/history",
            [this]() -> Result<FactTable> { return history_table(history_); });
  control::add_switch(
      tree, "disk/watch", [this] { return watches_disk_; }, [this](bool on) { watch_disk(on); });
}

void WhatIf::add_cache_files(ControlTree& tree) {
  add_table(tree, "cache/whatif", [this]() -> Result<FactTable> {
    return if_watched(watches_cache_, replacements_table(replacements_, cache_.policy()));
  });
  add_table(tree, "cache/lru_curve", [this]() -> Result<FactTable> {
    return if_watched(watches_cache_, curve_table(replacements_, cache_.block_size()));
  });
  control::add_switch(
      tree, "cache/watch", [this] { return watches_cache_; }, [this](bool on) { watch_cache(on); });
}

}  // namespace spindle
