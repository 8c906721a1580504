// Cron: which programs a crontab starts, and when.
//
// The table is that of crontab(5): five fields or a name like @hourly, then the program and its
// arguments; `@reboot` starts once, at the beginning. Lines of the form `at SECONDS PROGRAM ...`
// start once at that virtual time, as at(1) would. Minutes are those of the calendar, which begins
// at the configuration's `start_wall_seconds`.
#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "spindle/base/result.h"

namespace spindle {

struct CronJob {
  std::array<std::uint64_t, 5> allowed{};  ///< minute, hour, day, month, weekday: a bit a number
  bool any_day = true;                     ///< the day of the month is not restricted
  bool any_weekday = true;
  std::optional<std::int64_t> once_at;  ///< virtual seconds
  std::vector<std::string> words;       ///< the program and its arguments
};

class Cron {
 public:
  /// What is wrong with a line goes to `complaints`; the other lines hold.
  static Cron parse(std::string_view table, std::vector<std::string>& complaints);

  /// Virtual seconds at which something starts next, after `after` (-1: from the beginning on).
  [[nodiscard]] std::optional<std::int64_t> next(std::int64_t after,
                                                 std::int64_t start_wall_seconds) const;
  /// What starts at that virtual second.
  [[nodiscard]] std::vector<const CronJob*> due(std::int64_t second,
                                                std::int64_t start_wall_seconds) const;
  [[nodiscard]] bool empty() const { return jobs_.empty(); }

 private:
  std::vector<CronJob> jobs_;
};

}  // namespace spindle
