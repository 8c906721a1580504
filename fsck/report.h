// Report: what was found, what is to be done about it, and what was done.
//
//   if (report.problem(Problem::kLinkCount, Place::of(inode), "3, should be 2")) ...repair...
//
// The answer is whether to repair, as the mode says or the person at the terminal answers.
#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "fsck/problems.h"
#include "spindle/base/id.h"

namespace spindle::fsck {

enum class Mode : std::uint8_t {
  kNo,   ///< change nothing
  kAsk,  ///< ask before each repair
  kYes,  ///< repair everything
};

/// Where something is wrong: in words, and by number, so that its names and blocks can be shown.
struct Place {
  Place(std::string text_) : text(std::move(text_)) {}
  Place(const char* text_) : text(text_) {}
  static Place of(InodeNo inode);
  static Place of_directory(InodeNo directory);
  static Place of(BlockNo block);
  static Place of(GroupNo group);

  std::string text;
  std::optional<InodeNo> inode = {};
  std::optional<BlockNo> block = {};
  std::optional<GroupNo> group = {};
};

struct Finding {
  Problem problem;
  Place place;
  std::string detail;
  bool can_be_repaired = true;
  bool repaired = false;
};

class Report {
 public:
  /// Called for each finding before the decision.
  using Show = std::function<void(const Finding& finding)>;
  /// Asks the user; only in mode kAsk.
  using Ask = std::function<bool(const std::string& question)>;

  Report(Mode mode, Show show, Ask ask)
      : mode_(mode), show_(std::move(show)), ask_(std::move(ask)) {}

  /// Something is wrong. True: repair it now.
  bool problem(Problem problem, const Place& place, const std::string& detail = {});
  /// Something is wrong that cannot be repaired.
  void problem_left(Problem problem, const Place& place, const std::string& detail = {});

  [[nodiscard]] Mode mode() const { return mode_; }
  [[nodiscard]] const std::vector<Finding>& findings() const { return kept_; }
  [[nodiscard]] std::uint64_t found() const { return found_; }
  [[nodiscard]] std::uint64_t repaired() const { return repaired_; }

  /// How many findings are kept (all are counted and shown).
  static constexpr std::size_t kMostKept = 10'000;

 private:
  bool note(Finding finding);

  Mode mode_;
  Show show_;
  Ask ask_;
  std::vector<Finding> kept_;
  std::uint64_t found_ = 0;
  std::uint64_t repaired_ = 0;
};

}  // namespace spindle::fsck
