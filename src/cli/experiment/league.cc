#include "cli/experiment/league.h"

#include <fmt/format.h>
#include <algorithm>
#include <mutex>
#include <optional>

#include "cli/progress.h"
#include "cli/workers.h"
#include "mkfs/format_volume.h"

namespace spindle::cli {
namespace {

/// All random numbers are fixed, so that a recording always gives the same table.
Result<MemoryDevice> format_for(const Recording& recording, const std::string& strategy) {
  MemoryDevice device(recording.block_size, recording.blocks);
  FormatOptions options;
  options.inodes = recording.inodes;
  options.default_map_kind = file_map(strategy)->kind();
  options.label = "replay";
  options.uuid.fill(std::byte{0x52});
  options.hash_seed = 0x5EED;
  options.now = {1, 0};
  TRY(format_volume(device, options));
  return device;
}

struct Preparation {
  std::string strategy;
  std::string fit;
  std::optional<PreparedVolume> volume;
};

using Outcome = Workers::Outcome;

std::vector<Combination> combinations_of(const LeaguePlan& plan) {
  std::vector<Combination> all;
  for (const auto& strategy : plan.strategies)
    for (const auto& fit : plan.fits)
      for (const auto& disk : plan.disks)
        for (const auto& arm : plan.arms)
          for (const auto& policy : plan.cache_policies)
            for (const std::uint64_t bytes : plan.cache_sizes)
              all.push_back({strategy, {fit, arm, policy, bytes, disk}});
  return all;
}

std::string name_of(const Combination& c) {
  return fmt::format("{}, {}, {}, {}", c.strategy, c.settings.fit, c.settings.arm,
                     c.settings.cache_policy);
}

}  // namespace

Result<PreparedVolume> prepare_league_volume(const Recording& recording,
                                             const std::string& strategy, const std::string& fit) {
  MemoryDevice formatted = TRY(format_for(recording, strategy));
  return prepare_volume(recording, std::move(formatted), fit);
}

std::size_t LeaguePlan::combinations() const {
  return strategies.size() * fits.size() * arms.size() * cache_policies.size() *
         cache_sizes.size() * disks.size();
}

std::vector<LeagueRow> play_league(const Recording& recording, const LeaguePlan& plan,
                                   Complaint& complaint) {
  std::vector<Preparation> preparations;
  for (const auto& strategy : plan.strategies)
    for (const auto& fit : plan.fits) preparations.push_back({strategy, fit, std::nullopt});
  std::vector<LeagueRow> rows;
  for (const Combination& combination : combinations_of(plan)) rows.push_back({combination, {}});

  Progress progress(preparations.size() + rows.size());
  std::mutex mutex;
  std::uint64_t done = 0;
  const auto one_more = [&] {
    const std::lock_guard guard(mutex);
    progress.at(++done);
  };
  Workers workers(plan.jobs, complaint);
  workers.run(preparations.size(), [&](std::size_t i) -> Outcome {
    Preparation& own = preparations[i];
    auto volume = prepare_league_volume(recording, own.strategy, own.fit);
    one_more();
    if (!volume.ok()) return {volume.error(), own.strategy + ", " + own.fit};
    own.volume.emplace(std::move(volume).take());
    return {Result<>(), ""};
  });
  if (complaint.made()) return {};
  workers.run(rows.size(), [&](std::size_t i) -> Outcome {
    LeagueRow& row = rows[i];
    const auto prepared = std::ranges::find_if(preparations, [&](const Preparation& one) {
      return one.strategy == row.combination.strategy && one.fit == row.combination.settings.fit;
    });
    auto result = play(recording, *prepared->volume, row.combination.settings);
    one_more();
    if (!result.ok()) return {result.error(), name_of(row.combination)};
    row.result = std::move(result).take();
    return {Result<>(), ""};
  });
  std::ranges::stable_sort(rows, {}, [](const LeagueRow& row) {
    return std::pair(!row.result.is_as_asked, row.result.disk.busy_ns());
  });
  return rows;
}

}  // namespace spindle::cli
