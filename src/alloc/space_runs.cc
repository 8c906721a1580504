// SpaceManager: free runs that are looked for on purpose, and set aside for a file that moves.

#include <algorithm>

#include "space_state.h"

namespace spindle {

/// The longest free runs, as few of them as hold so many blocks, the last no longer than need be;
/// in the order of the disk.
Result<std::vector<Run>> SpaceManager::State::longest_runs(std::uint64_t blocks,
                                                           std::uint64_t most_runs) {
  std::vector<Run> runs;
  for (std::uint64_t g = 0; g < layout.group_count; ++g) {
    if (longest_run.get(g) == 0) continue;
    const BlockSpace* space = TRY(load_blocks(GroupNo{g}));
    space->available.for_each([&runs](Run run) { runs.push_back(run); });
  }
  const auto longer = [](const Run& a, const Run& b) { return a.length > b.length; };
  std::ranges::stable_sort(runs, longer);
  std::vector<Run> chosen;
  for (auto run = runs.begin(); run != runs.end() && chosen.size() < most_runs; ++run) {
    if (run->length < blocks) {
      chosen.push_back(*run);
      blocks -= run->length;
      continue;
    }
    // Of those that hold the rest, the shortest; of equals the first.
    const auto beyond = std::lower_bound(run, runs.end(), Run{BlockNo{}, blocks - 1}, longer);
    const std::uint64_t shortest = std::prev(beyond)->length;
    const auto last = std::lower_bound(run, beyond, Run{BlockNo{}, shortest}, longer);
    chosen.push_back({last->start, blocks});
    std::ranges::sort(chosen, {}, &Run::start);
    return chosen;
  }
  return std::vector<Run>();
}

/// Blocks of the first of the owner's runs, which are recorded as taken by the caller.
std::optional<Run> SpaceManager::State::take_aside(InodeNo owner, const FitRequest& request) {
  const auto found = aside.find(owner);
  if (!owner || found == aside.end()) return std::nullopt;
  Run& first = found->second.front();
  if (request.must_be_whole && first.length < request.want) return std::nullopt;
  const Run run{first.start, std::min(request.want, first.length)};
  CHECK(groups[group_of(run.start).value].blocks->reserved.remove(run));
  first = {run.end(), first.length - run.length};
  if (first.length == 0) found->second.pop_front();
  if (found->second.empty()) aside.erase(found);
  return run;
}

void SpaceManager::State::give_up_aside(InodeNo owner) {
  const auto found = aside.find(owner);
  if (found == aside.end()) return;
  const std::vector<Run> runs(found->second.begin(), found->second.end());
  aside.erase(found);
  give_up(runs);
}

Result<std::vector<Run>> SpaceManager::find_runs(std::uint64_t blocks, std::uint64_t most_runs,
                                                 BlockNo hint) {
  State& state = *state_;
  if (blocks == 0 || most_runs == 0 || blocks > statistics().free_blocks) {
    return std::vector<Run>();
  }
  std::uint64_t from = layout().group_of(hint).value_or(GroupNo{0}).value;
  const bool may_be_one = blocks <= layout().data(GroupNo{0}).length;
  for (std::uint64_t tries = 0; may_be_one && tries < layout().group_count; ++tries) {
    const auto g = state.longest_run.next(from, static_cast<std::uint32_t>(blocks));
    if (!g) break;
    const BlockSpace* space = TRY(state.load_blocks(GroupNo{*g}));
    if (const auto run = space->available.shortest_of(blocks)) {
      return std::vector<Run>{{run->start, blocks}};
    }
    from = (*g + 1) % layout().group_count;
  }
  return state.longest_runs(blocks, most_runs);
}

Result<Run> SpaceManager::find_run_before(std::uint64_t blocks, BlockNo end) {
  State& state = *state_;
  if (blocks == 0 || blocks > statistics().free_blocks) return Run{};
  const std::uint64_t last = layout().group_of(end).value_or(GroupNo{0}).value;
  for (std::uint64_t g = 0; g <= last; ++g) {
    if (state.longest_run.get(g) < blocks) continue;
    const BlockSpace* space = TRY(state.load_blocks(GroupNo{g}));
    const auto run = space->available.first_of(blocks, BlockNo{0});
    if (run && run->start + blocks <= end) return Run{run->start, blocks};
  }
  return Run{};
}

bool SpaceManager::set_aside(InodeNo owner, std::span<const Run> runs) {
  State& state = *state_;
  state.give_up_aside(owner);
  const auto is_free = [&](const Run& run) {
    // Not in memory: it was forgotten since somebody found the run, and with it the finding.
    const BlockSpace* space = state.groups[state.group_of(run.start).value].blocks.get();
    return space != nullptr && space->available.contains(run);
  };
  if (!std::ranges::all_of(runs, is_free)) return false;
  for (const Run& run : runs) {
    const GroupNo g = state.group_of(run.start);
    BlockSpace& space = *state.groups[g.value].blocks;
    CHECK(space.available.remove(run));
    CHECK(space.reserved.add(run));
    state.update_longest(g);
    state.aside[owner].push_back(run);
  }
  return true;
}

Result<std::uint64_t> SpaceManager::longest_free_run() {
  State& state = *state_;
  state.give_up(state.reservations.release_all());
  std::uint64_t longest = 0;
  for (std::uint64_t g = 0; g < layout().group_count; ++g) {
    if (state.longest_run.get(g) <= longest) continue;
    const BlockSpace* space = TRY(state.load_blocks(GroupNo{g}));
    if (const auto run = space->available.longest()) longest = std::max(longest, run->length);
  }
  return longest;
}

}  // namespace spindle
