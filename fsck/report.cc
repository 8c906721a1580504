#include "fsck/report.h"

namespace spindle::fsck {

Place Place::of(InodeNo inode) {
  Place place("inode " + std::to_string(inode.value));
  place.inode = inode;
  return place;
}

Place Place::of_directory(InodeNo directory) {
  Place place("directory inode " + std::to_string(directory.value));
  place.inode = directory;
  return place;
}

Place Place::of(BlockNo block) {
  Place place("block " + std::to_string(block.value));
  place.block = block;
  return place;
}

Place Place::of(GroupNo group) {
  Place place("group " + std::to_string(group.value));
  place.group = group;
  return place;
}

bool Report::problem(Problem problem, const Place& place, const std::string& detail) {
  return note({.problem = problem, .place = place, .detail = detail});
}

void Report::problem_left(Problem problem, const Place& place, const std::string& detail) {
  note({.problem = problem, .place = place, .detail = detail, .can_be_repaired = false});
}

bool Report::note(Finding finding) {
  ++found_;
  if (show_) show_(finding);
  const auto asks = [&] { return ask_(std::string(row_of(finding.problem).repair) + "?"); };
  finding.repaired =
      finding.can_be_repaired && (mode_ == Mode::kYes || (mode_ == Mode::kAsk && asks()));
  repaired_ += finding.repaired ? 1 : 0;
  const bool repair = finding.repaired;
  if (kept_.size() < kMostKept) kept_.push_back(std::move(finding));
  return repair;
}

}  // namespace spindle::fsck
