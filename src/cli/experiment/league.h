// The league: a recording replayed with every combination of policies that is asked for, and the
// table of the results, the best first, with reasons.
#pragma once

#include <string>
#include <vector>

#include "cli/words.h"
#include "spindle/chart/text_style.h"
#include "spindle/record/player.h"

namespace spindle::cli {

struct Combination {
  std::string strategy;
  PlaySettings settings;
};

struct LeagueRow {
  Combination combination;
  PlayResult result;
};

/// The values of each setting; a combination has one value of each.
struct LeaguePlan {
  std::vector<std::string> strategies;
  std::vector<std::string> fits;
  std::vector<std::string> arms;
  std::vector<std::string> cache_policies;
  std::vector<std::uint64_t> cache_sizes;
  std::vector<std::string> disks;
  unsigned jobs = 1;

  [[nodiscard]] std::size_t combinations() const;
};

/// A new volume of that strategy with the files that the recording found; it is always the same.
Result<PreparedVolume> prepare_league_volume(const Recording& recording,
                                             const std::string& strategy, const std::string& fit);

/// Plays all combinations, `jobs` at a time, with a bar of progress. The rows do not depend on
/// `jobs`; the best stands first. Those in which a policy misbehaved stand last, and are not
/// compared.
std::vector<LeagueRow> play_league(const Recording& recording, const LeaguePlan& plan,
                                   Complaint& complaint);
std::string league_text(const Recording& recording, const std::vector<LeagueRow>& rows,
                        std::size_t shown, const chart::TextStyle& style);
Json league_json(const Recording& recording, const std::vector<LeagueRow>& rows);

}  // namespace spindle::cli
