#include "fsck/report.h"

namespace spindle::fsck {

bool Report::problem(Problem problem, const std::string& where, const std::string& detail) {
  Finding finding{problem, where, detail, false};
  ++found_;
  if (show_) show_(finding);
  finding.repaired = mode_ == Mode::kYes ||
                     (mode_ == Mode::kAsk && ask_(std::string(row_of(problem).repair) + "?"));
  repaired_ += finding.repaired ? 1 : 0;
  const bool repair = finding.repaired;
  if (kept_.size() < kMostKept) kept_.push_back(std::move(finding));
  return repair;
}

}  // namespace spindle::fsck
