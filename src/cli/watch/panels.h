// The panels of `spindle watch`: each draws one part of a mount into an area of a canvas.
//
// A panel keeps to its area, whatever its size, and leaves out what has no room: first the words,
// then the figures. Its first line is its title. What colours say, letters say too.
#pragma once

#include <deque>
#include <optional>
#include <vector>

#include "cli/watch/activity.h"
#include "cli/watch/canvas.h"

namespace spindle::cli {

/// The intervals before the present one, as far as pictures show them.
class WatchHistory {
 public:
  static constexpr std::size_t kMost = 512;
  /// For how many intervals a cell shows that it was read or written.
  static constexpr unsigned kFadesAfter = 5;

  void add(const Figures& figures);
  /// The cache's hit ratio of the last intervals, the newest last; nothing where nobody read.
  [[nodiscard]] const std::deque<std::optional<double>>& hit_ratios() const { return hit_ratios_; }
  /// Intervals since the cell was read or written: 0 is the present one; kFadesAfter at most.
  [[nodiscard]] unsigned read_age(std::size_t cell) const { return age(read_age_, cell); }
  [[nodiscard]] unsigned written_age(std::size_t cell) const { return age(written_age_, cell); }

 private:
  static unsigned age(const std::vector<unsigned>& ages, std::size_t cell) {
    return cell < ages.size() ? ages[cell] : kFadesAfter;
  }

  std::deque<std::optional<double>> hit_ratios_;
  std::vector<unsigned> read_age_;
  std::vector<unsigned> written_age_;
};

struct WatchView {
  const Figures& figures;
  const WatchHistory& history;
};

enum class Panel : unsigned char { kArm, kBlocks, kCache, kFiles, kLatency };
inline constexpr int kPanels = 5;

void draw_panel(Canvas& canvas, Panel panel, const Area& area, const WatchView& view,
                bool is_chosen);

// A function for each panel. It draws below the title, which is drawn already.

std::string arm_title(const WatchView& view);
void draw_arm(Canvas& canvas, const Area& area, const WatchView& view);
std::string blocks_title(const WatchView& view, const Area& area);
void draw_blocks(Canvas& canvas, const Area& area, const WatchView& view);

/// A number as "1234" or "12.3k", in at most 5 columns.
std::string number_text(double value);
/// A time as "12.5 us", in at most 8 columns.
std::string time_text(std::int64_t ns);

}  // namespace spindle::cli
