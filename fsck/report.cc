#include "fsck/report.h"

namespace spindle::fsck {

bool Report::problem(Problem problem, const std::string& where, const std::string& detail) {
  return note({.problem = problem, .where = where, .detail = detail});
}

void Report::problem_left(Problem problem, const std::string& where, const std::string& detail) {
  note({.problem = problem, .where = where, .detail = detail, .can_be_repaired = false});
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
