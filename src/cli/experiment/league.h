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

/// What is asked for of each; a combination is one of each.
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

/// A fresh volume of that strategy with what the recording found; always the same one.
Result<PreparedVolume> prepare_league_volume(const Recording& recording,
                                             const std::string& strategy, const std::string& fit);

/// Plays them all, `jobs` at a time, with a bar of progress; the same rows whatever the jobs. The
/// best stands first; those in which a policy misbehaved stand last, and are not compared.
std::vector<LeagueRow> play_league(const Recording& recording, const LeaguePlan& plan,
                                   Complaint& complaint);
std::string league_text(const Recording& recording, const std::vector<LeagueRow>& rows,
                        std::size_t shown, const chart::TextStyle& style);
Json league_json(const Recording& recording, const std::vector<LeagueRow>& rows);

}  // namespace spindle::cli
