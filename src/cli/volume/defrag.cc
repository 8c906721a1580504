#include "cli/volume/defrag.h"

#include <algorithm>

#include "cli/progress.h"
#include "cli/volume/offline_volume.h"

namespace spindle::cli {
namespace {

/// Each pass gains less than the one before.
constexpr int kMostPasses = 8;

}  // namespace

Result<DefragReport> Defragmenter::run(std::vector<DefragFile> files) {
  report_.longest_free_run_before = TRY(volume_.longest_free_run());
  look(std::move(files));
  if (!options_.dry_run) {
    move_all("defragment", in_pieces());
    // Each file that is united leaves other free runs, and each that moves another wall or none.
    for (int pass = 0; options_.packs && pass < kMostPasses; ++pass) {
      pack();
      if (move_all("unite", in_pieces()) == 0) break;
      if (pass + 1 == kMostPasses) pack();
    }
  }
  for (const DefragFile& file : report_.files) {
    report_.before += file.before;
    report_.after += file.after;
    report_.moved_files += file.moved_blocks != 0 ? 1 : 0;
    report_.moved_blocks += file.moved_blocks;
  }
  report_.longest_free_run_after = TRY(volume_.longest_free_run());
  report_.was_stopped = StopRequest::made();
  return std::move(report_);
}

void Defragmenter::pack() {
  std::vector<DefragFile*> last_first = in_one_piece();
  std::ranges::reverse(last_first);
  move_all("pack", last_first);
  move_all("down", in_one_piece());
}

// A file that is gone needs no move, nor does what has got its number since, of whatever kind.
void Defragmenter::leave_out(const DefragFile& file, const Error& error) {
  if (error.code == ESTALE || error.code == ENOENT || error.code == EINVAL) return;
  report_.left_out.emplace_back(file.path, error.what);
}

void Defragmenter::look(std::vector<DefragFile> files) {
  Progress progress(files.size(), "plan");
  for (DefragFile& file : files) {
    if (StopRequest::made()) return;
    const auto plan = volume_.ask("plan", file.node);
    if (!plan.ok()) {
      leave_out(file, plan.error());
      continue;
    }
    file.before = plan->before;
    file.after = options_.dry_run ? plan->after : plan->before;
    file.first_block = plan->first_block;
    report_.files.push_back(std::move(file));
    progress.at(report_.files.size());
  }
}

std::vector<DefragFile*> Defragmenter::in_pieces() {
  std::vector<DefragFile*> found;
  for (DefragFile& file : report_.files)
    if (file.after.runs > 1) found.push_back(&file);
  // The small ones first: they find room at once, and leave some to the larger.
  std::ranges::stable_sort(found, {}, [](const DefragFile* file) { return file->after.blocks; });
  return found;
}

std::vector<DefragFile*> Defragmenter::in_one_piece() {
  std::vector<DefragFile*> found;
  for (DefragFile& file : report_.files)
    if (file.after.runs == 1) found.push_back(&file);
  std::ranges::stable_sort(found, {}, [](const DefragFile* file) { return file->first_block; });
  return found;
}

std::uint64_t Defragmenter::move_all(std::string_view verb, const std::vector<DefragFile*>& files) {
  std::uint64_t blocks = 0;
  for (const DefragFile* file : files) blocks += file->after.blocks;
  Progress progress(blocks, verb);
  std::uint64_t done = 0;
  std::uint64_t moved = 0;
  for (DefragFile* file : files) {
    if (StopRequest::made()) break;
    if (move(verb, *file)) ++moved;
    progress.at(done += file->after.blocks);
  }
  return moved;
}

bool Defragmenter::move(std::string_view verb, DefragFile& file) {
  const auto done = volume_.ask(verb, file.node);
  if (!done.ok()) {
    leave_out(file, done.error());
    return false;
  }
  // Others may have written it, so it is looked at anew.
  file.after = done->after;
  file.first_block = done->first_block;
  if (done->moves) file.moved_blocks += done->after.blocks;
  return done->moves;
}

}  // namespace spindle::cli
