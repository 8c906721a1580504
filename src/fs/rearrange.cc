// Moving the blocks of files to where they lie better, their content staying as it is.

#include <algorithm>

#include "rebuild.h"
#include "virtual_xattr.h"

namespace spindle {
namespace {

using Arrangement = FileSystem::Arrangement;
using Rearrangement = FileSystem::Rearrangement;

// Where a file lies, and the free runs in which it would lie better; none if there are none.
struct Plan {
  std::vector<Extent> extents;
  std::vector<Run> runs;
  Rearrangement figures;
};

BlockNo first_block(const std::vector<Extent>& extents) {
  const auto first = std::ranges::min_element(extents, {}, &Extent::block);
  return first == extents.end() ? kNoBlock : first->block;
}

Result<std::vector<Run>> better_runs(Volume& volume, const Node& node, const Plan& plan,
                                     Arrangement arrangement) {
  const Placement& now = plan.figures.before;
  if (now.blocks == 0) return std::vector<Run>();
  SpaceManager& space = *volume.space;
  if (arrangement == Arrangement::kFewestRuns) {
    return space.find_runs(now.blocks, now.runs - 1, space.hint_for(node.number));
  }
  const Run run = TRY(space.find_run_before(now.blocks, first_block(plan.extents)));
  return run.length == 0 ? std::vector<Run>() : std::vector<Run>{run};
}

// How the file would lie in the runs, which it fills.
Placement placement_in(const std::vector<Run>& runs) {
  std::vector<Extent> extents;
  FileBlock at;
  for (const Run& run : runs) {
    extents.push_back({.at = at, .block = run.start, .length = run.length});
    at += run.length;
  }
  return placement_of(extents);
}

Result<Plan> plan_for(Volume& volume, Node& node, Arrangement arrangement) {
  Plan plan;
  plan.extents = TRY(describe_map_of(volume, node, SIZE_MAX))
  .extents;
  Rearrangement& figures = plan.figures;
  figures.before = placement_of(plan.extents);
  plan.runs = TRY(better_runs(volume, node, plan, arrangement));
  figures.moves = !plan.runs.empty();
  figures.after = figures.moves ? placement_in(plan.runs) : figures.before;
  figures.first_block = figures.moves ? plan.runs.front().start : first_block(plan.extents);
  return plan;
}

Result<NodeRef> file_to_move(Volume& volume, NodeId id) {
  NodeRef node = TRY(volume.node(id));
  if (!node->is_regular()) return Error{EINVAL, "only the blocks of regular files are moved"};
  return node;
}

// Waits until what was deleted, or has moved, can be used. False: there was nothing of it.
Result<bool> gather_space(Volume& volume) {
  const bool was_freed = volume.orphans.wait_for_space();
  const bool is_pending = volume.space->statistics().pending_blocks != 0;
  if (is_pending) TRY(volume.journal->sync());
  return was_freed || is_pending;
}

Result<Rearrangement> rearrange_once(Volume& volume, const NodeRef& node, Arrangement arrangement) {
  TRY(volume.writable());
  const std::lock_guard guard(node->change);
  const Plan plan = TRY(plan_for(volume, *node, arrangement));
  if (!plan.figures.moves) return plan.figures;
  Rearrangement done = plan.figures;
  const auto moved = relocate(volume, node, plan.runs, plan.extents, [&](const auto& extents) {
    done.after = placement_of(extents);
    return done.after.runs <= plan.figures.after.runs && done.after.blocks == done.before.blocks;
  });
  // The map's own blocks had no room: then it stays where it is.
  if (moved.code() != ENOSPC && TRY(moved)) return done;
  return Rearrangement{.before = done.before,
                       .after = done.before,
                       .first_block = first_block(plan.extents),
                       .moves = false};
}

bool could_move(const Rearrangement& figures, Arrangement arrangement) {
  const std::uint64_t fewest = arrangement == Arrangement::kTowardsFront ? 0 : 1;
  return figures.before.runs > fewest;
}

}  // namespace

Result<Rearrangement> FileSystem::rearrange(NodeId id, Arrangement arrangement) {
  Volume& volume = *volume_;
  const auto move = [&]() -> Result<Rearrangement> {
    const NodeRef node = TRY(file_to_move(volume, id));
    const std::lock_guard guard(volume.rearranging);
    Rearrangement figures = TRY(rearrange_once(volume, node, arrangement));
    if (figures.moves || !could_move(figures, arrangement)) return figures;
    return TRY(gather_space(volume))
    ? rearrange_once(volume, node, arrangement) : figures;
  };
  return volume.told("rearrange", move());
}

Result<Rearrangement> FileSystem::plan_rearrangement(NodeId id, Arrangement arrangement) {
  Volume& volume = *volume_;
  const auto plan = [&]() -> Result<Rearrangement> {
    const NodeRef node = TRY(file_to_move(volume, id));
    return TRY(plan_for(volume, *node, arrangement))
    .figures;
  };
  return volume.told("plan_rearrangement", plan());
}

}  // namespace spindle
