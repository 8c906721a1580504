// SpaceManager: free runs that are looked for on purpose, and set aside for a file that moves.

#include <algorithm>
#include <utility>

#include "space_state.h"

namespace spindle {

namespace {

/// As few of the longest runs as hold `blocks` blocks, the last no longer than need be; in the
/// order of the disk.
std::vector<Run> longest_of(std::vector<Run> runs, std::uint64_t blocks, std::uint64_t most_runs) {
  const auto longer = [](const Run& a, const Run& b) { return a.length > b.length; };
  std::ranges::stable_sort(runs, longer);
  std::vector<Run> chosen;
  for (auto run = runs.begin(); run != runs.end() && chosen.size() < most_runs; ++run) {
    if (run->length < blocks) {
      chosen.push_back(*run);
      blocks -= run->length;
      continue;
    }
    // Takes the shortest of the runs that hold the rest; of equals the first.
    const auto beyond = std::lower_bound(run, runs.end(), Run{BlockNo{}, blocks - 1}, longer);
    const std::uint64_t shortest = std::prev(beyond)->length;
    const auto last = std::lower_bound(run, beyond, Run{BlockNo{}, shortest}, longer);
    chosen.push_back({last->start, blocks});
    std::ranges::sort(chosen, {}, &Run::start);
    return chosen;
  }
  return std::vector<Run>();
}

}  // namespace

Result<std::vector<Run>> SpaceManager::State::available_runs() {
  std::vector<Run> runs;
  for (std::uint64_t g = 0; g < layout.group_count; ++g) {
    if (longest_run.get(g) == 0) continue;
    const BlockSpace* space = TRY(load_blocks(GroupNo{g}));
    space->available.for_each([&runs](Run run) { runs.push_back(run); });
  }
  return runs;
}

// Takes blocks of the first of the owner's runs; the caller records them as taken.
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

void SpaceManager::State::give_up_claim() {
  if (!claim) return;
  const std::vector<Run> kept = std::move(claim->kept);
  claim.reset();
  give_up(kept);
}

// Puts what is free from now on where it belongs: among what is available, or what is kept for the
// claim.
void SpaceManager::State::make_available(GroupNo g, Run run) {
  BlockSpace& space = *groups[g.value].blocks;
  const auto add_to = [&](RunSet& set, BlockNo from, BlockNo to) {
    if (from < to) CHECK(set.add({from, to - from}));
  };
  BlockNo at = run.start;
  for (const Run& window : claim ? std::span<const Run>(claim->windows) : std::span<const Run>()) {
    const BlockNo from = std::max(at, window.start);
    const BlockNo to = std::min(run.end(), window.end());
    if (from >= to) continue;
    add_to(space.available, at, from);
    add_to(space.reserved, from, to);
    claim->kept.push_back({from, to - from});
    at = to;
  }
  add_to(space.available, at, run.end());
  update_longest(g);
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
  return longest_of(TRY(state.available_runs()), blocks, most_runs);
}

Result<std::vector<Run>> SpaceManager::find_runs_over(std::span<const Run> own,
                                                      std::uint64_t most_runs) {
  State& state = *state_;
  std::uint64_t blocks = 0;
  std::vector<Run> all = TRY(state.available_runs());
  for (const Run& run : own) {
    blocks += run.length;
    all.push_back(run);
  }
  std::ranges::sort(all, {}, &Run::start);
  std::vector<Run> joined;
  for (const Run& run : all) {
    const bool joins = !joined.empty() && joined.back().end() == run.start &&
                       state.group_of(joined.back().start) == state.group_of(run.start);
    if (joins) joined.back().length += run.length;
    if (!joins) joined.push_back(run);
  }
  return longest_of(std::move(joined), blocks, most_runs);
}

namespace {

/// How long a free run would be there if `run`, and what is being freed, were free.
std::uint64_t free_length_around(const BlockSpace& space, Run run) {
  const RunSet* const sets[] = {&space.available, &space.freeing};
  for (bool grows = true; std::exchange(grows, false);) {
    for (const RunSet* set : sets) {
      const auto before = set->before(run.start);
      if (before && before->end() == run.start) {
        run = {before->start, run.length + before->length};
        grows = true;
      }
      const auto after = set->at_or_after(run.end());
      if (after && after->start == run.end()) {
        run.length += after->length;
        grows = true;
      }
    }
  }
  return run.length;
}

}  // namespace

Result<Run> SpaceManager::find_run_to_pack(Run used) {
  State& state = *state_;
  if (used.length == 0 || !layout().is_data(used)) return Run{};
  const GroupNo own = state.group_of(used.start);
  const std::uint64_t left = free_length_around(*TRY(state.load_blocks(own)), used);
  for (std::uint64_t g = 0; g <= own.value; ++g) {
    if (state.longest_run.get(g) < used.length) continue;
    const BlockSpace* space = TRY(state.load_blocks(GroupNo{g}));
    const auto run = space->available.shortest_of(used.length);
    if (run && run->end() < used.start && run->length < left) {
      return Run{run->start, used.length};
    }
  }
  return Run{};
}

Result<SpaceManager::Hole> SpaceManager::hole_before(Run used) {
  State& state = *state_;
  if (used.length == 0 || !layout().is_data(used)) return Hole{};
  const BlockSpace* space = TRY(state.load_blocks(state.group_of(used.start)));
  state.give_up(state.reservations.release_touching({BlockNo{used.start.value - 1}, 1}));
  const auto run = space->available.before(used.start);
  if (!run) return Hole{};
  const Run between{run->end(), used.start - run->end()};
  const bool joins =
      space->available.at_or_after(used.end()) || space->freeing.at_or_after(used.end());
  if (!joins || !space->freeing.contains(between)) return Hole{};
  return Hole{.run = *run, .touches = between.length == 0};
}

Result<> SpaceManager::claim(std::span<const Run> windows) {
  State& state = *state_;
  state.give_up_claim();
  for (const Run& window : windows) TRY(state.load_blocks(state.group_of(window.start)));
  state.claim.emplace(State::Claim{{windows.begin(), windows.end()}, {}});
  for (const Run& window : windows) {
    const GroupNo g = state.group_of(window.start);
    BlockSpace& space = *TRY(state.load_blocks(g));
    for (BlockNo at = window.start; at < window.end();) {
      const auto run = space.available.at_or_after(at);
      if (!run || run->start >= window.end()) break;
      const BlockNo start = std::max(run->start, window.start);
      const Run part{start, std::min(run->end(), window.end()) - start};
      CHECK(space.available.remove(part));
      state.make_available(g, part);
      at = part.end();
    }
  }
  return {};
}

void SpaceManager::end_claim() {
  state_->give_up_claim();
}

bool SpaceManager::set_aside(InodeNo owner, std::span<const Run> runs) {
  State& state = *state_;
  state.give_up_aside(owner);
  const auto is_free = [&](const Run& run) {
    // A group that is not in memory was forgotten since the run was found, so the run may be gone.
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
