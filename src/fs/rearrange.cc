// Moves the blocks of files to where they lie better; their content stays as it is.

#include <algorithm>
#include <numeric>

#include "rebuild.h"
#include "virtual_xattr.h"

namespace spindle {
namespace {

using Arrangement = FileSystem::Arrangement;
using Rearrangement = FileSystem::Rearrangement;

/// Where a file lies, and the free runs in which it would lie better; none if there are none.
struct Plan {
  std::vector<Extent> extents;
  std::vector<Run> runs;
  Rearrangement figures;
};

BlockNo first_block(const std::vector<Extent>& extents) {
  const auto first = std::ranges::min_element(extents, {}, &Extent::block);
  return first == extents.end() ? kNoBlock : first->block;
}

bool makes_whole(Arrangement arrangement) {
  return arrangement == Arrangement::kFewestRuns || arrangement == Arrangement::kUnited;
}

/// The blocks of a file that lies in one run; an empty run if it does not.
Run only_run(const Plan& plan) {
  const Placement& now = plan.figures.before;
  return now.runs == 1 ? Run{first_block(plan.extents), now.blocks} : Run{};
}

Result<Run> better_run(SpaceManager& space, Run used, Arrangement arrangement) {
  if (arrangement == Arrangement::kTowardsFront) return space.find_run_to_pack(used);
  const Run hole = TRY(space.hole_before(used)).run;
  return hole.length < used.length ? Run{} : Run{hole.start, used.length};
}

Result<std::vector<Run>> better_runs(Volume& volume, const Node& node, const Plan& plan,
                                     Arrangement arrangement) {
  const Placement& now = plan.figures.before;
  if (now.blocks == 0) return std::vector<Run>();
  SpaceManager& space = *volume.space;
  if (makes_whole(arrangement)) {
    const std::uint64_t most = arrangement == Arrangement::kUnited ? 1 : UINT64_MAX;
    return space.find_runs(now.blocks, std::min(most, now.runs - 1), space.hint_for(node.number));
  }
  const Run run = TRY(better_run(space, only_run(plan), arrangement));
  return run.length == 0 ? std::vector<Run>() : std::vector<Run>{run};
}

/// How the file would lie in the runs, which it fills.
Placement placement_in(const std::vector<Run>& runs) {
  std::vector<Extent> extents;
  FileBlock at;
  for (const Run& run : runs) {
    extents.push_back({.at = at, .block = run.start, .length = run.length});
    at += run.length;
  }
  return placement_of(extents);
}

void set_runs(Plan& plan, std::vector<Run> runs) {
  Rearrangement& figures = plan.figures;
  plan.runs = std::move(runs);
  figures.moves = !plan.runs.empty();
  figures.after = figures.moves ? placement_in(plan.runs) : figures.before;
  figures.first_block = figures.moves ? plan.runs.front().start : first_block(plan.extents);
}

Result<Plan> plan_to_stay(Volume& volume, Node& node) {
  Plan plan;
  plan.extents = TRY(describe_map_of(volume, node, SIZE_MAX)).extents;
  plan.figures.before = placement_of(plan.extents);
  set_runs(plan, {});
  return plan;
}

Result<Plan> plan_for(Volume& volume, Node& node, Arrangement arrangement) {
  Plan plan = TRY(plan_to_stay(volume, node));
  set_runs(plan, TRY(better_runs(volume, node, plan, arrangement)));
  return plan;
}

Result<NodeRef> file_to_move(Volume& volume, NodeId id) {
  NodeRef node = TRY(volume.node(id));
  if (!node->is_regular()) return Error{EINVAL, "only the blocks of regular files are moved"};
  // A file's number may be that of a hidden inode by now: its blocks carry another file's number,
  // which the blocks of its copy would not.
  if (node->content_owner() != node->number) {
    return Error{ESTALE, "it is a hidden inode in which a file is copied"};
  }
  return node;
}

/// Waits until the blocks of what was deleted, or has moved, can be used. False if there are none.
Result<bool> gather_space(Volume& volume) {
  const bool was_freed = volume.orphans.busy();
  volume.orphans.drain();
  const bool is_pending = volume.space->statistics().pending_blocks != 0;
  if (is_pending) TRY(volume.journal->sync());
  return was_freed || is_pending;
}

/// Does what is planned, if it still can be done.
Result<Rearrangement> move_as_planned(Volume& volume, const NodeRef& node,
                                      std::unique_lock<thread::Mutex>& held, const Plan& plan) {
  if (!plan.figures.moves) return plan.figures;
  Rearrangement done = plan.figures;
  const auto moved =
      relocate(volume, node, held, plan.runs, plan.extents, [&](const auto& extents) {
        done.after = placement_of(extents);
        return done.after.runs <= plan.figures.after.runs &&
               done.after.blocks == done.before.blocks;
      });
  // There was no room for the map's own blocks: the file stays where it is.
  if (moved.code() != ENOSPC && TRY(moved)) return done;
  return Rearrangement{.before = done.before,
                       .after = done.before,
                       .first_block = first_block(plan.extents),
                       .moves = false};
}

Result<Rearrangement> rearrange_once(Volume& volume, const NodeRef& node, Arrangement arrangement) {
  TRY(volume.writable());
  std::unique_lock held = TRY(hold_content(volume, *node));
  const Plan plan = TRY(plan_for(volume, *node, arrangement));
  return move_as_planned(volume, node, held, plan);
}

bool could_move(const Rearrangement& figures, Arrangement arrangement) {
  return makes_whole(arrangement) ? figures.before.runs > 1 : figures.before.runs == 1;
}

std::vector<Run> runs_of(const std::vector<Extent>& extents) {
  std::vector<Run> runs;
  for (const Extent& extent : extents) runs.push_back({extent.block, extent.length});
  return runs;
}

/// The place for a file that can only get there if it is moved out of the way first; none if the
/// gain is not worth the move.
Result<std::vector<Run>> runs_over_itself(Volume& volume, const Plan& plan,
                                          Arrangement arrangement) {
  constexpr std::uint64_t kMostBlocksMovedForOne = 64;
  SpaceManager& space = *volume.space;
  if (makes_whole(arrangement)) {
    return space.find_runs_over(runs_of(plan.extents), plan.figures.before.runs - 1);
  }
  const Run used = only_run(plan);
  const auto hole = TRY(space.hole_before(used));
  const bool is_worth_it =
      hole.touches && 2 * used.length <= kMostBlocksMovedForOne * hole.run.length;
  return is_worth_it ? std::vector<Run>{{hole.run.start, used.length}} : std::vector<Run>();
}

/// Moves a file out of the blocks that are claimed for it. It may have to stay where it goes, if a
/// writer needs the claimed blocks or the power fails: so it lies in no more runs than before.
Result<Rearrangement> move_aside(Volume& volume, const NodeRef& node,
                                 std::unique_lock<thread::Mutex>& held, Plan& plan) {
  const Placement& now = plan.figures.before;
  set_runs(plan, TRY(volume.space->find_runs(now.blocks, now.runs, kNoBlock)));
  return move_as_planned(volume, node, held, plan);
}

/// Moves a file that is out of the way into the blocks that are claimed for it.
Result<Rearrangement> bring_back(Volume& volume, const NodeRef& node, const std::vector<Run>& to) {
  volume.orphans.drain();
  TRY(volume.journal->sync());
  std::unique_lock held = TRY(hold_content(volume, *node));
  Plan plan = TRY(plan_to_stay(volume, *node));
  const auto length = [](std::uint64_t sum, const Run& run) { return sum + run.length; };
  const std::uint64_t room = std::accumulate(to.begin(), to.end(), std::uint64_t{0}, length);
  if (plan.figures.before.blocks != room) return plan.figures;
  set_runs(plan, to);
  volume.space->end_claim();
  return move_as_planned(volume, node, held, plan);
}

/// Whether there is room for the file twice, out of the way and in its new place, and for its map.
bool has_room_twice(Volume& volume, const Rearrangement& figures) {
  const std::uint64_t blocks = figures.before.blocks;
  return volume.space->statistics().free_blocks >= 2 * blocks + blocks / 64 + 16;
}

/// Moves a file to where it partly lies itself: out of the way first, and then there.
Result<Rearrangement> move_in_two(Volume& volume, const NodeRef& node, Arrangement arrangement) {
  std::unique_lock held = TRY(hold_content(volume, *node));
  Plan plan = TRY(plan_to_stay(volume, *node));
  const Rearrangement as_it_is = plan.figures;
  if (!could_move(as_it_is, arrangement) || !has_room_twice(volume, as_it_is)) return as_it_is;
  const std::vector<Run> to = TRY(runs_over_itself(volume, plan, arrangement));
  if (to.empty()) return as_it_is;
  TRY(volume.space->claim(to));
  const Rearrangement aside = TRY(move_aside(volume, node, held, plan));
  held.unlock();
  if (!aside.moves) return aside;
  Rearrangement back = TRY(bring_back(volume, node, to));
  // The file has changed, or the space was needed: then it is placed as well as possible elsewhere.
  if (!back.moves) {
    volume.space->end_claim();
    back = TRY(rearrange_once(volume, node, Arrangement::kFewestRuns));
  }
  back.before = as_it_is.before;
  back.moves = true;
  return back;
}

Result<Rearrangement> rearrange_file(Volume& volume, const NodeRef& node, Arrangement arrangement) {
  const Rearrangement figures = TRY(rearrange_once(volume, node, arrangement));
  if (figures.moves || !could_move(figures, arrangement)) return figures;
  if (TRY(gather_space(volume))) {
    const Rearrangement again = TRY(rearrange_once(volume, node, arrangement));
    if (again.moves) return again;
  }
  if (arrangement != Arrangement::kDown && arrangement != Arrangement::kUnited) return figures;
  const Result<Rearrangement> moved = move_in_two(volume, node, arrangement);
  volume.space->end_claim();
  return moved;
}

}  // namespace

Result<Rearrangement> FileSystem::rearrange(NodeId id, Arrangement arrangement) {
  Volume& volume = *volume_;
  const auto move = [&]() -> Result<Rearrangement> {
    const NodeRef node = TRY(file_to_move(volume, id));
    const std::lock_guard guard(volume.rearranging);
    return rearrange_file(volume, node, arrangement);
  };
  return volume.told("rearrange", move());
}

Result<Rearrangement> FileSystem::plan_rearrangement(NodeId id, Arrangement arrangement) {
  Volume& volume = *volume_;
  const auto plan = [&]() -> Result<Rearrangement> {
    const NodeRef node = TRY(file_to_move(volume, id));
    return TRY(plan_for(volume, *node, arrangement)).figures;
  };
  return volume.told("plan_rearrangement", plan());
}

Result<> FileSystem::settle_space() {
  const Result<bool> settled = gather_space(*volume_);
  return volume_->told("settle_space", settled.ok() ? Result<>() : settled.error());
}

}  // namespace spindle
